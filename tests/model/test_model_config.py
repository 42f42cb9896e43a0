"""A model's config: its parts belong together, it is validated once, and its file keeps its bytes."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest

from spectremor.core.errors import InputError
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import validated
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, create_store
from spectremor.diffusion.config import DiffusionConfig
from spectremor.examples import example_geology, example_source
from spectremor.model.build import build_diffusion, build_simulation, build_stage1, load_model
from spectremor.model.config import ModelConfig
from spectremor.model.folder import SHIPPED, read_model_folder, shipped_names, write_model_folder
from spectremor.simulation.stage1 import SimulationConfig
from spectremor.surrogate.config import MifnoConfig
from spectremor.training.stage1_cache import FrozenStage1

SIMULATION = {"grid_spacing_m": 300.0, "solver_version": 3}
TOGETHER: dict[str, Any] = {"simulation": SIMULATION, "surrogate": {"simulation_m": 300.0}, "diffusion": {}}


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(TOGETHER))
    change(values)
    return values


def test_parts_share_one_recording_and_one_range() -> None:
    config = validated(ModelConfig, TOGETHER)
    assert list(config.parts) == ["surrogate", "simulation", "diffusion"]
    assert Recording().differences(config.recording) == []
    assert config.trained_range == TrainedRange()
    assert validated(ModelConfig, {"simulation": SIMULATION}).recording.lowpass_hz == 5.0


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (lambda v: v.pop("simulation"), "simulation", "one at 300.0 m, which its network corrects"),
        (lambda v: v["simulation"].update(grid_spacing_m=400), "simulation", "one at 400.0 m.*one at 300.0 m"),
        (lambda v: v["surrogate"].update(simulation_m=None), "simulation", "none, which its network"),
        (
            lambda v: v["simulation"].update(domain={"first_sensor_m": [300, 300]}),
            "surrogate.domain",
            "sensors at 150 to 9450 m East, not 300 to 9450 m",
        ),
        (lambda v: v["simulation"].update(lowpass_hz=2.0), "surrogate.domain", "a low-pass at 5 Hz, not 2 Hz"),
        (
            lambda v: v["simulation"].update(domain={"nodes": [16] * 3}),
            "surrogate.domain",
            "32 x 32 x 32 nodes, not 16",
        ),
        (
            lambda v: v["simulation"].update(domain={"extent_m": [9600, 9600, 4800], "source_low_m": [0, 0, -4000]}),
            "surrogate.domain",
            "an extent of 9600 x 9600 x 9600 m, not 9600 x 9600 x 4800 m",
        ),
        (
            lambda v: v["simulation"].update(domain={"rise_time_s": 0.3}),
            "surrogate.domain",
            "a rise time of 0.1 s, not 0.3 s",
        ),
        (lambda v: v["diffusion"].update(latent={"time_samples": 300}), "diffusion.latent", "300 samples.*320 samples"),
        (lambda v: v["diffusion"].update(latent={"sampling_hz": 25}), "diffusion.latent", "25 Hz.*50 Hz"),
        (lambda v: v["simulation"].update(lowpass_hz=30.0), "simulation.lowpass_hz", "half the sampling rate"),
        (lambda v: v["surrogate"].update(colour="red"), "surrogate.colour", "red.*no such key: domain, steps"),
        (lambda v: v.update(colour="red"), "colour", "red.*no such key: format_version"),
        (lambda v: v.clear(), "config", "at least one of surrogate, simulation, diffusion"),
    ],
)
def test_parts_that_do_not_belong_together(change: Callable[[dict[str, Any]], Any], field: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        validated(ModelConfig, changed(change))
    assert refused.value.field == field


def test_parts_that_do_not_belong_together_are_not_written(tmp_path: Path) -> None:
    parts = {
        "simulation": (SimulationConfig(grid_spacing_m=400, solver_version=3), {}),
        "surrogate": (MifnoConfig(simulation_m=300), {}),
    }
    with pytest.raises(InputError, match=r"model\.simulation: got one at 400\.0 m; allowed: one at 300\.0 m"):
        write_model_folder(tmp_path / "model", parts=parts, about={}, card="")
    assert not list(tmp_path.iterdir())


FORMER_SWITCHES = {
    ("surrogate",): ("skip", "moment", "source_branch", "travel_times", "first_guess", "align"),
    ("diffusion", "network"): ("conditional",),
    ("diffusion", "process"): ("objective", "schedule"),
}


@pytest.mark.parametrize("name", shipped_names())
def test_a_config_is_written_to_the_byte_as_it_was_read(name: str) -> None:
    folder = read_model_folder(name)
    written = json.loads((SHIPPED / name / "config.json").read_text())
    # All but the switches of version 0.1 that are gone since.
    for section, switches in FORMER_SWITCHES.items():
        part: dict[str, Any] = written
        for key in section:
            part = part.get(key, {})
        for switch in switches:
            part.pop(switch, None)
    assert folder.config.to_json() == json.dumps(written, indent=1) + "\n"
    again = ModelConfig.model_validate(json.loads(folder.config.to_json()))
    assert again == folder.config


def written_again(name: str, path: Path, change: Callable[[Any], None] = lambda _parts: None) -> str:
    """The id of a shipped model that has been loaded and written to a folder of its own, changed or not."""
    folder = read_model_folder(name)
    tensors = folder.tensors()
    built = {
        "simulation": build_simulation(folder.config, tensors),
        "surrogate": None if folder.config.surrogate is None else build_stage1(folder.config, tensors),
        "diffusion": build_diffusion(folder.config, tensors),
    }
    parts = {part: stage.parts() for part, stage in built.items() if stage is not None}
    change(parts)
    write_model_folder(path / name, parts=parts, about={"spectremor_version": "9.9"}, card="")
    return load_model(path / name).model_id


def one_weight(parts: dict[str, Any]) -> None:
    _, tensors = parts["diffusion"]
    next(iter(tensors.values())).view(-1)[0] += 1e-3


def one_setting(parts: dict[str, Any]) -> None:
    config, tensors = parts["diffusion"]
    latent = config.latent.model_copy(update={"amplitude_floor": 0.02})
    parts["diffusion"] = (config.model_copy(update={"latent": latent}), tensors)


@pytest.mark.parametrize("name", shipped_names())
def test_a_model_that_is_written_again_keeps_its_id(name: str, tmp_path: Path) -> None:
    first = written_again(name, tmp_path / "first")
    assert first == load_model(name).model_id
    assert written_again(name, tmp_path / "weight", one_weight) != first
    assert written_again(name, tmp_path / "setting", one_setting) != first


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that pydantic validates, one for each call, nested ones counted with theirs."""
    counted: list[str] = []
    validate, init = pydantic.BaseModel.model_validate.__func__, pydantic.BaseModel.__init__

    def counted_validate(cls: type[pydantic.BaseModel], *args: Any, **kwargs: Any) -> Any:
        counted.append(cls.__name__)
        return validate(cls, *args, **kwargs)

    def counted_init(self: pydantic.BaseModel, /, **data: Any) -> None:
        counted.append(type(self).__name__)
        init(self, **data)

    monkeypatch.setattr(pydantic.BaseModel, "model_validate", classmethod(counted_validate))
    monkeypatch.setattr(pydantic.BaseModel, "__init__", counted_init)
    return counted


