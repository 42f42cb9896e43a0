"""Traces to latents and back: band-limited, scaled by the sensor, whitened.

A trace is low-passed far below its Nyquist frequency, so its lowest cosine coefficients (orthonormal DCT-II, whose
even extension has no jump at the ends) hold it. Transforming them back on a coarser time grid gives an array that is
several times shorter, on which white noise is band-limited noise on the fine grid. Multiplied by one gain per
frequency, measured on the training data, the array has about the same variance in every band, so no band is learned
before another only because it is louder.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.diffusion.config import LatentConfig
from spectremor.diffusion.crossover import crossover
from spectremor.diffusion.protocol import Condition

#: Rounds in which motion before the onset is removed; each removes less than the one before.
ROUNDS = 4


def cosine_matrix(n_time: int, n_kept: int) -> Float[Tensor, "time kept"]:
    """The lowest `n_kept` orthonormal DCT-II waves on `n_time` points; columns are orthonormal."""
    time = torch.arange(n_time, dtype=torch.float64, device="cpu") + 0.5
    wave = torch.arange(n_kept, dtype=torch.float64, device="cpu")
    matrix = math.sqrt(2.0 / n_time) * torch.cos(math.pi / n_time * torch.outer(time, wave))
    matrix[:, 0] /= math.sqrt(2.0)
    return matrix.float()


class Latents(nn.Module):
    """The map between traces in m/s and latents, exact in both directions within the band.

    Attributes:
        condition_gain: per coefficient, applied to stage-1 traces.
        target_gain: per coefficient, applied to what is generated.
    """

    condition_gain: Tensor
    target_gain: Tensor
    _analysis: Tensor
    _grid: Tensor
    _allowed: Tensor

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.config = config
        n = config.latent_samples
        self.register_buffer("condition_gain", torch.ones(n))
        self.register_buffer("target_gain", torch.ones(n))
        self.register_buffer("_analysis", cosine_matrix(config.time_samples, n), persistent=False)
        self.register_buffer("_grid", cosine_matrix(n, n), persistent=False)
        # 0 by 0: nothing is kept out.
        allowed = crossover(config).copy() if config.keep_below_hz else np.empty((0, 0), dtype=np.float32)
        self.register_buffer("_allowed", torch.from_numpy(allowed), persistent=False)

    def coefficients(self, traces: Float[Tensor, "b 3 time"]) -> Float[Tensor, "b 3 n"]:
        """The lowest cosine coefficients of traces, in their units."""
        return traces @ self._analysis

    def traces(self, coefficients: Float[Tensor, "b 3 n"]) -> Float[Tensor, "b 3 time"]:
        """Traces of the given coefficients."""
        return coefficients @ self._analysis.T

    def in_time(self, coefficients: Float[Tensor, "b 3 n"], band: tuple[int, int]) -> Float[Tensor, "b 3 n"]:
        """Traces at the times of the latents of a band of the coefficients: from one of them to before another."""
        low, high = band
        return coefficients[..., low:high] @ self._grid[:, low:high].T

    def condition(self, stage1: Float[Tensor, "b 3 n"], amplitude: Float[Tensor, " b"], field: Tensor) -> Condition:
        """What the network sees of stage 1.

        Args:
            stage1: coefficients in m/s.
            amplitude: by which each sensor is scaled, from `sensor_amplitude`.
            field: amplitude of the whole field, broadcast against `amplitude`.
        """
        scaled = stage1 / _divisor(amplitude)[:, None, None]
        ratio = amplitude / _divisor(field)
        log_amplitude = ratio.clamp_min(self.config.amplitude_floor).log10()
        return Condition(traces=(scaled * self.condition_gain) @ self._grid.T, log_amplitude=log_amplitude)

    def target(self, truth: Tensor, stage1: Tensor, amplitude: Float[Tensor, " b"]) -> Float[Tensor, "b 3 n"]:
        """Latents to be generated, from coefficients in m/s."""
        coefficients = truth - stage1 if self.config.target == "residual" else truth
        return self.whitened(coefficients / _divisor(amplitude)[:, None, None])

    def whitened(self, coefficients: Float[Tensor, "b 3 n"]) -> Float[Tensor, "b 3 n"]:
        """Latents of the coefficients of a change, over each sensor's amplitude."""
        return (coefficients * self.target_gain) @ self._grid.T

    def unwhitened(self, latents: Float[Tensor, "b 3 n"]) -> Float[Tensor, "b 3 n"]:
        """The inverse of `whitened`."""
        return (latents @ self._grid) / self.target_gain

    def spectrum(self, latents: Float[Tensor, "b 3 n"]) -> Float[Tensor, "b 3 n"]:
        """Whitened cosine coefficients of latents, the lowest frequency first."""
        return latents @ self._grid

    def finish(self, latents: Tensor, stage1: Tensor, amplitude: Float[Tensor, " b"]) -> Float[Tensor, "b 3 n"]:
        """Coefficients in m/s from generated latents; the inverse of `target` but for the crossover."""
        generated = self.unwhitened(latents) * amplitude[:, None, None]
        change = generated if self.config.target == "residual" else generated - stage1
        return stage1 + (change @ self._allowed if len(self._allowed) else change)

    def added(self, change: Float[Tensor, "b 3 n"], weights: Float[Tensor, "b 1 time"]) -> Float[Tensor, "b 3 time"]:
        """Traces of a change that leaves a sensor still until motion has begun there.

        Muting alone would bring back a little below the crossover, so the change is first freed of most of what is
        muted, by shapes that the crossover lets in.

        Args:
            change: coefficients in m/s, from `finish` less stage 1.
            weights: from `onset.onset_weights`.
        """
        still = 1.0 - weights
        for _ in range(ROUNDS if len(self._allowed) else 0):
            early = self.traces(change) * still
            change = change - self.coefficients(early) @ self._allowed
        return self.traces(change) * weights

    def fit_gains(self, condition_level: Float[Tensor, " n"], target_level: Float[Tensor, " n"]) -> None:
        """Set the gains from the mean moduli of the scaled coefficients over training data."""
        for gain, level in ((self.condition_gain, condition_level), (self.target_gain, target_level)):
            # sqrt(pi / 2) makes a root mean square of a Gaussian's mean modulus.
            level = level * math.sqrt(math.pi / 2)
            floor = max(self.config.gain_floor * float(level.max()), 1e-20)
            gain.copy_(1.0 / (level**2 + floor**2).sqrt())


