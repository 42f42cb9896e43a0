"""A figure of a rupture: slip and start time of its subfaults."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from spectremor.core.rupture import Rupture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Largest number of contour lines of the start time.
_LINES = 12


def rupture_figure(rupture: Rupture) -> Figure:
    """Slip as colours (moment if slip is unknown), start times as contour lines, and the hypocentre as a star.

    The horizontal axis is the distance along the horizontal direction in which the subfaults spread most; the vertical
    axis is depth.

    Args:
        rupture: one with any number of points.

    Returns:
        A matplotlib figure; write it with `figure.savefig("rupture.png")`.

    Example:
        >>> rupture = Rupture.from_magnitude(
        ...     mw=5.8, hypocentre_m=(15e3, 15e3, -9e3), strike_deg=40, dip_deg=60, rake_deg=90
        ... )
        >>> figure = rupture_figure(rupture)
        >>> figure.axes[0].get_xlabel()
        'along the rupture (km)'
    """
    from matplotlib.figure import Figure

    # One marker per subfault. A subfault with slip in two directions starts at the earlier of its two start times.
    assert rupture.subfault is not None  # a rupture numbers its subfaults when it is made
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
    hypocentre = int(np.argmin(starts))
    axis.plot(along_km[hypocentre], depth_km[hypocentre], marker="*", ms=14, color="white", mec="black")
    axis.set(xlabel="along the rupture (km)", ylabel="depth (km)", aspect="equal")
    axis.invert_yaxis()
    size_in_words = "rigidity unknown" if rupture.needs_rigidity else f"Mw {rupture.mw:.2f}"
    axis.set_title(f"{size_in_words}, {len(first)} subfaults; lines: start time", fontsize=10)
    return figure


def _along_m(rupture: Rupture) -> Float[np.ndarray, " points"]:
    """Distance in m along the horizontal direction in which the points spread most, from one end."""
    horizontal = rupture.position_m[:, :2] - rupture.position_m[:, :2].mean(axis=0)
    _, directions = np.linalg.eigh(horizontal.T @ horizontal)
    along = horizontal @ directions[:, -1]
    return np.asarray(along - along.min())


def _size(rupture: Rupture) -> tuple[Float[np.ndarray, " subfaults"], str]:
    """Slip or moment of each subfault, and its label."""
    assert rupture.subfault is not None  # a rupture numbers its subfaults when it is made
    if rupture.slip_m is None:
        return rupture.subfault_moment_nm, "moment (N m)"
    squares = np.zeros(int(rupture.subfault.max()) + 1)
    np.add.at(squares, rupture.subfault, rupture.slip_m**2)
    return np.sqrt(squares), "slip (m)"


def _square_points(count: int) -> float:
    """Area of a marker in points squared, so that `count` markers roughly fill the axes."""
    return min(400.0, 45_000.0 / max(1, count)) if count else math.nan
