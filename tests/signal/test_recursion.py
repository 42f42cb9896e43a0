"""The filter written out and scipy's agree, on both sides of the size at which one takes over from the other."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from spectremor.signal import recursion
from spectremor.signal.recursion import recursive_filter

FILTERS = [([0.3, 0.2], [1.0, -0.5]), ([0.1, 0.2, 0.05], [1.0, -1.2, 0.5])]


@pytest.mark.parametrize(("numerator", "denominator"), FILTERS)
@pytest.mark.parametrize("few", [0, 10**9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gives_what_scipy_gives(numerator, denominator, few, dtype, monkeypatch):
    monkeypatch.setattr(recursion, "FEW", few)
    rng = np.random.default_rng(0)
    traces = rng.standard_normal((2, 3, 50)).astype(dtype)
    start = rng.standard_normal((2, 3, len(denominator) - 1))
    expected = scipy.signal.lfilter(numerator, denominator, traces, axis=-1, zi=start)[0]
    np.testing.assert_allclose(recursive_filter(numerator, denominator, traces, start), expected, atol=1e-12)
    at_rest = scipy.signal.lfilter(numerator, denominator, traces.astype(float), axis=-1)
    np.testing.assert_allclose(recursive_filter(numerator, denominator, traces), at_rest, atol=1e-12)
