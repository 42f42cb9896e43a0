"""Traces to latents and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from spectremor.diffusion.config import DiffusionConfig, LatentConfig
from spectremor.diffusion.latent import Latents, cosine_matrix, crossover, frequencies_hz, sensor_amplitude


def fitted(config: LatentConfig) -> Latents:
    latents = Latents(config)
    decay = torch.linspace(1.0, 0.05, config.latent_samples)
    latents.fit_gains(decay, 0.7 * decay.flip(0))
    return latents


def band_limited(seed: int, sensors: int, config: LatentConfig) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    coefficients = torch.randn(sensors, 3, config.latent_samples, generator=rng)
    return coefficients @ cosine_matrix(config.time_samples, config.latent_samples).T


def test_cosine_waves_are_orthonormal_and_hold_what_is_below_their_limit() -> None:
    basis = cosine_matrix(320, 80)
    np.testing.assert_allclose(basis.T @ basis, np.eye(80), atol=1e-5)
    time = torch.arange(320) / 50.0
    pulse = torch.exp(-((time - 3.0) ** 2) / 0.1) * torch.cos(2 * math.pi * 3.0 * time)
    kept = basis @ (basis.T @ pulse)
    assert float((kept - pulse).norm() / pulse.norm()) < 1e-4


def test_coefficient_frequencies_are_those_of_the_waves() -> None:
    config = LatentConfig()
    k = 32
    assert float(frequencies_hz(config)[k]) == pytest.approx(k / (2 * 6.4))
    wave = cosine_matrix(320, 80)[:, k].numpy()
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.fft.rfftfreq(320, 0.02)[spectrum.argmax()] == pytest.approx(k / 12.8, abs=0.08)


@pytest.mark.parametrize("target", ["trace", "residual"])
def test_target_and_finish_are_inverse(target: str) -> None:
    config = LatentConfig(target=target)
    latents = fitted(config)
    truth, stage1 = (latents.coefficients(band_limited(seed, 5, config)) for seed in (1, 2))
    amplitude, _ = sensor_amplitude(stage1, config)
    back = latents.finish(latents.target(truth, stage1, amplitude), stage1, amplitude)
    torch.testing.assert_close(back, truth, rtol=1e-4, atol=1e-4)


def test_gains_whiten_what_they_were_fitted_on() -> None:
    config = LatentConfig(gain_floor=1e-3)
    level = torch.linspace(1.0, 0.05, config.latent_samples)
    rng = torch.Generator().manual_seed(3)
    coefficients = torch.randn(4000, 3, config.latent_samples, generator=rng) * level
    latents = Latents(config)
    latents.fit_gains(coefficients.abs().mean(dim=(0, 1)), coefficients.abs().mean(dim=(0, 1)))
    one = torch.ones(4000)
    target = latents.target(coefficients, torch.zeros_like(coefficients), one)
    np.testing.assert_allclose(target.std(dim=(0, 1)), 1.0, atol=0.05)
    assert abs(float((target[:, :, 1:] * target[:, :, :-1]).mean())) < 0.01


def test_below_the_crossover_stage_1_stays() -> None:
    config = LatentConfig(keep_below_hz=1.0)
    weight = crossover(frequencies_hz(config), 1.0)
    frequency = frequencies_hz(config)
    assert bool((weight[frequency <= 0.8] == 0).all())
    assert bool((weight[frequency >= 1.2] == 1).all())
    assert bool((weight.diff() >= 0).all())
    latents = fitted(config)
    stage1, other = (latents.coefficients(band_limited(seed, 4, config)) for seed in (1, 2))
    amplitude, _ = sensor_amplitude(stage1, config)
    out = latents.finish(latents.target(other, stage1, amplitude), stage1, amplitude)
    torch.testing.assert_close(out[..., frequency <= 0.8], stage1[..., frequency <= 0.8])
    torch.testing.assert_close(out[..., frequency >= 1.2], other[..., frequency >= 1.2], rtol=1e-4, atol=1e-4)


def test_amplitude_is_the_root_mean_square_with_a_floor() -> None:
    config = LatentConfig(amplitude_floor=0.05)
    traces = band_limited(7, 6, config)
    traces[0] = 0.0
    coefficients = traces @ cosine_matrix(320, config.latent_samples)
    amplitude, field = sensor_amplitude(coefficients, config)
    rms = traces.square().mean(dim=(1, 2)).sqrt()
    assert float(field) == pytest.approx(float(rms.square().mean().sqrt()), rel=1e-4)
    np.testing.assert_allclose(amplitude, (rms**2 + (0.05 * field) ** 2).sqrt(), rtol=1e-4)
    assert float(amplitude[0]) == pytest.approx(0.05 * float(field), rel=1e-4)


def test_a_silent_field_gives_finite_conditions_and_silence() -> None:
    config = LatentConfig()
    latents = fitted(config)
    silence = torch.zeros(3, 3, config.latent_samples)
    amplitude, field = sensor_amplitude(silence, config)
    condition = latents.condition(silence, amplitude, field)
    assert bool(torch.isfinite(condition.traces).all())
    assert bool(torch.isfinite(condition.log_amplitude).all())
    assert float(latents.finish(torch.randn(3, 3, config.latent_samples), silence, amplitude).abs().max()) == 0.0


@pytest.mark.parametrize(
    "values",
    [
        {"latent": {"latent_samples": 82}},
        {"latent": {"latent_samples": 400}},
        {"network": {"widths": [20]}},
        {"network": {"depth": 3}},
        {"process": {"schedule": "exponential"}},
        {"latent": {"amplitude_floor": 0}},
    ],
)
def test_impossible_configs_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiffusionConfig.model_validate(values)
