"""The sensors of a simulation: a grid or a list of stations from the arguments of a caller."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.core.axes import HEMEW_SENSORS, sensor_axis_m
from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.labelled import plain_array
from spectremor.core.recording import SensorGrid, Sensors, Stations

#: Distance in m outside the domain that is allowed for rounding.
_ROUNDING_M = 1e-6

Positions = tuple[np.ndarray, np.ndarray]


def parse_sensors(sensors_m: Any, stations: Any, stations_m: Any, geology: Geology) -> Sensors:
    """The sensors of a caller: a grid, a list of stations, or by default 32 x 32 spread over the geology.

    Raises:
        InputError: more than one, no pairs of positions, or a station outside the geology.
    """
    if stations is not None:
        for name, value in (("sensors_m", sensors_m), ("stations_m", stations_m)):
            if value is not None:
                raise InputError("stations", f"together with {name}", "one of the two")
        return _inside(stations, geology)
    if stations_m is not None:
        if sensors_m is not None:
            raise InputError("stations_m", "together with sensors_m", "one of the two")
        x_m, y_m = _pair("stations_m", stations_m)
        if x_m.shape != y_m.shape:
            raise InputError("stations_m", f"{x_m.size} and {y_m.size} positions", "as many along East as along North")
        names = tuple(str(number) for number in range(len(x_m)))
        return Stations(names, x_m, y_m, np.zeros_like(x_m))
    if sensors_m is not None:
        return SensorGrid(*_pair("sensors_m", sensors_m))
    x_side, y_side, _ = geology.extent_m
    return SensorGrid(_spread_over(x_side), _spread_over(y_side))


def _inside(stations: Any, geology: Geology) -> Stations:
    if not isinstance(stations, Stations):
        raise InputError("stations", f"a {type(stations).__name__}", "Stations, as read_stations gives them")
    x, y, depth = geology.extent_m
    sides = (("x", stations.x_m, 0.0, x), ("y", stations.y_m, 0.0, y), ("z", stations.z_m, -depth, 0.0))
    for axis, positions, low, high in sides:
        outside = ~((positions >= low - _ROUNDING_M) & (positions <= high + _ROUNDING_M))
        if outside.any():
            first = int(np.argmax(outside))
            more = f", as one of {int(outside.sum())} stations outside" if outside.sum() > 1 else ""
            allowed = f"positions in [{low:g}, {high:g}] m, inside the domain"
            raise InputError(f"stations.{stations.names[first]}.{axis}", f"{positions[first]:g} m{more}", allowed)
    return stations


def sensor_positions_m(sensors: Sensors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """East, North and height of each sensor in m, three arrays of the sensors' shape."""
    x_m, y_m, z_m = (positions.reshape(sensors.shape) for positions in sensors.points_m().T)
    return x_m, y_m, z_m


def _pair(field: str, positions_m: Any) -> Positions:
    try:
        east, north = positions_m
    except (TypeError, ValueError):
        raise InputError(field, positions_m, "a pair (x_m, y_m) of positions in m") from None
    return _positions(f"{field}.x", east), _positions(f"{field}.y", north)


def _positions(field: str, values: Any) -> np.ndarray:
    positions = np.atleast_1d(plain_array(field, values, "m"))
    if not positions.size:
        raise InputError(field, "no position", "positions in m, inside the domain")
    return positions


def _spread_over(side_m: float) -> np.ndarray:
    """Positions of 32 sensors, as in the published data, the outermost half a spacing from the ends of a side."""
    edge_m = side_m / (2 * HEMEW_SENSORS)
    return sensor_axis_m(HEMEW_SENSORS, edge_m, side_m - edge_m)
