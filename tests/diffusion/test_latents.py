"""Traces to latents and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from spectremor.core.errors import InputError
from spectremor.core.validation import validated
from spectremor.diffusion.config import DiffusionConfig, LatentConfig
from spectremor.diffusion.crossover import KEPT_OUT, crossover
from spectremor.diffusion.latent import Latents, cosine_matrix, sensor_amplitude
from spectremor.signal.filters import low_pass


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
    wave = cosine_matrix(config.time_samples, config.latent_samples)[:, k].numpy()
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


def _seen(change: np.ndarray, corner_hz: float) -> tuple[float, float]:
    """Norms of what the low-pass and a cut of the spectrum let through."""
    spectrum = np.fft.rfft(change)
    spectrum[..., np.fft.rfftfreq(320, 0.02) > corner_hz] = 0
    return tuple(
        float(np.linalg.norm(seen)) for seen in (low_pass(change, 0.02, corner_hz), np.fft.irfft(spectrum, 320))
    )


@settings(max_examples=30, deadline=None)
@given(
    corner_hz=st.floats(0.5, 3.0),
    values=arrays(np.float64, (3, 80), elements=st.floats(-1, 1, width=32)).filter(lambda v: np.abs(v).max() > 0.1),
)
def test_what_a_low_pass_sees_is_stage_1(corner_hz: float, values: np.ndarray) -> None:
    config = LatentConfig(keep_below_hz=corner_hz)
    latents = Latents(config)
    stage1 = torch.zeros(1, 3, 80)
    out = latents.finish(torch.from_numpy(values[None]).float(), stage1, torch.ones(1))
    change = latents.traces(out).double().numpy()
    # Whatever the draw: what is let in only in part, and seen only in part, comes to a sixth of that limit.
    assert max(_seen(change, corner_hz)) <= KEPT_OUT / 6 * np.linalg.norm(values) + 1e-5


def test_well_above_the_crossover_the_draw_stays() -> None:
    config = LatentConfig(keep_below_hz=1.0)
    time = np.arange(320) * 0.02
    window = np.exp(-(((time - 3.2) / 0.8) ** 2))
    latents = Latents(config)
    for frequency_hz, most in ((2.0, 0.05), (3.0, 0.01), (5.0, 0.01)):
        wave = torch.from_numpy((window * np.sin(2 * np.pi * frequency_hz * time)).astype(np.float32))
        coefficients = latents.coefficients(wave.expand(1, 3, 320))
        lost = coefficients - coefficients @ torch.from_numpy(crossover(config).copy())
        assert float(lost.norm() / coefficients.norm()) < most
    # A perfect filter would take 12.8 of the 80 degrees of freedom.
    assert 13 < config.latent_samples - float(np.trace(crossover(config))) < 22


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"keep_below_hz": 5.5}, "must be 0 or lie between 0.078125 and 5 Hz here"),
        ({"keep_below_hz": 1e-12}, "must be 0 or lie between"),
        ({"keep_below_hz": 1.0, "latent_samples": 1025, "time_samples": 2049}, "at most 1024"),
        ({"keep_below_hz": 1.0, "latent_samples": 1000, "time_samples": 8400}, "of at most 8388608"),
    ],
)
def test_crossovers_that_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentConfig(**values)


def test_a_mean_draw_leaves_less_than_a_hundredth_below_the_crossover() -> None:
    config = LatentConfig(keep_below_hz=1.0)
    latents = Latents(config)
    draw = torch.randn(200, 3, 80, generator=torch.Generator().manual_seed(0))
    out = latents.traces(latents.finish(draw, torch.zeros(200, 3, 80), torch.ones(200))).double().numpy()
    assert max(_seen(out, 1.0)) < 0.01 * np.linalg.norm(out)


def test_at_the_ends_of_a_record_half_of_the_draw_stays() -> None:
    config = LatentConfig(keep_below_hz=1.0)
    time = np.arange(320) * 0.02
    for at_s, least in ((0.1, 0.4), (0.4, 0.6), (3.2, 0.98), (6.3, 0.6)):
        burst = np.exp(-(((time - at_s) / 0.2) ** 2)) * np.sin(2 * np.pi * 3.5 * (time - at_s))
        coefficients = cosine_matrix(320, 80).numpy().T @ burst
        kept = coefficients @ crossover(config)
        assert (kept**2).sum() > least * (coefficients**2).sum()


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


def test_switches_of_earlier_versions_are_read_at_the_value_that_is_left() -> None:
    former = {"network": {"conditional": True}, "process": {"objective": "diffusion", "schedule": "cosine"}}
    assert DiffusionConfig.model_validate(former) == DiffusionConfig()
    assert "schedule" not in DiffusionConfig.model_validate(former).model_dump()["process"]
    with pytest.raises(InputError, match=r"diffusion\.process: got .*; allowed: schedule must be cosine, or left out"):
        validated(DiffusionConfig, {"process": {"schedule": "linear"}}, "diffusion")


@pytest.mark.parametrize(
    "values",
    [
        {"latent": {"latent_samples": 82}},
        {"latent": {"latent_samples": 400}},
        {"network": {"widths": [20]}},
        {"network": {"depth": 3}},
        {"process": {"schedule": "exponential"}},
        {"process": {"schedule": "linear"}},
        {"process": {"objective": "regression"}},
        {"network": {"conditional": False}},
        {"latent": {"amplitude_floor": 0}},
    ],
)
def test_impossible_configs_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiffusionConfig.model_validate(values)
