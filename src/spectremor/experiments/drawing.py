"""One look for the figures of all experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from spectremor.evaluation.overview import FULL_COLOUR, STAGE1_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUTH, STAGE1, BOTH, AKIN = "truth", "stage 1", "both stages", "both stages, correlated noise"
COLOURS = {TRUTH: "#1a1a1a", STAGE1: STAGE1_COLOUR, BOTH: FULL_COLOUR, AKIN: "#2b6ca3"}
#: For arms that have no fixed colour; distinguishable without colour vision.
ARM_COLOURS = ("#c1272d", "#2b6ca3", "#c98a1b", "#4d8b57")
BAND_COLOURS = ("#2b6ca3", "#c98a1b", "#c1272d")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that lays itself out."""
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axis: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Labels, and no frame where nothing is."""
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)
