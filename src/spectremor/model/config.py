"""What a model is: the configs of its stages, which must belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import pydantic

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import validated
from spectremor.diffusion.config import DiffusionConfig
from spectremor.model.cube import LearnedCube, check_cube_ground, plan_cube
from spectremor.model.region import Learned, MotionRequest, check_region_ground, plan_region
from spectremor.simulation.stage1 import SimulationConfig
from spectremor.surrogate.config import AnyNetwork, AnyNetworkConfig, RayConfig

FORMAT_VERSION: Final = 1
#: The first two make stage 1: a network, a simulation, or a network on top of a simulation that it corrects.
PARTS = ("surrogate", "simulation", "diffusion")
STAGE1_PARTS = PARTS[:2]


class ModelConfig(pydantic.BaseModel):
    """Everything that `config.json` of a model folder says.

    A stage-1 network and a simulation beside it, and the diffusion stage behind them, share their sensors and times,
    their ground and their rise time; a network that corrects simulations finds the one that it was trained on.

    Attributes:
        format_version: of the folder.
        spectremor_version: that wrote it.
        training: how its parts were trained, for people and for a training that goes on from it; may be anything.
        simulation: a stage 1 that simulates on a coarse grid, or what the network corrects.
        surrogate: a stage 1 that is a network.
        diffusion: the second stage.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: Literal[1] = FORMAT_VERSION
    spectremor_version: str | None = None
    training: Any = None
    simulation: SimulationConfig | None = None
    surrogate: AnyNetworkConfig | None = None
    diffusion: DiffusionConfig | None = None

    @property
    def parts(self) -> dict[str, pydantic.BaseModel]:
        """The parts that are there, by name."""
        named = {name: getattr(self, name) for name in PARTS}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def stage1(self) -> SimulationConfig | AnyNetwork | None:
        """The part that says what stage 1 gives: the network's where there is one; None for a second stage alone."""
        return self.surrogate or self.simulation

    @property
    def recording(self) -> Recording:
        """Where and when the model records.

        Raises:
            InputError: a second stage alone.
        """
        return self._need_stage1().recording

    @property
    def trained_range(self) -> TrainedRange:
        """The events that stage 1 was trained on.

        Raises:
            InputError: a second stage alone.
        """
        return self._need_stage1().trained_range

    def _need_stage1(self) -> SimulationConfig | AnyNetwork:
        if self.stage1 is None:
            raise InputError("stage 1", "none", f"a model with a {' or a '.join(STAGE1_PARTS)}")
        return self.stage1

    def to_json(self) -> str:
        """The text of `config.json`: what is not said is left out."""
        values = self.model_dump(mode="json")
        stated = {name: value for name, value in values.items() if value is not None or name in self._said_anyway}
        return json.dumps(stated, indent=1, allow_nan=False) + "\n"

    def parts_to_json(self) -> str:
        """The configs of the parts in one spelling: sorted, without what is the default."""
        parts = {name: part.model_dump(mode="json", exclude_defaults=True) for name, part in self.parts.items()}
        return json.dumps(parts, sort_keys=True, allow_nan=False)

    @property
    def _stage1_parts(self) -> list[SimulationConfig | AnyNetwork]:
        return [part for part in (self.simulation, self.surrogate) if part is not None]

    @property
    def _said_anyway(self) -> set[str]:
        return {"training"} & self.model_fields_set

    @property
    def band_high_hz(self) -> float | None:
        """Highest frequency that the model promises; None where the geology decides it: a simulation alone."""
        if self.stage1 is None or (self.surrogate is None and self.diffusion is None):
            return None
        return self.stage1.lowpass_hz

    def evaluations(self, steps: int | None, sampler: str | None = None) -> int:
        """How often the second stage's network is evaluated; see `DiffusionConfig.evaluations`.

        Raises:
            InputError: no second stage, or a number of steps or a sampler that it does not take.
        """
        if self.diffusion is None:
            raise InputError("model", "no diffusion stage", "a model with one")
        return self.diffusion.evaluations(steps, sampler)

    @property
    def learned(self) -> Learned | None:
        """What the model learned, where its stage 1 simulates and so takes any ground; None of an operator.

        An operator along rays corrects its simulation in any ground, as far as its rays go; one on volumes has a cube.
        """
        on_volumes = self.surrogate is not None and not isinstance(self.surrogate, RayConfig)
        if on_volumes or self.simulation is None:
            return None
        return Learned(recording=self.recording, ground=self.trained_range, spacing_m=self.simulation.grid_spacing_m)

    def check_run(self, geology: Geology, earthquake: Source | Rupture, request: MotionRequest) -> None:
        """Refuse what the model cannot take.

        Args:
            geology: ground of any extent; of an operator, its cube or a similar one.
            earthquake: a point or a rupture; of an operator, a point.
            request: where, how long, to which frequency.

        Raises:
            InputError: what it cannot take, with what it can.
        """
        if isinstance(earthquake, Source) and request.as_trained and self.trained_range.has_shape_of(geology):
            self.check_event(geology, earthquake)
        elif (learned := self.learned) is not None:
            plan_region(learned, geology, earthquake, request)
        else:
            plan_cube(self.learned_cube, geology, earthquake, request)

    @property
    def learned_cube(self) -> LearnedCube:
        """What its operator learned."""
        return LearnedCube(
            trained=self.trained_range,
            recording=self.recording,
            along_rays=isinstance(self.surrogate, RayConfig),
            second=self.diffusion,
        )

    def check_ground(self, geology: Geology) -> None:
        """Refuse ground in which the model takes no earthquake at all.

        Args:
            geology: ground of any extent; of an operator, its cube or a similar one.

        Raises:
            InputError: what it cannot take, with what it can.
        """
        if self.trained_range.has_shape_of(geology):
            self.check_geology(geology)
        elif (learned := self.learned) is not None:
            check_region_ground(learned, geology)
        else:
            check_cube_ground(self.trained_range, self.recording, geology)

    def check_takes_recordings(self) -> None:
        """Refuse recordings where the second stage has no channels for them.

        Raises:
            InputError: says so.
        """
        if self.diffusion is None:
            raise InputError("observed", "recordings", "none: this model has no second stage")
        self.diffusion.check_takes_recordings()

    def check_event(self, geology: Geology, source: Source) -> None:
        """Refuse an event that is not like those that the model learned.

        Args:
            geology: the ground.
            source: of any moment and rise time.

        Raises:
            InputError: a geology or source outside the trained range, or ground too slow for the simulation's grid.
        """
        self.check_geology(geology)
        for stage in self._stage1_parts:
            stage.trained_range.check_source(source, any_rise_time=True)

    def check_geology(self, geology: Geology) -> None:
        """Refuse a geology that the model cannot take.

        Args:
            geology: the ground.

        Raises:
            InputError: another size or extent, or ground too slow for the simulation's grid.
        """
        self.trained_range.check_geology(geology)
        if self.simulation is not None:
            self.simulation.check_speed(geology)

    @pydantic.model_validator(mode="after")
    def _has_a_part(self) -> ModelConfig:
        if not self.parts:
            raise ValueError(f"a config for at least one of {', '.join(PARTS)}")
        return self

    @pydantic.model_validator(mode="after")
    def _network_finds_its_simulation(self) -> ModelConfig:
        if self.surrogate is None:
            return self
        needed = self.surrogate.simulation_m
        given = None if self.simulation is None else self.simulation.grid_spacing_m
        if needed != given:
            has, needs = ("none" if m is None else f"one at {m} m" for m in (given, needed))
            raise InputError("simulation", has, f"{needs}, which its network corrects")
        return self

    @pydantic.model_validator(mode="after")
    def _stages_share_their_events(self) -> ModelConfig:
        if self.surrogate is None or self.simulation is None:
            return self
        differences = [
            *self.simulation.recording.differences(self.surrogate.recording),
            *self.simulation.trained_range.differences(self.surrogate.trained_range),
        ]
        if differences:
            raise InputError("surrogate.domain", "; ".join(differences), "the same as simulation.domain")
        return self

    @pydantic.model_validator(mode="after")
    def _stages_share_their_times(self) -> ModelConfig:
        if self.diffusion is None or self.stage1 is None:
            return self
        latent, stage1 = self.diffusion.latent, self.stage1.recording
        if (latent.time_samples, latent.sampling_hz) != (stage1.samples, stage1.sampling_hz):
            found = f"{latent.time_samples} samples at {latent.sampling_hz:g} Hz"
            allowed = f"{stage1.samples} samples at {stage1.sampling_hz:g} Hz, as stage 1 gives"
            raise InputError("diffusion.latent", found, allowed)
        return self


def model_config(about: Mapping[str, Any], parts: Mapping[str, pydantic.BaseModel]) -> ModelConfig:
    """The config of a model that has been put together from its parts.

    Args:
        about: `spectremor_version` and `training`, as far as they are known.
        parts: configs by name.

    Raises:
        InputError: parts that do not belong together.
    """
    return validated(ModelConfig, {**about, **parts}, "model")
