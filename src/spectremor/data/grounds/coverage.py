"""Whether a gridded model covers a local grid, and where the grid's columns lie on the model's axes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.data.grounds.models import GriddedGround
from spectremor.data.grounds.placing import LocalGrid

#: Share of a model's side by which positions may lie outside it because of rounding.
_ROUNDING = 1e-6

Columns = Float[np.ndarray, "x y"]


def check_deep_enough(ground: GriddedGround, grid: LocalGrid) -> None:
    """Refuse a grid that reaches below the model.

    Raises:
        InputError: names both depths; and the unit, where a wrong one explains it.
    """
    deepest, needed = float(ground.depth_m[-1]), -float(grid.z_m[0])
    if needed <= deepest * (1 + _ROUNDING):
        return
    allowed = f"at most {deepest:g} m deep, as {ground.name} is"
    if deepest * 1000 >= needed and deepest < 1000:
        allowed += f"; if its depths are in km, say so in its units: km for {deepest:g}"
    raise InputError("extent_m", f"{needed:g} m deep", allowed)


def horizontal_positions(ground: GriddedGround, grid: LocalGrid) -> tuple[Columns, Columns]:
    """Positions of the grid's columns along the model's horizontal axes.

    Raises:
        InputError: no corner where one is needed, or a model that does not cover the grid.
    """
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m, indexing="ij")
    if ground.frame == "geographic":
        return _degrees(ground, grid, x_m, y_m)
    if grid.corner is not None:
        if grid.corner.crs is None:
            allowed = "crs, the map projection of the model's x and y, e.g. EPSG:32631; or no corner: local metres"
            raise InputError("corner.crs", "nothing", allowed)
        x_m, y_m = grid.corner.to_projected(x_m, y_m)
    for name, axis, positions in (("x", ground.x, x_m), ("y", ground.y, y_m)):
        if not _within(axis, positions):
            found = f"{positions.min():g} to {positions.max():g} m"
            raise InputError(f"extent_m.{name}", found, f"within {axis[0]:g} to {axis[-1]:g} m, which the model covers")
    return x_m, y_m


def _degrees(ground: GriddedGround, grid: LocalGrid, x_m: np.ndarray, y_m: np.ndarray) -> tuple[Columns, Columns]:
    corner = grid.corner
    if corner is None:
        allowed = "longitude and latitude of the domain's corner: the model's axes are in degrees"
        raise InputError("corner", "nothing", allowed)
    longitude, latitude = corner.to_lonlat(x_m, y_m)
    turns = (0.0, 360.0, -360.0)
    turned = next((turn for turn in turns if _within(ground.x, longitude + turn)), None)
    if turned is not None and _within(ground.y, latitude):
        return longitude + turned, latitude
    covers = f"longitude {ground.x[0]:g} to {ground.x[-1]:g}, latitude {ground.y[0]:g} to {ground.y[-1]:g}"
    place = corner.longitude_deg, corner.latitude_deg
    swapped = _within(ground.y, np.array(place[0])) and any(_within(ground.x, np.array(place[1] + t)) for t in turns)
    if swapped:
        found = f"longitude {place[0]:g}, latitude {place[1]:g}, {_apart_km(ground, *place):.0f} km from the model"
        raise InputError("corner", found, f"longitude {place[1]:g}, latitude {place[0]:g}: they look swapped")
    if _corner_inside(ground, *place):
        found = " x ".join(f"{axis[-1]:g}" for axis in (grid.x_m, grid.y_m))
        reach = f"longitude {longitude.min():.6g} to {longitude.max():.6g}, latitude {latitude.min():.6g} to "
        reach += f"{latitude.max():.6g}"
        raise InputError("extent_m", f"{found} m: {reach}", f"within {covers}, which the model covers")
    found = f"longitude {place[0]:g}, latitude {place[1]:g}, {_apart_km(ground, *place):.0f} km from the model"
    raise InputError("corner", found, f"within {covers}, which the model covers")


def _corner_inside(ground: GriddedGround, longitude: float, latitude: float) -> bool:
    return _within(ground.y, np.array(latitude)) and any(
        _within(ground.x, np.array(longitude + turn)) for turn in (0.0, 360.0, -360.0)
    )


def _apart_km(ground: GriddedGround, longitude: float, latitude: float) -> float:
    """Distance from a point to the middle of the model along a great circle of a sphere, in km."""
    lon, lat, mid_lon, mid_lat = np.radians([longitude, latitude, ground.x.mean(), ground.y.mean()])
    cosine = np.sin(lat) * np.sin(mid_lat) + np.cos(lat) * np.cos(mid_lat) * np.cos(lon - mid_lon)
    return float(6371.0 * np.arccos(np.clip(cosine, -1, 1)))


def _within(axis: np.ndarray, positions: np.ndarray) -> bool:
    slack = _ROUNDING * float(axis[-1] - axis[0])
    return bool(axis[0] - slack <= positions.min() and positions.max() <= axis[-1] + slack)
