"""Sensors of a wavefield, and stage 2 with noise that neighbouring sensors share in part."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float, Float32, Int
from scipy.spatial.distance import cdist
from torch import Tensor

from spectremor.diffusion.latent import sensor_amplitude
from spectremor.diffusion.noise import SensorNoise
from spectremor.diffusion.samplers import sample
from spectremor.diffusion.stage import MICRO_BATCH, DiffusionStage


def at_sensors(
    field: Float[np.ndarray, "*lead 3 x y time"], sensors: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "*lead k 3 time"]:
    """Traces of some sensors (numbers in x-major order) of a wavefield."""
    flat = field.reshape(*field.shape[:-3], -1, field.shape[-1])
    return np.moveaxis(flat[..., sensors, :], -3, -2)


def noise_mixing(positions_m: Float[np.ndarray, "all two"], correlation_m: float) -> Float32[np.ndarray, "all all"]:
    """Matrix that turns independent noises of all sensors into ones with correlation exp(-distance / correlation_m).

    Each sensor's own noise stays standard normal, so each sensor's own result keeps its distribution.
    """
    covariance = np.exp(-cdist(positions_m, positions_m) / correlation_m)
    return scipy.linalg.cholesky(covariance, lower=True).astype(np.float32)


@torch.no_grad()
def restore_with_mixed_noise(
    stage: DiffusionStage,
    stage1: Float[np.ndarray, "3 x y time"],
    sensors: Int[np.ndarray, " k"],
    mixing: Float32[np.ndarray, "all all"],
    *,
    seed: int = 0,
) -> Float[np.ndarray, "k 3 time"]:
    """As one realization of `DiffusionStage.generate_at`, but each sensor's noise is its row of `mixing` times all.

    Args:
        stage: a diffusion (a regression draws no noise).
        stage1: the whole wavefield in m/s.
        sensors: numbers in x-major order.
        mixing: from `noise_mixing`; the identity gives what `generate_at` gives.
        seed: one seed, one result.
    """
    stage.eval()
    latents, config = stage.latents, stage.config
    total = stage1.shape[1] * stage1.shape[2]
    traces = torch.from_numpy(at_sensors(stage1, np.arange(total)).copy())
    known = latents.coefficients(traces)
    amplitude, field = sensor_amplitude(known, config.latent)
    out = np.empty((len(sensors), 3, stage1.shape[-1]), np.float32)
    for start in range(0, len(sensors), MICRO_BATCH):
        part = sensors[start : start + MICRO_BATCH]
        # The last batch is filled up with its first sensor, so that every batch has one size.
        numbers = np.concatenate([part, np.full(MICRO_BATCH - len(part), part[0])])
        drawn = sample(
            stage.denoise,
            latents.condition(known[numbers], amplitude[numbers], field),
            _MixedNoise(mixing[numbers], SensorNoise(seed, 0, range(total), (3, config.latent.latent_samples))),
            process=stage.process,
            sampler=config.sampling.sampler,
            steps=config.sampling.steps,
        )
        change = latents.traces(latents.finish(drawn, known[numbers], amplitude[numbers]) - known[numbers])
        out[start : start + len(part)] = (traces[numbers] + change)[: len(part)].numpy()
    return out


class _MixedNoise:
    """Successive noises of a batch of sensors, mixed from those of all sensors."""

    def __init__(self, rows: Float32[np.ndarray, "b all"], everywhere: SensorNoise) -> None:
        self._rows = torch.from_numpy(rows)
        self._everywhere = everywhere

    def __call__(self) -> Float[Tensor, "b c n"]:
        noise = self._everywhere()
        return (self._rows @ noise.flatten(1)).view(len(self._rows), *noise.shape[1:])
