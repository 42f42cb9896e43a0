"""What whole fields have in common in known cases, and single predictions dressed with known errors."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.judging.calibration import calibration
from spectremor.judging.dressing import Residuals
from spectremor.judging.fields import DISTANCES_M, draw_measures, field_measures, with_patch
from spectremor.signal.ensemble import LEVELS

N, SAMPLES, DT, SPACING_M = 12, 160, 0.02, 300.0
X = SPACING_M * np.arange(N)


def wave(velocity_m_s: float, seed: int = 0) -> np.ndarray:
    """The same noise at every sensor, running along x: (3, x, y, time)."""
    rng = np.random.default_rng(seed)
    time = np.arange(SAMPLES) * DT - 1.6 - (X / velocity_m_s - X.mean() / velocity_m_s)[:, None, None]
    components = [
        sum(np.cos(2 * np.pi * rng.uniform(2.2, 4.8) * time + rng.uniform(0, 6)) for _ in range(12)) for _ in range(3)
    ]
    return np.broadcast_to(np.stack(components) * np.exp(-((time / 0.6) ** 2)), (3, N, N, SAMPLES)).copy()


def test_a_wave_that_only_moves_is_alike_at_all_distances_once_aligned() -> None:
    found = field_measures(wave(3000.0), SPACING_M, DT, 5.0)
    there = np.array(DISTANCES_M) >= SPACING_M
    assert (found["aligned_coherency"][there] > 0.97).all()
    assert np.isnan(found["aligned_coherency"][~there]).all()
    assert np.isnan(found["correlation"][~there]).all()
    # Along y nothing is late; along x all is.
    assert 0.1 < found["correlation"][2] < 0.9
    assert found["fast_share"] < 0.01
    # The taper spreads it over neighbouring wavenumbers, of which an array of 3.6 km has coarse ones.
    assert field_measures(wave(1e9), SPACING_M, DT, 5.0)["fast_share"] > 0.7


def test_twice_the_motion_has_twice_the_difference_of_neighbours() -> None:
    one, two = (field_measures(scale * wave(3000.0), SPACING_M, DT, 5.0)["ln_difference"] for scale in (1.0, 2.0))
    assert two - one == pytest.approx(np.log(2))


def test_noise_at_one_time_shows_in_what_draws_add() -> None:
    """The truth adds waves that move, the draws noise that every sensor shares at one time."""
    mean = wave(3000.0)
    truth = mean + 0.5 * wave(2500.0, seed=1)
    draws = np.stack([mean + 0.5 * wave(1e9, seed=2 + k) for k in range(4)])
    found = draw_measures(draws, truth, SPACING_M, DT, 5.0)
    assert found["residual_fast_share"] > 0.8
    assert found["true_residual_fast_share"] < 0.5
    honest = np.stack([mean + 0.5 * wave(2500.0, seed=2 + k) for k in range(4)])
    assert draw_measures(honest, truth, SPACING_M, DT, 5.0)["residual_fast_share"] < 0.1
    assert np.isnan(draw_measures(draws[:2], truth, SPACING_M, DT, 5.0)["residual_fast_share"])


def test_a_patch_fills_in_what_lies_below_the_grids_spacing() -> None:
    grid, patch = (field_measures(wave(3000.0), spacing, DT, 5.0) for spacing in (300.0, 75.0))
    both = with_patch(grid, patch, 300.0)["correlation"]
    assert both[:2] == pytest.approx(patch["correlation"][:2])
    assert both[2:] == pytest.approx(grid["correlation"][2:], nan_ok=True)


def test_a_band_too_narrow_or_a_field_with_nan_is_left_out() -> None:
    assert np.isnan(field_measures(wave(3000.0), SPACING_M, DT, 2.1)["fast_share"])
    broken = wave(3000.0)
    broken[0, 1, 2, 3] = np.nan
    found = field_measures(broken, SPACING_M, DT, 5.0)
    assert np.isnan(found["aligned_coherency"]).all()
    assert np.isfinite(found["ln_difference"])


def test_a_dressed_prediction_is_calibrated_on_other_events() -> None:
    """Predictions off by a factor with known scatter, on validation events as on those that are judged."""
    rng = np.random.default_rng(3)

    def events(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        truth = np.exp(rng.normal(0, 1, (count, 2, 20)))
        return list(truth * np.exp(rng.normal(-0.4, 0.6, truth.shape))), list(truth)

    residuals = Residuals.of(*events(60))
    predictions, truths = events(200)
    drawn = [residuals.dress(p, 39, seed=0, sample=k) for k, p in enumerate(predictions)]
    found = calibration([d[:, 1] for d in drawn], [t[1] for t in truths])
    for level, share in zip(LEVELS, found.shares, strict=True):
        assert share.mean == pytest.approx(level, abs=0.03)
    alone = calibration([p[None, 1] for p in predictions], [t[1] for t in truths])
    assert found.crps_ln.mean < 0.75 * alone.crps_ln.mean
    np.testing.assert_array_equal(drawn[3], residuals.dress(predictions[3], 39, seed=0, sample=3))
    assert not np.array_equal(drawn[3], residuals.dress(predictions[3], 39, seed=0, sample=4))


def test_quantities_without_residuals_stay_undefined() -> None:
    residuals = Residuals.of([np.array([[1.0, 1.0], [np.nan, 0.0]])], [np.array([[2.0, 2.0], [1.0, 1.0]])])
    drawn = residuals.dress(np.ones((2, 3)), 4, seed=0, sample=0)
    np.testing.assert_allclose(drawn[:, 0], 2.0)
    assert np.isnan(drawn[:, 1]).all()
    with pytest.raises(InputError, match="no validation sample"):
        Residuals.of([], [])
