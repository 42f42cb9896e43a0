"""Recursive filters, for a few short traces without scipy.signal.

The import of scipy.signal takes a second, since it imports much of scipy. The size of the traces alone decides which
code runs, so that a result has the same bytes whatever else has been imported. A test checks that both agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

#: Largest size of an array of traces that is filtered here, sample by sample over all traces.
FEW = 200_000


def recursive_filter(
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray,
    traces: Float[np.ndarray, "*batch time"],
    start: Float[np.ndarray, "*batch order"] | None = None,
) -> Float[np.ndarray, "*batch time"]:
    """The result of `scipy.signal.lfilter` along the last axis.

    Args:
        numerator: coefficients of the input, newest first.
        denominator: coefficients of the output, the same number, the first of them 1.
        traces: any unit, time last.
        start: state of the filter before the first sample (direct form II transposed); None: at rest.
    """
    order = len(denominator) - 1
    begin = np.zeros((*traces.shape[:-1], order)) if start is None else start
    if traces.size > FEW:
        import scipy.signal

        filtered: np.ndarray = scipy.signal.lfilter(numerator, denominator, traces, axis=-1, zi=begin)[0]
        return filtered
    state = [*np.moveaxis(begin.astype(float), -1, 0), np.zeros(traces.shape[:-1])]
    out = np.empty((traces.shape[-1], *traces.shape[:-1]))
    for n, x in enumerate(np.moveaxis(traces.astype(float), -1, 0)):
        y = out[n] = numerator[0] * x + state[0]
        for k in range(order):
            state[k] = numerator[k + 1] * x - denominator[k + 1] * y + state[k + 1]
    return np.ascontiguousarray(np.moveaxis(out, 0, -1))
