"""Recursive filters, written out for a few short traces, where loading scipy.signal costs most.

scipy.signal brings scipy.stats and half of scipy with it, a second of start-up. The size of the traces alone decides,
so a result is the same bytes whatever else has been loaded. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

#: Numbers up to which the filter is run here, sample by sample over all traces.
FEW = 200_000


def recursive_filter(
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray,
    traces: Float[np.ndarray, "*batch time"],
    start: Float[np.ndarray, "*batch order"] | None = None,
) -> Float[np.ndarray, "*batch time"]:
    """What `scipy.signal.lfilter` gives along the last axis.

    Args:
        numerator: coefficients of the input, newest first.
        denominator: coefficients of the output, as many, the first of them 1.
        traces: any unit, time last.
        start: state of the filter before the first sample (direct form II transposed); None: at rest.
    """
    order = len(denominator) - 1
    begin = np.zeros((*traces.shape[:-1], order)) if start is None else start
    if traces.size > FEW:
        import scipy.signal

        whole: np.ndarray = scipy.signal.lfilter(numerator, denominator, traces, axis=-1, zi=begin)[0]
        return whole
    state = [*np.moveaxis(begin.astype(float), -1, 0), np.zeros(traces.shape[:-1])]
    out = np.empty((traces.shape[-1], *traces.shape[:-1]))
    for n, x in enumerate(np.moveaxis(traces.astype(float), -1, 0)):
        y = out[n] = numerator[0] * x + state[0]
        for k in range(order):
            state[k] = numerator[k + 1] * x - denominator[k + 1] * y + state[k + 1]
    return np.ascontiguousarray(np.moveaxis(out, 0, -1))