def sensor_amplitude(
    stage1: Float[Tensor, "s 3 n"], config: LatentConfig, field_power: Tensor | None = None
) -> tuple[Float[Tensor, " s"], Float[Tensor, ""]]:
    """Root-mean-square velocity of each sensor with a floor, and of the whole field, in m/s.

    The floor is relative to the field, so that the stage is exactly linear in the size of the earthquake.

    Args:
        stage1: cosine coefficients of all sensors of one field, in m/s.
        config: holds the floor and the length of the traces.
        field_power: mean square velocity of the whole field, where the sensors here are not all of it.
    """
    power = sensor_power(stage1, config)
    field = power.mean() if field_power is None else field_power
    return (power + config.amplitude_floor**2 * field).sqrt().float(), field.sqrt().float()


def sensor_power(stage1: Float[Tensor, "s 3 n"], config: LatentConfig) -> Float[Tensor, " s"]:
    """Mean square velocity of each sensor in (m/s)^2, from its cosine coefficients in m/s; float64."""
    return stage1.double().square().sum(dim=(1, 2)) / (3 * config.time_samples)


def _divisor(amplitude: Tensor) -> Tensor:
    """A silent field is divided by one, and multiplied by zero afterwards."""
    return torch.where(amplitude > 0, amplitude, torch.ones_like(amplitude))
