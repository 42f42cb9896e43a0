"""Every choice of the diffusion stage, validated; unknown keys are errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from spectremor.core.errors import InputError
from spectremor.core.recording import Recording
from spectremor.core.validation import without_former_switches

#: Samplers for any network, and the one that needs a network with jumps.
PlainSampler = Literal["ddpm", "ddim", "dpm-solver++"]
SamplerName = Literal[PlainSampler, "jump"]

Positive = Annotated[int, Field(gt=0, le=10_000)]
Blocks = Annotated[int, Field(gt=0, le=64)]
Width = Annotated[int, Field(gt=0, le=4096)]
#: Largest standard deviation of ln velocity that a level may have.
MAX_LEVEL_SD = 2.0
LevelSd = Annotated[float, Field(ge=0, le=MAX_LEVEL_SD)]

#: Steps of the other samplers, where the config's own number is that of jumps.
PLAIN_STEPS = 8
#: Fewest steps of a process in which jumps of different length differ.
_FEWEST_FOR_JUMPS = 48

#: Largest matrix between traces and latents (128 MB of float32): no tensor in the weights shows how large it is.
MAX_MATRIX = 1 << 25
#: Largest such matrix, and most coefficients, that a crossover is computed for (a second).
MAX_CROSSOVER, MAX_CROSSOVER_SAMPLES = 1 << 23, 1 << 10
#: Neighbours that a sensor is scored together with; a network has at least as many.
JUDGED_TOGETHER = 4
#: Error of a recording by default, as a part of each trace's root-mean-square velocity.
OBSERVED_ERROR = 0.01
#: Highest crossover, as a part of the highest frequency of the latents: above, hardly anything would be left to draw.
HIGHEST_CROSSOVER = 0.8


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LatentConfig(_Strict):
    """How traces become the arrays that the network works on, and back.

    Attributes:
        time_samples: samples of a trace.
        sampling_hz: of the traces.
        latent_samples: cosine coefficients kept, and points of the latent time grid. They hold frequencies below
            latent_samples / time_samples * sampling_hz / 2 (6.25 Hz by default); above, stage 1 stays as it is.
        target: "trace" generates the trace, "residual" what stage 1 lacks.
        amplitude_floor: smallest amplitude that a sensor is scaled by, as a fraction of the field's.
        gain_floor: smallest spectral level that is whitened fully, as a fraction of the largest.
        keep_below_hz: below it stage 1 is kept as it is, in the spectrum and through a low-pass (`crossover.py`; 0:
            nowhere).
    """

    time_samples: Annotated[int, Field(ge=16, le=100_000)] = 320
    sampling_hz: Annotated[float, Field(gt=0)] = 50.0
    latent_samples: Annotated[int, Field(ge=8, le=100_000)] = 80
    target: Literal["trace", "residual"] = "trace"
    amplitude_floor: Annotated[float, Field(gt=0, lt=1)] = 0.01
    gain_floor: Annotated[float, Field(gt=0, le=1)] = 0.02
    keep_below_hz: Annotated[float, Field(ge=0)] = 0.0

    def time_differences(self, recording: Recording) -> list[str]:
        """Differences between a recording's sample times and those of the traces, in words."""
        own = Recording(samples=self.time_samples, sampling_hz=self.sampling_hz, lowpass_hz=self.sampling_hz / 2)
        return own.time_differences(recording)

    @model_validator(mode="after")
    def _no_more_coefficients_than_samples(self) -> LatentConfig:
        if self.latent_samples > self.time_samples:
            raise ValueError("latent_samples must not exceed time_samples")
        return self

    @model_validator(mode="after")
    def _crossover_can_be_made(self) -> LatentConfig:
        if self.keep_below_hz == 0:
            return self
        spacing_hz = self.sampling_hz / (2 * self.time_samples)
        highest_hz = HIGHEST_CROSSOVER * self.latent_samples * spacing_hz
        if not spacing_hz <= self.keep_below_hz <= highest_hz:
            raise ValueError(f"keep_below_hz must be 0 or lie between {spacing_hz:g} and {highest_hz:g} Hz here")
        if self.latent_samples > MAX_CROSSOVER_SAMPLES or self.time_samples * self.latent_samples > MAX_CROSSOVER:
            most = f"at most {MAX_CROSSOVER_SAMPLES}, and time_samples * latent_samples of at most {MAX_CROSSOVER}"
            raise ValueError(f"keep_below_hz needs latent_samples of {most}")
        return self

    @model_validator(mode="after")
    def _matrix_fits_in_memory(self) -> LatentConfig:
        if self.time_samples * self.latent_samples > MAX_MATRIX:
            size = f"{self.time_samples} * {self.latent_samples}"
            raise ValueError(f"time_samples * latent_samples ({size}) must not exceed {MAX_MATRIX}")
        return self