def test_the_counter_counts(validations: list[str]) -> None:
    ModelConfig.model_validate(TOGETHER)
    SimulationConfig(**SIMULATION)
    assert validations == ["ModelConfig", "SimulationConfig"]


def test_one_generate_validates_its_configs_once(
    validations: list[str], tiny_model: Path, tmp_path: Path, here: Callable[..., int]
) -> None:
    np.save(tmp_path / "geology.npy", example_geology().vs_m_s)
    arguments = ("--source", "4800,4800,-8400,48,45,88", "--mw", "4.9", "--model", tiny_model)
    assert here("generate", "--geology", tmp_path / "geology.npy", *arguments, "--out", tmp_path / "field.nc") == 0
    assert (tmp_path / "field.nc").is_file()
    assert validations == ["ModelConfig"]


@pytest.mark.parametrize("spacing_m", [400.0, None])
def test_generate_and_training_refuse_the_same_folder_alike(
    spacing_m: float | None, tiny_model: Path, tmp_path: Path
) -> None:
    """A network that wants a simulation at 300 m beside one at another spacing, or beside none."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    values = json.loads((folder / "config.json").read_text())
    values["surrogate"]["simulation_m"] = 300.0
    if spacing_m is not None:
        values["simulation"] = SIMULATION | {"grid_spacing_m": spacing_m}
    (folder / "config.json").write_text(json.dumps(values))
    layout = StoreLayout(
        geology_shape=(32, 32, 32),
        extent_m=(9600.0, 9600.0, 9600.0),
        x_m=Recording().sensors.x_m,
        y_m=Recording().sensors.y_m,
        time_s=Recording().time_s,
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(300.0,),
    )
    create_store(tmp_path / "store.zarr", layout, [example_source()], {"title": "empty"})
    store = CampaignStore.open(tmp_path / "store.zarr")
    refusals = []
    for use in (lambda: load_model(folder), lambda: FrozenStage1(store, str(folder))):
        with pytest.raises(InputError, match=r"one at 300\.0 m, which its network corrects") as refused:
            use()
        refusals.append(str(refused.value))
    assert refusals[0] == refusals[1]


#: Sections as they were written before a choice was there, and what each means.
EARLIER = [
    ("simulation", {"domain": {"samples": 320}}, lambda c: c.simulation.trained_range.rise_time_s == 0.1),
    ("surrogate", {"domain": {"sensors": [32, 32]}}, lambda c: c.surrogate.ray_smoothings_m == (0.0,)),
    ("surrogate", {"steps": 90}, lambda c: c.surrogate.simulation_m is None),
    ("diffusion", {"network": {"patch": 2}}, lambda c: c.diffusion.network.jumps is False),
    ("diffusion", {"latent": {"target": "residual"}}, lambda c: c.diffusion.latent.keep_below_hz == 0),
    ("diffusion", {"sampling": {"steps": 10}}, lambda c: c.diffusion.sampling.noise_correlation == 0),
]


@pytest.mark.parametrize(("part", "section", "means"), EARLIER)
def test_what_an_earlier_version_did_not_say_means_what_it_did(
    part: str, section: dict[str, Any], means: Callable[[ModelConfig], bool], tmp_path: Path
) -> None:
    values = {part: section | ({"solver_version": 3} if part == "simulation" else {})}
    whole = {"simulation": (SimulationConfig(solver_version=3), {})} if part == "simulation" else {}
    whole |= {"surrogate": (MifnoConfig(), {})} if part == "surrogate" else {}
    whole |= {"diffusion": (DiffusionConfig(), {})} if part == "diffusion" else {}
    write_model_folder(tmp_path / "model", parts=whole, about={}, card="")
    (tmp_path / "model/config.json").write_text(json.dumps({"format_version": 1, **values}))
    assert means(read_model_folder(tmp_path / "model").config)


def test_restored_motion_keeps_its_sensors(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    assert model.recording.axes_differences(dataclasses.replace(Recording(), lowpass_hz=2.0)) == []
    few = model.predict(example_geology(), example_source()).isel(x=slice(2, 5), y=slice(1, 3))
    np.testing.assert_array_equal(model.restore(few)["x"].values, few["x"].values)
    assert SensorGrid(few["x"].values, few["y"].values).shape == (3, 2)
