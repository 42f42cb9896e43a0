"""An operator along rays with a second stage that sees the field: any stations between its own sensors."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.recording import Stations
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.field_stage import FieldStage
from spectremor.examples import example_geology, example_source
from spectremor.model.build import load_model
from spectremor.model.folder import find_model, read_model_folder, write_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.model.region import MotionRequest

PLACES = Stations(
    ("dam", "plant", "town"), np.array([4350.0, 3000.0, 8111.0]), np.array([2550.0, 5000.5, 333.0]), np.zeros(3)
)


def field_stage() -> FieldStage:
    torch.manual_seed(2)
    config = {
        "latent": {"target": "residual"},
        "network": {"widths": (8, 8), "embedding": 8},
        "sampling": {"sampler": "ddim", "steps": 1},
        "field": {"neighbours": 4, "channels": 4, "heads": 2},
    }
    stage = FieldStage(DiffusionConfig.model_validate(config))
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return stage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator that ships, and a stage of random weights."""
    path = tmp_path_factory.mktemp("stations") / "model"
    shipped = read_model_folder(find_model("mifno"))
    parts = {
        "surrogate": (shipped.config.surrogate, shipped.tensors()["surrogate"]),
        "diffusion": field_stage().parts(),
    }
    write_model_folder(path, parts=parts, about={}, card="")  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> GroundMotionModel:
    return load_model(folder)


def test_stage_1_at_stations_is_that_of_the_grid_where_they_stand_on_it(model: GroundMotionModel) -> None:
    grid = model.predict(example_geology(), example_source())
    listed = model.predict(example_geology(), example_source(), stations=PLACES)
    assert listed.dims == ("component", "station", "time")
    assert listed.station.values.tolist() == ["dam", "plant", "town"]
    there = grid.sel(x=4350.0, y=2550.0).values
    np.testing.assert_allclose(listed.values[:, 0], there, atol=2e-4 * np.abs(there).max())
    some = model.predict(example_geology(), example_source(), sensors_m=([4350.0, 4650.0], [2550.0]), duration_s=5.0)
    np.testing.assert_allclose(
        some.values, grid.sel(x=some.x, y=some.y).values[..., :250], atol=2e-4 * np.abs(grid).max()
    )


def test_draws_and_mean_at_stations(model: GroundMotionModel) -> None:
    draws = model.generate(example_geology(), example_source(), stations=PLACES, realizations=2, seed=1)
    assert draws.dims == ("realization", "component", "station", "time")
    assert draws.shape == (2, 3, 3, 320)
    stage1 = model.predict(example_geology(), example_source(), stations=PLACES)
    assert np.abs(draws[0] - draws[1]).max() > 0
    mean = model.expect(example_geology(), example_source(), stations=PLACES)
    assert mean.shape == stage1.shape
    # A similar cube has the similar answer.
    half = Stations(PLACES.names, PLACES.x_m / 2, PLACES.y_m / 2, PLACES.z_m)
    source = example_source()
    smaller = dataclasses.replace(
        source, position_m=tuple(v / 2 for v in source.position_m), rise_time_s=source.rise_time_s / 2
    )
    ground = sp.make_geology(example_geology().vs_m_s, (4800.0,) * 3)
    other = model.generate(ground, smaller, stations=half, realizations=2, seed=1)
    np.testing.assert_allclose(other.values, draws.values * 8, rtol=0, atol=1e-3 * 8 * np.abs(draws).max())


def test_where_it_predicts_nothing_is_said_at_once(model: GroundMotionModel, folder: Path, tiny_model: Path) -> None:
    outside = dataclasses.replace(PLACES, x_m=np.array([4350.0, 20.0, 8111.0]))
    wanted = r"stations\.x: got 20 to 8111 m; allowed: 150 to 9450 m, between the sensors"
    with pytest.raises(InputError, match=wanted):
        model.generate(example_geology(), example_source(), stations=outside)
    with pytest.raises(InputError, match=wanted):
        read_model_folder(folder).check_run(example_geology(), example_source(), MotionRequest(stations=outside))
    # A second stage that restores each sensor alone of the grid takes the grid alone.
    with pytest.raises(InputError, match="stations: got a list of stations; allowed: none"):
        sp.load_model(tiny_model).generate(example_geology(), example_source(), stations=PLACES)
