"""From the ground around a ray to numbers that describe what it does to waves."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from spectremor.surrogate.config import RayConfig
from spectremor.surrogate.initial import normal
from spectremor.surrogate.ray_tube import SensorFrames

#: Numbers of `describe_pairs`.
PAIR_NUMBERS = 10
#: Unit in m of the lengths in the network's inputs; the unit of times is 2 s.
_LENGTH_M = 5000.0
#: Residual blocks after the parts are joined.
_BLOCKS = 2


class GroundEncoder(nn.Module):
    """A network of sections, along the ray, beside a linear view of the whole tube.

    To first order in its contrasts, what the ground does to a wave is a weighted sum over the tube (Born, Rytov).

    Args:
        config: sizes.
    """

    def __init__(self, config: RayConfig) -> None:
        super().__init__()
        points, width, latent = config.across**2, config.tube_width, config.latent
        self.section = nn.Linear(points, width)
        self.place = nn.Parameter(normal(config.along, width, scale=0.1))
        self.along = nn.Conv1d(width, 2 * width, 5, padding=2)
        self.halved = nn.Conv1d(2 * width, 2 * width, 5, stride=2, padding=2)
        self.whole = nn.Linear(config.along * points, latent)
        self.column = nn.Linear(config.depths * points, latent // 2)
        self.pair = nn.Linear(PAIR_NUMBERS, latent // 2)
        self.join = nn.Linear(latent + (config.along + 1) // 2 * 2 * width, latent)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(latent), nn.Linear(latent, 2 * latent), nn.GELU(), nn.Linear(2 * latent, latent))
            for _ in range(_BLOCKS)
        )

    def forward(
        self,
        tube: Float[Tensor, "n along points"],
        column: Float[Tensor, "n depth points"],
        pair: Float[Tensor, "n numbers"],
    ) -> Float[Tensor, "n latent"]:
        """Numbers of each pair of source and sensor, from normalised Vs and `describe_pairs`."""
        sections = gelu(self.section(tube) + self.place).transpose(1, 2)
        sections = gelu(self.halved(gelu(self.along(sections)))).flatten(1)
        parts = [sections, gelu(self.column(column.flatten(1))), gelu(self.pair(pair))]
        latent = self.join(torch.cat(parts, dim=-1)) + self.whole(tube.flatten(1))
        for block in self.blocks:
            latent = latent + block(latent)
        return latent


def describe_pairs(
    frames: SensorFrames, s_time_s: Float[Tensor, "b media s"], sensor: Float[Tensor, "b 4 s"]
) -> Float[Tensor, "b s numbers"]:
    """What describes a pair of source and sensor beside the ground between them.

    Args:
        frames: of the pairs.
        s_time_s: S arrivals.
        sensor: see `event_inputs`.
    """
    line = frames.line_m / _LENGTH_M
    length, across = line.norm(dim=-1), line[..., :2].norm(dim=-1)
    incidence = torch.einsum("bsri,bis->brs", frames.axes[..., :2, :2], sensor[:, 1:3])
    speed = length / s_time_s.mean(dim=1)
    numbers = [length, across, line[..., 2], length.log(), sensor[:, 0], sensor[:, 3], incidence[:, 0], incidence[:, 1]]
    return torch.stack([*numbers, s_time_s[:, 0] / 2.0, speed], dim=-1)