class NetworkConfig(_Strict):
    """Size of the U-Net.

    Attributes:
        patch: neighbouring latent samples folded into the channels of one point before the first level.
        widths: channels of each level; each level halves the number of points.
        blocks: residual blocks of each level, on the way down and on the way up.
        embedding: size of the vector that carries the diffusion step and the log amplitude.
        groups: of the group normalisation.
        dropout: inside the residual blocks.
        jumps: the network is told how far a step goes, and can be trained to take in one what many steps give
            (`jumps.py`); what the sampler "jump" needs.
    """

    patch: Positive = 2
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)] = (96, 160, 256)
    blocks: Blocks = 1
    embedding: Annotated[int, Field(ge=8, le=4096)] = 192
    groups: Positive = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    jumps: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_former_switches(cls, values: Any) -> Any:
        return without_former_switches(values, {"conditional": True})

    @model_serializer(mode="wrap")
    def _no_jumps_unsaid(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        # A model is named by the digest of its config too: one from before there were jumps keeps its name.
        values = dump(self)
        if not values.get("jumps"):
            values.pop("jumps", None)
        return values

    @model_validator(mode="after")
    def _groups_divide_widths(self) -> NetworkConfig:
        if any(width % self.groups for width in self.widths) or self.embedding % 2:
            raise ValueError("widths must be multiples of groups, and embedding even")
        return self


class ProcessConfig(_Strict):
    """The noise process and what the network learns to predict.

    Attributes:
        train_steps: steps of the forward process, whose noise variance follows the cosine schedule (Nichol & Dhariwal
            2021).
        prediction: "noise" (Ho et al. 2020, eq. 14) or "velocity" (Salimans & Ho 2022, eq. 7).
    """

    train_steps: Annotated[int, Field(ge=2, le=100_000)] = 1000
    prediction: Literal["noise", "velocity"] = "velocity"

    @model_validator(mode="before")
    @classmethod
    def _without_former_switches(cls, values: Any) -> Any:
        return without_former_switches(values, {"objective": "diffusion", "schedule": "cosine"})

    def check_steps(self, steps: int) -> None:
        """Refuse a number of steps that the process does not have.

        Raises:
            InputError: names the number and its range.
        """
        if not 1 <= steps <= self.train_steps:
            raise InputError("steps", steps, f"1 to {self.train_steps}, the length of the noise process")


class SamplingConfig(_Strict):
    """How traces are drawn when the caller does not say.

    Attributes:
        sampler: algorithm.
        steps: evaluations of the network.
        noise_correlation: distance over which neighbouring sensors' noise is alike, as exp(-distance / this), in sensor
            spacings (0: each sensor's noise is its own). Leaves each sensor's distribution as it is.
    """

    sampler: SamplerName = "dpm-solver++"
    steps: Positive = 10
    noise_correlation: Annotated[float, Field(ge=0, le=1000)] = 0.0


class FieldConfig(_Strict):
    """How a network that sees the field lets its sensors exchange what they know (`field_network.py`).

    Attributes:
        neighbours: nearest sensors that each sensor hears of, 4 or more (0: none, each sensor is restored alone).
        reach_m: distance at which a neighbour no longer counts.
        channels: signals that are exchanged, each at the full rate of the latents.
        heads: groups of these that have weights of their own; divides `channels`.
        observed: the network takes recordings at some of the sensors.
        observed_neighbours: nearest sensors with a recording that each sensor hears of besides.
        observed_reach_m: distance at which such a one no longer counts.
        shared_noise: share of the noise's variance that near sensors have in common at equal time after S.
        shared_noise_m: distance over which that noise is alike, as exp(-distance / this).
        any_orientation: each draw is made in one of the 8 orientations of the square and for one of the two signs of
            the moment, at random, so that the draws' distribution has these symmetries exactly; the mean is over all.
    """

    neighbours: Annotated[int, Field(ge=0, le=64)] = 12
    reach_m: Annotated[float, Field(gt=0, le=1e6)] = 3000.0
    channels: Annotated[int, Field(gt=0, le=1024)] = 32
    heads: Annotated[int, Field(gt=0, le=1024)] = 8
    observed: bool = True
    observed_neighbours: Annotated[int, Field(ge=0, le=64)] = 4
    observed_reach_m: Annotated[float, Field(gt=0, le=1e6)] = 6000.0
    shared_noise: Annotated[float, Field(ge=0, le=1)] = 0.5
    shared_noise_m: Annotated[float, Field(gt=0, le=1e6)] = 1500.0
    any_orientation: bool = True

    @model_validator(mode="after")
    def _heads_divide_channels(self) -> FieldConfig:
        if self.channels % self.heads:
            raise ValueError("heads must divide channels")
        if 0 < self.neighbours < JUDGED_TOGETHER:
            raise ValueError(f"neighbours must be 0, or {JUDGED_TOGETHER} or more")
        return self


class LevelErrors(_Strict):
    """How uncertain the level of the motion is beyond what the network draws (`level_errors.py`).

    Measured on events that no training has seen: there a network is less sure than on those it has learned from.

    Attributes:
        sd_ln: standard deviation of ln velocity in each band of `BANDS_HZ`.
        of_event: share of that variance that all sensors of an event have in common.
        reach_m: distance over which the rest is alike, as exp(-distance / this).
    """

    sd_ln: tuple[LevelSd, LevelSd, LevelSd]
    of_event: Annotated[float, Field(ge=0, le=1)]
    reach_m: Annotated[float, Field(gt=0, le=1e6)]


class DiffusionConfig(_Strict):
    """The whole stage.

    Attributes:
        latent: from traces to what the network works on.
        network: its size.
        process: the noise.
        sampling: how traces are drawn.
        field: for a network that sees the field; None: each sensor is restored from its own traces alone.
        level_errors: of a stage that sees the field; None: the level is as sure as the network draws it.
    """

    latent: LatentConfig = LatentConfig()
    network: NetworkConfig = NetworkConfig()
    process: ProcessConfig = ProcessConfig()
    sampling: SamplingConfig = SamplingConfig()
    field: FieldConfig | None = None
    level_errors: LevelErrors | None = None

    @model_serializer(mode="wrap")
    def _nothing_unsaid(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        # A model is named by the digest of its config too: one from before there was a choice keeps its name.
        values = dump(self)
        for name in ("field", "level_errors"):
            if values.get(name, 0) is None:
                values.pop(name)
        return values

    @model_validator(mode="after")
    def _levels_are_of_fields(self) -> DiffusionConfig:
        if self.level_errors is not None and self.field is None:
            raise ValueError("level_errors needs a field")
        return self

    @model_validator(mode="after")
    def _field_is_restored_whole(self) -> DiffusionConfig:
        if self.field is None:
            return self
        if self.network.jumps:
            raise ValueError("field needs network.jumps false")
        if self.latent.keep_below_hz:
            raise ValueError("field needs latent.keep_below_hz 0")
        if self.latent.target != "residual":
            raise ValueError("field needs latent.target residual")
        if self.sampling.noise_correlation:
            raise ValueError("field needs sampling.noise_correlation 0: its network makes neighbours alike")
        return self

    @model_validator(mode="after")
    def _grid_divides(self) -> DiffusionConfig:
        multiple = self.network.patch * 2 ** (len(self.network.widths) - 1)
        if self.latent.latent_samples % multiple:
            raise ValueError(f"latent_samples must be a multiple of {multiple}, the network's total reduction")
        if self.sampling.steps > self.process.train_steps:
            raise ValueError(f"sampling.steps must not exceed process.train_steps, {self.process.train_steps}")
        return self

    @model_validator(mode="after")
    def _jumps_are_of_velocities(self) -> DiffusionConfig:
        if self.network.jumps and self.process.prediction != "velocity":
            raise ValueError("network.jumps needs process.prediction velocity")
        if self.network.jumps and self.network.dropout:
            # The network learns jumps from its own output, which dropout would make random.
            raise ValueError("network.jumps needs a dropout of 0")
        if self.network.jumps and self.process.train_steps < _FEWEST_FOR_JUMPS:
            raise ValueError(f"network.jumps needs process.train_steps of {_FEWEST_FOR_JUMPS} or more")
        if self.sampling.sampler == "jump" and not self.network.jumps:
            raise ValueError("sampling.sampler jump needs network.jumps")
        return self

    @property
    def draws_in_one_step(self) -> bool:
        """Whether a stage that sees the field was trained by the score of draws in one step.

        It knows nothing of other steps: several would add several times what is missing.
        """
        return self.field is not None and self.sampling.steps == 1

    def check_takes_recordings(self) -> None:
        """Refuse recordings where the network has no channels for them.

        Raises:
            InputError: says so.
        """
        if self.field is None or not self.field.observed:
            raise InputError("observed", "recordings", "none: this model was not trained with any")

    def without_jumps(self) -> DiffusionConfig:
        """The same stage without jumps, with the sampler and steps of such a stage."""
        network = self.network.model_copy(update={"jumps": False})
        sampling = self.sampling
        if sampling.sampler == "jump":
            steps = min(PLAIN_STEPS, self.process.train_steps)
            sampling = sampling.model_copy(update={"sampler": "dpm-solver++", "steps": steps})
        return self.model_copy(update={"network": network, "sampling": sampling})

    def check_sampler(self, sampler: str) -> None:
        """Refuse the sampler "jump" for a network without jumps.

        Raises:
            InputError: names it.
        """
        if sampler not in get_args(SamplerName):
            raise InputError("sampler", sampler, "ddpm, ddim, dpm-solver++ or jump")
        if sampler == "jump" and not self.network.jumps:
            raise InputError("sampler", sampler, "ddpm, ddim or dpm-solver++: this network knows no jumps")

    def evaluations(self, steps: int | None, sampler: str | None = None) -> int:
        """How often the network is evaluated.

        Args:
            steps: asked for; None: the model's own, or `PLAIN_STEPS` of another sampler than its own.
            sampler: asked for; None: the model's own.

        Raises:
            InputError: a number of steps that the noise process does not have, another than one of a stage that draws
                in one, or a sampler that the network cannot take.
        """
        if sampler is not None:
            self.check_sampler(sampler)
        if self.draws_in_one_step:
            if steps not in (None, 1):
                raise InputError("steps", steps, "1: this model was trained to draw in one step, and knows no others")
            return 1
        if steps is None:
            own = sampler in (None, self.sampling.sampler)
            return self.sampling.steps if own else min(PLAIN_STEPS, self.process.train_steps)
        self.process.check_steps(steps)
        return steps
