"""A model whose stage 1 is a simulation on a coarse grid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.folder import read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.simulation.settings import SOLVER_VERSION
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig
from spectremor.surrogate.protocol import Stage1

#: The coarsest grid that holds 5 Hz anywhere in the example's ground: the fastest.
SPACING_M = 400.0


@pytest.fixture(scope="module")
def folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's diffusion behind a simulation."""
    diffusion = load_model(tiny_model).need_diffusion()
    stage1 = CoarseSimulation(SimulationConfig(grid_spacing_m=SPACING_M, solver_version=SOLVER_VERSION))
    path = tmp_path_factory.mktemp("simulated") / "model"
    write_model_folder(
        path, parts={"simulation": stage1.parts(), "diffusion": diffusion.parts()}, about={}, card="# Simulated\n"
    )
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> GroundMotionModel:
    return load_model(folder)


@pytest.fixture(scope="module")
def stage1(model: GroundMotionModel):  # type: ignore[no-untyped-def]
    return model.predict(example_geology(), example_source())


def test_stage_one_is_the_simulation_and_says_what_it_carries(model: GroundMotionModel, stage1) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(model.stage1, Stage1)
    assert model.stage1.name == "simulation at 400 m"
    with pytest.warns(InputWarning, match="400 m carries"):
        field = sp.simulate(example_geology(), example_source(), grid_spacing_m=SPACING_M, duration_s=6.4)
    np.testing.assert_array_equal(stage1.values, field.values)
    assert stage1.attrs["band_high_hz"] == field.attrs["band_high_hz"] < 5.0
    assert stage1.attrs["stage"] == "1"


def test_no_warning_of_a_band_that_the_next_stage_restores(model: GroundMotionModel, recwarn) -> None:  # type: ignore[no-untyped-def]
    model.predict(example_geology(), example_source())
    assert not [w for w in recwarn if issubclass(w.category, InputWarning)]


def test_both_stages_claim_the_whole_band(model: GroundMotionModel, stage1) -> None:  # type: ignore[no-untyped-def]
    field = model.restore(stage1, seed=2, steps=2)
    assert field.attrs["band_high_hz"] == 5.0
    assert field.attrs["stage"] == "2"
    assert np.isfinite(field.values).all()
    assert not np.array_equal(field.values[0], stage1.values)


def test_arrays_and_labelled_wavefields_are_the_same(model: GroundMotionModel, stage1) -> None:  # type: ignore[no-untyped-def]
    fields = model.stage1.predict_arrays([example_geology()], [example_source()])
    np.testing.assert_array_equal(fields[0], stage1.values)
    with pytest.raises(InputError, match="1 for 2 geologies"):
        model.stage1.predict_arrays([example_geology()] * 2, [example_source()])


def test_saved_and_loaded_it_is_the_same_model(folder: Path, model: GroundMotionModel, tmp_path: Path) -> None:
    parts = {"simulation": model.stage1.parts(), "diffusion": model.diffusion.parts()}
    write_model_folder(tmp_path / "copy", parts=parts, about={}, card="# A copy\n")
    assert load_model(tmp_path / "copy").model_id.split("@")[1] == model.model_id.split("@")[1]


def test_an_event_outside_the_domain_is_refused_before_anything_runs(folder: Path, model: GroundMotionModel) -> None:
    outside = sp.Source.from_angles(position_m=(100, 4800, -5000), strike_deg=10, dip_deg=60, rake_deg=40)
    for run in (
        lambda: read_model_folder(folder).check_event(example_geology(), outside),
        lambda: model.predict(example_geology(), outside),
    ):
        with pytest.raises(InputError, match=r"source.x: got 100 m; allowed: \[1200, 8400\] m"):
            run()


def test_ground_too_slow_for_the_grid_is_the_geologys_fault(folder: Path, model: GroundMotionModel) -> None:
    slow = sp.make_geology(np.full(example_geology().shape, 2000.0, dtype=np.float32))
    needed = round(2 * SPACING_M * 5)
    for run in (
        lambda: model.predict(slow, example_source()),
        # Before any weight is read: `generate` and `serve`.
        lambda: read_model_folder(folder).check_event(slow, example_source()),
        lambda: read_model_folder(folder).check_ground(slow),
    ):
        with pytest.raises(
            InputError, match=rf"geology: got Vs of 2000 m/s at most; allowed: {needed} m/s or more somewhere"
        ):
            run()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"grid_spacing_m": 0}, "grid_spacing_m"),
        ({"grid_spacing_m": float("nan")}, "grid_spacing_m"),
        ({"order": 7}, "order"),
        ({"colour": "red"}, "colour.*red"),
        ({"solver_version": None}, "solver_version"),
    ],
)
def test_a_wrong_config_names_folder_and_field(change: dict, words: str, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["simulation"] |= change
    (copy / "config.json").write_text(json.dumps(config))
    for run in (lambda: load_model(copy), lambda: read_model_folder(copy)):
        with pytest.raises(InputError, match=words) as refused:
            run()
        assert str(copy) in str(refused.value)


def test_weights_of_a_simulation_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    tensors = load_file(copy / "model.safetensors") | {"simulation.extra": torch.zeros(1)}
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(InputError, match=r"simulation.*extra.*allowed: none"):
        load_model(copy)


@pytest.mark.parametrize(
    ("corrects_m", "words"),
    [
        (None, r"simulation: one at 400.0 m\); allowed: none, which its network"),
        (300.0, r"simulation: one at 400.0 m\); allowed: one at 300.0 m, which its network corrects"),
    ],
)
def test_a_network_and_a_simulation_that_do_not_belong_together(
    corrects_m: float | None, words: str, folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    network = json.loads((tiny_model / "config.json").read_text())["surrogate"]
    config["surrogate"] = network | {"simulation_m": corrects_m}
    (copy / "config.json").write_text(json.dumps(config))
    for run in (lambda: load_model(copy), lambda: read_model_folder(copy)):
        with pytest.raises(InputError, match=words):
            run()


def test_a_network_without_the_simulation_that_it_corrects(tiny_model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["surrogate"]["simulation_m"] = 300.0
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"simulation: none\); allowed: one at 300.0 m"):
        load_model(copy)


@pytest.mark.parametrize("choice", [{"order": 4}, {"lowpass_hz": 2.0}])
def test_every_choice_of_its_config_reaches_the_simulation(choice: dict, stage1) -> None:  # type: ignore[no-untyped-def]
    other = CoarseSimulation(SimulationConfig(grid_spacing_m=SPACING_M, solver_version=SOLVER_VERSION, **choice))
    change = np.abs(other.predict(example_geology(), example_source()).values - stage1.values)
    assert change.max() > 0.01 * np.abs(stage1.values).max()
