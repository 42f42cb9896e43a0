"""Engineering measures against closed forms and against eqsig."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.signal import intensity, response
from spectremor.signal.calculus import derivative
from spectremor.signal.spectra import amplitude_spectrum

DT = 0.01
TIME = np.arange(2000) * DT
OMEGA = 2 * np.pi * 2.0
#: Velocity whose acceleration is OMEGA cos(OMEGA t).
SINE = np.sin(OMEGA * TIME)


def noise(seed: int = 0, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = np.cumsum(rng.standard_normal((*shape, 900)), axis=-1)
    return np.stack([np.convolve(t, np.hanning(9) / 4, "same") for t in smooth.reshape(-1, 900)]).reshape(*shape, 900)


def test_peaks_of_a_sine() -> None:
    assert intensity.peak_velocity(SINE) == pytest.approx(1.0, abs=3e-3)
    assert intensity.peak_acceleration(SINE, DT) == pytest.approx(OMEGA, rel=2e-3)
    assert intensity.peak_displacement(SINE, DT) == pytest.approx(2 / OMEGA, rel=2e-3)


def test_integrals_of_a_sine() -> None:
    length = TIME[-1]
    arias = np.pi / (2 * 9.80665) * OMEGA**2 * length / 2
    assert intensity.arias_intensity(SINE, DT) == pytest.approx(arias, rel=2e-3)
    assert intensity.cumulative_absolute_velocity(SINE, DT) == pytest.approx(OMEGA * length * 2 / np.pi, rel=2e-3)
    assert intensity.significant_duration(SINE, DT) == pytest.approx(0.9 * length, rel=5e-3)


def test_duration_is_nan_at_rest_and_scale_free() -> None:
    motion = noise(1, 2)
    motion[1] = 0.0
    found = intensity.significant_duration(motion, DT)
    assert np.isnan(found[1])
    assert intensity.significant_duration(1e-8 * motion[0], DT) == pytest.approx(found[0])


def test_integrals_equal_eqsig() -> None:
    eqsig = pytest.importorskip("eqsig")
    velocity = noise(2)
    record = eqsig.AccSignal(derivative(velocity, DT), DT)
    assert intensity.arias_intensity(velocity, DT) == pytest.approx(eqsig.im.calc_arias_intensity(record)[-1], rel=5e-3)
    assert intensity.cumulative_absolute_velocity(velocity, DT) == pytest.approx(
        eqsig.im.calc_cav(record)[-1], rel=5e-3
    )
    assert intensity.significant_duration(velocity, DT) == pytest.approx(
        eqsig.im.calc_sig_dur_vals(derivative(velocity, DT), DT), abs=6 * DT
    )


@pytest.mark.parametrize("damping", [0.0, 0.02, 0.05, 0.3])
def test_oscillator_equals_eqsig(damping: float) -> None:
    sdof = pytest.importorskip("eqsig.sdof")
    acceleration, periods = derivative(noise(3), DT), np.array([0.05, 0.2, 1.0, 7.0])
    expected = sdof.response_series(acceleration, DT, periods, damping)[0]
    for period, series in zip(periods, expected, strict=True):
        found = response.oscillator_displacement(acceleration, DT, period, damping)
        np.testing.assert_allclose(np.abs(found), np.abs(series), atol=1e-6 * np.abs(series).max())


def test_oscillator_under_a_step_in_acceleration() -> None:
    """Closed form: u(t) = -(a / w^2) (1 - e^(-z w t) (cos wd t + z / sqrt(1 - z^2) sin wd t))."""
    period, z, a = 0.7, 0.05, 3.0
    w, wd = 2 * np.pi / period, 2 * np.pi / period * np.sqrt(1 - 0.05**2)
    exact = -a / w**2 * (1 - np.exp(-z * w * TIME) * (np.cos(wd * TIME) + z / np.sqrt(1 - z**2) * np.sin(wd * TIME)))
    found = response.oscillator_displacement(np.full(len(TIME), a), DT, period, z)
    np.testing.assert_allclose(found, exact, atol=1e-12)


def test_spectrum_limits() -> None:
    """SA tends to PGA at short periods and to w^2 times the displacement at long ones."""
    velocity = np.exp(-(((TIME - 5.0) / 0.5) ** 2)) * np.sin(4 * np.pi * (TIME - 5.0))
    spectrum = response.response_spectrum(velocity, DT, np.array([0.01, 200.0]))
    assert spectrum[0] == pytest.approx(intensity.peak_acceleration(velocity, DT), rel=0.02)
    long = spectrum[1] / (2 * np.pi / 200.0) ** 2
    assert long == pytest.approx(intensity.peak_displacement(velocity, DT), rel=0.1)


def test_resonance_grows_to_one_over_twice_the_damping() -> None:
    time = np.arange(8000) * DT
    velocity = np.sin(OMEGA * time)
    amplification = response.response_spectrum(velocity, DT, np.array([0.5]))[0] / OMEGA
    assert amplification == pytest.approx(1 / (2 * 0.05), rel=0.02)


def test_rotd_of_a_linear_motion() -> None:
    """All motion along one azimuth: RotD100 is the spectrum along it, RotD50 is cos(45 degrees) of that."""
    along, periods = noise(4), np.array([0.3, 1.0])
    turned = np.stack([np.cos(0.7) * along, np.sin(0.7) * along])
    full = response.response_spectrum(along, DT, periods)
    half, whole = response.rotd(turned, DT, periods)
    np.testing.assert_allclose(whole, full, rtol=1e-3)
    np.testing.assert_allclose(half, full * np.cos(np.pi / 4), rtol=0.01)


def test_rotd_does_not_know_the_axes() -> None:
    motion, periods = noise(5, 4, 2), np.array([0.2, 2.0])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turned = np.einsum("ij,bjt->bit", np.array([[c, -s], [s, c]]), motion)
    found = response.rotd(motion, DT, periods)
    assert found.shape == (2, 4, 2)
    np.testing.assert_allclose(response.rotd(turned, DT, periods), found, rtol=1e-9)
    single = response.response_spectrum(motion, DT, periods)
    assert np.all(found[1] >= single.max(axis=1) - 1e-9)
    assert np.all(found[0] <= found[1])


def test_rotd_equals_a_plain_loop() -> None:
    motion, period = noise(6, 2), 0.4
    peaks = [
        response.response_spectrum(np.cos(t) * motion[0] + np.sin(t) * motion[1], DT, np.array([period]), 0.1)[0]
        for t in np.deg2rad(np.arange(180))
    ]
    found = response.rotd(motion, DT, np.array([period]), damping=0.1)[:, 0]
    np.testing.assert_allclose(found, np.percentile(peaks, [50, 100]), rtol=1e-9)


def test_band_marks() -> None:
    frequency = np.array([0.05, 0.1, 1.0, 5.0, 5.1])
    assert response.usable_frequencies(frequency, (0.1, 5.0)).tolist() == [False, True, True, True, False]
    assert response.usable_frequencies(frequency, (0.0, 5.0), duration_s=5.0).tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("period", "damping"), [(0.0, 0.05), (float("nan"), 0.05), (1.0, 1.0), (1.0, -0.1)])
def test_bad_oscillators_are_refused(period: float, damping: float) -> None:
    with pytest.raises(InputError, match="response"):
        response.oscillator_displacement(np.zeros(10), DT, period, damping)


def test_peaks_and_spectra_equal_eqsig() -> None:
    """PGA, PGV, PGD, Fourier amplitude and SA at several dampings of one record, each from eqsig's own integration."""
    eqsig = pytest.importorskip("eqsig")
    velocity = noise(7)
    velocity -= velocity[0]
    record = eqsig.AccSignal(derivative(velocity, DT), DT)
    assert intensity.peak_acceleration(velocity, DT) == pytest.approx(record.pga, rel=1e-9)
    assert intensity.peak_velocity(velocity) == pytest.approx(record.pgv, rel=5e-3)
    assert intensity.peak_displacement(velocity, DT) == pytest.approx(record.pgd, rel=5e-3)
    periods = np.array([0.2, 0.5, 2.0])
    for damping in (0.02, 0.05, 0.2):
        record.gen_response_spectrum(response_times=periods, xi=damping)
        own = response.response_spectrum(velocity, DT, periods, damping=damping, oversample=1)
        np.testing.assert_allclose(own, record.s_a, rtol=5e-3)
    amplitude = amplitude_spectrum(derivative(velocity, DT), DT)
    frequency = np.fft.rfftfreq(len(velocity), DT)
    shared = np.interp(record.fa_frequencies, frequency, amplitude)
    # eqsig pads to a power of two: the same spectrum on other frequencies.
    assert np.sqrt((shared**2).mean()) == pytest.approx(np.sqrt((np.abs(record.fa_spectrum) ** 2).mean()), rel=0.15)


def test_the_peak_of_each_rotation_equals_eqsig() -> None:
    """RotD50 and RotD100 from eqsig's spectrum of the motion turned degree by degree."""
    eqsig = pytest.importorskip("eqsig")
    motion, periods = noise(8, 2), np.array([0.3, 1.0])
    turned = []
    for t in np.deg2rad(np.arange(0, 180, 3)):
        record = eqsig.AccSignal(derivative(np.cos(t) * motion[0] + np.sin(t) * motion[1], DT), DT)
        record.gen_response_spectrum(response_times=periods, xi=0.05)
        turned.append(record.s_a)
    expected = np.percentile(turned, [50, 100], axis=0)
    found = response.rotd(motion, DT, periods, oversample=1, angles=60)
    np.testing.assert_allclose(found, expected, rtol=5e-3)
