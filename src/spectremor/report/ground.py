"""A figure of the ground: the surface, two sections and a column, with the source and the stations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.ndimage

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.recording import Stations
from spectremor.core.source import Source
from spectremor.report.literal_text import literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KM = 1e-3
_SOURCE: dict[str, Any] = {"marker": "*", "ms": 13, "mfc": "gold", "mec": "black", "ls": "none"}
_STATIONS: dict[str, Any] = {"marker": "v", "ms": 5, "mfc": "white", "mec": "black", "ls": "none"}
#: Largest number of stations whose names are drawn; more would cover the map.
_MOST_NAMES = 30


def ground_figure(
    geology: Geology,
    source: Source | None = None,
    stations: Stations | None = None,
    column_m: tuple[float, float] | None = None,
) -> Figure:
    """Vs at the surface and along two vertical sections, and all properties in a column below a point.

    The sections pass through the source or, without one, through the column. The column lies below `column_m`; without
    it, below the first station; without stations, below the middle of the domain.

    Args:
        geology: the ground.
        source: drawn as a star.
        stations: drawn as triangles.
        column_m: position (x, y) of the column in m.

    Raises:
        InputError: a source, a station or the column is outside the ground.
    """
    from matplotlib.figure import Figure

    column = _column_of(geology, stations, column_m)
    _check_inside(geology, "source", None if source is None else source.position_m[:2])
    if stations is not None:
        for name, x_m, y_m in zip(stations.names, stations.x_m, stations.y_m, strict=True):
            _check_inside(geology, f"stations.{name}", (float(x_m), float(y_m)))
    cut = column if source is None else (float(source.position_m[0]), float(source.position_m[1]))
    figure = Figure(figsize=(12, 8), layout="constrained")
    surface, along_x, along_y, profile = figure.subplots(2, 2).ravel()
    low, high = float(geology.vs_m_s.min()), float(geology.vs_m_s.max())
    colours = {"cmap": "turbo_r", "vmin": low, "vmax": max(high, low + 1.0), "shading": "gouraud"}
    x, y, z = (axis * _KM for axis in (geology.x_m, geology.y_m, geology.z_m))
    mesh = surface.pcolormesh(x, y, geology.vs_m_s[:, :, -1].T, **colours)
    along_x.pcolormesh(x, z, _section(geology, 1, cut[1]).T, **colours)
    along_y.pcolormesh(y, z, _section(geology, 0, cut[0]).T, **colours)
    figure.colorbar(mesh, ax=[surface, along_x, along_y], label="Vs (m/s)", shrink=0.6)
    surface.axhline(cut[1] * _KM, color="black", lw=0.6, ls=":")
    surface.axvline(cut[0] * _KM, color="black", lw=0.6, ls=":")
    _label(surface, "Surface", "x (km)", "y (km)")
    _label(along_x, f"Section at y = {cut[1] * _KM:.3g} km", "x (km)", "z (km)")
    _label(along_y, f"Section at x = {cut[0] * _KM:.3g} km", "y (km)", "z (km)")
    if stations is not None:
        surface.plot(stations.x_m * _KM, stations.y_m * _KM, **_STATIONS)
        along_x.plot(stations.x_m * _KM, stations.z_m * _KM, clip_on=False, **_STATIONS)
        along_y.plot(stations.y_m * _KM, stations.z_m * _KM, clip_on=False, **_STATIONS)
        if stations.count <= _MOST_NAMES:
            for name, x_m, y_m in zip(stations.names, stations.x_m, stations.y_m, strict=True):
                surface.annotate(name, (x_m * _KM, y_m * _KM), (4, 4), textcoords="offset points", fontsize=7)
    if source is not None:
        east, north, up = (float(v) * _KM for v in source.position_m)
        surface.plot(east, north, **_SOURCE)
        along_x.plot(east, up, **_SOURCE)
        along_y.plot(north, up, **_SOURCE)
    _draw_column(profile, geology, column)
    return literal(figure)


def _column_of(
    geology: Geology, stations: Stations | None, column_m: tuple[float, float] | None
) -> tuple[float, float]:
    if column_m is not None:
        _check_inside(geology, "column_m", column_m)
        return float(column_m[0]), float(column_m[1])
    if stations is not None:
        return float(stations.x_m[0]), float(stations.y_m[0])
    return geology.extent_m[0] / 2, geology.extent_m[1] / 2


def _check_inside(geology: Geology, field: str, place_m: Any) -> None:
    if place_m is None:
        return
    for axis, value, nodes in zip("xy", place_m, (geology.x_m, geology.y_m), strict=True):
        if not nodes[0] <= value <= nodes[-1]:
            raise InputError(f"{field}.{axis}", f"{value:g} m", f"[{nodes[0]:g}, {nodes[-1]:g}] m, inside the ground")


def _section(geology: Geology, axis: int, at_m: float) -> np.ndarray:
    """Vs on the vertical plane at `at_m` on an axis, linearly interpolated between nodes."""
    nodes = (geology.x_m, geology.y_m)[axis]
    below = int(np.clip(np.searchsorted(nodes, at_m, side="right") - 1, 0, len(nodes) - 2))
    share = (at_m - nodes[below]) / (nodes[below + 1] - nodes[below])
    planes = np.moveaxis(geology.vs_m_s, axis, 0)
    return np.asarray((1 - share) * planes[below] + share * planes[below + 1])


def _draw_column(axis: Axes, geology: Geology, column_m: tuple[float, float]) -> None:
    place = [
        np.full(len(geology.z_m), (at - nodes[0]) / (nodes[1] - nodes[0]))
        for at, nodes in zip(column_m, (geology.x_m, geology.y_m), strict=True)
    ]
    at = np.array([*place, np.arange(len(geology.z_m))])
    rock = geology.rock_at(lambda values: scipy.ndimage.map_coordinates(values.astype(float), at, order=1))
    # If Qs = Vs / 10, the line of 10 Qs coincides with that of Vs; it is dotted so that both can be seen.
    for values, label, style in (
        (rock.vs_m_s, "Vs (m/s)", "-"),
        (rock.vp_m_s, "Vp (m/s)", "-"),
        (rock.density_kg_m3, "density (kg/m3)", "-"),
        (10 * rock.qs, "10 Qs", ":"),
    ):
        axis.plot(values, geology.z_m * _KM, style, label=label)
    axis.legend(frameon=False)
    axis.grid(color="0.93", lw=0.7)
    axis.set_title(f"Column at x = {column_m[0] * _KM:.3g} km, y = {column_m[1] * _KM:.3g} km")
    axis.set_ylabel("z (km)")


def _label(axis: Axes, title: str, xlabel: str, ylabel: str) -> None:
    axis.set_title(title)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.set_aspect("equal", adjustable="box")
