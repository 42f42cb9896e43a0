"""Every choice of the stage-1 network, and its presets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
from pydantic import Field

from spectremor.core.domain_config import MAX_NUMBERS, DomainConfig, Points
from spectremor.core.presets import read_preset
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import TAG, validated, without_former_switches

#: Far above any use, as for the points of a domain.
Count = Annotated[int, Field(ge=1, le=4096)]
Layers = Annotated[int, Field(ge=1, le=64)]
#: The kernel that smooths is as long as this asks: far above any use is refused.
Smoothing = Annotated[float, Field(ge=0, le=100_000)]
#: Largest matrix between the network's time axis and another.
MAX_SERIES = 1 << 25

#: Switches of ablations that configs of version 0.1 carry, at the only value that the network still has.
_FORMER_SWITCHES = {
    "skip": "band_limited",
    "moment": "linear",
    "source_branch": False,
    "travel_times": True,
    "first_guess": True,
    "align": True,
}


class NetworkDomainConfig(DomainConfig):
    """The section `domain` of a network's config: a stage's, and the media in which direct waves are traced.

    Attributes:
        ray_smoothings_m: how much the media are smoothed in which the direct waves are traced (Gaussian standard
            deviations; 0: the geology itself). The first one's arrivals are the network's clock. Against 150 m
            simulations of rough media, 500 m serves the band to 5 Hz best, 1000 to 1500 m its part below 1 Hz.
    """

    ray_smoothings_m: tuple[Smoothing, ...] = Field((0.0,), min_length=1, max_length=8)


class NetworkConfig(pydantic.BaseModel):
    """What every stage-1 network chooses: where and when it predicts.

    Attributes:
        domain: where and when it records, and what it was trained on, as a file spells them: see `recording` and
            `trained_range`.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    domain: NetworkDomainConfig = NetworkDomainConfig()

    if TYPE_CHECKING:
        # Fields of every network, each of which writes them in an order of its own: the rise time of the direct waves'
        # source, and the corner of the traces' low-pass.
        rise_time_s: float
        lowpass_hz: float

    @property
    def recording(self) -> Recording:
        """Where and when the network predicts."""
        return self.domain.recording(self.lowpass_hz)

    @property
    def sensors(self) -> SensorGrid:
        """Where it predicts."""
        sensors = self.recording.sensors
        assert isinstance(sensors, SensorGrid)
        return sensors

    @property
    def trained_range(self) -> TrainedRange:
        """The events that it was trained on."""
        return self.domain.trained_range()

    @property
    def ray_smoothings_m(self) -> tuple[float, ...]:
        """See `NetworkDomainConfig`."""
        return self.domain.ray_smoothings_m

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> NetworkConfig:
        if self.rise_time_s != self.domain.rise_time_s:
            raise ValueError("rise_time_s, of the direct waves, must be domain.rise_time_s")
        if min(self.domain.nodes) < 3:
            raise ValueError("travel times need 3 or more domain.nodes along each axis")
        return self


class OwnAxisConfig(NetworkConfig):
    """A network on a time axis of its own.

    Attributes:
        steps: points of that axis, one period long.
        period_s: its length; longer than the output, so that a trace's end and start do not meet.
    """

    steps: Points = 90
    period_s: float = Field(7.2, gt=0)

    if TYPE_CHECKING:
        time_modes: Count

    @pydantic.model_validator(mode="after")
    def _output_fits(self) -> OwnAxisConfig:
        if self.period_s < self.recording.duration_s:
            raise ValueError("period_s must not be shorter than the output")
        return self

    def _check_memory(self, width: int, what: str) -> None:
        """Refuse arrays whose size no tensor of the weights shows: waves at the sensors, and series along time."""
        waves = math.prod((width, *self.domain.sensors, self.steps))
        series = self.steps * max(self.domain.samples, 2 * self.time_modes)
        if waves > MAX_NUMBERS or series > MAX_SERIES:
            raise ValueError(
                f"{what} * sensors * steps ({waves}) must not exceed {MAX_NUMBERS}, and steps times samples or "
                f"twice time_modes ({series}) must not exceed {MAX_SERIES}"
            )


