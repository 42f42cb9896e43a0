"""Seismograms and spectra at the chosen sensor."""

from __future__ import annotations

import math

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    FixedTicker,
    Legend,
    LegendItem,
    Range1d,
)

from spectremor.web.station import SPECTRUM_UNITS, UNITS, Curves, Station
from spectremor.web.style import COMPONENT_NAMES, FULL, GRID, STAGE1, make_figure, outside_band

_TICKS = "return String(Number(tick.toPrecision(2)))"


class Seismograms:
    """Three components at the chosen sensor, on one time axis and one scale."""

    def __init__(self) -> None:
        columns = ("time", *(f"{name}_{k}" for name in ("full", "stage1") for k in range(3)))
        self.lines = ColumnDataSource({column: [] for column in columns}, name="seismograms")
        self.others = ColumnDataSource({"time": [], "draw_0": [], "draw_1": [], "draw_2": []})
        self.figures = []
        y_range, x_range = Range1d(-1, 1), Range1d(0, 1)
        for k, name in enumerate(COMPONENT_NAMES):
            last = k == len(COMPONENT_NAMES) - 1
            panel = make_figure(
                height=152 if last else 116,
                x_label="time after origin (s)" if last else "",
                y_label="cm/s",
                title=name,
                min_border_left=66,
            )
            panel.x_range, panel.y_range = x_range, y_range
            panel.xaxis.major_label_text_font_size = "11px" if last else "0px"
            panel.multi_line("time", f"draw_{k}", source=self.others, color=FULL, width=0.7, alpha=0.22)
            panel.line("time", f"stage1_{k}", source=self.lines, color=STAGE1, width=1.3)
            panel.line("time", f"full_{k}", source=self.lines, color=FULL, width=1.4)
            self.figures.append(panel)

    def show(self, station: Station, draw: int, quantity: str) -> None:
        """Draw one sensor, one draw before the others."""
        chosen = station.traces[draw]
        first = np.full_like(chosen, np.nan) if station.stage1 is None else station.stage1
        self.lines.data = {"time": station.time_s} | {
            f"{name}_{k}": values[k] for name, values in (("full", chosen), ("stage1", first)) for k in range(3)
        }
        others = np.delete(station.traces, draw, axis=0)
        self.others.data = {"time": [station.time_s] * len(others)} | {
            f"draw_{k}": list(others[:, k]) for k in range(3)
        }
        top = 1.08 * max(float(np.abs(station.traces).max()), float(np.nan_to_num(np.abs(first)).max())) or 1.0
        self.figures[0].y_range.update(start=-top, end=top)
        self.figures[0].x_range.update(start=float(station.time_s[0]), end=float(station.time_s[-1]))
        for panel in self.figures:
            panel.yaxis.axis_label = UNITS[quantity][0]


