"""How sure a mean over events is: bootstrap intervals, drawn event by event since sensors of one event are alike."""

from __future__ import annotations

import math

import numpy as np
import scipy.special
from jaxtyping import Float

from spectremor.core.seeds import generator

BOOTSTRAP_DRAWS = 2000


def bootstrap_interval(values: Float[np.ndarray, " event"], seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean (Efron & Tibshirani 1993, ch. 13), `widened`; NaN of fewer than two."""
    if len(values) < 2:
        return math.nan, math.nan
    draws = generator(seed, "bootstrap").integers(0, len(values), (BOOTSTRAP_DRAWS, len(values)))
    return widened(values[draws].mean(axis=1), len(values), level)


def bootstrap_of_ratio(
    sums: Float[np.ndarray, " event"], counts: Float[np.ndarray, " event"], seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """As `bootstrap_interval`, of a mean over cases that events hold different numbers of.

    Args:
        sums: of the cases of each event.
        counts: of the cases of each event; events without any are left out.
        seed: one seed, one result.
        level: of the interval.
    """
    there = counts > 0
    sums, counts = sums[there], counts[there]
    if len(sums) < 2:
        return math.nan, math.nan
    draws = generator(seed, "bootstrap").integers(0, len(sums), (BOOTSTRAP_DRAWS, len(sums)))
    return widened(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), len(sums), level)


def widened(draws: Float[np.ndarray, " draw"], events: int, level: float = 0.95) -> tuple[float, float]:
    """Percentiles of a bootstrap, as much wider as Student's t is than the normal: of few events it is too sure."""
    middle, ends = draws.mean(), np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    upper = 0.5 + 0.5 * level
    factor = scipy.special.stdtrit(events - 1, upper) / scipy.special.ndtri(upper) * math.sqrt(events / (events - 1))
    low, high = middle + factor * (ends - middle)
    return float(low), float(high)
