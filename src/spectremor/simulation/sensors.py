"""Where a simulation records the motion of the surface: a regular grid of sensors, or a list of stations."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray as xr

from spectremor.core.axes import HEMEW_SENSORS, sensor_axis_m
from spectremor.core.errors import InputError
from spectremor.core.geology import extent_m
from spectremor.core.wavefield import make_station_wavefield, make_wavefield
from spectremor.simulation.grid import Grid
from spectremor.simulation.surface import SurfaceReceivers, station_receivers, surface_receivers

Positions = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class SensorGrid:
    """Sensors at all pairs of positions along East and North; wavefields (component, x, y, time)."""

    x_m: np.ndarray
    y_m: np.ndarray

    def receivers(self, grid: Grid) -> SurfaceReceivers:
        """What to record on a grid."""
        return surface_receivers(self.x_m, self.y_m, grid)

    def positions_m(self) -> Positions:
        """East and North of each sensor in m."""
        x_m, y_m = np.meshgrid(self.x_m, self.y_m, indexing="ij")
        return x_m, y_m

    def labelled(self, velocity_m_s: np.ndarray, **labels: Any) -> xr.DataArray:
        """Motion with its axes; `labels` as in `make_wavefield`."""
        return make_wavefield(velocity_m_s, x_m=self.x_m, y_m=self.y_m, **labels)


@dataclasses.dataclass(frozen=True)
class StationList:
    """Stations at any points of the surface, positions one by one; wavefields (component, station, time)."""

    x_m: np.ndarray
    y_m: np.ndarray

    def receivers(self, grid: Grid) -> SurfaceReceivers:
        """What to record on a grid."""
        return station_receivers(self.x_m, self.y_m, grid)

    def positions_m(self) -> Positions:
        """East and North of each station in m."""
        return self.x_m, self.y_m

    def labelled(self, velocity_m_s: np.ndarray, **labels: Any) -> xr.DataArray:
        """Motion with its axes; `labels` as in `make_station_wavefield`."""
        return make_station_wavefield(velocity_m_s, x_m=self.x_m, y_m=self.y_m, **labels)


Sensors = SensorGrid | StationList


def parse_sensors(sensors_m: Any, stations_m: Any, geology: xr.DataArray) -> Sensors:
    """The sensors that a caller names: a grid, a list of stations, or neither (32 x 32 spread over the geology).

    Raises:
        InputError: both, or no pairs of positions.
    """
    if stations_m is not None:
        if sensors_m is not None:
            raise InputError("stations_m", "together with sensors_m", "one of the two")
        x_m, y_m = _pair("stations_m", stations_m)
        if x_m.shape != y_m.shape or x_m.ndim != 1:
            found = f"shapes {x_m.shape} and {y_m.shape}"
            raise InputError("stations_m", found, "two lists of as many positions in m")
        return StationList(x_m, y_m)
    if sensors_m is not None:
        return SensorGrid(*_pair("sensors_m", sensors_m))
    x_side, y_side, _ = extent_m(geology)
    return SensorGrid(_spread_over(x_side), _spread_over(y_side))


def _pair(field: str, positions_m: Any) -> Positions:
    try:
        x_m, y_m = (np.atleast_1d(np.asarray(axis, dtype=float)) for axis in positions_m)
    except (TypeError, ValueError):
        raise InputError(field, positions_m, "a pair (x_m, y_m) of positions in m") from None
    return x_m, y_m


def _spread_over(side_m: float) -> np.ndarray:
    """As many sensors as the published data have, the outermost half a spacing from the ends of a side."""
    edge_m = side_m / (2 * HEMEW_SENSORS)
    return sensor_axis_m(HEMEW_SENSORS, edge_m, side_m - edge_m)
