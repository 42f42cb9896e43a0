"""The rise time that a model was trained on: any other is reached by the exact filter."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spectremor.campaign.config import CampaignConfig
from spectremor.core.domain_config import DomainConfig
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.trained_range import TrainedRange
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import create_store
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.campaigns import simulation_of
from spectremor.model.folder import SHIPPED, read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.signal.corner import with_rise_time
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig

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
    config = json.loads((SHIPPED / "simulation" / "config.json").read_text())
    assert "rise_time_s" not in config["simulation"]["domain"]
    domain = DomainConfig(**config["simulation"]["domain"])
    assert domain.rise_time_s == 0.1
    assert domain.model_dump(mode="json") == config["simulation"]["domain"]
    read_model_folder().check_event(example_geology(), example_source())


def test_a_network_itself_takes_its_own_alone(tiny_model: Path) -> None:
    network = load_model(tiny_model)
    with pytest.raises(InputError, match=REFUSED):
        network.stage1.predict_arrays([example_geology()], [SLOW])


def test_a_model_with_a_network_takes_any_by_the_exact_filter(tiny_model: Path) -> None:
    network = load_model(tiny_model)
    read_model_folder(tiny_model).check_event(example_geology(), SLOW)
    own, slow = (network.predict(example_geology(), source) for source in (example_source(), SLOW))
    np.testing.assert_allclose(
        slow.values, with_rise_time(own.values, 0.02, 0.1, 1.0), atol=1e-6 * np.abs(own.values).max()
    )
    assert slow.attrs["source_rise_time_s"] == 1.0
    drawn = [network.generate(example_geology(), source, seed=4) for source in (example_source(), SLOW)]
    np.testing.assert_allclose(
        drawn[1].values, with_rise_time(drawn[0].values, 0.02, 0.1, 1.0), atol=1e-3 * np.abs(drawn[1].values).max()
    )


def test_a_simulation_and_diffusion_on_it_take_any(simulated: Path) -> None:
    read_model_folder(simulated).check_event(example_geology(), SLOW)
    model = load_model(simulated)
    field = model.predict(example_geology(), SLOW)
    assert field.attrs["source_rise_time_s"] == 1.0
    slow = model.restore(field, seed=4)
    fast = model.generate(example_geology(), example_source(), seed=4)
    # Drawn around the same motion, and then filtered: simulator and filter differ by little, but for the record's end.
    expected = with_rise_time(fast.values, 0.02, 0.1, 1.0)
    difference = np.abs(slow.values - expected)[..., :-25]
    assert difference.max() < 0.03 * np.abs(expected).max()
    assert slow.attrs["source_rise_time_s"] == 1.0


def test_a_shorter_rise_time_is_said_to_amplify(simulated: Path) -> None:
    quick = dataclasses.replace(example_source(), rise_time_s=0.05)
    model = load_model(simulated)
    with pytest.warns(InputWarning, match=r"source\.rise_time_s: 0\.05 s is shorter than 0\.1 s.*3\.1 times"):
        model.restore(model.predict(example_geology(), quick), steps=1)


def test_the_folder_says_what_its_model_was_trained_on(simulated: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(simulated, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["simulation"]["domain"]["rise_time_s"] = 1.0
    (copy / "config.json").write_text(json.dumps(config))
    read_model_folder(copy).check_event(example_geology(), SLOW)
    assert load_model(copy).trained_range.rise_time_s == 1.0
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
    config, tensors = found.parts()
    assert config.trained_range.rise_time_s == 0.25
    assert config.model_dump(mode="json")["domain"]["rise_time_s"] == 0.25
    assert CoarseSimulation.from_parts(config, tensors).config == found.config


def test_a_wavefield_that_names_no_source_is_restored(simulated: Path) -> None:
    model: GroundMotionModel = load_model(simulated)
    field = model.predict(example_geology(), example_source())
    nameless = field.assign_attrs({})
    nameless.attrs = {"units": "m/s"}
    np.testing.assert_array_equal(model.restore(nameless, steps=1).values, model.restore(field, steps=1).values)


def test_a_tenth_longer_is_another_rise_time() -> None:
    with pytest.raises(InputError, match=r"^source\.rise_time_s: got 0\.11 s; allowed: 0\.1 s"):
        TrainedRange().check_rise_time(dataclasses.replace(example_source(), rise_time_s=0.11))
