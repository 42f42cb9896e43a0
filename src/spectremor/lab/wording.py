"""Numbers and differences in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.special

from spectremor.lab.scoring import mean, spread, standard_error


def with_spread(values: Sequence[float] | np.ndarray) -> str:
    """`mean ± standard deviation` of the values that are not NaN; a single value without ±."""
    array = np.asarray(values, dtype=float)
    if np.isnan(array).all():
        return "undefined"
    if int((~np.isnan(array)).sum()) == 1:
        return f"{mean(array):.2f}"
    return f"{mean(array):.2f} ± {spread(values):.2f}"


def over_trainings(count: int) -> str:
    """What the numbers of an arm are taken over."""
    return "one training" if count == 1 else f"mean and spread over {count} trainings"


def compare(values: Sequence[float] | np.ndarray, others: Sequence[float] | np.ndarray) -> str:
    """`higher than`, `lower than` or `not distinguishable from`: the sign of the mean difference of paired values.

    The means are distinguishable if the 95% interval (Student's t) of the mean difference excludes 0; that needs at
    least two pairs.
    """
    difference = np.asarray(values, dtype=float) - np.asarray(others, dtype=float)
    middle, error = mean(difference), standard_error(difference)
    pairs = int((~np.isnan(difference)).sum())
    if pairs < 2 or abs(middle) <= scipy.special.stdtrit(pairs - 1, 0.975) * error:
        return "not distinguishable from"
    return "higher than" if middle > 0 else "lower than"
