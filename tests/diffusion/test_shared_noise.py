"""Noise that neighbours share at equal time after S."""

from __future__ import annotations

import numpy as np
import torch

from spectremor.diffusion.config import FieldConfig
from spectremor.diffusion.shared_noise import group_noise, later, place_noise

CONFIG = FieldConfig(shared_noise=0.6, shared_noise_m=1000.0)
POSITIONS_M = np.array([[0.0, 0.0], [300.0, 0.0], [0.0, 5000.0], [300.0, 0.0]])
DELAY = torch.tensor([3.5, 5.5, 9.0, 5.5])


def correlation(noise: torch.Tensor, one: int, other: int) -> float:
    """Between two sensors, on the clock of the S wave."""
    aligned = later(noise, -DELAY)
    return float((aligned[..., one, :, :] * aligned[..., other, :, :]).mean())


def test_both_kinds_are_standard_normal_and_alike_on_the_clock_of_s() -> None:
    rng = np.random.default_rng(0)
    group = group_noise(rng, POSITIONS_M, DELAY, (400, 3, 40), CONFIG)
    places = torch.stack([place_noise(1, r, POSITIONS_M, DELAY, 40, CONFIG)() for r in range(200)])
    for noise in (group, places):
        assert abs(float(noise.mean())) < 0.02
        assert abs(float(noise.std()) - 1) < 0.02
        assert abs(correlation(noise, 0, 1) - 0.6 * np.exp(-0.3)) < 0.05
        assert abs(correlation(noise, 0, 2)) < 0.05
        # At equal absolute time neighbours are not alike.
        assert abs(float((noise[:, 0] * noise[:, 1]).mean())) < 0.05


def test_a_place_has_its_noise_whatever_the_others_and_each_draw_another() -> None:
    few = place_noise(7, 2, POSITIONS_M[:2], DELAY[:2], 40, CONFIG)
    many = place_noise(7, 2, POSITIONS_M, DELAY, 40, CONFIG)
    first, second = few(), few()
    torch.testing.assert_close(first, many()[:2], atol=1e-5, rtol=0)
    assert (first - second).abs().max() > 0.1
    assert (place_noise(7, 3, POSITIONS_M[:2], DELAY[:2], 40, CONFIG)() - first).abs().max() > 0.1


def test_whole_samples_only_turn_the_arrays() -> None:
    noise = torch.randn(2, 3, 40)
    torch.testing.assert_close(later(noise, torch.tensor([0.0, 7.0]))[1], noise[1].roll(7, dims=-1), atol=1e-5, rtol=0)
