"""Recordings at some of the sensors: what they are, and how the network's result honours them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectremor.diffusion.config import OBSERVED_ERROR
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.latent import Latents

#: Standard deviations that a coefficient of a draw departs from a recording by at most.
_MOST = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """Recordings of one event.

    Attributes:
        sensors: numbers of the sensors that have one.
        velocity: in m/s, components E, N, Z, at the times of the model.
        error: standard deviation of each sample's error, as a part of the trace's root-mean-square velocity.
    """

    sensors: Int[np.ndarray, " r"]
    velocity: Float[np.ndarray, "r 3 time"]
    error: float = OBSERVED_ERROR

    def error_m_s(self) -> Float[np.ndarray, "r 3"]:
        """Standard deviation of each trace's error."""
        return np.asarray(self.error * np.sqrt(np.mean(np.square(self.velocity, dtype=float), axis=2)))


def honoured(
    clean: Float[Tensor, "b 3 n"], unit: Float[Tensor, "b 3 n"], condition: FieldCondition, latents: Latents
) -> Float[Tensor, "b 3 n"]:
    """Clean latents that at a sensor with a recording depart from it by no more than twice its error's deviation.

    Args:
        clean: as the network makes them of its own.
        unit: what it makes at a sensor with a recording: the error that the recording has there, over the standard
            deviation, in the domain of unscaled latents, where an error that is white in the trace is white.
        condition: of the same batch.
        latents: holds the spectral gains.
    """
    bounded = _MOST * torch.tanh(latents.spectrum(unit) / _MOST)
    departure = latents.whitened(bounded * condition.recording_error[:, :, None])
    return torch.where(condition.is_recorded[:, None, None] > 0, condition.recorded + departure, clean)
