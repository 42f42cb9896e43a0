"""Figures of the ground: Vs at the surface and in two vertical sections through the source."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d
from bokeh.palettes import Viridis256
from jaxtyping import Float

from spectremor.core.recording import Stations
from spectremor.web.ground import Ground
from spectremor.web.style import INK, SOURCE, add_colour_bar, draw_rupture, draw_stations, make_figure

#: Called with East, North and depth (km) of a click; None: that coordinate does not change.
MoveSource = Callable[[float | None, float | None, float | None], None]


class GroundFigures:
    """Vs at the surface and in a West-East and a South-North section through the source; a click moves the source.

    Args:
        move_source: called with the position of a click.
    """

    def __init__(self, move_source: MoveSource) -> None:
        self.colours = LinearColorMapper(palette=Viridis256, low=0, high=1)
        self.surface = _Section("East (km)", "North (km)", self.colours, name="ground", square=True)
        self.west_east = _Section("East (km)", "Depth (km)", self.colours, name="west-east", down=True)
        self.south_north = _Section("North (km)", "Depth (km)", self.colours, name="south-north", down=True)
        add_colour_bar(self.surface.figure, self.colours, "Vs (km/s)")
        self.surface.figure.on_event(Tap, lambda e: move_source(e.x, e.y, None))
        self.west_east.figure.on_event(Tap, lambda e: move_source(e.x, None, e.y))
        self.south_north.figure.on_event(Tap, lambda e: move_source(None, e.x, e.y))

    def show(self, ground: Ground, east_km: float, north_km: float, depth_km: float) -> None:
        """Draw a ground and a source in it."""
        vs, (x, y, z) = ground.vs_m_s, ground.axes_km
        i, j = (int(np.abs(axis - value).argmin()) for axis, value in ((x, east_km), (y, north_km)))
        low, high = ground.vs_range_km_s
        self.colours.update(low=low, high=max(high, low + 1e-3))
        depth = -z[::-1]
        self.surface.show(vs[:, :, -1], x, y, (east_km, north_km))
        self.west_east.show(vs[:, j, ::-1], x, depth, (east_km, depth_km))
        self.south_north.show(vs[i, :, ::-1], y, depth, (north_km, depth_km))

    def show_rupture(self, points_m: Float[np.ndarray, "points 3"] | None) -> None:
        """Draw the points of a rupture; None removes them."""
        shown = np.empty((0, 3)) if points_m is None else thinned(points_m) / 1000
        east, north, depth = shown[:, 0], shown[:, 1], -shown[:, 2]
        pairs = ((self.surface, east, north), (self.west_east, east, depth), (self.south_north, north, depth))
        for section, across, up in pairs:
            section.rupture.data = {"x": across, "y": up}

    def show_stations(self, stations: Stations | None) -> None:
        """Draw stations on the map; None removes them."""
        x, y = ([], []) if stations is None else (stations.x_m / 1000, stations.y_m / 1000)
        self.surface.stations.data = {"x": x, "y": y}


def thinned(points_m: Float[np.ndarray, "points 3"], most: int = 3000) -> Float[np.ndarray, "some 3"]:
    """At most `most` of the points, evenly left out."""
    return points_m[:: max(1, -(-len(points_m) // most))]


class _Section:
    """A plane through the ground with the source."""

    def __init__(
        self,
        x_label: str,
        y_label: str,
        colours: LinearColorMapper,
        *,
        name: str,
        square: bool = False,
        down: bool = False,
    ) -> None:
        self._down = down
        self.image = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        self.source = ColumnDataSource({"x": [], "y": []}, name=f"source-{name}")
        self.rupture = ColumnDataSource({"x": [], "y": []}, name=f"rupture-{name}")
        self.stations = ColumnDataSource({"x": [], "y": []}, name=f"stations-{name}")
        size = {"sizing_mode": "scale_width", "aspect_ratio": 1.12} if square else {"height": 225}
        self.figure = make_figure(x_label=x_label, y_label=y_label, tools="tap", name=name, **size)
        self.figure.grid.visible = False
        self.figure.x_range, self.figure.y_range = Range1d(0, 1), Range1d(0, 1)
        self.figure.min_border_left = 52
        self.figure.image("image", "x", "y", "dw", "dh", source=self.image, color_mapper=colours)
        draw_rupture(self.figure, self.rupture)
        draw_stations(self.figure, self.stations)
        self.figure.scatter(
            "x", "y", source=self.source, marker="star", size=20, fill_color=SOURCE, line_color=INK, line_width=1
        )
        for glyph in self.figure.renderers:
            glyph.nonselection_glyph = glyph.selection_glyph = None

    def show(self, values: np.ndarray, across: np.ndarray, up: np.ndarray, source: tuple[float, float]) -> None:
        """Draw Vs in m/s, shape (across, up), at increasing positions in km."""
        half = [(axis[-1] - axis[0]) / (len(axis) - 1) / 2 for axis in (across, up)]
        left, width = across[0] - half[0], across[-1] - across[0] + 2 * half[0]
        low, height = up[0] - half[1], up[-1] - up[0] + 2 * half[1]
        picture = np.ascontiguousarray(values.T / 1000, dtype=np.float32)
        self.image.data = {"image": [picture], "x": [left], "y": [low], "dw": [width], "dh": [height]}
        self.figure.x_range.update(start=float(across[0]), end=float(across[-1]))
        ends = (up[-1], up[0]) if self._down else (up[0], up[-1])
        self.figure.y_range.update(start=float(ends[0]), end=float(ends[1]))
        self.source.data = {"x": [source[0]], "y": [source[1]]}
