"""A few sensors that stand for all: one from each stratum of amplitude, and what that costs in certainty."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.seeds import generator


def stratified_sensors(
    amplitude: Float[np.ndarray, " sensor"], count: int | None, seed: int, sample: int
) -> Int[np.ndarray, " chosen"]:
    """`count` sensors: the sensors in order of amplitude are cut into `count` strata, one drawn from each.

    Args:
        amplitude: the reference's peak velocity; NaN counts as the smallest.
        count: None, or as many as there are: all of them.
        seed: master seed.
        sample: number of the event, so that events draw apart.

    Returns:
        Sensor numbers in order of amplitude (of position, if all).
    """
    total = len(amplitude)
    if count is None or count >= total:
        return np.arange(total)
    order = np.argsort(np.nan_to_num(amplitude, nan=-1.0), kind="stable")
    # Of whole sensors: they differ by one at most, and no sensor is in two.
    edges = np.linspace(0, total, count + 1).round().astype(int)
    place = generator(seed, "sensors", sample).random(count)
    return order[edges[:-1] + (place * np.diff(edges)).astype(int)]


def stratified_error(values: Float[np.ndarray, " chosen"], total: int) -> float:
    """Standard error of the mean over all `total` sensors, from one sensor per stratum in order of amplitude.

    Neighbouring strata are joined in pairs (Cochran 1977, sec. 5A.12): a little too large rather than too small.
    """
    if len(values) >= total:
        return 0.0
    defined = values[~np.isnan(values)]
    n = len(defined)
    if n < 2:
        return math.nan
    steps = np.diff(defined)
    variance = (steps**2).sum() / (2 * (n - 1)) / n
    return math.sqrt(variance * (1 - n / total))
