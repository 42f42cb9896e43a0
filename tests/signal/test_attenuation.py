"""Attenuation averaged along the path, against the closed form in uniform ground."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.signal.attenuation import attenuate
from spectremor.simulation.elastic import simulate

VS = 2000.0
EXTENT = (3000.0, 2400.0, 3000.0)
TIME = np.arange(800) * 0.01
AXES = (np.array([600.0, 2400.0]), np.array([400.0, 1100.0, 2000.0]))
SENSORS = tuple(np.meshgrid(*AXES, indexing="ij"))
SOURCE = Source.from_angles(position_m=(1500, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)


def ground():
    return make_geology(np.full((6, 5, 7), VS), EXTENT)


def pulses(at_s: float) -> np.ndarray:
    pulse = np.exp(-(((TIME - at_s) / 0.08) ** 2))
    return np.broadcast_to(pulse, (3, 2, 3, len(TIME))).copy()


def test_a_late_pulse_loses_what_its_time_says():
    at, q, reference = 4.0, VS / 10, 5.0
    found = attenuate(pulses(at), TIME, ground(), SOURCE, SENSORS, reference)[0, 0, 0]
    spectrum = np.fft.rfft(pulses(at)[0, 0, 0])
    f = np.fft.rfftfreq(len(TIME), 0.01)
    band = slice(2, 40)
    t_star = at / q
    expected = np.exp(-np.pi * f[band] * t_star - 2j * f[band] * t_star * np.log(reference / f[band]))
    np.testing.assert_allclose((np.fft.rfft(found) / spectrum)[band], expected, atol=6e-3)


def test_an_early_pulse_of_a_long_record_in_slow_ground_loses_no_less(monkeypatch):
    time, at, speed, reference = np.arange(3000) * 0.02, 3.0, 1100.0, 5.0
    pulse = np.broadcast_to(np.exp(-(((time - at) / 0.08) ** 2)), (3, 2, 3, len(time))).copy()
    slow = make_geology(np.full((6, 5, 7), speed), EXTENT)
    found = attenuate(pulse, time, slow, SOURCE, SENSORS, reference)
    f = np.fft.rfftfreq(len(time), 0.02)
    band = (f > 0.5) & (f < 5.0)
    ratio = np.abs(np.fft.rfft(found[0, 0, 0])[band] / np.fft.rfft(pulse[0, 0, 0])[band])
    np.testing.assert_allclose(ratio, np.exp(-np.pi * f[band] * at / (speed / 10)), rtol=0.02)
    # However the matrix is cut.
    monkeypatch.setattr("spectremor.signal.attenuation.PIECE", 5 * len(time))
    np.testing.assert_allclose(attenuate(pulse, time, slow, SOURCE, SENSORS, reference), found, atol=1e-12)


def test_p_waves_lose_less_than_s_waves():
    # Qp is twice Qs: at its own arrival, 1.7 times earlier, a P wave has lost 3.4 times less.
    distance = np.linalg.norm([900.0, 700.0, 1300.0])
    peaks = []
    for speed in (1.7 * VS, VS):
        found = attenuate(pulses(distance / speed), TIME, ground(), SOURCE, SENSORS, 5.0)[2, 0, 0]
        peaks.append(1 - found.max())
    assert peaks[1] / peaks[0] == pytest.approx(3.4, rel=0.25)


def test_linear_and_never_louder():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 3, 2, 3, len(TIME)))
    arguments = (TIME, ground(), SOURCE, SENSORS, 5.0)
    both = attenuate(a + b, *arguments)
    np.testing.assert_allclose(attenuate(a, *arguments) + attenuate(b, *arguments), both, atol=1e-9)
    assert (both**2).sum() < ((a + b) ** 2).sum()


def test_simulate_applies_it_unless_told_not_to():
    settings = {"grid_spacing_m": 150.0, "duration_s": 1.6, "sensors_m": AXES, "lowpass_hz": 4.0}
    elastic = simulate(ground(), SOURCE, attenuation=False, **settings)
    lossy = simulate(ground(), SOURCE, **settings)
    assert elastic.attrs["attenuation"] == "none"
    assert "4 Hz" in lossy.attrs["attenuation"]
    expected = attenuate(elastic.values, elastic.time.values, ground(), SOURCE, SENSORS, 4.0)
    np.testing.assert_allclose(lossy.values, expected, atol=1e-6 * np.abs(expected).max())
    assert np.abs(lossy.values).max() < np.abs(elastic.values).max()
