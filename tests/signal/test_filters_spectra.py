"""Filters keep what they must; spectra and smoothing obey their closed forms."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.signal import calculus, filters, spectra

DT = 0.01


def sine(hertz: float, samples: int = 4000, dt: float = DT) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(samples) * dt)


@pytest.mark.parametrize("hertz", [0.5, 2.0, 5.0, 8.0])
def test_low_pass_gain_is_the_squared_butterworth_and_delays_nothing(hertz: float) -> None:
    wave = sine(hertz)
    warped = np.tan(np.pi * hertz * DT) / np.tan(np.pi * 5.0 * DT)
    middle = slice(1000, 3000)
    np.testing.assert_allclose(filters.low_pass(wave, DT, 5.0)[middle], wave[middle] / (1 + warped**8), atol=1e-3)


def test_high_pass_and_band_pass() -> None:
    mixed = sine(0.2) + sine(3.0) + sine(20.0)
    middle = slice(1000, 3000)
    np.testing.assert_allclose(filters.band_pass(mixed, DT, 1.0, 8.0)[middle], sine(3.0)[middle], atol=0.02)
    np.testing.assert_allclose(filters.high_pass(mixed, DT, 1.0)[middle], (sine(3.0) + sine(20.0))[middle], atol=0.02)


def test_filters_refuse_what_they_cannot_do() -> None:
    with pytest.raises(InputError, match="Nyquist"):
        filters.low_pass(np.zeros(100), DT, 50.0)
    with pytest.raises(InputError, match="more than 15"):
        filters.low_pass(np.zeros(15), DT, 5.0)
    with pytest.raises(InputError, match="lower corner"):
        filters.band_pass(np.zeros(100), DT, 5.0, 2.0)
    assert filters.low_pass(np.zeros(16), DT, 5.0).shape == (16,)


def test_resample_keeps_time() -> None:
    wave = sine(3.0)
    for step in (0.02, 0.004, 0.0125):
        new = filters.resample(wave, DT, step)
        inner = slice(len(new) // 4, 3 * len(new) // 4)
        np.testing.assert_allclose(new[inner], sine(3.0, len(new), step)[inner], atol=5e-3)
    with pytest.raises(InputError):
        filters.resample(wave, DT, DT * np.pi)


def test_decimation_is_filter_then_every_second() -> None:
    wave = np.random.default_rng(0).standard_normal((2, 800)).astype(np.float32)
    out = filters.decimate(wave, DT, 2, 5.0)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, filters.low_pass(wave, DT, 5.0)[:, ::2])


def test_amplitude_spectrum_of_a_sine() -> None:
    wave = 3.0 * sine(5.0, 1000)
    spectrum = spectra.amplitude_spectrum(wave, DT)
    frequency = spectra.frequencies(1000, DT)
    assert frequency[spectrum.argmax()] == pytest.approx(5.0)
    assert spectrum.max() == pytest.approx(3.0 * 10.0 / 2)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(st.integers(0, 2**32 - 1), st.floats(5, 100))
def test_smoothing_is_a_mean(seed: int, bandwidth: float) -> None:
    frequency = spectra.frequencies(320, 0.02)
    values = np.random.default_rng(seed).random((2, len(frequency)))
    smooth = spectra.konno_ohmachi(values, frequency, bandwidth=bandwidth)
    assert smooth.shape == values.shape
    assert np.all(smooth >= values.min(axis=-1, keepdims=True) - 1e-12)
    assert np.all(smooth <= values.max(axis=-1, keepdims=True) + 1e-12)
    np.testing.assert_allclose(spectra.konno_ohmachi(np.ones_like(values), frequency), 1.0)


def test_smoothing_equals_obspy() -> None:
    oracle = pytest.importorskip("obspy.signal.konnoohmachismoothing")
    frequency = spectra.frequencies(320, 0.02)
    values = np.random.default_rng(3).random(len(frequency))
    expected = oracle.konno_ohmachi_smoothing(values, frequency, bandwidth=40, normalize=True)
    np.testing.assert_allclose(spectra.konno_ohmachi(values, frequency), expected, rtol=2e-3)


def test_calculus_of_a_sine() -> None:
    """5 Hz at 50 Hz: a tenth of the sampling rate."""
    omega, time = 2 * np.pi * 5.0, np.arange(320) * 0.02
    wave, inner = np.sin(omega * time), slice(20, -20)
    assert np.abs(calculus.derivative(wave, 0.02) - omega * np.cos(omega * time))[inner].max() < 2e-3 * omega
    integral = calculus.integral(wave, 0.02)
    assert integral[0] == 0
    assert np.abs(integral - (1 - np.cos(omega * time)) / omega)[inner].max() < 3e-3 / omega
    np.testing.assert_allclose(calculus.refine(wave, 4)[::4], wave, atol=1e-12)


@pytest.mark.parametrize("samples", [200, 201])
def test_band_rms_splits_the_energy(samples: int) -> None:
    """Parseval: the squares over bands that cover all frequencies add up to the mean square of the trace."""
    trace = np.random.default_rng(0).standard_normal((2, samples))
    bands = ((0.0, 10.0), (10.0, 30.0), (30.0, 50.0))
    rms = spectra.band_rms(trace, DT, bands)
    np.testing.assert_allclose((rms**2).sum(axis=-1), (trace**2).mean(axis=-1), rtol=1e-12)
    wave = 3.0 * sine(20.0, 1000)
    np.testing.assert_allclose(spectra.band_rms(wave, DT, bands), [0, 3 / np.sqrt(2), 0], atol=1e-9)
    assert np.isnan(spectra.band_rms(trace, DT, ((60.0, 70.0),))).all()
