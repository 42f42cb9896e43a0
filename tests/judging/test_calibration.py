"""Calibration of made-up ensembles whose honesty is known."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.judging.calibration import calibration
from spectremor.judging.intervals import bootstrap_interval, bootstrap_of_ratio
from spectremor.signal.ensemble import LEVELS

EVENTS, SENSORS, DRAWS = 300, 24, 39


def made_up(width: float, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Log-normal truths around a mean of each event's own, and draws whose spread is `width` times the true one."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(0, 2, (EVENTS, 1))
    truth = np.exp(middle + rng.normal(0, 0.5, (EVENTS, SENSORS)))
    draws = np.exp(middle[:, None] + width * rng.normal(0, 0.5, (EVENTS, DRAWS, SENSORS)))
    return list(draws), list(truth)


def test_an_honest_ensemble_holds_each_level() -> None:
    found = calibration(*made_up(1.0))
    assert (found.draws, found.cases, found.events) == (DRAWS, EVENTS * SENSORS, EVENTS)
    for level, share in zip(LEVELS, found.shares, strict=True):
        assert share.mean == pytest.approx(level, abs=0.015)
        assert share.low < level < share.high
        assert share.high - share.low < 0.06
    # Of N(m, 0.5) against itself: 0.5 / sqrt(pi).
    assert found.crps_ln.mean == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.02)
    assert found.crps_ln.low < found.crps_ln.mean < found.crps_ln.high


@pytest.mark.parametrize(("width", "sign"), [(0.6, -1), (1.6, 1)])
def test_too_narrow_and_too_wide_are_told(width: float, sign: int) -> None:
    narrow, honest = calibration(*made_up(width)), calibration(*made_up(1.0))
    for level, share in zip(LEVELS, narrow.shares, strict=True):
        assert sign * (share.mean - level) > 0
        assert not share.low < level < share.high
    assert narrow.crps_ln.mean > honest.crps_ln.mean


def test_the_half_of_a_normal_within_an_interval_of_half_its_spread() -> None:
    """Central 50% of N(0, 1/2): +-0.337, which holds 0.264 of N(0, 1)."""
    assert calibration(*made_up(0.5)).shares[0].mean == pytest.approx(0.264, abs=0.015)


def test_intervals_are_of_events_and_not_of_sensors() -> None:
    """All sensors of an event err alike: sensors that repeat one another make nothing surer."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.exp(rng.normal(0, 0.5, (60, 1))), SENSORS, axis=1)
    draws = np.exp(rng.normal(0, 0.5, (60, DRAWS, 1))) * np.ones(SENSORS)
    many, one = calibration(list(draws), list(truth)), calibration(list(draws[..., :1]), list(truth[:, :1]))
    assert many.shares[1].high - many.shares[1].low == pytest.approx(one.shares[1].high - one.shares[1].low)
    assert one.shares[1].high - one.shares[1].low > 0.15


def test_single_predictions_have_an_error_and_no_shares() -> None:
    truth = [np.array([1.0, 2.0, np.nan, 4.0]), np.array([0.0, 1.0, 1.0, 1.0])]
    found = calibration([t[None] * np.e for t in truth], truth)
    assert np.isnan([share.mean for share in found.shares]).all()
    assert found.crps_ln.mean == pytest.approx(1.0)
    assert (found.cases, found.events, found.draws) == (6, 2, 1)


def test_nothing_to_judge_is_nan() -> None:
    found = calibration([np.full((5, 3), np.nan)], [np.ones(3)])
    assert np.isnan(found.crps_ln.mean)
    assert found.cases == 0


def test_a_ratio_over_events_of_one_size_is_a_mean() -> None:
    values = np.random.default_rng(2).standard_normal(50)
    assert bootstrap_of_ratio(values * 7, np.full(50, 7.0)) == pytest.approx(bootstrap_interval(values))
    assert np.isnan(bootstrap_of_ratio(np.array([1.0, 2.0]), np.array([3.0, 0.0]))).all()
