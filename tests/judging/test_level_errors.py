"""What draws miss of the truth's level: measured of draws that are honest, and of draws that are too sure."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.judging.level_errors import fitted, level_statistics

DT, SAMPLES = 0.02, 320
SIDE = 7
POSITIONS_M = np.stack(np.meshgrid(900.0 * np.arange(SIDE), 900.0 * np.arange(SIDE)), axis=-1).reshape(-1, 2)


def covariance(reach_m: float, of_event: float) -> np.ndarray:
    apart = np.linalg.norm(POSITIONS_M[:, None] - POSITIONS_M[None], axis=2)
    return of_event + (1 - of_event) * np.exp(-apart / reach_m)


def fields(rng: np.random.Generator, count: int, drawn_sd: float, missing_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws of one wave whose level is drawn with one deviation, and a truth that has another one on top."""
    time = np.arange(SAMPLES) * DT
    wave = sum(np.sin(2 * np.pi * f * time + rng.uniform(0, 6)) for f in (0.5, 1.5, 3.5)) * np.hanning(SAMPLES)
    root = np.linalg.cholesky(covariance(2000.0, 0.5) + 1e-9 * np.eye(SIDE**2))
    levels = drawn_sd * (root @ rng.standard_normal((SIDE**2, count + 1))).T
    levels[0] += missing_sd * root @ rng.standard_normal(SIDE**2)
    motion = np.exp(levels)[:, :, None, None] * np.broadcast_to(wave, (3, SAMPLES))
    return motion[1:], motion[0]


def statistics(drawn_sd: float, missing_sd: float, events: int = 60) -> list:
    rng = np.random.default_rng(3)
    made = [fields(rng, 6, drawn_sd, missing_sd) for _ in range(events)]
    return [level_statistics(draws, truth, POSITIONS_M, DT, 5.0) for draws, truth in made]


def test_draws_that_are_too_sure_are_given_what_they_lack() -> None:
    found = fitted(statistics(0.1, 0.2))
    assert found.sd_ln == pytest.approx((0.2, 0.2, 0.2), abs=0.04)
    assert found.of_event == pytest.approx(0.5, abs=0.2)
    assert 800 < found.reach_m < 5000


def test_honest_draws_are_left_alone() -> None:
    assert max(fitted(statistics(0.2, 0.0)).sd_ln) < 0.05


def test_a_band_that_no_truth_holds_has_none() -> None:
    rng = np.random.default_rng(4)
    draws, truth = fields(rng, 4, 0.1, 0.3)
    of_event = level_statistics(draws, truth, POSITIONS_M, DT, 1.5)
    assert np.isfinite(of_event.excess[:2, 0]).all()
    cut = level_statistics(draws, truth, POSITIONS_M, DT, 0.9)
    assert np.isnan(cut.excess[2]).all()
    with pytest.raises(InputError, match="levels"):
        fitted([])
