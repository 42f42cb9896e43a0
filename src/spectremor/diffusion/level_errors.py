"""Random levels of draws: how loud the motion is, band by band, beyond what the network draws.

A network is surer of events that it has learned from than of others, so its draws of a new event are too much alike.
What is missing is measured on the validation split and drawn here: each band of each sensor's motion is multiplied by
exp(e), where e is normal, one part of it common to all sensors of the event, the other alike over a distance. So do
ground-motion models divide what they do not know into between-event and spatially correlated within-event residuals
(Jayaram & Baker 2009, doi 10.1002/eqe.922).
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from spectremor.core.seeds import derive_seed, generator
from spectremor.diffusion.config import LatentConfig, LevelErrors
from spectremor.diffusion.distances import distances_m
from spectremor.diffusion.noise import PlaceNoise
from spectremor.signal.spectra import BANDS_HZ

#: Width in octaves of the passage from one band's level to the next one's.
_PASSAGE_OCTAVES = 0.5
#: Keeps the covariance of recordings at one place invertible.
_JITTER = 1e-6


def band_weights(latent: LatentConfig) -> Float32[np.ndarray, "band n"]:
    """How much each band's level counts at each cosine coefficient; they sum to 1 everywhere."""
    with np.errstate(divide="ignore"):
        octave = np.log2(np.arange(latent.latent_samples) * latent.sampling_hz / (2 * latent.time_samples))
    above = [np.ones(latent.latent_samples)]
    for edge_hz, _ in BANDS_HZ[1:]:
        place = np.clip((octave - np.log2(edge_hz)) / _PASSAGE_OCTAVES + 0.5, 0, 1)
        above.append((1 - np.cos(np.pi * place)) / 2)
    return (np.stack(above) - np.stack([*above[1:], np.zeros(latent.latent_samples)])).astype(np.float32)


class Levels:
    """Gains of each cosine coefficient at the sensors of one field; a sensor's do not depend on which others there are.

    At a sensor with a recording the level is known, and near it nearly so.

    Args:
        errors: how large they are and how far alike.
        latent: the coefficients.
        positions_m: East and North of each sensor.
        recorded: numbers of those with a recording.
        seed: of the whole result.
    """

    def __init__(
        self,
        errors: LevelErrors,
        latent: LatentConfig,
        positions_m: Float[np.ndarray, "s 2"],
        recorded: Int[np.ndarray, " r"],
        seed: int,
    ) -> None:
        self.errors, self.positions_m, self.recorded, self.seed = errors, positions_m, recorded, seed
        self._shape = np.array(errors.sd_ln, dtype=np.float32)[:, None] * band_weights(latent)

    def of_draw(self, realization: int, sensors: Int[np.ndarray, " n"]) -> Float[Tensor, "n 1 k"]:
        """Gains at some sensors in one draw; their logarithms have a mean of zero."""
        unit = self._unit(realization, sensors)
        if len(self.recorded):
            unit = unit - self._share_of_recorded(sensors) @ self._unit(realization, self.recorded)
        return torch.from_numpy(np.exp(unit.astype(np.float32) @ self._shape))[:, None]

    def of_mean(self, sensors: Int[np.ndarray, " n"]) -> Float[Tensor, "n 1 k"]:
        """The mean over all draws of the gains at some sensors."""
        variance = np.square(self._shape).sum(axis=0)
        unknown = np.ones(len(sensors))
        if len(self.recorded):
            unknown -= (self._share_of_recorded(sensors) * self._alike(sensors, self.recorded)).sum(axis=1)
        return torch.from_numpy(np.exp(np.outer(unknown, variance) / 2).astype(np.float32))[:, None]

    def _unit(self, realization: int, sensors: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n band"]:
        """Errors over their standard deviation."""
        errors, bands = self.errors, len(BANDS_HZ)
        common = generator(self.seed, "level of an event", realization).standard_normal(bands)
        seed = derive_seed(self.seed, "levels of sensors")
        places = PlaceNoise(seed, realization, self.positions_m, (bands,), errors.reach_m)
        own = places.at(sensors.tolist())().numpy()
        return np.asarray(errors.of_event**0.5 * common + (1 - errors.of_event) ** 0.5 * own)

    def _alike(self, one: Int[np.ndarray, " n"], other: Int[np.ndarray, " m"]) -> Float[np.ndarray, "n m"]:
        """Correlation of the errors at sensors."""
        near = np.exp(-distances_m(self.positions_m[one], self.positions_m[other]) / self.errors.reach_m)
        return np.asarray(self.errors.of_event + (1 - self.errors.of_event) * near)

    @functools.cached_property
    def _to_independent(self) -> Float[np.ndarray, "r r"]:
        """Matrix that makes the errors at recorded sensors independent: the inverse of a Cholesky factor."""
        alike = self._alike(self.recorded, self.recorded)
        return np.linalg.inv(np.linalg.cholesky(alike + _JITTER * np.eye(len(alike))))

    def _share_of_recorded(self, sensors: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n r"]:
        """What the error at each recorded sensor says of that at others (simple kriging)."""
        return self._alike(sensors, self.recorded) @ self._to_independent.T @ self._to_independent
