"""Random levels of draws: their size, what sensors have in common, recordings, the mean, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from spectremor.diffusion.config import DiffusionConfig, LatentConfig, LevelErrors
from spectremor.diffusion.level_errors import Levels, band_weights

LATENT = LatentConfig(target="residual")
ERRORS = LevelErrors(sd_ln=(0.1, 0.2, 0.4), of_event=0.3, reach_m=1000.0)
POSITIONS_M = np.array([[0.0, 0.0], [700.0, 0.0], [0.0, 9000.0], [4000.0, 4000.0]])
NOBODY = np.array([], dtype=int)
#: Coefficients well inside of each band: 0.5, 1.5 and 3.5 Hz.
INSIDE = [6, 19, 45]


def levels(recorded: np.ndarray = NOBODY, seed: int = 0) -> Levels:
    return Levels(ERRORS, LATENT, POSITIONS_M, recorded, seed)


def logs(of: Levels, sensors: list[int], draws: int = 3000) -> np.ndarray:
    """(draw, sensor, band)."""
    return np.stack([of.of_draw(r, np.array(sensors))[:, 0, INSIDE].log().numpy() for r in range(draws)])


def test_bands_share_every_frequency() -> None:
    weights = band_weights(LATENT)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
    assert (weights >= -1e-6).all()
    np.testing.assert_allclose(weights[:, INSIDE], np.eye(3), atol=1e-6)


def test_levels_have_the_stated_deviation_and_likeness() -> None:
    found = logs(levels(), [0, 1, 2])
    np.testing.assert_allclose(found.std(axis=0), np.tile(ERRORS.sd_ln, (3, 1)), rtol=0.05)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.02)
    for band in range(3):
        alike = np.corrcoef(found[:, :, band].T)
        assert alike[0, 1] == pytest.approx(0.3 + 0.7 * np.exp(-0.7), abs=0.05)
        assert alike[0, 2] == pytest.approx(0.3, abs=0.05)
    assert abs(np.corrcoef(found[:, 0].T)[0, 2]) < 0.05


def test_a_sensor_has_its_level_whatever_the_others() -> None:
    torch.testing.assert_close(levels().of_draw(3, np.array([2])), levels().of_draw(3, np.array([0, 1, 2]))[2:])
    assert (levels(seed=1).of_draw(3, np.array([2])) - levels().of_draw(3, np.array([2]))).abs().max() > 1e-3


def test_a_recording_fixes_the_level_there_and_nearly_so_beside_it() -> None:
    found = logs(levels(np.array([0])), [0, 1, 2], 1500)
    deviation = found.std(axis=0) / np.array(ERRORS.sd_ln)
    np.testing.assert_allclose(deviation[0], 0, atol=0.01)
    beside = 0.3 + 0.7 * np.exp(-0.7)
    np.testing.assert_allclose(deviation[1], np.sqrt(1 - beside**2), rtol=0.08)
    np.testing.assert_allclose(deviation[2], np.sqrt(1 - 0.3**2), rtol=0.08)


@pytest.mark.parametrize("recorded", [NOBODY, np.array([0])])
def test_the_mean_is_that_of_the_draws(recorded: np.ndarray) -> None:
    of, sensors = levels(recorded), np.array([0, 1, 2])
    drawn = np.mean([of.of_draw(r, sensors).numpy() for r in range(4000)], axis=0)
    np.testing.assert_allclose(of.of_mean(sensors).numpy(), drawn, atol=0.03)


def test_only_a_stage_that_sees_the_field_has_levels_and_others_keep_their_names() -> None:
    with pytest.raises(ValidationError, match="level_errors needs a field"):
        DiffusionConfig(latent=LATENT, level_errors=ERRORS)
    assert "level_errors" not in DiffusionConfig().model_dump()
