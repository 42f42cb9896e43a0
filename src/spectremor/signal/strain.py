"""Differences of motion between neighbouring sensors, which strain pipes, bridges and long buildings."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.signal.response import rotd_peak


def peak_differences(
    field: Float[np.ndarray, "3 x y time"], steps: int = 1, angles: int = 36
) -> Float[np.ndarray, " pair"]:
    """RotD50 of the peak difference of horizontal motion between sensors some steps apart, in the motion's unit.

    Over all pairs along x, then along y. Divided by the sensors' distance, a difference of velocities is a strain rate
    and a difference of displacements a strain. NaN for a pair with a NaN sample.

    Args:
        field: (East, North, Up) on a regular grid.
        steps: distance between the two sensors, in grid steps.
        angles: directions over which the median is taken, see `signal.response.rotd_peak`.
    """
    horizontal = np.moveaxis(field[:2], 0, -2).astype(float)
    along_x = (horizontal[steps:] - horizontal[:-steps]).reshape(-1, *horizontal.shape[-2:])
    along_y = (horizontal[:, steps:] - horizontal[:, :-steps]).reshape(-1, *horizontal.shape[-2:])
    differences = np.concatenate([along_x, along_y])
    if not len(differences):
        return np.full(0, np.nan)
    return np.asarray(rotd_peak(differences, (50.0,), angles)[0])
