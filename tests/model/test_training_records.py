"""What models and stores tell of how they were made, told wrongly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectremor.campaign.config import CampaignConfig
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import create_store
from spectremor.lab.regression import regression_config
from spectremor.model.campaigns import is_stored, simulation_of
from spectremor.training.config import load_config

SETTINGS = {"steps": 700, "batch": 64, "samples_per_batch": 8}
SMALL = load_config("small", "ddpm")


@pytest.fixture
def trained(tiny_model: Path, tmp_path: Path) -> Callable[[Any], Path]:
    def make(record: Any) -> Path:
        folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
        config = json.loads((folder / "config.json").read_text()) | {"training": record}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return make


@pytest.mark.parametrize(
    "record",
    [
        [],
        None,
        "x",
        {"ddpm": None},
        {"ddpm": [1]},
        {"ddpm": {"config": "x"}},
        {"ddpm": {"config": {"steps": "many"}}},
        {"ddpm": {"config": {"colour": "red"}}},
    ],
)
def test_a_malformed_training_record_counts_as_absent(record: Any, trained: Callable[[Any], Path]) -> None:
    config = regression_config(trained(record))
    assert (config.steps, config.batch) == (SMALL.steps, SMALL.batch)
    assert config.model.network.widths == (16, 16)


@pytest.mark.parametrize(
    ("reached", "steps"),
    [
        ({"step": 500.0}, 500),
        ({"step": 500}, 500),
        ({"step": 0}, 700),
        ({"step": -3}, 700),
        ({"step": "x"}, 700),
        ({"step": True}, 700),
        ({"step": None}, 700),
        ({"step": float("nan")}, 700),
        ({"step": 1e300}, 700),
        ([], 700),
        (None, 700),
    ],
)
def test_malformed_steps_count_as_absent(reached: Any, steps: int, trained: Callable[[Any], Path]) -> None:
    config = regression_config(trained({"ddpm": {"config": SETTINGS, "reached": reached}}))
    assert (config.steps, config.batch) == (steps, 64)


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        ([{"steps": 300, "train_samples": 4}, {"steps": 20.0, "train_samples": 4}], 820),
        ([{"steps": 300}, {"steps": True, "train_samples": 4}, "x", None, {"steps": -1, "train_samples": 2}], 500),
        ({"steps": 300, "train_samples": 4}, 500),
        (7, 500),
    ],
)
def test_steps_of_earlier_trainings_count_where_they_are_told_soundly(
    before: Any, steps: int, trained: Callable[[Any], Path]
) -> None:
    record = {"config": SETTINGS, "reached": {"step": 500}, "before": before}
    assert regression_config(trained({"ddpm": record})).steps == steps


def store_with(path: Path, change: Callable[[dict[str, Any]], Any] = lambda _: None, **settings: Any) -> CampaignStore:
    """An empty store of the campaign that `dataset create` would make."""
    scenario = {"sensors_x": {"count": 3}, "sensors_y": {"count": 3}, "duration_s": 1.0}
    config = CampaignConfig.model_validate({"scenario": scenario, **settings})
    attrs = {
        "campaign": json.loads(config.model_dump_json()),
        "simulator": {"order": 8, "solver_version": 1},
    }
    change(attrs)
    create_store(path, config.layout(), [config.source(0)], attrs)
    return CampaignStore.open(path)


def test_how_a_store_was_simulated(tmp_path: Path) -> None:
    found = simulation_of(store_with(tmp_path / "d.zarr", also_m=(300.0,)), 300.0)
    assert found is not None
    assert found.config.grid_spacing_m == 300
    assert found.recording.sensors.shape == (3, 3)
    np.testing.assert_allclose(found.config.trained_range.source_low_m, (1200, 1200, -9000))


def test_a_stage_1_that_the_store_holds_is_known(tmp_path: Path) -> None:
    store = store_with(tmp_path / "d.zarr", also_m=(300.0, 400.0))
    found = simulation_of(store, 300.0)
    assert is_stored(found, store, 300.0)
    assert not is_stored(found, store, 400.0)
    assert not is_stored(object(), store, 300.0)
    newer = store_with(tmp_path / "e.zarr", lambda attrs: attrs["simulator"].update(solver_version=2), also_m=(300.0,))
    assert not is_stored(found, newer, 300.0)
    wrong = store_with(tmp_path / "f.zarr", lambda attrs: attrs["simulator"].update(order=-1), also_m=(300.0,))
    assert not is_stored(found, wrong, 300.0)


def test_a_grid_finer_than_any_stage_1_is_one_line(tmp_path: Path) -> None:
    store = store_with(tmp_path / "d.zarr", grid_spacing_m=20.0, also_m=(40.0,))
    with pytest.raises(InputError, match=r"simulation\.grid_spacing_m: got 40.*50") as refused:
        simulation_of(store, 40.0)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda attrs: attrs.pop("campaign"),
        lambda attrs: attrs.pop("simulator"),
        lambda attrs: attrs.update(campaign=None),
        lambda attrs: attrs.update(campaign={"seed": 1}),
        lambda attrs: attrs.update(simulator=[]),
        lambda attrs: attrs["campaign"]["scenario"].pop("lowpass_hz"),
        lambda attrs: attrs["campaign"]["scenario"]["source"].pop("z_m"),
        lambda attrs: attrs["campaign"]["scenario"]["source"].update(z_m=[1, 2, 3]),
        lambda attrs: attrs["campaign"]["scenario"]["source"].update(z_m=None),
    ],
)
def test_an_incomplete_campaign_does_not_say_how(change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    assert simulation_of(store_with(tmp_path / "d.zarr", change, also_m=(300.0,)), 300.0) is None