class MifnoConfig(OwnAxisConfig):
    """The network on volumes: sizes.

    Attributes:
        geology_width: channels of the geology branch.
        geology_layers: Fourier layers on the geology's own axes.
        context_layers: Fourier layers on (x, y, time) before the waves; the first turns depth into time.
        wave_width: channels of the waves.
        wave_layers: Fourier layers of the waves.
        expansion: hidden width of a layer's pointwise network over its width.
        modes: Fourier modes kept along x, y and z.
        time_modes: Fourier modes kept along time.
        simulation_m: grid spacing of a simulation of the same event, whose traces are then channels of the waves and
            the function that is corrected, in place of the direct waves of ray theory (None: no simulation).
        rise_time_s: of the direct waves' source.
        lowpass_hz: corner of the traces' low-pass.
    """

    geology_width: Count = 16
    geology_layers: Layers = 2
    context_layers: Layers = 2
    wave_width: Count = 24
    wave_layers: Layers = 5
    expansion: Count = 2
    modes: tuple[Count, Count, Count] = (12, 12, 16)
    time_modes: Count = 40
    simulation_m: Annotated[float, Field(ge=50, le=10_000)] | None = None
    rise_time_s: float = Field(0.1, gt=0)
    lowpass_hz: float = Field(5.0, gt=0)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_former_switches(cls, values: Any) -> Any:
        return without_former_switches(values, _FORMER_SWITCHES)

    @pydantic.model_validator(mode="after")
    def _fits_in_memory(self) -> MifnoConfig:
        self._check_memory(self.wave_width, "wave_width")
        return self


class RayConfig(OwnAxisConfig):
    """The operator that sees the ground along each ray: sizes.

    Attributes:
        kind: tells it from a network on volumes.
        along: sections of the tube between source and sensor.
        across: points of a section, and of the column below a sensor, each way.
        tube_spacing_m: between the points of a section.
        depths: points of the column below a sensor, downward.
        column_spacing_m: between the points of that column.
        tube_width: channels of a section.
        latent: numbers that describe the ground of one ray.
        knots: of a transfer function along frequency.
        context: channels in time that steer the waves.
        width: channels of the waves.
        layers: of the waves, sensor by sensor.
        expansion: hidden width of a layer's pointwise network over its width.
        time_modes: Fourier modes kept along time.
        simulation_m: as of `MifnoConfig`.
        rise_time_s: of the direct waves' source.
        lowpass_hz: corner of the traces' low-pass.
    """

    kind: Literal["rays"] = "rays"
    domain: NetworkDomainConfig = NetworkDomainConfig(ray_smoothings_m=(500.0, 1000.0))
    along: Count = 32
    across: Count = 7
    tube_spacing_m: float = Field(400.0, gt=0)
    depths: Count = 10
    column_spacing_m: float = Field(300.0, gt=0)
    tube_width: Count = 32
    latent: Annotated[Count, Field(multiple_of=2)] = 224
    knots: Annotated[int, Field(ge=2, le=64)] = 8
    context: Count = 16
    width: Count = 48
    layers: Layers = 4
    expansion: Count = 2
    time_modes: Count = 40
    simulation_m: Annotated[float, Field(ge=50, le=10_000)] | None = None
    rise_time_s: float = Field(0.1, gt=0)
    lowpass_hz: float = Field(5.0, gt=0)

    @pydantic.model_validator(mode="after")
    def _fits_in_memory(self) -> RayConfig:
        self._check_memory(
            max(self.width * self.expansion, self.along * self.across**2), "width, or along * across**2,"
        )
        return self


