"""Q that grows with frequency: the loss, the phase that makes it causal, and where it is stated."""

from __future__ import annotations

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.q_law import QLaw, q_law_of, with_q_law
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.signal.attenuation import attenuate, response

FREQUENCY = np.fft.rfftfreq(1 << 16, 0.001)
LAW = QLaw(0.4, 2.0)
GROUND = make_geology(np.full((6, 5, 7), 2000.0), (3000.0, 2400.0, 3000.0))


def test_loss():
    found = np.abs(response(FREQUENCY, 0.05, 5.0, LAW))
    quality = 100.0 * (FREQUENCY[1:] / 2.0) ** 0.4  # of a travel time of 5 s
    np.testing.assert_allclose(found[1:], np.exp(-np.pi * FREQUENCY[1:] * 5.0 / quality), rtol=1e-6)
    assert np.angle(response(np.array([5.0]), 0.05, 5.0, LAW))[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("exponent", [0.1, 0.3, 0.6, 0.9])
def test_a_pulse_never_comes_before_its_front(exponent):
    """Kramers and Kronig: without the delay that speeds at 5 Hz take out, nothing arrives before the origin."""
    law = QLaw(exponent, 1.0)
    t_star = 0.4
    lead_s = np.pi * 5.0 * t_star * 5.0**-exponent / np.tan(np.pi * exponent / 2) / (2 * np.pi * 5.0)
    spectrum = response(FREQUENCY, t_star, 5.0, law) * np.exp(-2j * np.pi * FREQUENCY * lead_s)
    # Smoothed by a causal filter: what an exponent near 1 lets through at the highest frequencies would ring.
    pulse = np.fft.irfft(spectrum / (1 + 2j * np.pi * FREQUENCY * 0.02) ** 4)
    before = np.abs(pulse[len(pulse) // 2 :]).max()
    assert before < 5e-3 * np.abs(pulse).max()
    # With the phase of the other sign, it does.
    wrong = np.fft.irfft(np.conj(spectrum) / (1 + 2j * np.pi * FREQUENCY * 0.02) ** 4)
    assert np.abs(wrong[len(wrong) // 2 :]).max() > 0.1 * np.abs(wrong).max()


def test_a_small_exponent_is_nearly_a_constant_q():
    band = (FREQUENCY > 0.2) & (FREQUENCY < 10)
    constant, nearly = (response(FREQUENCY[band], 0.05, 5.0, QLaw(g)) for g in (0.0, 1e-4))
    np.testing.assert_allclose(nearly, constant, atol=1e-3)


def test_late_pulses_lose_by_the_law():
    time = np.arange(800) * 0.01
    source = Source.from_angles(position_m=(1500, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)
    sensors = tuple(np.meshgrid([600.0, 2400.0], [400.0, 2000.0], indexing="ij"))
    pulse = np.broadcast_to(np.exp(-(((time - 4.0) / 0.08) ** 2)), (3, 2, 2, len(time))).copy()
    found = attenuate(pulse, time, with_q_law(GROUND, LAW), source, sensors, 5.0)[0, 0, 0]
    f = np.fft.rfftfreq(len(time), 0.01)
    band = slice(2, 40)
    ratio = (np.fft.rfft(found) / np.fft.rfft(pulse[0, 0, 0]))[band]
    np.testing.assert_allclose(ratio, response(f[band], 4.0 / 200.0, 5.0, LAW), atol=8e-3)


def test_it_travels_with_the_geology(tmp_path):
    ground = with_q_law(GROUND, LAW)
    write_geology(ground, tmp_path / "ground.nc")
    assert q_law_of(read_geology(tmp_path / "ground.nc")) == LAW
    similar = Similarity(length=2.0, speed=1.5)
    assert q_law_of(similar.learned_geology(ground)).reference_hz == pytest.approx(2.0 / similar.frequency)


def test_simulate_takes_it():
    source = Source.from_angles(position_m=(1500, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)
    run = {"grid_spacing_m": 300.0, "duration_s": 1.2, "lowpass_hz": 1.5, "sampling_hz": 20.0}
    run["sensors_m"] = (np.array([600.0]), np.array([400.0]))
    given = sp.simulate(GROUND, source, q_exponent=0.4, q_reference_hz=2.0, **run)
    assert given.attrs["attenuation"].endswith("Q = Q0 (f / 2 Hz)^0.4")
    assert given.identical(sp.simulate(with_q_law(GROUND, LAW), source, **run))
    assert not np.array_equal(given.values, sp.simulate(GROUND, source, **run).values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QLaw(1.2), r"^q_exponent: got 1\.2; allowed: a number in \[0, 0\.95\]; 0 is a constant Q$"),
        (lambda: QLaw(0.2, 0.0), r"^q_reference_hz: got 0\.0; allowed: a positive frequency in Hz$"),
        (lambda: q_law_of(make_geology(GROUND.vs, attrs={"q_exponent": "steep"})), r"^geology\.attrs\.q_exponent: got"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
