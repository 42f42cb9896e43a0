"""Every choice of a training run, validated; unknown keys are errors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spectremor.core.presets import read_preset
from spectremor.core.validation import validated
from spectremor.diffusion.config import OBSERVED_ERROR, DiffusionConfig, FieldConfig, LatentConfig
from spectremor.surrogate.config import AnyNetworkConfig, MifnoConfig, RayConfig
from spectremor.surrogate.loss import LossConfig

Count = Annotated[int, Field(ge=1)]
Stage = Literal["mifno", "ddpm", "field"]

#: Settings that follow from the number of steps.
LENGTH = ("steps", "warmup", "ema_decay", "validate_every", "checkpoint_every")
#: Validations of a training that is shorter than its config's interval between two.
FEWEST_VALIDATIONS = 2


class LoopConfig(BaseModel):
    """What the loop needs, whatever it trains.

    Attributes:
        seed: of everything random: weights, order, noise.
        steps: length of the whole training; the learning rate's schedule is laid over it.
        batch: items per step, over all processes together.
        train_samples: learn from the first so many of the training split (0: all that are there).
        skip_samples: samples of the training split that are left out before these. The errors of stage 1 are smaller on
            samples that it was trained on than on new ones, and stage 2 would learn the smaller errors: one of the two
            stages should leave out what the other was trained on.
        micro_batch: items that go through the network at once (0: all of a process's share).
        learning_rate: the highest.
        final_rate: the last, as a fraction of the highest.
        warmup: steps of linear rise.
        weight_decay: of AdamW.
        clip_norm: largest norm of the gradient (0: any).
        ema_decay: of the averaged weights, which are validated and exported.
        validate_every: steps between validations.
        checkpoint_every: steps between checkpoints.
        patience: validations without a better loss before stopping early (0: never).
        mixed_precision: "bf16" runs the network in bfloat16 where that is safe: never in a Fourier transform.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    steps: Count = 20_000
    batch: Count = 16
    train_samples: Annotated[int, Field(ge=0)] = 0
    skip_samples: Annotated[int, Field(ge=0)] = 0
    micro_batch: Annotated[int, Field(ge=0)] = 0
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4
    final_rate: Annotated[float, Field(ge=0, le=1)] = 0.01
    warmup: Annotated[int, Field(ge=0)] = 200
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip_norm: Annotated[float, Field(ge=0)] = 1.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    validate_every: Count = 500
    checkpoint_every: Count = 200
    patience: Annotated[int, Field(ge=0)] = 0
    mixed_precision: Literal["no", "bf16"] = "no"


class MifnoTraining(LoopConfig):
    """Training of stage 1.

    Attributes:
        stage: "mifno".
        model: the network.
        loss: weights of its terms.
        augment: turn every sample by one of the 8 symmetries of the square, drawn anew each epoch.
        validation_samples: at most so many are judged.
        sensors: of each event, drawn anew at each step (0: all), for a network that takes them one by one.
        stride: for such a network, of every `stride` output times one is learned from (5 Hz motion needs 12.5 samples a
            second).
        mixed_precision: of such a network alone: the others are Fourier transforms throughout.
    """

    stage: Literal["mifno"] = "mifno"
    model: AnyNetworkConfig = MifnoConfig()
    loss: LossConfig = LossConfig()
    augment: bool = True
    validation_samples: Count = 32
    sensors: Annotated[int, Field(ge=0)] = 0
    stride: Annotated[int, Field(ge=1, le=64)] = 1

    @model_validator(mode="after")
    def _sensor_by_sensor(self) -> MifnoTraining:
        own = (self.sensors, self.stride, self.mixed_precision) != (0, 1, "no")
        if own and not isinstance(self.model, RayConfig):
            raise ValueError("sensors, stride and mixed_precision are for a network of kind rays")
        count = math.prod(self.model.domain.sensors)
        if self.sensors > count:
            raise ValueError(f"sensors must not exceed the {count} of the network")
        return self


class DdpmTraining(LoopConfig):
    """Training of stage 2, with stage 1 frozen; an item of the batch is a sensor.

    Attributes:
        stage: "ddpm".
        model: the diffusion stage.
        samples_per_batch: simulations that the sensors of a batch are drawn from; divides `batch`.
        augment: exchange and mirror components, and flip the sign: the symmetries that a single sensor has.
        jump_share: of a network with jumps, the share of the sensors of a batch that train jumps; the other sensors
            train single steps of the process.
        gain_samples: training simulations that the spectral gains are measured on.
        validation_samples: at most so many are judged.
        validation_sensors: of each.
        scored_sensors: sensors of each for which motion is also generated and scored (0: none).
    """

    stage: Literal["ddpm"] = "ddpm"
    model: DiffusionConfig = DiffusionConfig()
    batch: Count = 256
    samples_per_batch: Count = 8
    augment: bool = True
    jump_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    gain_samples: Count = 32
    validation_samples: Count = 16
    validation_sensors: Annotated[int, Field(ge=1, le=1024)] = 128
    scored_sensors: Annotated[int, Field(ge=0, le=1024)] = 32

    @model_validator(mode="after")
    def _samples_divide_batch(self) -> DdpmTraining:
        if self.batch % self.samples_per_batch:
            raise ValueError("samples_per_batch must divide batch")
        return self

    @model_validator(mode="after")
    def _jumps_and_plain_steps(self) -> DdpmTraining:
        each = self.batch // self.samples_per_batch
        if self.model.network.jumps and self.jump_share and not 0 < self.jumps_among(each) < each:
            raise ValueError(
                f"jump_share must leave some of the {each} sensors of each simulation to jumps, and some not"
            )
        return self

    def jumps_among(self, sensors: int) -> int:
        """How many of so many sensors teach jumps."""
        return round(self.jump_share * sensors) if self.model.network.jumps else 0


class ScoreWeights(BaseModel):
    """Weights of what draws are judged by in training (`diffusion.energy_score.score_parts`), and of the mean.

    Attributes:
        spectrum: each sensor's spectrum, band by band.
        together: a sensor and its neighbours as one.
        difference: motion of a neighbour less the sensor's own; what alone tells draws that neighbours do not share.
        energy: logarithms of the energies in the bands.
        envelope: logarithms of the energies in the bands, in windows of time.
        mean: mean square error of the mean.
        recorded: at sensors with a recording, what draws depart from it by, in units of its error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    spectrum: Annotated[float, Field(ge=0)] = 1.0
    together: Annotated[float, Field(ge=0)] = 0.5
    difference: Annotated[float, Field(ge=0)] = 1.0
    energy: Annotated[float, Field(ge=0)] = 0.3
    envelope: Annotated[float, Field(ge=0)] = 0.3
    mean: Annotated[float, Field(ge=0)] = 1.0
    recorded: Annotated[float, Field(ge=0)] = 0.1


class FieldTraining(LoopConfig):
    """Training of a stage 2 that sees the field, with stage 1 frozen; an item of the batch is a group of sensors.

    Attributes:
        stage: "field".
        model: the diffusion stage, with a `field`.
        objective: "denoising", the noise process at all its steps; or "score", draws as the model's own sampler makes
            them in one step, judged by a proper score.
        sensors: of a group, a square number: windows of the grid and of the patch, random stations, or any of these.
        observed_share: at most such a part of a group's sensors has recordings.
        observed_error: of these recordings, as a part of each trace's root-mean-square velocity.
        augment: look at each group in one of the 16 orientations, drawn anew each time.
        score: weights of the objective's parts.
        gain_samples: training simulations that the spectral gains are measured on.
        validation_samples: at most so many are judged, by a group of sensors each.
        validation_draws: of each group.
    """

    stage: Literal["field"] = "field"
    model: DiffusionConfig = DiffusionConfig(latent=LatentConfig(target="residual"), field=FieldConfig())
    objective: Literal["denoising", "score"] = "denoising"
    batch: Count = 8
    sensors: Annotated[int, Field(ge=1, le=1 << 14)] = 64
    observed_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    observed_error: Annotated[float, Field(ge=0, le=1)] = OBSERVED_ERROR
    augment: bool = True
    score: ScoreWeights = ScoreWeights()
    gain_samples: Count = 32
    validation_samples: Count = 32
    validation_draws: Annotated[int, Field(ge=2, le=1000)] = 8

    @model_validator(mode="after")
    def _is_of_a_field(self) -> FieldTraining:
        if self.model.field is None:
            raise ValueError("model.field must be there; a stage without one is trained as ddpm")
        if math.isqrt(self.sensors) ** 2 != self.sensors:
            raise ValueError("sensors must be a square number, such as 64")
        if self.objective == "score" and (self.model.sampling.sampler, self.model.sampling.steps) != ("ddim", 1):
            raise ValueError("objective score needs model.sampling with sampler ddim and steps 1")
        return self


TrainingConfig = MifnoTraining | DdpmTraining | FieldTraining
Config = TypeVar("Config", bound=LoopConfig)
_CLASSES: dict[str, type[MifnoTraining] | type[DdpmTraining] | type[FieldTraining]] = {
    "mifno": MifnoTraining,
    "ddpm": DdpmTraining,
    "field": FieldTraining,
}


def shortened(config: Config, steps: int) -> Config:
    """The same training in fewer steps, with the settings that follow from their number."""
    return config.model_copy(
        update={
            "steps": steps,
            "warmup": min(config.warmup, max(1, steps // 10)),
            "ema_decay": min(config.ema_decay, max(0.9, 1 - 10 / steps)),
            "validate_every": max(1, min(config.validate_every, steps // FEWEST_VALIDATIONS)),
            "checkpoint_every": max(1, min(config.checkpoint_every, steps // 10)),
        }
    )


def load_config(name_or_path: str | Path, stage: Stage) -> TrainingConfig:
    """A preset by name (such as tiny, small, paper or coarse) or a YAML file.

    Raises:
        InputError: no such preset or file, an unknown key, or a value that is not allowed.
    """
    values = read_preset(name_or_path, "train", field="--config", prefix=f"{stage}_")
    if isinstance(values.get("model"), str):
        folder = "mifno" if stage == "mifno" else "ddpm"
        values["model"] = read_preset(values["model"], folder, field="model")
    return parse_config(values, stage)


def parse_config(values: dict[str, Any], stage: Stage) -> TrainingConfig:
    """A config from plain values.

    Raises:
        InputError: names the key.
    """
    return validated(_CLASSES[stage], values)
