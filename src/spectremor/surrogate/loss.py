"""Training losses on normalised traces."""

from __future__ import annotations

import pydantic
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

#: Added to the modulus of the truth in the relative error (REFERENCE: arXiv 2404.10115, section 4).
FLOOR = 0.01
#: Added to a sensor's mean or root mean square amplitude, which is a small part of its peak (median 0.004).
SENSOR_FLOOR = 0.001


class LossConfig(pydantic.BaseModel):
    """Weights of the terms.

    Attributes:
        relative: mean of |u' - u| / (|u| + 0.01), point by point: the published loss.
        sensor: mean over sensors of the L1 error over the sensor's own mean amplitude: weak sensors count alike.
        energy: mean over sensors of the root mean square error over the sensor's own: leads to the conditional mean,
            where `sensor` leads to the conditional median, which is smaller.
        spectral: mean over sensors of the L1 error of the amplitude spectrum over the spectrum's own mean.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    relative: float = Field(0.0, ge=0)
    sensor: float = Field(1.0, ge=0)
    energy: float = Field(0.0, ge=0)
    spectral: float = Field(0.0, ge=0)

    @pydantic.model_validator(mode="after")
    def _teaches_something(self) -> LossConfig:
        if not any((self.relative, self.sensor, self.energy, self.spectral)):
            raise ValueError("at least one weight must be positive")
        return self


def surrogate_loss(
    prediction: Float[Tensor, "b 3 x y time"], target: Float[Tensor, "b 3 x y time"], config: LossConfig
) -> Float[Tensor, ""]:
    """The weighted sum of the terms; a mean over samples, so independent of the batch size."""
    total = prediction.new_zeros(())
    if config.relative:
        total = total + config.relative * relative_l1(prediction, target)
    if config.sensor:
        total = total + config.sensor * sensor_l1(prediction, target)
    if config.energy:
        total = total + config.energy * sensor_l2(prediction, target)
    if config.spectral:
        total = total + config.spectral * spectral_l1(prediction, target)
    return total


def relative_l1(prediction: Float[Tensor, "b 3 x y t"], target: Float[Tensor, "b 3 x y t"]) -> Float[Tensor, ""]:
    """Mean of |u' - u| / (|u| + 0.01)."""
    return ((prediction - target).abs() / (target.abs() + FLOOR)).mean()


def sensor_l1(prediction: Float[Tensor, "b 3 x y t"], target: Float[Tensor, "b 3 x y t"]) -> Float[Tensor, ""]:
    """L1 error of each sensor's three components over their mean modulus, averaged over sensors."""
    error = (prediction - target).abs().mean(dim=(1, 4))
    return (error / (target.abs().mean(dim=(1, 4)) + SENSOR_FLOOR)).mean()


def sensor_l2(prediction: Float[Tensor, "b 3 x y t"], target: Float[Tensor, "b 3 x y t"]) -> Float[Tensor, ""]:
    """Root mean square error of each sensor's three components over their root mean square, averaged over sensors."""
    error = ((prediction - target).square().mean(dim=(1, 4)) + 1e-12).sqrt()
    return (error / (target.square().mean(dim=(1, 4)).sqrt() + SENSOR_FLOOR)).mean()


def spectral_l1(prediction: Float[Tensor, "b 3 x y t"], target: Float[Tensor, "b 3 x y t"]) -> Float[Tensor, ""]:
    """L1 error of the amplitude spectra (modulus alone), over each sensor's mean amplitude."""
    found, wanted = (torch.fft.rfft(v, norm="ortho").abs() for v in (prediction, target))
    error = (found - wanted).abs().mean(dim=(1, 4))
    return (error / (wanted.mean(dim=(1, 4)) + SENSOR_FLOOR)).mean()
