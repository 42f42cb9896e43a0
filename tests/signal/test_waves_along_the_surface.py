"""Plane waves of known apparent velocity, and what neighbours then have in common."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.signal.coherence import aligned_coherency, lagged_coherency, zero_lag_correlation
from spectremor.signal.response import rotd_peak
from spectremor.signal.strain import peak_differences
from spectremor.signal.wavenumber import fast_power_share

N, SPACING_M, DT, SAMPLES = 32, 300.0, 0.02, 320
X, Y = np.meshgrid(SPACING_M * np.arange(N), SPACING_M * np.arange(N), indexing="ij")


def plane_wave(velocity_m_s: float, azimuth_deg: float = 20.0, seed: int = 0) -> np.ndarray:
    """Noise of 2 to 5 Hz within an envelope, running along the surface: (3, x, y, time)."""
    rng = np.random.default_rng(seed)
    along = X * np.cos(np.deg2rad(azimuth_deg)) + Y * np.sin(np.deg2rad(azimuth_deg))
    delay = (along - along.mean()) / velocity_m_s
    time = np.arange(SAMPLES) * DT - 3.2 - delay[..., None]
    waves = [
        sum(np.cos(2 * np.pi * rng.uniform(2.2, 4.8) * time + rng.uniform(0, 6)) for _ in range(20)) for _ in range(3)
    ]
    return np.stack(waves) * np.exp(-((time / 0.8) ** 2))


def share(field: np.ndarray, **more: object) -> float:
    return float(fast_power_share(field, (SPACING_M, SPACING_M), DT, **more))


@pytest.mark.parametrize("azimuth_deg", [0.0, 20.0, 45.0])
def test_slow_and_fast_plane_waves(azimuth_deg: float) -> None:
    assert share(plane_wave(4000.0, azimuth_deg)) < 0.01
    assert share(plane_wave(30_000.0, azimuth_deg)) > 0.9
    # Judged by another velocity, the slow one is fast.
    assert share(plane_wave(4000.0, azimuth_deg), fast_m_s=2500.0) > 0.9


def test_a_mixture_has_the_share_of_its_fast_part() -> None:
    slow, fast = plane_wave(4000.0, 10.0, seed=1), plane_wave(1e9, 0.0, seed=2)
    power = [(wave**2).sum() for wave in (slow, fast)]
    mixed = slow / np.sqrt(power[0]) + fast / np.sqrt(3 * power[1])
    assert share(mixed) == pytest.approx(0.25, abs=0.04)
    batch = fast_power_share(np.stack([slow, fast]), (SPACING_M, SPACING_M), DT)
    assert batch.shape == (2,)
    assert batch == pytest.approx([share(slow), share(fast)])


def test_noise_at_one_time_is_infinitely_fast_and_independent_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    together = np.broadcast_to(rng.standard_normal((3, 1, 1, SAMPLES)), (3, N, N, SAMPLES))
    assert share(together) > 0.99
    # Independent noise fills the plane of wavenumbers evenly: the disc below 3.5 Hz / 12 km/s.
    assert share(rng.standard_normal((3, N, N, SAMPLES))) == pytest.approx(0.0265, abs=0.01)
    assert np.isnan(share(np.zeros((3, N, N, SAMPLES))))
    with pytest.raises(InputError, match="3 x 32 sensors"):
        share(together[:, :3])


def test_alignment_takes_a_delay_out() -> None:
    """Identical traces 0.4 s apart: lagged coherency loses much, aligned coherency nothing, correlation all."""
    rng = np.random.default_rng(4)
    wave = rng.standard_normal((3, SAMPLES)) * np.exp(-(((np.arange(SAMPLES) - 150) / 40) ** 2))
    late = np.roll(wave, 20, axis=-1)
    traces, pair = np.stack([wave, late], axis=1), np.array([[0, 1], [1, 0]])
    lagged = np.mean([lagged_coherency(component, pair)[:, 13:33].mean() for component in traces])
    assert lagged < 0.85
    assert aligned_coherency(traces, pair, DT, 0.5) == pytest.approx([1.0, 1.0], abs=0.01)
    # The delay is searched no further than allowed.
    assert aligned_coherency(traces, pair, DT, 0.1)[0] < 0.9
    assert np.abs(zero_lag_correlation(traces, pair, DT).mean()) < 0.5


def test_alignment_of_a_plane_wave_at_any_distance() -> None:
    field = plane_wave(2000.0, 30.0).reshape(3, -1, SAMPLES)
    for steps in (1, 3, 6):
        pairs = np.array([[500, 500 + steps], [500, 500 + N * steps]])
        assert aligned_coherency(field, pairs, DT, steps * 300.0 / 1000.0).min() > 0.97


def test_unrelated_traces_stay_unrelated() -> None:
    noise = np.random.default_rng(5).standard_normal((3, 200, SAMPLES))
    pairs = np.arange(200).reshape(-1, 2)
    assert aligned_coherency(noise, pairs, DT, 0.3).mean() == pytest.approx(0.4, abs=0.07)
    assert zero_lag_correlation(noise, pairs, DT).mean() == pytest.approx(0.0, abs=0.05)
    noise[:, 3] = 0.0
    assert np.isnan(aligned_coherency(noise, pairs[:2], DT, 0.3)).tolist() == [False, True]


def test_differences_of_neighbours() -> None:
    rng = np.random.default_rng(6)
    field = rng.standard_normal((3, 4, 3, 50))
    found = peak_differences(field, angles=180)
    assert found.shape == (3 * 3 + 4 * 2,)
    by_hand = rotd_peak(field[:2, 1, 0] - field[:2, 0, 0], (50.0,))[0]
    assert found[0] == pytest.approx(by_hand)
    assert peak_differences(field + rng.standard_normal((3, 1, 1, 50)), angles=180) == pytest.approx(found)
    assert len(peak_differences(field[:, :1, :1])) == 0