class ScatterPlot:
    """A kind of spectrum of all draws: each thin, the median, the band from 16 to 84%, the first stage beside.

    Args:
        name: of the figure.
        x_label: with the unit.
        title: above it.
    """

    def __init__(self, name: str, x_label: str, title: str) -> None:
        self.lines = ColumnDataSource(
            {"x": [], "median": [], "low": [], "high": [], "stage1": []}, name=f"{name}-lines"
        )
        self.draws = ColumnDataSource({"x": [], "y": []}, name=f"{name}-draws")
        self.figure = make_figure(
            height=285,
            x_label=x_label,
            title=title,
            x_axis_type="log",
            y_axis_type="log",
            name=name,
            min_border_left=66,
        )
        self.figure.y_range, self.figure.x_range = Range1d(0.01, 1), Range1d(0.1, 10)
        self.beyond = [outside_band(), outside_band()]
        for shade in self.beyond:
            self.figure.add_layout(shade)
        band = self.figure.varea("x", "low", "high", source=self.lines, color=FULL, alpha=0.18)
        draws = self.figure.multi_line("x", "y", source=self.draws, color=FULL, width=0.7, alpha=0.3)
        stage1 = self.figure.line("x", "stage1", source=self.lines, color=STAGE1, width=1.6)
        median = self.figure.line("x", "median", source=self.lines, color=FULL, width=2)
        self.glyphs = {"stage1": stage1, "band": band, "draws": draws, "median": median}
        self.legend = Legend(background_fill_alpha=0.75, border_line_alpha=0, label_text_font_size="11px", spacing=0)
        self.legend.update(location="bottom_left", padding=2, margin=4, glyph_height=14, label_height=14)
        self.figure.add_layout(self.legend)
        for axis in self.figure.axis:
            axis.ticker = FixedTicker(ticks=[])
            axis.formatter = CustomJSTickFormatter(code=_TICKS)
        self.figure.grid.grid_line_color = GRID

    def show(self, curves: Curves, y_label: str, labels: tuple[str, str]) -> None:
        """Draw curves; labels are those of the field and of the first stage."""
        low, median, high = curves.band
        several = len(curves.draws) > 1
        first = np.full_like(median, np.nan) if curves.stage1 is None else curves.stage1
        self.lines.data = {"x": curves.x, "median": median, "low": low, "high": high, "stage1": first}
        drawn = list(curves.draws) if several else []
        self.draws.data = {"x": [curves.x] * len(drawn), "y": drawn}
        self.glyphs["band"].visible = several
        full, stage1 = labels
        items = [("median", f"median of {len(curves.draws)} draws"), ("band", "16 to 84%")] if several else []
        items = items or [("median", full)]
        if curves.stage1 is not None:
            items.append(("stage1", stage1))
        self.legend.items = [LegendItem(label=label, renderers=[self.glyphs[name]]) for name, label in items]
        self.figure.yaxis.axis_label = y_label
        self._frame(curves)

    def _frame(self, curves: Curves) -> None:
        x, usable = curves.x, curves.usable
        held = curves.draws[:, usable] if usable.any() else curves.draws
        first = 0.0 if curves.stage1 is None else float(curves.stage1[usable if usable.any() else ...].max())
        top = max(float(held.max()), first) or 1.0
        bottom = max(float(held.min()), top * 1e-4)
        self.figure.y_range.update(start=bottom / 2.5, end=top * 2)
        inside = x[usable] if usable.any() else x
        ends = max(float(inside[0]) / 1.7, float(x[0])), min(float(inside[-1]) * 1.7, float(x[-1]))
        self.figure.x_range.update(start=ends[0], end=max(ends[1], ends[0] * 1.01))
        for axis, (low, high) in ((self.figure.xaxis, ends), (self.figure.yaxis, (bottom / 2.5, top * 2))):
            axis.ticker.ticks = round_numbers(low, high)
        self.beyond[0].update(left=None, right=float(inside[0]), visible=bool(ends[0] < inside[0]))
        self.beyond[1].update(left=float(inside[-1]), right=None, visible=bool(ends[1] > inside[-1]))


def round_numbers(low: float, high: float, most: int = 8) -> list[float]:
    """Marks of a logarithmic axis: 1, 2 and 5 times powers of ten where they have room, else fewer.

    Args:
        low: end of the axis, above 0.
        high: the other end.
        most: marks that have room.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas, every in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4)):
        marks = [m * 10.0**d for d in decades if d % every == 0 for m in mantissas]
        inside = [mark for mark in marks if low <= mark <= high]
        if len(inside) <= most:
            break
    return inside


class StationFigures:
    """All figures of the chosen sensor."""

    def __init__(self) -> None:
        self.seismograms = Seismograms()
        self.fourier = ScatterPlot("fourier", "frequency (Hz)", "Fourier amplitude, horizontal")
        self.response = ScatterPlot("response", "period (s)", "Response spectrum, RotD50, 5% damping")

    def show(self, station: Station, draw: int, quantity: str, labels: tuple[str, str]) -> None:
        """Draw one sensor; labels are those of the field and of the first stage."""
        self.seismograms.show(station, draw, quantity)
        self.fourier.show(station.fourier, f"{quantity} ({SPECTRUM_UNITS[quantity]})", labels)
        self.response.show(station.response, "SA (g)", labels)
