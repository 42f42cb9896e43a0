"""Another corner frequency: the filter against the moment rate itself, and Brune's corner."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.source import brune_rise_time_s, moment_from_mw
from spectremor.signal.corner import with_rise_time
from spectremor.signal.filters import low_pass

T = np.arange(1000) * 0.01


#: Fine enough for the kink where the shortest moment rate begins.
FINE_STEP_S = 0.0025
FINE_T = np.arange(4000) * FINE_STEP_S


def rate(tau_s: float) -> np.ndarray:
    t = np.maximum(FINE_T - 1.0, 0)
    return t / tau_s**2 * np.exp(-t / tau_s)


@pytest.mark.parametrize("new", [0.04, 0.1, 0.3, 1.0])
def test_the_moment_rate_of_another_rise_time(new):
    """Below 5 Hz, to 1%."""
    filtered = with_rise_time(rate(0.1), FINE_STEP_S, 0.1, new)
    got, expected = (low_pass(trace, FINE_STEP_S, 5.0) for trace in (filtered, rate(new)))
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()


def test_the_response_is_the_formula():
    """Of a smooth pulse, frequency by frequency: modulus and phase."""
    pulse = np.exp(-(((T - 3) / 0.06) ** 2))
    out = with_rise_time(pulse[None], 0.01, 0.1, 0.25)[0]
    w = 2 * np.pi * np.fft.rfftfreq(4000, 0.01)
    ratio = np.fft.rfft(out, 4000) / np.fft.rfft(pulse, 4000)
    used = w < 2 * np.pi * 5
    formula = ((1 + 0.1j * w) / (1 + 0.25j * w)) ** 2
    assert np.abs(ratio - formula)[used].max() < 1e-3


def test_nothing_moves_before_the_motion_begins():
    pulse = np.where(T > 3, np.sin(T), 0)
    assert np.abs(with_rise_time(pulse, 0.01, 0.1, 0.05)[T < 2.9]).max() < 1e-6 * np.abs(pulse).max()


def test_there_and_back():
    trace = low_pass(np.random.default_rng(0).standard_normal((2, 3, 1000)), 0.01, 5.0)
    back = with_rise_time(with_rise_time(trace, 0.01, 0.1, 0.3), 0.01, 0.3, 0.1)
    assert np.abs(back - trace).max() < 2e-3 * np.abs(trace).max()


@pytest.mark.parametrize("times", [(0.01, 0.1, 0.0), (0.01, -0.1, 0.1), (math.nan, 0.1, 0.2)])
def test_times_must_be_positive(times):
    with pytest.raises(InputError, match=r"^corner\..*: got .*; allowed: a positive number of seconds$"):
        with_rise_time(T, *times)


def test_brunes_corner():
    """A rise time of 0.1 s is 18 MPa for Mw 4.9 at 3770 m/s, and Mw 4.3 to 4.5 for 5 MPa."""
    assert brune_rise_time_s(moment_from_mw(4.9), 3770.0, 18e6) == pytest.approx(0.1, rel=5e-3)
    assert brune_rise_time_s(moment_from_mw(4.3), 3770.0) < 0.1 < brune_rise_time_s(moment_from_mw(4.55), 3770.0)
    # Ten times the length scale at the same stress drop: a thousand times the moment.
    assert brune_rise_time_s(1e18, 3000.0) == pytest.approx(10 * brune_rise_time_s(1e15, 3000.0))


@pytest.mark.parametrize("numbers", [(0.0, 3000.0, 5e6), (1e16, -1.0, 5e6), (1e16, 3000.0, math.nan)])
def test_brunes_corner_of_nothing_is_refused(numbers):
    with pytest.raises(InputError, match=r"allowed: a positive number$"):
        brune_rise_time_s(*numbers)
