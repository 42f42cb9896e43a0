"""The onset of motion: before the first motion of stage 1 no wave has arrived, so nothing is drawn there."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

#: Shares of a sensor's peak: errors of stage 1 before the first arrival rarely reach the first, P waves the second.
QUIET, MOVING = 0.003, 0.01


def onset_weights(
    stage1: Float[Tensor, "b 3 time"],
    earlier: Float[Tensor, "b 1 1"] | None = None,
    least_peak: float = 0.0,
) -> Float[Tensor, "b 1 time"]:
    """How far motion has begun at each sensor: 0 before the first arrival, 1 after.

    Half a cosine over the logarithm of the largest modulus so far, between `QUIET` and `MOVING` of the sensor's peak.

    Args:
        stage1: velocities, in any unit.
        earlier: the largest modulus before the first sample, in the same unit; None: 0, the whole record is here.
        least_peak: smallest peak that a sensor is taken to have.

    Returns:
        Weights that never fall with time; 0 where a sensor never moves.
    """
    # By the largest component first: squares of very small velocities would vanish.
    scale = stage1.abs().amax(dim=(1, 2), keepdim=True)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    modulus = (stage1 / scale).square().sum(dim=1, keepdim=True).sqrt()
    so_far = modulus.cummax(dim=2).values
    if earlier is not None:
        so_far = torch.maximum(so_far, earlier / scale)
    peak = so_far[:, :, -1:]
    if least_peak > 0:
        peak = torch.maximum(peak, least_peak / scale)
    level = (so_far / peak).nan_to_num().clamp_min(QUIET).log()
    position = (level - math.log(QUIET)) / math.log(MOVING / QUIET)
    return 0.5 - 0.5 * (math.pi * position.clamp(0, 1)).cos()
