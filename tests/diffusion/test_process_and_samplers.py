"""Forward process, and samplers against distributions whose every step is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from spectremor.core.errors import InputError
from spectremor.diffusion.config import ProcessConfig
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.samplers import sample
from spectremor.diffusion.schedule import cosine_betas, visited_steps
from spectremor.lab.diffusion_variants import linear_betas

SAMPLERS = ["ddpm", "ddim", "dpm-solver++"]


def empty(batch: int) -> Condition:
    return Condition(traces=torch.zeros(batch, 3, 8), log_amplitude=torch.zeros(batch))


class Fixed(nn.Module):
    """A network that gives the right answer for known clean latents and noise."""

    def __init__(self, process: NoiseProcess, clean: torch.Tensor) -> None:
        super().__init__()
        self.process, self.clean = process, clean

    def forward(self, x: torch.Tensor, condition: Condition, fraction: torch.Tensor) -> torch.Tensor:
        step = (fraction * self.process.last_step).round().long()
        signal = self.process.alpha_bar[step][:, None, None]
        noise = (x - signal.sqrt() * self.clean) / (1 - signal).sqrt()
        if self.process.config.prediction == "noise":
            return noise
        return signal.sqrt() * noise - (1 - signal).sqrt() * self.clean


@pytest.mark.parametrize("betas", [cosine_betas(1000), linear_betas(1000)], ids=["cosine", "linear"])
def test_forward_process_keeps_unit_variance_and_ends_in_noise(betas: np.ndarray) -> None:
    process = NoiseProcess(ProcessConfig(), betas)
    clean = torch.randn(4000, 3, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(4000, 3, 8, generator=torch.Generator().manual_seed(1))
    for step in (0, 250, 500, 999):
        noisy = process.noisy(clean, noise, torch.full((4000,), step))
        assert float(noisy.std()) == pytest.approx(1.0, abs=0.01)
    assert float((clean * noisy).mean()) == pytest.approx(0.0, abs=0.02)
    assert float(process.alpha_bar[0]) > 0.999


@pytest.mark.parametrize("prediction", ["noise", "velocity"])
def test_a_perfect_network_has_no_loss_and_denoises_exactly(prediction: str) -> None:
    process = NoiseProcess(ProcessConfig(prediction=prediction))
    clean = torch.randn(16, 3, 8, generator=torch.Generator().manual_seed(0))
    network = Fixed(process, clean)
    noise = torch.randn(16, 3, 8, generator=torch.Generator().manual_seed(1))
    step = torch.linspace(5, 950, 16).long()
    assert float(process.loss(network, clean, empty(16), step, noise).max()) < 1e-6
    noisy = process.noisy(clean, noise, torch.full((16,), 600))
    torch.testing.assert_close(process.denoise(network, noisy, empty(16), 600), clean, rtol=1e-3, atol=1e-3)


def test_loss_of_a_network_that_says_nothing_is_the_targets_variance() -> None:
    clean = torch.randn(64, 3, 80, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(64, 3, 80, generator=torch.Generator().manual_seed(1))
    step = torch.arange(64) * 15

    class Silent(nn.Module):
        def forward(self, x: torch.Tensor, condition: Condition, fraction: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x)

    condition = Condition(traces=torch.zeros(64, 3, 80), log_amplitude=torch.zeros(64))
    for prediction in ("noise", "velocity"):
        loss = NoiseProcess(ProcessConfig(prediction=prediction)).loss(Silent(), clean, condition, step, noise)
        assert float(loss.mean()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 7, 50, 617, 1000])
def test_a_perfect_denoiser_gives_the_data_back(sampler: str, steps: int) -> None:
    process = NoiseProcess(ProcessConfig())
    clean = torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    found = sample(
        lambda x, condition, step: clean,
        empty(4),
        lambda: torch.randn(4, 3, 8, generator=rng),
        process=process,
        sampler=sampler,
        steps=steps,
    )
    torch.testing.assert_close(found, clean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 200), ("ddim", 200), ("dpm-solver++", 30)])
@pytest.mark.parametrize("betas", [cosine_betas(1000), linear_betas(1000)], ids=["cosine", "linear"])
def test_a_gaussian_is_drawn_with_its_mean_and_covariance(sampler: str, steps: int, betas: np.ndarray) -> None:
    # For data ~ N(m, C) the optimal denoiser is known: E[x0 | x] = m + sqrt(a) C (a C + (1 - a) I)^-1 (x - sqrt(a) m).
    process = NoiseProcess(ProcessConfig(), betas)
    batch, size = 6000, 4
    rng = torch.Generator().manual_seed(2)
    root = torch.tensor([[1.0, 0, 0, 0], [0.7, 0.5, 0, 0], [0, 0.3, 0.4, 0], [0.2, 0, 0.1, 0.3]])
    covariance, mean = root @ root.T, torch.tensor([0.5, -1.0, 0.0, 2.0])

    def denoiser(x: torch.Tensor, condition: Condition, step: int) -> torch.Tensor:
        a = process.alpha_bar[step]
        gain = a.sqrt() * covariance @ torch.linalg.inv(a * covariance + (1 - a) * torch.eye(size))
        return mean + (x - a.sqrt() * mean) @ gain.T

    condition = Condition(traces=torch.zeros(batch, 1, size), log_amplitude=torch.zeros(batch))
    drawn = sample(
        denoiser,
        condition,
        lambda: torch.randn(batch, 1, size, generator=rng),
        process=process,
        sampler=sampler,
        steps=steps,
    )[:, 0]
    np.testing.assert_allclose(drawn.mean(dim=0), mean, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.numpy().T), covariance, atol=0.08)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_numbers_of_steps_are_refused(steps: int) -> None:
    with pytest.raises(InputError, match="steps"):
        sample(
            lambda x, c, s: x,
            empty(1),
            lambda: torch.zeros(1, 3, 8),
            process=NoiseProcess(ProcessConfig()),
            steps=steps,
        )


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 8, 61, 103, 201, 617])
def test_each_step_is_visited_once_from_the_noisiest_down(sampler: str, steps: int) -> None:
    visited: list[int] = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor, _condition: Condition, step: int) -> torch.Tensor:
            visited.append(step)
            return torch.zeros_like(x)

    sample(
        Spy(),
        empty(1),
        lambda: torch.randn(1, 3, 8),
        process=NoiseProcess(ProcessConfig()),
        sampler=sampler,
        steps=steps,
    )
    assert len(visited) == steps
    assert visited[0] == 999
    assert visited[-1] >= 0
    assert all(a > b for a, b in itertools.pairwise(visited))


def test_every_number_of_steps_has_its_own_spacing() -> None:
    for steps in range(1, 1001):
        visited = visited_steps(1000, steps)
        assert (len(visited), visited[0]) == (steps, 999)
        assert visited[-1] >= 0
        assert (np.diff(visited) < 0).all()
