"""Samplers: from noise to latents through any denoiser, in any number of steps.

The update rules are those of diffusers' schedulers. Each is set up for a model that predicts the clean latents, which
is what a denoiser returns, so a sampler knows nothing about the network's own parametrisation.
"""

from __future__ import annotations

import itertools
import threading
import warnings
from collections.abc import Callable

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from jaxtyping import Float
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.diffusion.config import SamplerName
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition, Denoiser

#: Filters of warnings belong to the whole process: two threads must not put them back in each other's way.
_QUIET = threading.Lock()


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    condition: Condition,
    noise: Callable[[], Float[Tensor, "b c n"]],
    *,
    process: NoiseProcess,
    sampler: SamplerName = "dpm-solver++",
    steps: int = 10,
) -> Float[Tensor, "b c n"]:
    """Draw latents.

    Args:
        denoiser: D(x, condition, step).
        condition: of the batch.
        noise: returns the next standard normal array of the batch; called once, and by "ddpm" before every step.
        process: whose noise schedule the denoiser was trained with.
        sampler: "ddpm" (ancestral; Ho et al. 2020, alg. 2), "ddim" (Song et al. 2021, eq. 12) or "dpm-solver++"
            (second order, multistep; Lu et al. 2022).
        steps: evaluations of the denoiser, from 1 to the length of the process.

    Raises:
        InputError: an unknown sampler, or a number of steps out of range.
    """
    process.config.check_steps(steps)
    if sampler == "dpm-solver++":
        return _multistep(denoiser, condition, noise, process, steps)
    if sampler in ("ddpm", "ddim"):
        return _single_step(denoiser, condition, noise, process, steps, ancestral=sampler == "ddpm")
    raise InputError("sampler", sampler, "ddpm, ddim, dpm-solver++, or jump for a network that knows jumps")


@torch.no_grad()
def sample_by_jumps(
    jump: Callable[[Tensor, int, int], Tensor],
    noise: Callable[[], Float[Tensor, "b c n"]],
    *,
    process: NoiseProcess,
    steps: int,
) -> Float[Tensor, "b c n"]:
    """Draw latents with a network that was trained to take long steps at once (`jumps.py`).

    Args:
        jump: (latents, their step, another step) -> the latents there; -1 is where they are clean.
        noise: returns a standard normal array; called once.
        process: whose noise schedule the network was trained with.
        steps: evaluations of the network.

    Raises:
        InputError: a number of steps out of range.
    """
    process.config.check_steps(steps)
    x = noise()
    for step, to in itertools.pairwise([*visited_steps(process.config.train_steps, steps).tolist(), -1]):
        x = jump(x, step, to)
    return x


def _multistep(
    denoiser: Denoiser, condition: Condition, noise: Callable[[], Tensor], process: NoiseProcess, steps: int
) -> Tensor:
    """DPM-Solver++(2M)."""
    scheduler = DPMSolverMultistepScheduler(
        num_train_timesteps=process.config.train_steps,
        trained_betas=process.scheduler.betas.numpy(),
        prediction_type="sample",
        timestep_spacing="trailing",
    )
    with _QUIET, warnings.catch_warnings():
        # diffusers hands a tensor to np.array, which NumPy 2 tells tensors' authors about.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        scheduler.set_timesteps(timesteps=visited_steps(process.config.train_steps, steps).tolist())
    x = noise()
    for step in scheduler.timesteps.tolist():
        x = scheduler.step(denoiser(x, condition, step), step, x, return_dict=False)[0]
    return x


def visited_steps(longest: int, steps: int) -> np.ndarray:
    """Steps of the process that are visited, from the last one down, evenly spaced.

    diffusers' own "trailing" spacing has one step too many, -1, for some numbers of steps.
    """
    return np.round(np.arange(longest, 0, -longest / steps))[:steps].astype(int) - 1


def _single_step(
    denoiser: Denoiser,
    condition: Condition,
    noise: Callable[[], Tensor],
    process: NoiseProcess,
    steps: int,
    *,
    ancestral: bool,
) -> Tensor:
    """DDIM; with eta = 1 it is ancestral sampling (Song et al. 2021, section 4.1), the noise given from outside."""
    kept = visited_steps(process.config.train_steps, steps)[::-1].copy()
    # A process of the kept steps alone: diffusers' own spacing is inexact where `steps` does not divide the process.
    scheduler = DDIMScheduler(num_train_timesteps=steps, prediction_type="sample", clip_sample=False)
    scheduler.alphas_cumprod = process.scheduler.alphas_cumprod[torch.from_numpy(kept)]
    scheduler.set_timesteps(steps)
    x = noise()
    for number in scheduler.timesteps.tolist():
        clean = denoiser(x, condition, int(kept[number]))
        extra = {"eta": 1.0, "variance_noise": noise()} if ancestral else {}
        x = scheduler.step(clean, number, x, return_dict=False, **extra)[0]
    return x
