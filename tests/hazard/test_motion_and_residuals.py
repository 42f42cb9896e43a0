"""Measures of horizontal motion and the parts of residuals: closed forms in, the same numbers out."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.hazard.motion import motion_measures
from spectremor.hazard.residuals import split_residuals
from spectremor.signal.intensity import horizontal_duration, significant_duration
from spectremor.signal.response import rotd
from spectremor.signal.spectra import rotd_fourier


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape)


def turned(horizontal: np.ndarray, angle_deg: float) -> np.ndarray:
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return turn @ horizontal


def test_fourier_rotd_is_the_percentile_over_all_directions():
    horizontal = noise(4, 2, 64)
    angles = np.arange(0, 180, 0.05)
    moduli = np.stack([np.abs(np.fft.rfft(turned(horizontal, a)[:, 0], axis=-1)) * 0.02 for a in angles])
    expected = np.percentile(moduli, (50, 100), axis=0)
    np.testing.assert_allclose(rotd_fourier(horizontal, 0.02), expected, rtol=2e-3)


def test_measures_do_not_hang_on_the_axes_and_come_in_batches():
    horizontal = noise(2, 3, 2, 300).cumsum(axis=-1) * 0.01
    one, other = motion_measures(horizontal, 0.02), motion_measures(turned(horizontal, 31.0), 0.02)
    for name in ("pga", "pgv", "sa", "fas"):
        values = getattr(one, name)
        assert values.shape[:3] == (2, 2, 3)
        np.testing.assert_allclose(getattr(other, name), values, rtol=5e-3)
        assert (values[1] >= values[0]).all()
    np.testing.assert_allclose(other.duration_s, one.duration_s, rtol=1e-9)
    np.testing.assert_allclose(one.sa[:, 1, 2], rotd(horizontal[1, 2], 0.02, one.periods_s), rtol=1e-12)


def test_duration_of_both_components_is_that_of_one_where_the_other_rests():
    motion = noise(2, 400)
    motion[1] = 0
    np.testing.assert_allclose(horizontal_duration(motion, 0.02), significant_duration(motion[0], 0.02))


def test_frequencies_beyond_the_sampling_are_refused():
    with pytest.raises(InputError, match="half the sampling rate"):
        motion_measures(noise(2, 50), 0.2, frequencies_hz=(3.0,))


def test_parts_of_balanced_residuals_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(11)
    events, records, between, within = 40, 6, 0.5, 0.3
    terms = between * rng.normal(size=events)
    values = 0.2 + terms[:, None] + within * rng.normal(size=(events, records))
    parts = split_residuals(values.ravel(), np.repeat([f"e{k}" for k in range(events)], records).tolist())
    mean_square = values.var(axis=1, ddof=1).mean()
    np.testing.assert_allclose(parts.within, np.sqrt(mean_square), rtol=1e-3)
    np.testing.assert_allclose(parts.between**2, values.mean(axis=1).var(ddof=1) - mean_square / records, rtol=1e-3)
    np.testing.assert_allclose(parts.bias, values.mean(), rtol=1e-9)
    assert np.corrcoef(parts.event_terms, terms)[0, 1] > 0.95


def test_missing_residuals_do_not_count_and_single_records_have_no_parts():
    whole = split_residuals([0.1, 0.3, -0.2, 0.0], ["a", "a", "b", "b"])
    missing = split_residuals([0.1, np.nan, 0.3, -0.2, 0.0], ["a", "a", "a", "b", "b"])
    assert missing.records == 4
    assert missing.bias == pytest.approx(whole.bias)
    lonely = split_residuals([0.1, 0.3], ["a", "b"])
    assert lonely.bias == pytest.approx(0.2)
    assert np.isnan(lonely.between)
    assert np.isnan(split_residuals([np.nan], ["a"]).bias)
    with pytest.raises(InputError, match="one event for each residual"):
        split_residuals([0.1], ["a", "b"])