class PublishedConfig(pydantic.BaseModel):
    """Sizes of a published network, under the authors' names.

    `list_D*` are the sizes of the volume after each layer along x, y and z (which becomes time), `list_M*` the modes
    kept by each layer along each axis.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    list_D1: tuple[int, ...]  # noqa: N815
    list_D2: tuple[int, ...]  # noqa: N815
    list_D3: tuple[int, ...]  # noqa: N815
    list_M1: tuple[int, ...]  # noqa: N815
    list_M2: tuple[int, ...]  # noqa: N815
    list_M3: tuple[int, ...]  # noqa: N815
    width: int = pydantic.Field(ge=2)
    input_dim: int = 4
    output_dim: int = 1
    source_dim: int = 9
    branching_index: int = 4
    n_layers: int = 16
    padding: int = 0

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> PublishedConfig:
        lists = (self.list_D1, self.list_D2, self.list_D3, self.list_M1, self.list_M2, self.list_M3)
        if any(len(v) != self.n_layers for v in lists) or not 0 < self.branching_index < self.n_layers:
            raise ValueError("list_D* and list_M* must have n_layers entries and branching_index lie between them")
        if len(set(self.list_D1)) != 1 or len(set(self.list_D2)) != 1:
            raise ValueError("only the last axis (list_D3) may change its size")
        if (self.input_dim, self.output_dim, self.padding) != (4, 1, 0):
            raise ValueError("input_dim, output_dim, padding must be 4, 1, 0")
        return self

    @classmethod
    def paper(cls, n_layers: int = 16) -> PublishedConfig:
        """The published sizes: 16 layers (or 8), width 16, 32 x 32 sensors, 320 time steps."""
        same = (32,) * n_layers
        modes = (16,) * n_layers
        return cls(
            list_D1=same,
            list_D2=same,
            list_D3=(32,) * (n_layers - 4) + (64, 128, 256, 320),
            list_M1=modes,
            list_M2=modes,
            list_M3=(16,) * (n_layers - 3) + (32,) * 3,
            width=16,
            n_layers=n_layers,
        )


class PublishedStageConfig(NetworkConfig):
    """The published MIFNO (arXiv 2404.10115) as a stage 1.

    Attributes:
        kind: tells it from the other networks.
        sizes: of the network.
        swapped_axes: whether its wavefields come with East and North exchanged, as those of the authors' training do.
        rise_time_s: of the sources that it was trained on.
        lowpass_hz: corner of the traces' low-pass.
    """

    kind: Literal["published"] = "published"
    sizes: PublishedConfig = PublishedConfig.paper()
    swapped_axes: bool = False
    rise_time_s: float = Field(0.1, gt=0)
    lowpass_hz: float = Field(5.0, gt=0)

    @property
    def simulation_m(self) -> None:
        """It corrects no simulation."""
        return None

    @pydantic.model_validator(mode="after")
    def _sizes_are_the_domain(self) -> PublishedStageConfig:
        d, s = self.domain, self.sizes
        stated = (s.list_D1[0], s.list_D2[0], s.list_D3[-1])
        ends = (*d.sensors, d.samples)
        if stated != ends or d.sensors != d.nodes[:2] or s.source_dim != 9:
            raise ValueError(
                f"sizes must end at the domain's sensors and samples, {ends}, with as many nodes; source_dim 9"
            )
        return self


def _tag(values: Any) -> str:
    kind = values.get("kind", "volumes") if isinstance(values, Mapping) else getattr(values, "kind", "volumes")
    return f"{TAG}{kind}"


#: Any stage-1 network. A config that does not say its kind is of the network on volumes, the first there was.
AnyNetworkConfig = Annotated[
    Annotated[MifnoConfig, pydantic.Tag(f"{TAG}volumes")]
    | Annotated[RayConfig, pydantic.Tag(f"{TAG}rays")]
    | Annotated[PublishedStageConfig, pydantic.Tag(f"{TAG}published")],
    pydantic.Discriminator(_tag),
]


#: The same for a type checker and for `isinstance`.
AnyNetwork = MifnoConfig | RayConfig | PublishedStageConfig
_KINDS: Mapping[str, type[AnyNetwork]] = {"rays": RayConfig, "published": PublishedStageConfig}


def check_config(values: Any) -> AnyNetwork:
    """A config from plain values.

    Raises:
        InputError: an unknown key or a value that is not allowed.
    """
    kind = values.get("kind") if isinstance(values, Mapping) else None
    return validated(_KINDS.get(str(kind), MifnoConfig), values, "mifno")


def load_preset(name_or_path: str | Path) -> AnyNetwork:
    """A preset by name (rays, tiny, small, large, paper) or a YAML file.

    Raises:
        InputError: no such preset or file, or not a config.
    """
    return check_config(read_preset(name_or_path, "mifno", field="config"))
