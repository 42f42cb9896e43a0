"""Jumps: few evaluations of a network that knows how far it goes, against flows whose every point is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spectremor.core.errors import InputError
from spectremor.diffusion.config import DiffusionConfig, LatentConfig, NetworkConfig, ProcessConfig, SamplingConfig
from spectremor.diffusion.jumps import COUNTS, Jumps, drawn_jumps, jump_velocity, loss_with_jumps
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.samplers import sample, sample_by_jumps
from spectremor.diffusion.schedule import cosine_betas, visited_steps
from spectremor.diffusion.stage import DiffusionStage
from spectremor.lab.diffusion_variants import linear_betas

#: Standard deviation of the latents of the toy.
SPREAD = 0.5
SMALL = NetworkConfig(widths=(16, 16), embedding=16, jumps=True)


def empty(batch: int) -> Condition:
    return Condition(traces=torch.zeros(batch, 3, 8), log_amplitude=torch.zeros(batch))


class Flow:
    """For normal latents around zero: the plain velocity, and the exact velocity of every jump."""

    def __init__(self, process: NoiseProcess) -> None:
        self.process = process

    def __call__(self, x: torch.Tensor, _condition: Condition, step: torch.Tensor, jump: torch.Tensor) -> torch.Tensor:
        begin = (step * self.process.last_step).round().long()
        end = begin - (jump * self.process.config.train_steps).round().long()
        signal, noise = self.signal(begin).sqrt(), (1 - self.signal(begin)).sqrt()
        clean = signal * SPREAD**2 / self.variance(begin) * x
        plain = (signal * x - clean) / noise
        there = x * (self.variance(end) / self.variance(begin)).sqrt()
        far = torch.where(begin == end, begin - 1, end)
        return torch.where((begin == end)[:, None, None], plain, self.process.velocity_between(x, there, begin, far))

    def signal(self, step: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.ones(1), self.process.alpha_bar])[step + 1][:, None, None]

    def variance(self, step: torch.Tensor) -> torch.Tensor:
        return self.signal(step) * SPREAD**2 + 1 - self.signal(step)


def by_jumps(process: NoiseProcess, network, x: torch.Tensor, steps: int) -> torch.Tensor:
    def jump(x: torch.Tensor, step: int, to: int) -> torch.Tensor:
        begin, end = (torch.full((len(x),), number) for number in (step, to))
        return process.moved(x, process.velocity(network, x, empty(len(x)), begin, begin - end), begin, end)

    return sample_by_jumps(jump, lambda: x, process=process, steps=steps)


@pytest.mark.parametrize("betas", [cosine_betas(1000), linear_betas(1000)], ids=["cosine", "linear"])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8])
def test_exact_jumps_end_where_the_flow_ends(betas: np.ndarray, steps: int) -> None:
    process = NoiseProcess(ProcessConfig(), betas)
    x = torch.randn(64, 3, 8, generator=torch.Generator().manual_seed(0))
    last = Flow(process).variance(torch.tensor([process.last_step]))
    torch.testing.assert_close(
        by_jumps(process, Flow(process), x, steps), x * SPREAD / last.sqrt(), rtol=2e-3, atol=2e-3
    )


def test_exact_jumps_are_those_that_two_halves_make() -> None:
    process = NoiseProcess(ProcessConfig())
    jumps = drawn_jumps(np.random.default_rng(0), 256, 1000)
    x = torch.randn(256, 3, 8, generator=torch.Generator().manual_seed(0))
    found = jump_velocity(process, Flow(process), x, empty(256), jumps)
    exact = process.velocity(Flow(process), x, empty(256), jumps.step, jumps.step - jumps.to)
    halves = jumps.plain_halves.bool()
    torch.testing.assert_close(found[~halves], exact[~halves], rtol=1e-3, atol=1e-3)
    # Two plain steps are only nearly the flow: that is where a jump's error begins.
    error = (found - exact)[halves].square().mean() / exact[halves].square().mean()
    assert 0.01 < float(error.sqrt()) < 0.15


def test_without_knowing_jumps_the_sampler_is_ddim() -> None:
    process = NoiseProcess(ProcessConfig())
    flow = Flow(process)
    blind = lambda x, condition, step, _jump: flow(x, condition, step, torch.zeros_like(step))  # noqa: E731
    x = torch.randn(16, 3, 8, generator=torch.Generator().manual_seed(0))

    def denoiser(x: torch.Tensor, condition: Condition, step: int) -> torch.Tensor:
        return process.denoise(lambda x, c, f: blind(x, c, f, None), x, condition, step)

    for steps in (1, 3, 10):
        wanted = sample(denoiser, empty(16), lambda: x, process=process, sampler="ddim", steps=steps)
        torch.testing.assert_close(by_jumps(process, blind, x, steps), wanted, rtol=1e-3, atol=1e-4)


def test_drawn_jumps_are_those_that_sampling_takes() -> None:
    jumps = drawn_jumps(np.random.default_rng(1), 4096, 1000)
    taken = {
        pair
        for count in COUNTS
        for pair in zip(visited_steps(1000, count), [*visited_steps(1000, count)[1:], -1], strict=True)
    }
    drawn = set(zip(jumps.step.tolist(), jumps.to.tolist(), strict=True))
    assert drawn == {(int(a), int(b)) for a, b in taken}
    assert bool(((jumps.to < jumps.middle) & (jumps.middle < jumps.step)).all())


@pytest.mark.parametrize("count", [1, 2, 8, 12])
def test_few_jumps_at_a_time_are_all_of_them_in_the_long_run(count: int) -> None:
    rng = np.random.default_rng(2)
    drawn = [drawn_jumps(rng, count, 960) for _ in range(2400 // count)]
    lengths = torch.cat([jumps.step - jumps.to for jumps in drawn])
    found = torch.stack([(lengths == 960 // number).sum() for number in COUNTS]).numpy()
    assert found.sum() == len(lengths)
    np.testing.assert_allclose(found, len(lengths) / len(COUNTS), rtol=0.25)
    plain = torch.cat([jumps.plain_halves for jumps in drawn]).bool()
    assert torch.equal(plain, lengths <= 80)


def test_the_process_moves_no_table_to_where_latents_are() -> None:
    process = NoiseProcess(ProcessConfig())
    x, step = torch.randn(2, 3, 8), torch.tensor([999, 499])
    wanted = process.moved(x, x, step, step - 400), process.noisy(x, x, step)
    elsewhere = torch.empty(2, 3, 8, device="meta")
    process.noisy(elsewhere, elsewhere, step.to("meta"))
    process.true_velocity(elsewhere, elsewhere, step.to("meta"))
    torch.testing.assert_close((process.moved(x, x, step, step - 400), process.noisy(x, x, step)), wanted)


class Toy(nn.Module):
    """Learns a velocity that is a number times the latents, as it is for normal ones."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))

    def forward(self, x: torch.Tensor, _condition: Condition, step: torch.Tensor, jump: torch.Tensor) -> torch.Tensor:
        known = [f(angle * k) for angle in (step, jump) for f, k in ((torch.sin, 1.6), (torch.cos, 3.2))]
        return self.layers(torch.stack([step, jump, *known], dim=1))[:, :, None] * x


