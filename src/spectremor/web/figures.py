"""The page's figures: each holds its data sources and knows how to show another scene or sensor."""

from __future__ import annotations

import numpy as np
from bokeh.models import (
    BoxAnnotation,
    ColorBar,
    ColumnDataSource,
    CustomJSTickFormatter,
    Legend,
    LegendItem,
    LinearColorMapper,
    LogTicker,
    Range1d,
)
from bokeh.palettes import Magma256
from bokeh.plotting import figure

from spectremor.core.axes import COMPONENTS
from spectremor.core.source import Source
from spectremor.signal.spectra import amplitude_spectrum, frequencies
from spectremor.web.beachball import beachball
from spectremor.web.scene import Scene

FULL, STAGE1, GRID, INK = "#b3202a", "#8d949e", "#e7e9ec", "#2b2f36"
NAMES = ("stage1", "full")
COMPONENT_NAMES = {"E": "East", "N": "North", "Z": "Up"}


class PeakMap:
    """Map of peak velocity (norm of E, N, Z): sensors as coloured squares, the chosen one, the epicentre."""

    def __init__(self) -> None:
        self.cells = ColumnDataSource({name: [] for name in ("x", "y", "width", "height", "peak")})
        self.chosen = ColumnDataSource({"x": [], "y": []}, name="chosen")
        self.epicentre = ColumnDataSource({"x": [], "y": []})
        self.colours = LinearColorMapper(palette=Magma256, low=0, high=1)
        self.figure = _figure(tools="tap,hover", x_label="East (km)", y_label="North (km)")
        # Nearly square at any width.
        self.figure.update(sizing_mode="scale_width", aspect_ratio=1.04)
        self.figure.name = "map"
        self.figure.grid.visible = False
        self.figure.match_aspect = True
        colour = {"field": "peak", "transform": self.colours}
        self.figure.rect("x", "y", "width", "height", source=self.cells, line_color=None, fill_color=colour)
        for glyph in self.figure.renderers:
            glyph.nonselection_glyph = glyph.selection_glyph = None
        self.figure.scatter(
            "x", "y", source=self.epicentre, marker="star", size=22, fill_color="#35c9f5", line_color="white"
        )
        self.figure.scatter(
            "x", "y", source=self.chosen, marker="square", size=15, fill_color=None, line_color="white", line_width=3
        )
        self.figure.hover.tooltips = [("peak", "@peak{0.00} cm/s"), ("East, North", "@x{0.00}, @y{0.00} km")]
        self.figure.hover.renderers = [self.figure.renderers[0]]
        bar = ColorBar(color_mapper=self.colours, width=12, padding=8, background_fill_color=None)
        self.figure.add_layout(bar, "right")

    def show(self, scene: Scene, realization: int) -> None:
        """Colour the sensors of one realization."""
        x_km, y_km = scene.field["x"].values / 1000, scene.field["y"].values / 1000
        grid_x, grid_y = np.meshgrid(x_km, y_km, indexing="ij")
        peak = scene.peak_velocity_m_s(realization) * 100
        width, height = _spacing(x_km), _spacing(y_km)
        self.cells.data = {
            "x": grid_x.ravel(),
            "y": grid_y.ravel(),
            "width": np.full(peak.size, width),
            "height": np.full(peak.size, height),
            "peak": peak.ravel(),
        }
        self.colours.update(low=0.0, high=float(peak.max()) or 1.0)
        source = scene.source
        event = "" if source is None else f"Mw {source.mw:.1f}, {-source.position_m[2] / 1000:.1f} km deep\n"
        self.figure.title.text = f"{event}Peak velocity, norm of E, N, Z (cm/s)"
        where = ([], []) if source is None else ([source.position_m[0] / 1000], [source.position_m[1] / 1000])
        self.epicentre.data = {"x": where[0], "y": where[1]}

    def mark(self, scene: Scene, ix: int, iy: int) -> None:
        """Mark the chosen sensor."""
        x_m, y_m = float(scene.field["x"][ix]), float(scene.field["y"][iy])
        self.chosen.data = {"x": [x_m / 1000], "y": [y_m / 1000]}


class Seismograms:
    """Three components of velocity at the chosen sensor, on one time axis and one scale."""

    def __init__(self) -> None:
        columns = ("time", *(f"{name}_{c}" for name in NAMES for c in COMPONENTS))
        self.lines = ColumnDataSource({name: [] for name in columns})
        self.figures = []
        y_range, x_range = Range1d(-1, 1), Range1d(0, 1)
        for component in COMPONENTS:
            last = component == COMPONENTS[-1]
            panel = _figure(
                height=165 if last else 138, x_label="time after origin (s)" if last else "", y_label="cm/s"
            )
            panel.x_range, panel.y_range = x_range, y_range
            panel.xaxis.major_label_text_font_size = "11px" if last else "0px"
            panel.line("time", f"stage1_{component}", source=self.lines, color=STAGE1, width=1.2)
            panel.line("time", f"full_{component}", source=self.lines, color=FULL, width=1.4)
            panel.title.text = COMPONENT_NAMES[component]
            self.figures.append(panel)

    def show(self, scene: Scene, realization: int, ix: int, iy: int) -> None:
        """Draw one sensor."""
        traces = scene.traces_m_s(realization, ix, iy)
        data = {"time": scene.time_s}
        for name in NAMES:
            values = traces.get(name, np.full_like(traces["full"], np.nan)) * 100
            data |= {f"{name}_{component}": values[k] for k, component in enumerate(COMPONENTS)}
        self.lines.data = data
        top = 1.08 * max(float(np.abs(v).max()) for v in traces.values()) * 100 or 1.0
        first = self.figures[0]
        first.y_range.update(start=-top, end=top)
        first.x_range.update(start=float(scene.time_s[0]), end=float(scene.time_s[-1]))


