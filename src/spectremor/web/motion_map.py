"""The map of the motion: a measure at every sensor, or the wavefield over time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from bokeh.models import Button, ColumnDataSource, CustomJS, DataRange1d, LinearColorMapper, Slider
from bokeh.palettes import Magma256

from spectremor.core.wavefield import has_stations
from spectremor.web.ground_figures import thinned
from spectremor.web.scene import MEASURES, Scene
from spectremor.web.style import COMPONENT_NAMES, SOURCE, add_colour_bar, draw_rupture, make_figure

#: Blue through white to red.
_DIVERGING = [
    f"#{r:02x}{g:02x}{b:02x}"
    for share in np.linspace(-1, 1, 255)
    for end in [(178, 24, 43) if share > 0 else (33, 102, 172)]
    for r, g, b in [tuple(round(255 + (c - 255) * abs(share) ** 0.8) for c in end)]
]
#: What the map can show, by its label on the page: measures, then components over time.
MAP_CHOICES = {title: name for name, (title, _) in MEASURES.items()} | {
    f"Wavefield over time, {name}": f"frames {k}" for k, name in enumerate(COMPONENT_NAMES)
}
_STEP_MS = 60


@dataclasses.dataclass(frozen=True)
class MapContent:
    """The numbers that the map shows.

    Attributes:
        values: one value per sensor: a measure, or the velocity at the first time.
        title: name of the quantity.
        unit: of the values.
        times_s: times of the frames; empty for a measure.
        frames: the wavefield over time, shape (time, sensor); empty for a measure.
        top: value at the upper end of the colour scale.
    """

    values: np.ndarray
    title: str
    unit: str
    times_s: np.ndarray
    frames: np.ndarray
    top: float


def map_content(scene: Scene, realization: int, shown: str) -> MapContent:
    """The numbers for the map of one draw; `shown` is a value of `MAP_CHOICES`."""
    if not shown.startswith("frames "):
        values = scene.measure(shown, realization)
        title, unit = MEASURES[shown]
        return MapContent(values, title, unit, np.empty(0), np.empty((0, len(values))), float(values.max()) or 1.0)
    component = int(shown[7:])
    times_s, frames = scene.frames(component, realization)
    # The colours of the largest 0.5% saturate, so that weak waves are visible, too.
    top = float(np.percentile(np.abs(frames), 99.5)) or float(np.abs(frames).max()) or 1.0
    return MapContent(frames[0], f"{COMPONENT_NAMES[component]} velocity", "cm/s", times_s, frames, top)


#: Runs in the browser, which has all frames: shows the one that the slider selects.
_SHOW_FRAME = """
const all = frames.data.value, count = cells.data.value.length
if (!count || !all.length) return
const moment = Math.round((slider.value - slider.start) / slider.step)
const frame = new Float32Array(all.buffer, all.byteOffset + 4 * count * moment, count)
cells.data.value.set(frame)
cells.change.emit()
"""
_PLAY = """
if (window.spectremor_playing) {
  clearInterval(window.spectremor_playing)
  window.spectremor_playing = null
  button.label = "Play"
  return
}
const half = slider.step / 2
if (slider.value >= slider.end - half) slider.value = slider.start
button.label = "Pause"
window.spectremor_playing = setInterval(() => {
  if (slider.value < slider.end - half && slider.visible) { slider.value += slider.step; return }
  clearInterval(window.spectremor_playing)
  window.spectremor_playing = null
  button.label = "Play"
}, STEP)
""".replace("STEP", str(_STEP_MS))


class MotionMap:
    """A map with sensors as coloured squares, the chosen sensor, and the epicentre."""

    def __init__(self) -> None:
        self.cells = ColumnDataSource({name: [] for name in ("x", "y", "width", "height", "value")}, name="cells")
        self.chosen = ColumnDataSource({"x": [], "y": []}, name="chosen")
        self.epicentre = ColumnDataSource({"x": [], "y": []})
        self.rupture = ColumnDataSource({"x": [], "y": []}, name="rupture-map")
        self.frames = ColumnDataSource({"value": []}, name="frames")
        self.colours = LinearColorMapper(palette=Magma256, low=0, high=1)
        self.figure = _map(self.cells, self.epicentre, self.chosen, self.colours)
        draw_rupture(self.figure, self.rupture)
        self.bar = add_colour_bar(self.figure, self.colours, "cm/s")
        self.slider = Slider(start=0, end=1, value=0, step=1, format="0.00", title="Time after origin (s)")
        self.slider.update(visible=False, sizing_mode="stretch_width", name="time", bar_color="#b3202a")
        self.button = Button(label="Play", width=74, visible=False, name="play", align="end")
        parts: dict[str, Any] = {"frames": self.frames, "cells": self.cells}
        self.slider.js_on_change("value", CustomJS(args=parts | {"slider": self.slider}, code=_SHOW_FRAME))
        self.button.js_on_click(CustomJS(args={"slider": self.slider, "button": self.button}, code=_PLAY))

    def show(self, scene: Scene, content: MapContent) -> None:
        """Colour the sensors by a measure, or by a component at its first time."""
        x_km, y_km = scene.sensor_positions_m.T / 1000
        width, height = scene.spacing_km
        over_time = len(content.frames) > 0
        self.frames.data = {"value": content.frames.ravel() if over_time else []}
        self.cells.data = {
            "x": x_km,
            "y": y_km,
            "width": np.full(len(x_km), width),
            "height": np.full(len(x_km), height),
            "value": content.values.astype(np.float32),
        }
        low, palette = (-content.top, _DIVERGING) if over_time else (0.0, Magma256)
        self.colours.update(palette=palette, low=low, high=content.top)
        if over_time:
            times_s = content.times_s
            self.slider.update(start=times_s[0], end=times_s[-1], value=times_s[0], step=float(times_s[1] - times_s[0]))
        self.bar.text = f"{content.title} ({content.unit})"
        self.figure.hover.tooltips = [
            (content.title, f"@value{{0.000}} {content.unit}"),
            ("East, North", "@x{0.00}, @y{0.00} km"),
        ]
        self.slider.visible = self.button.visible = over_time
        # Room for the markers of stations at the edge of the map.
        for axis in (self.figure.x_range, self.figure.y_range):
            axis.range_padding = 0.08 if has_stations(scene.field) else 0.0
        source = scene.source
        epicentre = ([], []) if source is None else ([source.position_m[0] / 1000], [source.position_m[1] / 1000])
        self.epicentre.data = {"x": epicentre[0], "y": epicentre[1]}
        points = np.empty((0, 3)) if scene.rupture_m is None else thinned(scene.rupture_m) / 1000
        self.rupture.data = {"x": points[:, 0], "y": points[:, 1]}

    def mark(self, scene: Scene, sensor: int) -> None:
        """Mark the chosen sensor."""
        x_m, y_m = scene.sensor_positions_m[sensor]
        self.chosen.data = {"x": [x_m / 1000], "y": [y_m / 1000]}


def _map(
    cells: ColumnDataSource, epicentre: ColumnDataSource, chosen: ColumnDataSource, colours: LinearColorMapper
) -> Any:
    # Nearly square at any width.
    plot = make_figure(
        x_label="East (km)",
        y_label="North (km)",
        tools="tap,hover",
        name="map",
        sizing_mode="scale_width",
        aspect_ratio=1.12,
        match_aspect=True,
        x_range=DataRange1d(range_padding=0),
        y_range=DataRange1d(range_padding=0),
    )
    plot.grid.visible = False
    # The colour between stations; even the palest marker stands out from it.
    plot.background_fill_color = "#dfe3e8"
    colour = {"field": "value", "transform": colours}
    plot.rect("x", "y", "width", "height", source=cells, line_color=colour, line_width=0.6, fill_color=colour)
    for glyph in plot.renderers:
        glyph.nonselection_glyph = glyph.selection_glyph = None
    plot.scatter("x", "y", source=epicentre, marker="star", size=20, fill_color=SOURCE, line_color="white")
    plot.scatter("x", "y", source=chosen, marker="square", size=15, fill_color=None, line_color="white", line_width=4)
    plot.scatter("x", "y", source=chosen, marker="square", size=15, fill_color=None, line_color="black", line_width=2)
    plot.hover.renderers = [plot.renderers[0]]
    return plot
