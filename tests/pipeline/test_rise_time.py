"""The rise time that a model was trained on: any other is refused, except where nothing but a simulation runs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.domain import Domain, check_rise_time
from spectremor.core.errors import InputError
from spectremor.data.model_folder import write_model_folder
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import create_store
from spectremor.examples import example_geology, example_source
from spectremor.models import DEFAULT_MODEL, check_event
from spectremor.pipeline import GroundMotionModel, load_model
from spectremor.simulation.campaign_config import CampaignConfig
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig
from spectremor.simulation.stored import simulation_of

SLOW = dataclasses.replace(example_source(), rise_time_s=1.0)
REFUSED = r"^source\.rise_time_s: got 1 s; allowed: 0\.1 s, what the model was trained on$"


@pytest.fixture(scope="module")
def simulated(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's diffusion behind a simulation."""
    parts = {
        "simulation": CoarseSimulation(SimulationConfig(grid_spacing_m=400, solver_version=3)).parts(),
        "diffusion": load_model(tiny_model).need_diffusion().parts(),
    }
    path = tmp_path_factory.mktemp("simulated") / "model"
    write_model_folder(path, parts=parts, about={}, card="# Simulated\n")
    return path


def test_a_config_from_before_means_the_published_rise_time() -> None:
    config = json.loads((DEFAULT_MODEL / "config.json").read_text())
    assert "rise_time_s" not in config["simulation"]["domain"]
    domain = Domain(**config["simulation"]["domain"])
    assert domain.rise_time_s == 0.1
    assert domain.model_dump(mode="json") == config["simulation"]["domain"]
    check_event(example_geology(), example_source(), DEFAULT_MODEL)


def test_a_network_takes_its_own_alone(tiny_model: Path) -> None:
    network = load_model(tiny_model)
    vs = example_geology().values
    for run in (
        lambda: check_event(example_geology(), SLOW, tiny_model),
        lambda: check_event(example_geology(), SLOW, tiny_model, stage1_only=True),
        lambda: network.predict(example_geology(), SLOW),
        lambda: network.generate(example_geology(), SLOW),
        lambda: network.surrogate.predict_arrays(vs[None], [SLOW]),
    ):
        with pytest.raises(InputError, match=REFUSED):
            run()


def test_a_simulation_takes_any_and_diffusion_on_it_the_trained_one(
    simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_event(example_geology(), SLOW, simulated, stage1_only=True)
    model = load_model(simulated)
    field = model.predict(example_geology(), SLOW)
    assert field.attrs["source_rise_time_s"] == 1.0
    monkeypatch.setattr(CoarseSimulation, "predict", lambda *_: pytest.fail("simulated before it was refused"))
    for run in (
        lambda: check_event(example_geology(), SLOW, simulated),
        lambda: model.generate(example_geology(), SLOW),
        lambda: model.restore(field),
    ):
        with pytest.raises(InputError, match=REFUSED):
            run()


def test_the_folder_says_what_its_model_was_trained_on(simulated: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(simulated, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["simulation"]["domain"]["rise_time_s"] = 1.0
    (copy / "config.json").write_text(json.dumps(config))
    check_event(example_geology(), SLOW, copy)
    assert load_model(copy).rise_time_s == 1.0
    with pytest.raises(InputError, match=r"got 0\.1 s; allowed: 1 s"):
        check_event(example_geology(), example_source(), copy)
    config["simulation"]["domain"]["rise_time_s"] = 0.0
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="rise_time_s"):
        load_model(copy)


def test_a_campaigns_rise_time_is_recorded(tmp_path: Path) -> None:
    sensors = {"count": 3}
    scenario = {"sensors_x": sensors, "sensors_y": sensors, "duration_s": 1.0, "source": {"rise_time_s": 0.25}}
    config = CampaignConfig.model_validate({"scenario": scenario, "also_m": (300.0,)})
    attrs = {"campaign": json.loads(config.model_dump_json()), "simulator": {"order": 8, "solver_version": 3}}
    create_store(tmp_path / "d.zarr", config.layout(), [config.source(0)], attrs)
    found = simulation_of(CampaignStore.open(tmp_path / "d.zarr"), 300.0)
    assert found is not None
    assert found.domain.rise_time_s == 0.25
    assert found.parts()[0]["domain"]["rise_time_s"] == 0.25
    assert CoarseSimulation.from_parts(*found.parts()).domain == found.domain


def test_a_wavefield_that_names_no_source_is_restored(simulated: Path) -> None:
    model: GroundMotionModel = load_model(simulated)
    field = model.predict(example_geology(), example_source())
    nameless = field.assign_attrs({})
    nameless.attrs = {"units": "m/s"}
    np.testing.assert_array_equal(model.restore(nameless, steps=1).values, model.restore(field, steps=1).values)


def test_a_tenth_longer_is_another_rise_time() -> None:
    with pytest.raises(InputError, match=r"^source\.rise_time_s: got 0\.11 s; allowed: 0\.1 s"):
        check_rise_time(dataclasses.replace(example_source(), rise_time_s=0.11), 0.1)