class Spectra:
    """Fourier amplitude spectra at the chosen sensor, the three components as one (root of the summed squares)."""

    def __init__(self) -> None:
        self.lines = ColumnDataSource({"frequency": [], "full": [], "stage1": []})
        self.figure = _figure(height=235, x_label="frequency (Hz)", y_label="cm", y_axis_type="log")
        self.figure.title.text = "Fourier amplitude of velocity"
        self.figure.y_range, self.figure.x_range = Range1d(0.01, 1), Range1d(0, 10)
        self.beyond = BoxAnnotation(left=5, fill_color="#9aa0a8", fill_alpha=0.16, visible=False)
        self.figure.add_layout(self.beyond)
        self.curves = {
            name: self.figure.line("frequency", name, source=self.lines, color=colour, width=1.4)
            for name, colour in zip(NAMES, (STAGE1, FULL), strict=True)
        }
        self.legend = Legend(background_fill_alpha=0, border_line_alpha=0, label_text_font_size="12px", spacing=0)
        self.figure.add_layout(self.legend)
        self.figure.yaxis.ticker = LogTicker(mantissas=[1, 2, 5])
        self.figure.yaxis.formatter = CustomJSTickFormatter(code="return String(Number(tick.toPrecision(2)))")

    def show(self, scene: Scene, realization: int, ix: int, iy: int) -> None:
        """Draw one sensor; frequencies beyond the usable band are shaded."""
        traces = scene.traces_m_s(realization, ix, iy)
        frequency = frequencies(len(scene.time_s), scene.step_s)[1:]
        data = {"frequency": frequency}
        for name in NAMES:
            amplitude = amplitude_spectrum(traces.get(name, np.full_like(traces["full"], np.nan)), scene.step_s)
            data[name] = np.sqrt((amplitude.astype(float) ** 2).sum(axis=0))[1:] * 100
        self.lines.data = data
        self.legend.items = [
            LegendItem(label=label, renderers=[self.curves[name]]) for name, label in scene.labels.items()
        ]
        band = scene.band_high_hz or float(frequency[-1])
        # A band that ends below the first frequency still has something to draw.
        seen = max(band, float(frequency[0]))
        shown = data["full"][frequency <= seen]
        high = float(shown.max()) or 1.0
        self.figure.y_range.update(start=max(float(shown.min()) / 3, high * 1e-5), end=high * 2)
        self.figure.x_range.end = min(1.6 * seen, float(frequency[-1]))
        self.beyond.update(left=band, visible=scene.band_high_hz is not None)


class Mechanism:
    """The beachball."""

    def __init__(self) -> None:
        self.image = ColumnDataSource({"image": []})
        self.figure = _figure(width=120, height=120)
        self.figure.update(title=None, min_border=0, outline_line_color=None)
        self.figure.update(background_fill_color=None, border_fill_color=None)
        for part in (*self.figure.axis, *self.figure.grid):
            part.visible = False
        self.figure.x_range, self.figure.y_range = Range1d(-1.03, 1.03), Range1d(-1.03, 1.03)
        colours = LinearColorMapper(palette=["#ffffff", FULL], low=0, high=1, nan_color="#00000000")
        self.figure.image("image", x=-1, y=-1, dw=2, dh=2, source=self.image, color_mapper=colours)
        self.figure.circle(0, 0, radius=1, fill_color=None, line_color=INK, line_width=1.5)

    def show(self, source: Source) -> None:
        """Draw a source's mechanism."""
        self.image.data = {"image": [beachball(source.tensor_nm / source.moment_nm)]}


def _figure(
    *,
    height: int | None = None,
    width: int | None = None,
    tools: str = "",
    x_label: str = "",
    y_label: str = "",
    y_axis_type: str = "linear",
) -> figure:
    size = {"width": width} if width else {"sizing_mode": "stretch_width"}
    made = figure(
        height=height,
        tools=tools,
        toolbar_location=None,
        x_axis_label=x_label,
        y_axis_label=y_label,
        y_axis_type=y_axis_type,
        title=" ",
        **size,
    )
    made.title.update(text_font_size="13px", text_color=INK, text_font_style="bold")
    for axis in made.axis:
        axis.update(axis_label_text_font_style="normal", axis_label_text_color=INK, minor_tick_line_color=None)
        axis.update(axis_label_text_font_size="12px", major_label_text_font_size="11px")
    made.grid.grid_line_color = GRID
    made.outline_line_color = GRID
    return made


def _spacing(positions: np.ndarray) -> float:
    return float(np.diff(positions).mean()) if len(positions) > 1 else 1.0
