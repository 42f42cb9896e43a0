"""The process and the samplers against the schedulers of diffusers, which training and tests alone use."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from torch import Tensor

from spectremor.diffusion.config import ProcessConfig
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.samplers import sample, sample_by_jumps
from spectremor.diffusion.schedule import visited_steps
from spectremor.lab.diffusion_variants import linear_betas

BETAS = {"cosine": None, "linear": linear_betas(1000)}
SCHEDULES = {"cosine": "squaredcos_cap_v2", "linear": "linear"}
PREDICTIONS = {"noise": "epsilon", "velocity": "v_prediction"}
STEPS = [1, 2, 3, 8, 10, 20, 61, 250, 1000]
SHAPE = (4, 3, 8)

every_process = pytest.mark.parametrize(
    ("schedule", "process"),
    [(s, ProcessConfig(prediction=p)) for s in SCHEDULES for p in PREDICTIONS],
    ids=[f"{s}-{p}" for s in SCHEDULES for p in PREDICTIONS],
)


def drawn(seed: int) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(SHAPE, generator=generator)


def network(x: Tensor, _condition: Condition | None, fraction: Tensor) -> Tensor:
    """Not linear in x, and another function at each step."""
    return torch.tanh(x) * torch.cos(3 * fraction)[:, None, None] + 0.1 * x.flip(-1)


def drawn_by_us(process: NoiseProcess, sampler: str, steps: int) -> Tensor:
    condition = Condition(traces=torch.zeros(SHAPE), log_amplitude=torch.zeros(SHAPE[0]))

    def denoise(x: Tensor, condition: Condition, step: int) -> Tensor:
        return process.denoise(network, x, condition, step)

    return sample(denoise, condition, drawn(0), process=process, sampler=sampler, steps=steps)


def output(process: NoiseProcess, x: Tensor, step: int) -> Tensor:
    """What a scheduler is handed: the network's own output, noise or velocity."""
    fraction = torch.full((len(x),), step).double() / process.last_step
    return network(x, None, fraction)


def in_double(scheduler, process: NoiseProcess, kept: list[int] | None = None):
    """A scheduler that rounds less than the sampler that it judges, on our table of single precision."""
    table = process.alpha_bar.double()
    scheduler.alphas_cumprod = table if kept is None else table[kept]
    return scheduler


def assert_same(found: Tensor, wanted: Tensor) -> None:
    scale = float(wanted.abs().max())
    np.testing.assert_allclose(found.numpy() / scale, wanted.numpy() / scale, rtol=0, atol=1e-5)


@every_process
def test_the_forward_process(process: ProcessConfig, schedule: str) -> None:
    ours = NoiseProcess(process, BETAS[schedule])
    theirs = DDPMScheduler(beta_schedule=SCHEDULES[schedule], num_train_timesteps=process.train_steps)
    np.testing.assert_allclose(ours.alpha_bar, theirs.alphas_cumprod, rtol=1e-6)
    clean, noise, step = drawn(1)(), drawn(2)(), torch.tensor([0, 7, 500, 999])
    assert_same(ours.noisy(clean, noise, step), theirs.add_noise(clean, noise, step))
    assert_same(ours.true_velocity(clean, noise, step), theirs.get_velocity(clean, noise, step))


def test_the_cosine_table_is_theirs_to_the_last_bit() -> None:
    """The models that ship were trained with it."""
    for length in (48, 777, 1000):
        theirs = DDPMScheduler(beta_schedule="squaredcos_cap_v2", num_train_timesteps=length)
        assert torch.equal(NoiseProcess(ProcessConfig(train_steps=length)).alpha_bar, theirs.alphas_cumprod)


@every_process
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_single_step_samplers(sampler: str, steps: int, process: ProcessConfig, schedule: str) -> None:
    # Ancestral sampling is DDIM with eta = 1 (Song et al. 2021, section 4.1).
    ours = NoiseProcess(process, BETAS[schedule])
    kept = sorted(visited_steps(1000, steps).tolist())
    theirs = in_double(
        DDIMScheduler(num_train_timesteps=steps, prediction_type=PREDICTIONS[process.prediction], clip_sample=False),
        ours,
        kept,
    )
    theirs.set_timesteps(steps)
    noise = drawn(0)
    x = noise().double()
    for number in theirs.timesteps.tolist():
        extra = {}
        if sampler == "ddpm" and number > 0:
            extra = {"eta": 1.0, "variance_noise": noise().double()}
        x = theirs.step(output(ours, x, kept[number]), number, x, return_dict=False, **extra)[0]
    assert_same(drawn_by_us(ours, sampler, steps), x)


@every_process
@pytest.mark.parametrize("steps", [5, 20, 1000])
def test_ancestral_sampling_is_that_of_ddpm(steps: int, process: ProcessConfig, schedule: str, monkeypatch) -> None:
    ours = NoiseProcess(process, BETAS[schedule])
    theirs = in_double(
        DDPMScheduler(prediction_type=PREDICTIONS[process.prediction], clip_sample=False, timestep_spacing="trailing"),
        ours,
    )
    theirs.set_timesteps(steps)
    noise = drawn(0)
    x = noise().double()
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_arguments, **_keywords: noise().double()
    )
    for step in theirs.timesteps.tolist():
        x = theirs.step(output(ours, x, step), step, x, return_dict=False)[0]
    assert_same(drawn_by_us(ours, "ddpm", steps), x)


@every_process
@pytest.mark.parametrize("steps", STEPS)
def test_dpm_solver(steps: int, process: ProcessConfig, schedule: str) -> None:
    ours = NoiseProcess(process, BETAS[schedule])
    theirs = in_double(
        DPMSolverMultistepScheduler(prediction_type=PREDICTIONS[process.prediction], timestep_spacing="trailing"), ours
    )
    with warnings.catch_warnings():
        # diffusers hands a tensor to np.array, which NumPy 2 tells tensors' authors about.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        theirs.set_timesteps(timesteps=visited_steps(1000, steps).tolist())
    x = drawn(0)()
    for step in theirs.timesteps.tolist():
        x = theirs.step(output(ours, x, step).float(), step, x, return_dict=False)[0]
    assert_same(drawn_by_us(ours, "dpm-solver++", steps), x)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_jumps_of_plain_velocities_are_ddim(steps: int) -> None:
    ours = NoiseProcess(ProcessConfig())
    kept = sorted(visited_steps(1000, steps).tolist())
    theirs = in_double(
        DDIMScheduler(num_train_timesteps=steps, prediction_type="v_prediction", clip_sample=False), ours, kept
    )
    theirs.set_timesteps(steps)
    x = drawn(0)().double()
    for number in theirs.timesteps.tolist():
        x = theirs.step(output(ours, x, kept[number]), number, x, return_dict=False)[0]

    def move(x: Tensor, step: int, to: int) -> Tensor:
        begin, end = (torch.full((len(x),), number) for number in (step, to))
        return ours.moved(x, output(ours, x, step).float(), begin, end)

    assert_same(sample_by_jumps(move, drawn(0), process=ours, steps=steps), x)
