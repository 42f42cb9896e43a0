"""The spline written out and scipy's agree, of two samples and of many."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from spectremor.core.errors import InputError
from spectremor.signal import calculus


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    samples=st.integers(2, 80) | st.sampled_from([320, 1001]),
    lead=st.sampled_from([(), (1,), (2, 3)]),
    dt_s=st.floats(1e-3, 10.0),
    scale=st.floats(1e-9, 1e9),
    factor=st.integers(2, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_gives_what_scipy_gives(
    samples: int, lead: tuple[int, ...], dt_s: float, scale: float, factor: int, seed: int
) -> None:
    traces = scale * np.random.default_rng(seed).standard_normal((*lead, samples))
    time_s = np.arange(samples) * dt_s
    spline = CubicSpline(time_s, traces, axis=-1)
    slope, area = spline.derivative()(time_s), spline.antiderivative()(time_s)
    fine = spline(np.arange((samples - 1) * factor + 1) * (dt_s / factor))
    for found, expected in (
        (calculus.derivative(traces, dt_s), slope),
        (calculus.integral(traces, dt_s), area),
        (calculus.refine(traces, factor), fine),
    ):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("samples", [4, 5, 40])
def test_a_cubic_is_its_own_spline(samples: int) -> None:
    time_s = np.arange(samples) * 0.5
    trace = time_s**3 - 4 * time_s**2 + time_s - 2
    largest = 1 + np.abs(trace).max()
    slope, area = 3 * time_s**2 - 8 * time_s + 1, time_s**4 / 4 - 4 * time_s**3 / 3 + time_s**2 / 2 - 2 * time_s
    np.testing.assert_allclose(calculus.derivative(trace, 0.5), slope, atol=1e-12 * largest)
    np.testing.assert_allclose(calculus.integral(trace, 0.5), area, rtol=1e-12, atol=1e-12 * largest)


def test_the_traces_given_stay_as_they_are_and_may_be_single_precision() -> None:
    traces = np.random.default_rng(0).standard_normal((3, 50)).astype(np.float32)
    before = traces.copy()
    single = [calculus.derivative(traces, 0.02), calculus.integral(traces, 0.02), calculus.refine(traces, 3)]
    double = traces.astype(np.float64)
    expected = [calculus.derivative(double, 0.02), calculus.integral(double, 0.02), calculus.refine(double, 3)]
    np.testing.assert_array_equal(traces, before)
    for one, other in zip(single, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("trace", [[1.0], [1.0, np.nan, 2.0, 3.0], [1.0, np.inf, 2.0, 3.0, 4.0]])
def test_one_sample_and_what_is_not_finite_are_refused(trace: list[float]) -> None:
    for refused in (lambda t: calculus.derivative(t, 0.1), lambda t: calculus.integral(t, 0.1)):
        with pytest.raises(InputError, match="traces: got"):
            refused(np.array(trace))
