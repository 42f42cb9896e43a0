"""Draws at an event's patch of close stations are laid out as the stored simulation there."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import xarray as xr

from spectremor.campaign.random_stations import random_stations_m
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import CampaignStore
from spectremor.judging.contenders import patch_draw, patch_motion, patch_of
from spectremor.model.first_stage import Stage1Motion
from spectremor.model.pipeline import GroundMotionModel

PLAN = StationPlan(random=5, patch=3, patch_spacing_m=75.0)


def place_teller() -> GroundMotionModel:
    """A model whose motion says where each station is: East, North and 0, at every time."""

    def stage1_motion(_geology, _source, request):
        return Mock(spec=Stage1Motion, field=request.stations)

    def restored(motion, _draws):
        stations = motion.field
        told = np.stack([stations.x_m, stations.y_m, np.zeros(stations.count)])
        return xr.DataArray(np.repeat(told[None, :, :, None], 4, axis=3))

    return Mock(spec=GroundMotionModel, stage1_motion=stage1_motion, restored=restored)


def test_a_draw_at_the_patch_lies_as_the_simulation_does() -> None:
    x_m, y_m = random_stations_m(7, 3, PLAN, ((0.0, 9600.0), (0.0, 9600.0)))
    stored = np.repeat(np.stack([x_m, y_m, np.zeros_like(x_m)])[:, :, None], 4, axis=2)
    store = Mock(spec=CampaignStore, stations=PLAN)
    store.station_positions_m.return_value = (x_m, y_m)
    store.station_velocity.return_value = stored
    model = place_teller()
    drawn = patch_draw(model, patch_motion(model, store, 0), seed=0)
    np.testing.assert_array_equal(drawn, patch_of(store, 0))
    # Steps of the patch's spacing along each axis.
    np.testing.assert_allclose(np.diff(drawn[0, :, 0, 0]), 75.0)
    np.testing.assert_allclose(np.diff(drawn[1, 0, :, 0]), 75.0)
