"""Noise that neighbours share in part, at equal time after S: what is drawn alike moves with the wavefront."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from spectremor.diffusion.config import FieldConfig
from spectremor.diffusion.distances import distances_m
from spectremor.diffusion.noise import PlaceNoise, StationNoise


def later(noise: Float[Tensor, "*lead s 3 n"], delay: Float[Tensor, " s"]) -> Float[Tensor, "*lead s 3 n"]:
    """Arrays delayed cyclically by a number of samples: white noise stays white (but for its last frequency).

    Args:
        noise: of each sensor.
        delay: in samples, any part of one.
    """
    samples = noise.shape[-1]
    frequency = torch.fft.rfftfreq(samples, device=noise.device)
    angle = -2 * torch.pi * frequency * delay[:, None, None]
    turn = torch.polar(torch.ones_like(angle), angle)
    return torch.fft.irfft(torch.fft.rfft(noise) * turn, samples)


def mixed(own: Tensor, shared: Tensor, delay: Float[Tensor, " s"], share: float) -> Tensor:
    """Standard normal noise of which a share of the variance is shared.

    Args:
        own: noise of each sensor alone.
        shared: noise that near sensors have in common, on the clock of the S wave.
        delay: arrival of the S wave in samples.
        share: of the variance.
    """
    return (1 - share) ** 0.5 * own + share**0.5 * later(shared, delay)


def place_noise(
    seed: int,
    realization: int,
    positions_m: Float[np.ndarray, "s 2"],
    delay: Float[Tensor, " s"],
    samples: int,
    config: FieldConfig,
    block: int = 0,
) -> Callable[[], Float[Tensor, "s 3 n"]]:
    """What makes the successive noises of a field; a sensor's hang on its place alone, whatever the others are.

    Args:
        seed: of the whole result.
        realization: which one.
        positions_m: East and North of each sensor.
        delay: arrival of the S wave in samples.
        samples: of an array.
        config: how much is shared, and how far.
        block: of time, where a record is longer than one array.
    """
    shape, device = (3, samples), delay.device
    places = PlaceNoise(seed, realization, positions_m, shape, config.shared_noise_m, device, block)
    if config.shared_noise == 1:
        shared = places.at(range(len(positions_m)))
        return lambda: later(shared(), delay)
    own = StationNoise(seed, realization, positions_m, shape, device, block)
    if config.shared_noise == 0:
        return own
    shared = places.at(range(len(positions_m)))
    return lambda: mixed(own(), shared(), delay, config.shared_noise)


def group_noise(
    rng: np.random.Generator,
    positions_m: Float[np.ndarray, "s 2"],
    delay: Float[Tensor, " s"],
    shape: tuple[int, int, int],
    config: FieldConfig,
) -> Float[Tensor, "k s 3 n"]:
    """Several independent noises of a few sensors, of the same distribution as those of `place_noise`.

    Args:
        rng: that draws.
        positions_m: East and North of each sensor.
        delay: arrival of the S wave in samples.
        shape: noises, components and samples.
        config: how much is shared, and how far.
    """
    count, components, samples = shape
    size = (count, len(positions_m), components, samples)
    own = torch.from_numpy(rng.standard_normal(size, dtype=np.float32))
    if config.shared_noise == 0:
        return own
    independent = rng.standard_normal(size, dtype=np.float32)
    shared = np.einsum("st,ktcn->kscn", _mixing(positions_m, config.shared_noise_m), independent)
    return mixed(own, torch.from_numpy(shared), delay, config.shared_noise)


def _mixing(positions_m: Float[np.ndarray, "s 2"], correlation_m: float) -> Float32[np.ndarray, "s s"]:
    covariance = np.exp(-distances_m(positions_m, positions_m) / correlation_m)
    # Two sensors at one place have one noise.
    covariance[np.diag_indices_from(covariance)] += 1e-6
    return np.linalg.cholesky(covariance).astype(np.float32)
