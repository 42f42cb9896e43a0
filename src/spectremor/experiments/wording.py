"""Numbers in sentences, and what may be said of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spectremor.experiments.scoring import mean, spread, standard_error


def with_spread(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """`mean +- standard deviation`; a single value stands alone."""
    array = np.asarray(values, dtype=float)
    if int((~np.isnan(array)).sum()) == 1:
        return f"{mean(array):.{digits}f}"
    return f"{mean(np.asarray(values, dtype=float)):.{digits}f} ± {spread(values):.{digits}f}"


def over_trainings(count: int) -> str:
    """What stands behind a number of an arm."""
    return "one training" if count == 1 else f"mean and spread over {count} trainings"


def compare(values: Sequence[float] | np.ndarray, others: Sequence[float] | np.ndarray) -> str:
    """`higher than`, `lower than` or `not distinguishable from`: paired differences against two standard errors."""
    difference = np.asarray(values, dtype=float) - np.asarray(others, dtype=float)
    middle, error = mean(difference), standard_error(difference)
    pairs = int((~np.isnan(difference)).sum())
    if math.isnan(middle) or pairs < 2 or abs(middle) <= 2 * error:
        return "not distinguishable from"
    return "higher than" if middle > 0 else "lower than"
