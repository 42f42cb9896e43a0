"""The two stages together: what a model folder keeps, and what a seed promises."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.folder import SHIPPED, find_model, read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.simulation.stage1 import CoarseSimulation

ANGLES = {"position_m": (3000, 6000, -5000), "strike_deg": 10, "dip_deg": 60, "rake_deg": 40}


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> GroundMotionModel:
    return load_model(tiny_model)


def test_a_name_is_a_shipped_model_unless_a_folder_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model() == find_model("simulation") == SHIPPED / "simulation"
    assert find_model("hybrid") == SHIPPED / "hybrid"
    with pytest.raises(InputError, match="no-such-model; allowed: a model folder, or one of hybrid, mifno, simulation"):
        find_model("no-such-model")
    assert find_model("some/where") == Path("some/where")
    monkeypatch.chdir(tmp_path)
    for name in ("hybrid", "mifno", "default"):
        (tmp_path / name).mkdir()
        assert find_model(name) == Path(name)


def test_a_former_name_tells_the_present_one() -> None:
    for ask in (find_model, load_model):
        with pytest.raises(InputError, match="model: got default; allowed: simulation, the present name") as refused:
            ask("default")
        assert len(str(refused.value).splitlines()) == 1


def test_old_wavefields_tell_the_present_name(model: GroundMotionModel, tmp_path: Path) -> None:
    field = model.predict(example_geology(), example_source()).isel(x=[0], y=[0])
    told = {"default@7f35fe6e4987": "simulation@7f35fe6e4987", "mifno@52758a9a965b": "hybrid@52758a9a965b"}
    # A person's own model of that name keeps it.
    for recorded, present in (told | {"mifno@0123456789ab": "mifno@0123456789ab"}).items():
        sp.write_wavefield(field.assign_attrs(model=recorded), tmp_path / "old.nc")
        assert sp.read_wavefield(tmp_path / "old.nc").attrs["model"] == present


@pytest.mark.parametrize(("name", "network"), [("simulation", False), ("hybrid", True)])
def test_a_shipped_model_saved_and_loaded_gives_identical_output(name: str, network: bool, tmp_path: Path) -> None:
    folder = read_model_folder(name)
    model = load_model(name)
    parts = {"simulation": CoarseSimulation(folder.config.simulation).parts()}
    parts |= {"surrogate": model.stage1.parts()} if network else {}
    parts |= {"diffusion": model.diffusion.parts()}
    about = {k: getattr(folder.config, k) for k in ("spectremor_version", "training")}
    write_model_folder(tmp_path / "copy", parts=parts, about=about, card="# A copy\n")
    again = load_model(tmp_path / "copy")
    # The copy's config lacks the switches of earlier versions, which no copy of it can lose again.
    parts |= {"surrogate": again.stage1.parts()} if network else {}
    parts |= {"diffusion": again.diffusion.parts()}
    write_model_folder(tmp_path / "copy of it", parts=parts, about=about, card="# A copy\n")
    assert load_model(tmp_path / "copy of it").model_id.split("@")[1] == again.model_id.split("@")[1]
    assert set(folder.tensors()) == set(parts)
    geology, source = example_geology(), example_source()
    stage1 = model.predict(geology, source)
    assert again.predict(geology, source).values.tobytes() == stage1.values.tobytes()
    drawn = [m.restore(stage1, geology=geology, seed=3).values.tobytes() for m in (model, again)]
    assert drawn[0] == drawn[1]


def test_both_stages_saved_and_loaded_give_identical_output(model: GroundMotionModel, tmp_path: Path) -> None:
    parts = {"surrogate": model.stage1.parts(), "diffusion": model.diffusion.parts()}
    write_model_folder(tmp_path / "copy", parts=parts, about={}, card="# A copy\n")
    fields = [
        m.generate(example_geology(), example_source(), seed=3).values for m in (model, load_model(tmp_path / "copy"))
    ]
    assert fields[0].tobytes() == fields[1].tobytes()


def test_stage_one_alone_has_no_second_stage(model: GroundMotionModel, tmp_path: Path) -> None:
    parts = {"surrogate": model.stage1.parts()}
    write_model_folder(tmp_path / "stage1", parts=parts, about={}, card="# Stage 1\n")
    alone = load_model(tmp_path / "stage1")
    field = alone.predict(example_geology(), example_source())
    assert field.dims == ("component", "x", "y", "time")
    with pytest.raises(InputError, match="diffusion stage"):
        alone.restore(field)
    with pytest.raises(InputError, match="diffusion stage"):
        alone.generate(example_geology(), example_source())


def test_realization_r_is_the_same_whatever_their_number(model: GroundMotionModel) -> None:
    stage1 = model.predict(example_geology(), example_source())
    three = model.restore(stage1, realizations=3, seed=5)
    one = model.restore(stage1, realizations=1, seed=5)
    np.testing.assert_array_equal(three.values[0], one.values[0])
    assert three.attrs["seed"] == 5
    assert three.attrs["model"] == model.model_id


def test_what_is_no_stage_1_wavefield_of_the_model_is_refused(model: GroundMotionModel) -> None:
    field = model.predict(example_geology(), example_source()).isel(x=slice(0, 2), y=slice(0, 2))
    np.testing.assert_array_equal(model.restore(field.transpose()).values, model.restore(field).values)
    with pytest.raises(InputError, match=r"stage-1 wavefield\.time: got 100 samples per second, not 50"):
        model.restore(field.assign_coords(time=field.time * 0.5))
    with pytest.raises(InputError, match=r"stage-1 wavefield\.dims: got .*realization.*one wavefield"):
        model.restore(field.expand_dims("realization"))
    with pytest.raises(InputError, match=r"stage-1 wavefield\.units"):
        model.restore(field.assign_attrs(units="cm/s"))


def test_four_realizations_differ_around_one_stage1_prediction(model: GroundMotionModel) -> None:
    geology, source = example_geology(), sp.Source.from_angles(**ANGLES)
    drawn = model.generate(geology, source, realizations=4, seed=1)
    fields = drawn.values
    for i in range(4):
        for j in range(i):
            assert np.abs(fields[i] - fields[j]).max() > 1e-3 * np.abs(fields).max()
    assert not np.array_equal(fields[0], model.generate(geology, source, seed=2).values[0])
    # What the diffusion stage leaves alone is the one stage-1 prediction in all of them.
    stage1 = model.predict(geology, source).values
    kept = np.fft.rfftfreq(fields.shape[-1], 0.02) < 0.3
    low = [np.fft.rfft(f, axis=-1)[..., kept] for f in (stage1, *fields)]
    for other in low[1:]:
        assert np.abs(other - low[0]).max() < 0.1 * np.abs(low[0]).max()


def test_motion_is_linear_in_the_moment(model: GroundMotionModel) -> None:
    geology = example_geology()
    small = model.generate(geology, sp.Source.from_angles(**ANGLES, moment_nm=1e15, rise_time_s=0.1), seed=3).values
    large = model.generate(geology, sp.Source.from_angles(**ANGLES, moment_nm=1e18, rise_time_s=0.1), seed=3).values
    np.testing.assert_allclose(large, 1000 * small, rtol=1e-3, atol=1e-4 * np.abs(large).max())


@pytest.mark.parametrize(("name", "value"), [("realizations", 0), ("seed", -1), ("steps", 0)])
def test_numbers_that_cannot_be(name: str, value: int, model: GroundMotionModel) -> None:
    with pytest.raises(InputError, match=name):
        model.generate(example_geology(), example_source(), **{name: value})


def test_steps_that_the_process_does_not_have_are_refused_before_stage_1(model: GroundMotionModel, monkeypatch) -> None:
    longest = model.need_diffusion().config.process.train_steps
    monkeypatch.setattr(type(model.stage1), "predict", lambda *_: pytest.fail("stage 1 ran"))
    with pytest.raises(InputError, match=f"steps: got {longest + 1}; allowed: 1 to {longest}"):
        model.generate(example_geology(), example_source(), steps=longest + 1)


def test_wrong_geology_size_names_both_sizes(model: GroundMotionModel) -> None:
    small = sp.make_geology(example_geology().vs_m_s[:20, :24])
    with pytest.raises(InputError, match=r"20.*32"):
        model.predict(small, example_source())


def test_the_steps_asked_for_are_taken_and_recorded(model: GroundMotionModel) -> None:
    stage1 = model.predict(example_geology(), example_source())
    one, own = model.restore(stage1, seed=3, steps=1), model.restore(stage1, seed=3)
    assert one.attrs["sampling_steps"] == 1
    assert own.attrs["sampling_steps"] == model.need_diffusion().config.sampling.steps == 2
    assert one.values.tobytes() != own.values.tobytes()


def test_the_sampler_asked_for_is_taken_and_recorded(model: GroundMotionModel) -> None:
    stage1 = model.predict(example_geology(), example_source())
    few = stage1.isel(x=slice(0, 4), y=slice(0, 4))
    own, same = model.restore(few, seed=3), model.restore(few, seed=3, sampler="dpm-solver++")
    assert (own.attrs["sampler"], own.attrs["sampling_steps"]) == ("dpm-solver++", 2)
    assert (same.attrs, same.values.tobytes()) == (own.attrs, own.values.tobytes())
    # Another sampler than the model's own takes as many steps as a plain one needs.
    other, stated = model.restore(few, seed=3, sampler="ddpm"), model.restore(few, seed=3, sampler="ddpm", steps=8)
    assert (other.attrs["sampler"], other.attrs["sampling_steps"]) == ("ddpm", 8)
    assert other.values.tobytes() == stated.values.tobytes() != own.values.tobytes()


@pytest.mark.parametrize(("sampler", "allowed"), [("euler", "dpm-solver[+][+] or jump"), ("jump", "knows no jumps")])
def test_a_sampler_that_cannot_be_is_refused_before_stage_1(
    sampler: str, allowed: str, model: GroundMotionModel, monkeypatch
) -> None:
    monkeypatch.setattr(type(model.stage1), "predict", lambda *_: pytest.fail("stage 1 ran"))
    with pytest.raises(InputError, match=f"sampler: got {sampler}; allowed: ddpm, ddim.*{allowed}"):
        model.generate(example_geology(), example_source(), sampler=sampler)


def test_a_models_name_follows_its_config(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / tiny_model.name)
    assert load_model(folder).model_id == load_model(tiny_model).model_id
    config = json.loads((folder / "config.json").read_text())
    config["diffusion"]["sampling"]["steps"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    assert load_model(folder).model_id != load_model(tiny_model).model_id
