"""Numbers in sentences, and what may be said of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spectremor.experiments.scoring import mean, spread, standard_error

_FEWEST_PAIRS = 3


def with_spread(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """`mean +- standard deviation`; a single value stands alone."""
    array = np.asarray(values, dtype=float)
    if np.isnan(array).all():
        return "undefined"
    if int((~np.isnan(array)).sum()) == 1:
        return f"{mean(array):.{digits}f}"
    return f"{mean(np.asarray(values, dtype=float)):.{digits}f} ± {spread(values):.{digits}f}"


def over_trainings(count: int) -> str:
    """What stands behind a number of an arm."""
    return "one training" if count == 1 else f"mean and spread over {count} trainings"


def compare(values: Sequence[float] | np.ndarray, others: Sequence[float] | np.ndarray) -> str:
    """`higher than`, `lower than` or `not distinguishable from`: paired differences against two standard errors.

    Of fewer than three pairs nothing is said: their standard error is too uncertain itself.
    """
    difference = np.asarray(values, dtype=float) - np.asarray(others, dtype=float)
    middle, error = mean(difference), standard_error(difference)
    pairs = int((~np.isnan(difference)).sum())
    if math.isnan(middle) or pairs < _FEWEST_PAIRS or abs(middle) <= 2 * error:
        return "not distinguishable from"
    return "higher than" if middle > 0 else "lower than"
