"""Samplers: from noise to latents through any denoiser, in any number of steps.

Each algorithm is a file, to be read beside its paper: `ddpm`, `ddim`, `dpm_solver` and `jump`. They see a function that
estimates the clean latents, and know nothing of the network behind it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.diffusion.config import PlainSampler
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition, Denoiser
from spectremor.diffusion.samplers.ddim import ddim
from spectremor.diffusion.samplers.ddpm import ddpm
from spectremor.diffusion.samplers.dpm_solver import dpm_solver
from spectremor.diffusion.samplers.jump import jump
from spectremor.diffusion.schedule import visited_steps


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    condition: Condition,
    noise: Callable[[], Float[Tensor, "b c n"]],
    *,
    process: NoiseProcess,
    sampler: PlainSampler = "dpm-solver++",
    steps: int = 10,
) -> Float[Tensor, "b c n"]:
    """Draw latents.

    Args:
        denoiser: D(x, condition, step).
        condition: of the batch.
        noise: returns the next standard normal array of the batch; called once, and by "ddpm" once for each step.
        process: whose noise schedule the denoiser was trained with.
        sampler: "ddpm" (ancestral; Ho et al. 2020, algorithm 2), "ddim" (Song et al. 2021, eq. 12) or "dpm-solver++"
            (multistep, second order; Lu et al. 2022, algorithm 2).
        steps: evaluations of the denoiser, from 1 to the length of the process.

    Raises:
        InputError: an unknown sampler, or a number of steps out of range.
    """
    visited = _visited(process, steps)
    alpha_bar = process.alpha_bar.tolist()

    def denoise(x: Tensor, step: int) -> Tensor:
        return denoiser(x, condition, step)

    if sampler == "ddpm":
        return ddpm(denoise, noise, alpha_bar, visited)
    if sampler == "ddim":
        return ddim(denoise, noise(), alpha_bar, visited)
    if sampler == "dpm-solver++":
        return dpm_solver(denoise, noise(), alpha_bar, visited)
    raise InputError("sampler", sampler, "ddpm, ddim or dpm-solver++")


@torch.no_grad()
def sample_by_jumps(
    move: Callable[[Tensor, int, int], Tensor],
    noise: Callable[[], Float[Tensor, "b c n"]],
    *,
    process: NoiseProcess,
    steps: int,
) -> Float[Tensor, "b c n"]:
    """Draw latents with a network that was trained to take long steps at once (`diffusion.jumps`).

    Args:
        move: (latents, their step, another step) -> the latents there; -1 is where they are clean.
        noise: returns a standard normal array; called once.
        process: whose noise schedule the network was trained with.
        steps: evaluations of the network.

    Raises:
        InputError: a number of steps out of range.
    """
    return jump(move, noise(), _visited(process, steps))


def _visited(process: NoiseProcess, steps: int) -> list[int]:
    process.config.check_steps(steps)
    return visited_steps(process.config.train_steps, steps).tolist()
