"""Training of jumps: the network learns to reach in one step the place to which many of its small steps lead.

One jump is trained to end where two jumps of half its length end, and the shortest where two plain DDIM steps end
(progressive distillation: Salimans & Ho 2022; in one network that is told the length: shortcut models, Frans et al.
2024). Beside it the network goes on learning the plain velocity, which the other samplers need.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectremor.diffusion.process import Network, NoiseProcess
from spectremor.diffusion.protocol import Condition

#: Numbers of equal jumps that the process is divided into. From `_PLAIN_HALVES` jumps on, half a jump is a plain step.
COUNTS = (1, 2, 3, 4, 6, 8, 12, 16)
_PLAIN_HALVES = 12


@dataclasses.dataclass(frozen=True)
class Jumps:
    """Jumps of a batch: where each begins and ends, as steps of the process (-1: clean latents).

    Attributes:
        step: where a jump begins.
        middle: where its first half ends; equal to `step` for what is no jump but learns the plain velocity.
        to: where it ends; likewise.
        plain_halves: whether its halves are plain steps.
    """

    step: Int[Tensor, " b"]
    middle: Int[Tensor, " b"]
    to: Int[Tensor, " b"]
    plain_halves: Int[Tensor, " b"]

    @classmethod
    def none(cls, step: Int[Tensor, " b"]) -> Jumps:
        """Items that learn the plain velocity at these steps, and no jump."""
        return cls(step, step, step, torch.zeros_like(step))

    def at(self, items: Int[Tensor, " k"]) -> Jumps:
        """The jumps of some items."""
        return Jumps(*(getattr(self, field.name)[items] for field in dataclasses.fields(self)))


def drawn_jumps(rng: np.random.Generator, count: int, train_steps: int) -> Jumps:
    """Random jumps: all lengths equally often, each at a random place of the process.

    Args:
        rng: that draws.
        count: how many.
        train_steps: of the process.
    """
    numbers = np.asarray(COUNTS)[(rng.permutation(count) + rng.integers(len(COUNTS))) % len(COUNTS)]
    number = numbers[:, None]
    place = (rng.random((count, 1)) * number).astype(np.int64)
    ends = np.round((place + np.array([1.0, 0.5, 0.0])) * train_steps / number).astype(np.int64) - 1
    step, middle, to = torch.from_numpy(ends).unbind(dim=1)
    return Jumps(step, middle, to, torch.from_numpy((numbers >= _PLAIN_HALVES).astype(np.int64)))


def loss_with_jumps(
    process: NoiseProcess,
    network: Network,
    clean: Float[Tensor, "b c n"],
    condition: Condition,
    jumps: Jumps,
    noise: Float[Tensor, "b c n"],
) -> Float[Tensor, " b"]:
    """Mean square of each item: of the plain velocity, or of the velocity of its jump.

    Args:
        process: the noise process.
        network: called with (noisy latents, condition, step and jump as fractions).
        clean: latents to be learned.
        condition: of the same batch.
        jumps: from where to where.
        noise: standard normal.
    """
    noisy = process.noisy(clean, noise, jumps.step)
    target = process.true_velocity(clean, noise, jumps.step)
    far = torch.nonzero(jumps.to < jumps.step)[:, 0]
    if len(far):
        chosen = Condition(traces=condition.traces[far], log_amplitude=condition.log_amplitude[far])
        target[far] = jump_velocity(process, network, noisy[far], chosen, jumps.at(far)).to(target.dtype)
    output = process.velocity(network, noisy, condition, jumps.step, jumps.step - jumps.to)
    return (output - target).square().mean(dim=(1, 2))


@torch.no_grad()
def jump_velocity(
    process: NoiseProcess, network: Network, x: Float[Tensor, "b c n"], condition: Condition, jumps: Jumps
) -> Float[Tensor, "b c n"]:
    """The velocity that takes latents in one step to where the network's two half jumps take them.

    Args:
        process: the noise process.
        network: called with (noisy latents, condition, step and jump as fractions).
        x: latents at `jumps.step`.
        condition: of the same batch.
        jumps: from where to where.
    """
    there = x
    for begin, end in ((jumps.step, jumps.middle), (jumps.middle, jumps.to)):
        jump = torch.where(jumps.plain_halves.bool(), 0, begin - end)
        velocity = process.velocity(network, there, condition, begin, jump)
        there = process.moved(there, velocity, begin, end)
    return process.velocity_between(x, there, jumps.step, jumps.to)
