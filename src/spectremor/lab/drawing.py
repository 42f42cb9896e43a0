"""Colours and helpers that the figures of all experiments share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Figure

from spectremor.report.overview import FULL_COLOUR
from spectremor.report.overview import STAGE1_COLOUR as STAGE1_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUTH, STAGE1, BOTH = "truth", "stage 1", "both stages"
#: Both stages, with noise drawn independently at each sensor, and with noise correlated between neighbouring sensors.
INDEPENDENT_NOISE, CORRELATED_NOISE = "both stages, independent noise", "both stages, correlated noise"
COLOURS = {
    TRUTH: "#1a1a1a",
    STAGE1: STAGE1_COLOUR,
    BOTH: FULL_COLOUR,
    INDEPENDENT_NOISE: FULL_COLOUR,
    CORRELATED_NOISE: "#2b6ca3",
}
#: For arms that have no fixed colour; distinguishable for colour-blind readers.
ARM_COLOURS = ("#c1272d", "#2b6ca3", "#c98a1b", "#4d8b57")
BAND_COLOURS = ("#2b6ca3", "#c98a1b", "#c1272d")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure with automatic layout."""
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axis: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Set title and labels, and remove the frame at the top and on the right."""
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)


def log_step_axis(axis: Axes, steps: Iterable[int]) -> None:
    """Make the x axis logarithmic in training steps, with ticks at the steps at which a training was judged."""
    ticks = sorted(set(steps))
    # A tick within a factor 1.5 of the last one is left out: their labels would overlap.
    shown = [step for k, step in enumerate(ticks) if k == 0 or step == ticks[-1] or ticks[-1] / step > 1.5]
    axis.set_xscale("log")
    axis.set_xticks(shown, [str(step) for step in shown])
    axis.minorticks_off()


def shade_outside_band(axis: Axes, band_hz: tuple[float, float]) -> None:
    """Shade frequencies outside the usable band in grey, without changing the limits of the axis."""
    low, high = axis.get_xlim()
    axis.axvspan(min(low, 0.0), band_hz[0] * 0.999, color="0.92", zorder=0, lw=0)
    axis.axvspan(band_hz[1], max(high, band_hz[1]), color="0.92", zorder=0, lw=0)
    axis.set_xlim(low, high)


def legend_above(axis: Axes, columns: int) -> None:
    """Add a legend above the curves, and extend the y axis to make room for it."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.14 * (high - low))
    axis.legend(frameon=False, fontsize=8.5, loc="upper center", ncols=columns)
