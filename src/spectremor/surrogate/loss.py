"""Training losses on normalised traces."""

from __future__ import annotations

import itertools
import math

import pydantic
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

Traces = Float[Tensor, "b 3 *sensors time"]

#: Added to the modulus of the truth in the relative error (REFERENCE: arXiv 2404.10115, section 4).
FLOOR = 0.01
#: Added to a sensor's mean or root mean square amplitude, which is a small part of its peak (median 0.004).
SENSOR_FLOOR = 0.001
#: Between the bands of the loss by bands; the lowest starts at 0, the highest ends where the traces do.
BAND_EDGES_HZ = (0.7, 1.4, 2.8)
#: Part of a sensor's whole energy that is added to its energy in a band.
_BAND_FLOOR = 1e-4


class LossConfig(pydantic.BaseModel):
    """Weights of the terms.

    Attributes:
        relative: mean of |u' - u| / (|u| + 0.01), point by point: the published loss.
        sensor: mean over sensors of the L1 error over the sensor's own mean amplitude: weak sensors count alike.
        energy: mean over sensors of the root mean square error over the sensor's own: leads to the conditional mean,
            where `sensor` leads to the conditional median, which is smaller.
        spectral: mean over sensors of the L1 error of the amplitude spectrum over the spectrum's own mean.
        bands: mean over frequency bands (`BAND_EDGES_HZ`) and sensors of the root mean square error over the sensor's
            own root mean square in that band: low frequencies, which are weaker and easier, count as much as high ones.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    relative: float = Field(0.0, ge=0)
    sensor: float = Field(1.0, ge=0)
    energy: float = Field(0.0, ge=0)
    spectral: float = Field(0.0, ge=0)
    bands: float = Field(0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _teaches_something(self) -> LossConfig:
        if not any((self.relative, self.sensor, self.energy, self.spectral, self.bands)):
            raise ValueError("at least one weight must be positive")
        return self


def surrogate_loss(
    prediction: Traces,
    target: Traces,
    config: LossConfig,
    sampling_hz: float = 50.0,
) -> Float[Tensor, ""]:
    """The weighted sum of the terms; a mean over samples, so independent of the batch size.

    Args:
        prediction: normalised traces.
        target: what they should be.
        config: the weights.
        sampling_hz: of both; the loss by bands alone asks for it.
    """
    total = prediction.new_zeros(())
    if config.relative:
        total = total + config.relative * relative_l1(prediction, target)
    if config.sensor:
        total = total + config.sensor * sensor_l1(prediction, target)
    if config.energy:
        total = total + config.energy * sensor_l2(prediction, target)
    if config.spectral:
        total = total + config.spectral * spectral_l1(prediction, target)
    if config.bands:
        total = total + config.bands * band_l2(prediction, target, sampling_hz)
    return total


def relative_l1(prediction: Traces, target: Traces) -> Float[Tensor, ""]:
    """Mean of |u' - u| / (|u| + 0.01)."""
    return ((prediction - target).abs() / (target.abs() + FLOOR)).mean()


def sensor_l1(prediction: Traces, target: Traces) -> Float[Tensor, ""]:
    """L1 error of each sensor's three components over their mean modulus, averaged over sensors."""
    error = (prediction - target).abs().mean(dim=(1, -1))
    return (error / (target.abs().mean(dim=(1, -1)) + SENSOR_FLOOR)).mean()


def sensor_l2(prediction: Traces, target: Traces) -> Float[Tensor, ""]:
    """Root mean square error of each sensor's three components over their root mean square, averaged over sensors."""
    error = ((prediction - target).square().mean(dim=(1, -1)) + 1e-12).sqrt()
    return (error / (target.square().mean(dim=(1, -1)).sqrt() + SENSOR_FLOOR)).mean()


def spectral_l1(prediction: Traces, target: Traces) -> Float[Tensor, ""]:
    """L1 error of the amplitude spectra (modulus alone), over each sensor's mean amplitude."""
    predicted, true = (torch.fft.rfft(v, norm="ortho").abs() for v in (prediction, target))
    error = (predicted - true).abs().mean(dim=(1, -1))
    return (error / (true.mean(dim=(1, -1)) + SENSOR_FLOOR)).mean()


def band_l2(prediction: Traces, target: Traces, sampling_hz: float) -> Float[Tensor, ""]:
    """Root mean square error of each sensor in each band over its own there, averaged over bands and sensors."""
    samples = target.shape[-1]
    error, power = (torch.fft.rfft(v, norm="ortho").abs().square().sum(dim=1) for v in (prediction - target, target))
    frequency = torch.arange(error.shape[-1], device=error.device) * (sampling_hz / samples)
    floor = _BAND_FLOOR * power.sum(dim=-1) + samples * SENSOR_FLOOR**2
    total = prediction.new_zeros(())
    for low, high in itertools.pairwise((0.0, *BAND_EDGES_HZ, math.inf)):
        band = (frequency >= low) & (frequency < high)
        ratio = (error[..., band].sum(dim=-1) + 1e-12) / (power[..., band].sum(dim=-1) + floor)
        total = total + ratio.sqrt().mean()
    return total / (len(BAND_EDGES_HZ) + 1)
