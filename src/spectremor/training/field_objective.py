"""The loss of groups of sensors: of the noise process, or of draws by a proper score; and of the mean."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from spectremor.diffusion.energy_score import fair_energy_score, score_parts
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.sensor_inputs import SensorInputs
from spectremor.training.config import FieldTraining, ScoreWeights

#: Of a recording, over the amplitude of its sensor: keeps those without an error finite.
_LEAST_ERROR = 1e-9
#: Of a batch, what `SensorInputs` holds.
INPUTS = tuple(field.name for field in dataclasses.fields(SensorInputs))


class FieldObjective(nn.Module):
    """The mean loss of a batch of groups.

    Args:
        stage: what is trained.
        config: which objective, and its weights.
    """

    def __init__(self, stage: FieldStage, config: FieldTraining) -> None:
        super().__init__()
        self.stage = stage
        self.config = config
        stage.network.bf16 = config.mixed_precision == "bf16"

    def forward(
        self,
        truth: Float[Tensor, "g s 3 n"],
        noise: Float[Tensor, "g two s 3 n"],
        step: Int[Tensor, " g"],
        of_mean: Float[Tensor, " g"],
        positions_m: Float[Tensor, "g s 2"],
        **inputs: Tensor,
    ) -> Float[Tensor, ""]:
        """Mean loss.

        Args:
            truth: cosine coefficients in m/s of each group's sensors.
            noise: standard normal; two of each.
            step: of the noise process, one for each group; a score has no use for it.
            of_mean: 1 where a group teaches the mean and not a step; likewise.
            positions_m: of the sensors; the noise has them in it already.
            inputs: those of `SensorInputs`, of each group.
        """
        del positions_m
        sensors = truth.shape[1]
        rows = rows_of_groups(inputs)
        condition = rows.condition(self.stage.latents)
        clean = self.stage.latents.target(truth.flatten(0, 1), rows.stage1, rows.amplitude)
        if self.config.objective == "denoising":
            each = (step.repeat_interleave(sensors), of_mean.repeat_interleave(sensors))
            return denoising_loss(self.stage, clean, condition, *each, noise[:, 0].flatten(0, 1))
        draws = one_step_draws(self.stage, condition, noise)
        parts = score_parts(self.stage.latents, draws, clean, rows, condition.clock)
        mean = self.stage.mean(condition)
        middle = (draws[0] + draws[1]).detach() / 2
        parts["mean"] = ((mean - middle).square().mean() + (mean - clean).square().mean()) / 2
        parts["recorded"] = recorded_score(self.stage.latents, draws, clean, condition)
        return weighted(parts, self.config.score)


def rows_of_groups(inputs: dict[str, Tensor]) -> SensorInputs:
    """The sensors of several groups one after the other, whose neighbours are those of their own group."""
    groups, sensors = inputs["neighbour"].shape[:2]
    first = torch.arange(groups, device=inputs["neighbour"].device) * sensors
    neighbour = inputs["neighbour"] + first[:, None, None]
    return SensorInputs(**{name: tensor.flatten(0, 1) for name, tensor in (inputs | {"neighbour": neighbour}).items()})


def denoising_loss(
    stage: FieldStage,
    clean: Float[Tensor, "b 3 n"],
    condition: FieldCondition,
    step: Int[Tensor, " b"],
    of_mean: Float[Tensor, " b"],
    noise: Float[Tensor, "b 3 n"],
) -> Float[Tensor, ""]:
    """Mean square error of what the process predicts, as an error of the clean latents; or of the mean.

    An error of the predicted velocity is one of the clean latents over the noise's part (Salimans & Ho 2022). Where a
    sensor has a recording the weight is one, since what is left to learn there is as small at every step.

    Args:
        stage: what is trained.
        clean: latents to be learned.
        condition: of the same rows.
        step: of the forward process.
        of_mean: 1 where the mean is learned.
        noise: standard normal.
    """
    teaches_mean = of_mean[:, None, None] > 0
    step = torch.where(of_mean > 0, stage.process.last_step, step)
    noisy = torch.where(teaches_mean, 0.0, stage.process.noisy(clean, noise, step))
    found, signal = stage.denoise_each(noisy, dataclasses.replace(condition, mean=of_mean), step)
    recorded = condition.is_recorded[:, None, None] > 0
    weight = torch.where(recorded, 1.0, 1 / (1 - signal))
    return ((found - clean).square() * weight).mean()


def one_step_draws(
    stage: FieldStage, condition: FieldCondition, noise: Float[Tensor, "g two s 3 n"]
) -> tuple[Float[Tensor, "b 3 n"], Float[Tensor, "b 3 n"]]:
    """Two independent draws, each in one evaluation of the network."""
    last = stage.process.last_step
    first, second = (stage.denoise(noise[:, k].flatten(0, 1), condition, last) for k in (0, 1))
    return first, second


def recorded_score(
    latents: Latents, draws: tuple[Tensor, Tensor], truth: Float[Tensor, "b 3 n"], condition: FieldCondition
) -> Float[Tensor, ""]:
    """Mean energy score of what draws depart from recordings by, in units of the recordings' error; 0 without any.

    In the other parts such a sensor hardly counts, since what is left to learn there is small.
    """
    there = condition.is_recorded > 0
    if not bool(there.any()):
        return truth.new_zeros(())
    error = condition.recording_error[there][:, :, None].clamp_min(_LEAST_ERROR)
    departures = [latents.unwhitened((x - condition.recorded)[there]) / error for x in (*draws, truth)]
    first, second, true = (x.flatten(1) for x in departures)
    return fair_energy_score(first, second, true).mean()


def weighted(parts: dict[str, Tensor], weights: ScoreWeights) -> Float[Tensor, ""]:
    """The sum of the parts that have a weight."""
    known = weights.model_dump()
    return torch.stack([known[name] * part for name, part in parts.items()]).sum()