def test_one_learned_jump_does_what_many_plain_steps_do() -> None:
    torch.manual_seed(0)
    process, network, rng = NoiseProcess(ProcessConfig()), Toy(), np.random.default_rng(0)
    steps, batch = 1500, 128
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        far = drawn_jumps(rng, batch // 2, 1000)
        near = Jumps.none(torch.from_numpy(rng.integers(0, 1000, batch // 2)))
        jumps = Jumps(*(torch.cat(pair) for pair in zip(vars(far).values(), vars(near).values(), strict=True)))
        clean, noise = SPREAD * torch.randn(batch, 3, 8), torch.randn(batch, 3, 8)
        loss = loss_with_jumps(process, network, clean, empty(batch), jumps, noise).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    x = torch.randn(4000, 3, 8)
    blind = lambda x, condition, step, jump: network(x, condition, step, torch.zeros_like(jump))  # noqa: E731
    with torch.no_grad():
        assert float(by_jumps(process, blind, x, 1).std()) < 0.1 * SPREAD
        for count in (1, 2, 4):
            assert float(by_jumps(process, network, x, count).std()) == pytest.approx(SPREAD, rel=0.06)


def small_config(**changes) -> DiffusionConfig:
    latent = LatentConfig(time_samples=64, latent_samples=16)
    sampling = SamplingConfig(sampler="jump", steps=2)
    return DiffusionConfig(**{"latent": latent, "network": SMALL, "sampling": sampling} | changes)


def test_a_fresh_stage_jumps_as_its_plain_velocity_goes() -> None:
    torch.manual_seed(0)
    stage = DiffusionStage(small_config()).eval()
    for parameter in stage.network.parameters():
        if bool((parameter == 0).all()) and parameter is not stage.network.embed.jump.weight:
            nn.init.normal_(parameter, std=0.1)
    field = np.random.default_rng(0).standard_normal((3, 4, 4, 64)).astype(np.float32)
    plain = stage.generate_arrays(field, seed=1, sampler="ddim", steps=2)
    np.testing.assert_allclose(stage.generate_arrays(field, seed=1), plain, rtol=1e-3, atol=1e-3)
    before = stage.generate_arrays(field, seed=1, sampler="dpm-solver++", steps=4)
    nn.init.normal_(stage.network.embed.jump.weight)
    after = stage.generate_arrays(field, seed=1)
    assert not np.allclose(after, stage.generate_arrays(field, seed=1, sampler="ddim", steps=2), atol=1e-3)
    # What the network knows of jumps does not touch the other samplers.
    np.testing.assert_array_equal(stage.generate_arrays(field, seed=1, sampler="dpm-solver++", steps=4), before)


def test_a_network_that_knows_no_jumps_is_not_asked_for_them() -> None:
    stage = DiffusionStage(small_config().without_jumps())
    assert (stage.config.sampling.sampler, stage.config.sampling.steps) == ("dpm-solver++", 8)
    field = np.zeros((3, 2, 2, 64), dtype=np.float32)
    with pytest.raises(InputError, match=r"sampler: got jump; allowed: ddpm, ddim or dpm-solver\+\+"):
        stage.generate_arrays(field, sampler="jump")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": SMALL.model_copy(update={"jumps": False})}, "sampling.sampler jump needs network.jumps"),
        ({"process": ProcessConfig(prediction="noise")}, "process.prediction velocity"),
        ({"network": SMALL.model_copy(update={"dropout": 0.1})}, "a dropout of 0"),
        ({"process": ProcessConfig(train_steps=40)}, "train_steps of 48 or more"),
    ],
)
def test_configs_that_cannot_jump(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        small_config(**changes)
