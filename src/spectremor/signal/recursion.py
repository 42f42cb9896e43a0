"""Recursive filters, for a wavefield's traces without scipy.signal.

The import of scipy.signal takes longer than the filters of one wavefield, since it imports much of scipy. The size of
the traces alone decides which code runs, so that a result has the same bytes whatever else has been imported. A test
checks that both agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

#: Largest size of an array of traces that is filtered here, sample by sample over all traces.
FEW = 4_000_000


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
    # Time first: each step then reads and writes whole rows.
    inputs = np.ascontiguousarray(traces.reshape(-1, traces.shape[-1]).T, dtype=float)
    state = [*begin.reshape(-1, order).astype(float).T.copy(), np.zeros(inputs.shape[1])]
    out, part = np.empty_like(inputs), np.empty(inputs.shape[1])
    for x, y in zip(inputs, out, strict=True):
        np.add(np.multiply(x, numerator[0], out=y), state[0], out=y)
        for k in range(order):
            np.multiply(x, numerator[k + 1], out=state[k])
            state[k] -= np.multiply(y, denominator[k + 1], out=part)
            state[k] += state[k + 1]
    return np.ascontiguousarray(out.T).reshape(traces.shape)
