"""Figures of seismograms and spectra at the chosen sensor."""

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

from spectremor.web.sensor_motion import SPECTRUM_UNITS, UNITS, Curves, SensorMotion
from spectremor.web.style import COMPONENT_NAMES, FULL, GRID, STAGE1, make_figure, outside_band

_TICKS = "return String(Number(tick.toPrecision(2)))"


class Seismograms:
    """Three components at the chosen sensor, with common time and velocity axes."""

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

    def show(self, motion: SensorMotion, draw: int, quantity: str) -> None:
        """Draw the seismograms of a sensor, with one draw in front of the others."""
        chosen = motion.traces[draw]
        stage1 = np.full_like(chosen, np.nan) if motion.stage1 is None else motion.stage1
        self.lines.data = {"time": motion.time_s} | {
            f"{name}_{k}": values[k] for name, values in (("full", chosen), ("stage1", stage1)) for k in range(3)
        }
        others = np.delete(motion.traces, draw, axis=0)
        self.others.data = {"time": [motion.time_s] * len(others)} | {f"draw_{k}": list(others[:, k]) for k in range(3)}
        top = 1.08 * max(float(np.abs(motion.traces).max()), float(np.nan_to_num(np.abs(stage1)).max())) or 1.0
        self.figures[0].y_range.update(start=-top, end=top)
        self.figures[0].x_range.update(start=float(motion.time_s[0]), end=float(motion.time_s[-1]))
        for panel in self.figures:
            panel.yaxis.axis_label = UNITS[quantity][0]


class SpectrumPlot:
    """Spectra of all draws (thin lines), their median and band from 16 to 84%, and the spectrum of stage 1.

    Args:
        name: name of the figure.
        x_label: label of the x axis, with the unit.
        title: title of the figure.
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
        self.shades = [outside_band(), outside_band()]
        for shade in self.shades:
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
        """Draw curves; `labels` are those of the field and of stage 1."""
        low, median, high = curves.band
        several = len(curves.draws) > 1
        stage1 = np.full_like(median, np.nan) if curves.stage1 is None else curves.stage1
        self.lines.data = {"x": curves.x, "median": median, "low": low, "high": high, "stage1": stage1}
        drawn = list(curves.draws) if several else []
        self.draws.data = {"x": [curves.x] * len(drawn), "y": drawn}
        self.glyphs["band"].visible = several
        field_label, stage1_label = labels
        items = [("median", f"median of {len(curves.draws)} draws"), ("band", "16 to 84%")] if several else []
        items = items or [("median", field_label)]
        if curves.stage1 is not None:
            items.append(("stage1", stage1_label))
        self.legend.items = [LegendItem(label=label, renderers=[self.glyphs[name]]) for name, label in items]
        self.figure.yaxis.axis_label = y_label
        self._set_ranges(curves)

    def _set_ranges(self, curves: Curves) -> None:
        x, usable = curves.x, curves.usable
        shown = curves.draws[:, usable] if usable.any() else curves.draws
        stage1_top = 0.0 if curves.stage1 is None else float(curves.stage1[usable if usable.any() else ...].max())
        top = max(float(shown.max()), stage1_top) or 1.0
        bottom = max(float(shown.min()), top * 1e-4)
        self.figure.y_range.update(start=bottom / 2.5, end=top * 2)
        inside = x[usable] if usable.any() else x
        ends = max(float(inside[0]) / 1.7, float(x[0])), min(float(inside[-1]) * 1.7, float(x[-1]))
        self.figure.x_range.update(start=ends[0], end=max(ends[1], ends[0] * 1.01))
        for axis, (low, high) in ((self.figure.xaxis, ends), (self.figure.yaxis, (bottom / 2.5, top * 2))):
            axis.ticker.ticks = round_numbers(low, high)
        self.shades[0].update(left=None, right=float(inside[0]), visible=bool(ends[0] < inside[0]))
        self.shades[1].update(left=float(inside[-1]), right=None, visible=bool(ends[1] > inside[-1]))


def round_numbers(low: float, high: float, most: int = 8) -> list[float]:
    """Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, or fewer if these are too many.

    Args:
        low: lower end of the axis, above 0.
        high: upper end of the axis.
        most: largest number of ticks.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas, every in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4)):
        ticks = [m * 10.0**d for d in decades if d % every == 0 for m in mantissas]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= most:
            break
    return inside


class SensorFigures:
    """All figures of the chosen sensor."""

    def __init__(self) -> None:
        self.seismograms = Seismograms()
        self.fourier = SpectrumPlot("fourier", "frequency (Hz)", "Fourier amplitude, horizontal")
        self.response = SpectrumPlot("response", "period (s)", "Response spectrum, RotD50, 5% damping")

    def show(self, motion: SensorMotion, draw: int, quantity: str, labels: tuple[str, str]) -> None:
        """Draw the motion of a sensor; `labels` are those of the field and of stage 1."""
        self.seismograms.show(motion, draw, quantity)
        self.fourier.show(motion.fourier, f"{quantity} ({SPECTRUM_UNITS[quantity]})", labels)
        self.response.show(motion.response, "SA (g)", labels)
