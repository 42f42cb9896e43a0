"""A picture of a rupture: how far each subfault slips, and when it starts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from spectremor.core.rupture import Rupture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Largest number of lines of equal start.
_LINES = 12


def rupture_figure(rupture: Rupture) -> Figure:
    """Slip in colours (moment, where slip is not known), starts as lines, and the hypocentre as a star.

    Subfaults are seen at right angles to the plane that fits them best: the level distance across, depth downwards.

    Args:
        rupture: of two points or more, or of one.

    Returns:
        A matplotlib figure, which belongs to nothing: `figure.savefig("rupture.png")`.

    Example:
        >>> rupture = Rupture.from_magnitude(
        ...     mw=5.8, hypocentre_m=(15e3, 15e3, -9e3), strike_deg=40, dip_deg=60, rake_deg=90
        ... )
        >>> figure = rupture_figure(rupture)
        >>> figure.axes[0].get_xlabel()
        'along the rupture (km)'
    """
    from matplotlib.figure import Figure

    # A point for each subfault: slip in two directions adds up as vectors, and starts with the earlier of the two.
    assert rupture.subfault is not None  # numbered when made
    _, first = np.unique(rupture.subfault, return_index=True)
    starts = np.full(len(first), np.inf)
    np.minimum.at(starts, rupture.subfault, rupture.start_s)
    along_km, depth_km = _along_m(rupture)[first] / 1000, -rupture.position_m[first, 2] / 1000
    size, label = _size(rupture)
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axis = figure.add_subplot()
    squares = axis.scatter(along_km, depth_km, c=size, s=_square_points(len(first)), marker="s", cmap="magma_r", lw=0)
    figure.colorbar(squares, ax=axis, label=label)
    if len(first) > 3 and np.ptp(starts) > 0 and np.ptp(along_km) > 0 and np.ptp(depth_km) > 0:
        lines = axis.tricontour(along_km, depth_km, starts, levels=_LINES, colors="0.35", linewidths=0.8)
        axis.clabel(lines, fmt="%g s", fontsize=7)
    start = int(np.argmin(starts))
    axis.plot(along_km[start], depth_km[start], marker="*", ms=14, color="white", mec="black")
    axis.set(xlabel="along the rupture (km)", ylabel="depth (km)", aspect="equal")
    axis.invert_yaxis()
    size_in_words = "rigidity unknown" if rupture.needs_rigidity else f"Mw {rupture.mw:.2f}"
    axis.set_title(f"{size_in_words}, {len(first)} subfaults, lines of equal start", fontsize=10)
    return figure


def _along_m(rupture: Rupture) -> Float[np.ndarray, " points"]:
    """Level distance along the direction in which the points spread most, from the first end."""
    level = rupture.position_m[:, :2] - rupture.position_m[:, :2].mean(axis=0)
    _, directions = np.linalg.eigh(level.T @ level)
    along = level @ directions[:, -1]
    return np.asarray(along - along.min())


def _size(rupture: Rupture) -> tuple[Float[np.ndarray, " subfaults"], str]:
    assert rupture.subfault is not None  # numbered when made
    if rupture.slip_m is None:
        return rupture.subfault_moment_nm, "moment (N m)"
    squares = np.zeros(int(rupture.subfault.max()) + 1)
    np.add.at(squares, rupture.subfault, rupture.slip_m**2)
    return np.sqrt(squares), "slip (m)"


def _square_points(count: int) -> float:
    """Area of a marker in points squared, so that so many about fill the axes."""
    return min(400.0, 45_000.0 / max(1, count)) if count else math.nan
