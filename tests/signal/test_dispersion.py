"""The delay of waves on a grid, in uniform ground against the root of the scheme's relation, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.core.staggered_grid import seen_wavenumber
from spectremor.signal.dispersion import DifferenceScheme, remove_grid_dispersion
from spectremor.simulation.elastic import simulate
from spectremor.simulation.settings import SimulationSettings

VS = 2000.0
EXTENT_M = (27000.0, 9000.0, 9000.0)
TIME_S = np.arange(1300) * 0.01
SOURCE = Source.from_angles(position_m=(1500, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)
SENSOR_M = (np.array([18600.0]), np.array([5000.0]))
PATH_M = np.array([17100.0, 3900.0, 1300.0])
LENGTH_M = float(np.linalg.norm(PATH_M))


def ground(vs: float = VS):
    return make_geology(np.full((6, 5, 7), vs), EXTENT_M)


def number_on_grid(f_hz: float, scheme: DifferenceScheme, speed_m_s: float) -> float:
    """Of a wave along the path, in radians per m: the root of the scheme's relation."""

    def excess(k: float) -> float:
        seen = seen_wavenumber(k * scheme.spacing_m * PATH_M / LENGTH_M, scheme.order) / scheme.spacing_m
        return float(np.linalg.norm(seen)) - 2 * np.pi * f_hz / speed_m_s

    true = 2 * np.pi * f_hz / speed_m_s
    return brentq(excess, 0.5 * true, 1.6 * true)


def wavelet(f_hz: float, at_s: float) -> np.ndarray:
    return np.cos(2 * np.pi * f_hz * (TIME_S - at_s)) * np.exp(-(((TIME_S - at_s) / 0.5) ** 2))


def removed(traces: np.ndarray, scheme: DifferenceScheme, vs: float = VS) -> np.ndarray:
    return remove_grid_dispersion(traces, TIME_S, ground(vs), SOURCE, SENSOR_M, scheme, 5.0)


@pytest.mark.parametrize("scheme", [DifferenceScheme(300.0, 8), DifferenceScheme(150.0, 4), DifferenceScheme(100.0, 2)])
def test_a_wave_train_comes_when_it_would_in_the_ground(scheme):
    """An S wave of one frequency, late by the group's delay and its phase by the wave's own."""
    speed = float(VS)
    arrival_s = LENGTH_M / speed
    f_hz = 0.3 * speed / scheme.spacing_m * {8: 0.9, 4: 0.7, 2: 0.35}[scheme.order]
    f = np.fft.rfftfreq(4096, 0.01)
    numbers = [number_on_grid(v, scheme, speed) if 0 < v < 1.35 * f_hz else 2 * np.pi * v / speed for v in f]
    late = np.array(numbers) * LENGTH_M - 2 * np.pi * f * arrival_s
    true = wavelet(f_hz, arrival_s)
    delayed = np.fft.irfft(np.fft.rfft(true, 4096) * np.exp(-1j * late), 4096)[: len(TIME_S)]
    found = removed(np.tile(delayed, (3, 1, 1)), scheme)
    before, after = np.abs(delayed - true).max(), np.abs(found - true).max()
    assert before > 0.15
    # Away from the arrival itself, phases are those of other paths: a little is left.
    assert after < 0.35 * before, (before, after)


def test_a_fine_grid_needs_nothing():
    traces = np.random.default_rng(0).normal(size=(3, 1, len(TIME_S)))
    assert removed(traces, DifferenceScheme(10.0, 8)) is traces


def test_before_the_first_arrival_nothing_changes_and_the_correction_is_linear():
    scheme = DifferenceScheme(300.0, 8)
    one, other = (np.stack([wavelet(2.5, at)] * 3)[:, None] for at in (6.0, 9.3))
    for traces in (one, other):
        early = int(LENGTH_M / (1.7 * VS) / 0.01) - 32
        np.testing.assert_array_equal(removed(traces, scheme)[..., :early], traces[..., :early])
    both = removed(2 * one - other, scheme)
    np.testing.assert_allclose(both, 2 * removed(one, scheme) - removed(other, scheme), atol=1e-5)


def test_beyond_what_the_grid_carries_the_delay_is_limited():
    """Ground so slow that no wave of these frequencies exists on the grid: finite, and no larger than it was."""
    traces = np.stack([wavelet(5.0, 9.5)] * 3)[:, None]
    found = removed(traces, DifferenceScheme(600.0, 8), vs=1200.0)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1.1 * np.abs(traces).max()


def test_simulations_are_corrected_unless_told_otherwise():
    geology = make_geology(np.random.default_rng(0).uniform(1500, 2500, (5, 4, 6)), (3600.0, 3000.0, 3000.0))
    source = Source.from_angles(position_m=(900, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)
    axes = (np.array([2100.0, 3000.0]), np.array([600.0, 1800.0]))
    settings = {"grid_spacing_m": 200.0, "duration_s": 3.0, "sensors_m": axes, "lowpass_hz": 3.0, "attenuation": False}
    with pytest.warns(match="carries"):
        raw = simulate(geology, source, **settings, remove_dispersion=False)
    with pytest.warns(match="carries"):
        found = simulate(geology, source, **settings)
    assert raw.attrs["grid_dispersion"] == "as simulated"
    assert found.attrs["grid_dispersion"] == "removed along paths"
    x, y = np.meshgrid(*axes, indexing="ij")
    scheme = DifferenceScheme(200.0, 8)
    expected = remove_grid_dispersion(raw.values, raw.time.values, geology, source, (x, y), scheme, 3.0)
    np.testing.assert_array_equal(found.values, expected)
    assert np.abs(found.values - raw.values).max() > 0.01 * np.abs(raw.values).max()


def test_version_3_never_did():
    assert SimulationSettings().removes_dispersion
    assert not SimulationSettings(solver_version=3).removes_dispersion
    assert not SimulationSettings(remove_dispersion=False).removes_dispersion
