"""The inputs of a network that sees the field, from traces, surroundings and recordings, in training and in use."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from spectremor.diffusion.clock import to_s_clock
from spectremor.diffusion.config import FieldConfig, LatentConfig
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.neighbours import neighbours_of
from spectremor.diffusion.surroundings import Surroundings


@dataclasses.dataclass(frozen=True, kw_only=True)
class SensorInputs:
    """Rows of sensors, of one field or of several one after the other.

    Attributes:
        stage1: cosine coefficients of stage 1 in m/s.
        amplitude: that each sensor is scaled by, in m/s.
        reference: amplitude of the event, in m/s.
        features: `Surroundings.features`.
        delay: arrival of the S wave in latent samples.
        neighbour: numbers of each sensor's neighbours among the rows.
        weight: of each neighbour.
        pair: numbers that describe each pair.
        recorded: cosine coefficients of recordings in m/s; anything at the other sensors.
        is_recorded: 1 where a sensor has a recording, else 0.
        recording_error: standard deviation of each recorded component's error, in m/s.
    """

    stage1: Float[Tensor, "b 3 n"]
    amplitude: Float[Tensor, " b"]
    reference: Float[Tensor, " b"]
    features: Float[Tensor, "b f"]
    delay: Float[Tensor, " b"]
    neighbour: Int[Tensor, "b k"]
    weight: Float[Tensor, "b k"]
    pair: Float[Tensor, "b k g"]
    recorded: Float[Tensor, "b 3 n"]
    is_recorded: Float[Tensor, " b"]
    recording_error: Float[Tensor, "b 3"]

    def condition(self, latents: Latents) -> FieldCondition:
        """The condition of their network."""
        seen = latents.condition(self.stage1, self.amplitude, self.reference)
        there = self.is_recorded[:, None, None]
        recorded = latents.target(torch.where(there > 0, self.recorded, self.stage1), self.stage1, self.amplitude)
        return FieldCondition(
            traces=seen.traces,
            log_amplitude=seen.log_amplitude,
            features=self.features,
            clock=to_s_clock(self.delay, latents.config.latent_samples),
            neighbour=self.neighbour,
            weight=self.weight,
            pair=self.pair,
            recorded=recorded * there,
            is_recorded=self.is_recorded,
            recording_error=self.recording_error * self.is_recorded[:, None] / self.amplitude[:, None],
            mean=torch.zeros_like(self.is_recorded),
        )


def place_inputs(
    sensors: Surroundings,
    log_amplitude: Float[np.ndarray, " s"],
    observed: Bool[np.ndarray, " s"],
    field: FieldConfig,
    latent: LatentConfig,
) -> dict[str, Tensor]:
    """Those of `SensorInputs` that follow from where the sensors are.

    Args:
        sensors: of one event.
        log_amplitude: see `log_amplitude`.
        observed: which sensors have a recording.
        field: how neighbours are chosen.
        latent: the grid that the delay is counted in.
    """
    near = neighbours_of(sensors, log_amplitude, observed, field)
    return {
        "features": torch.from_numpy(sensors.features()),
        "delay": delays(sensors, latent),
        "neighbour": torch.from_numpy(near.index.astype(np.int64)),
        "weight": torch.from_numpy(near.weight),
        "pair": torch.from_numpy(near.features),
    }


def delays(sensors: Surroundings, latent: LatentConfig) -> Float[Tensor, " s"]:
    """Arrival of the S wave at each sensor, in latent samples."""
    latent_hz = latent.sampling_hz * latent.latent_samples / latent.time_samples
    return torch.from_numpy((sensors.s_time_s * latent_hz).astype(np.float32))


def amplitude_by_reference(
    stage1: Float[Tensor, "s 3 n"], reference_m_s: float, config: LatentConfig
) -> Float[Tensor, " s"]:
    """Root-mean-square velocity of each sensor with a floor that is relative to the event, in m/s.

    Unlike `sensor_amplitude` it does not depend on what other sensors there are.

    Args:
        stage1: cosine coefficients in m/s.
        reference_m_s: amplitude of the event.
        config: holds the floor and the length of the traces.
    """
    power = stage1.double().square().sum(dim=(1, 2)) / (3 * config.time_samples)
    return (power + (config.amplitude_floor * reference_m_s) ** 2).sqrt().float()


def log_amplitude(amplitude: Float[Tensor, " s"], reference_m_s: float, config: LatentConfig) -> Float[Tensor, " s"]:
    """log10 of each sensor's amplitude over the event's."""
    return (amplitude / reference_m_s).clamp_min(config.amplitude_floor).log10()
