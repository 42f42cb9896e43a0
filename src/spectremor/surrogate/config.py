"""Every choice of the stage-1 network, and its presets."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from spectremor.core.domain_config import MAX_NUMBERS, DomainConfig, Points
from spectremor.core.presets import read_preset
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import validated, without_former_switches

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


class MifnoConfig(pydantic.BaseModel):
    """The network: sizes.

    Attributes:
        domain: where and when it records, and what it was trained on, as a file spells them: see `recording` and
            `trained_range`.
        steps: points of its own time axis, one period long.
        period_s: length of that axis; longer than the output, so that a trace's end and start do not meet.
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

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    domain: NetworkDomainConfig = NetworkDomainConfig()
    steps: Points = 90
    period_s: float = Field(7.2, gt=0)
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

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_former_switches(cls, values: Any) -> Any:
        return without_former_switches(values, _FORMER_SWITCHES)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> MifnoConfig:
        if self.period_s < self.recording.duration_s:
            raise ValueError("period_s must not be shorter than the output")
        if self.rise_time_s != self.domain.rise_time_s:
            raise ValueError("rise_time_s, of the direct waves, must be domain.rise_time_s")
        if min(self.domain.nodes) < 3:
            raise ValueError("travel times need 3 or more domain.nodes along each axis")
        return self

    @pydantic.model_validator(mode="after")
    def _fits_in_memory(self) -> MifnoConfig:
        # Arrays that no tensor of the weights shows the size of: waves at the sensors, and the time axis's own series.
        waves = math.prod((self.wave_width, *self.domain.sensors, self.steps))
        series = self.steps * max(self.domain.samples, 2 * self.time_modes)
        if waves > MAX_NUMBERS or series > MAX_SERIES:
            raise ValueError(
                f"wave_width * sensors * steps ({waves}) must not exceed {MAX_NUMBERS}, and steps times samples or "
                f"twice time_modes ({series}) must not exceed {MAX_SERIES}"
            )
        return self


def check_config(values: Any) -> MifnoConfig:
    """A config from plain values.

    Raises:
        InputError: an unknown key or a value that is not allowed.
    """
    return validated(MifnoConfig, values, "mifno")


def load_preset(name_or_path: str | Path) -> MifnoConfig:
    """A preset by name (tiny, small, paper) or a YAML file.

    Raises:
        InputError: no such preset or file, or not a config.
    """
    return check_config(read_preset(name_or_path, "mifno", field="config"))
