"""The section `domain` of a stage's config: its sensors, sample times and trained range, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

import pydantic
from pydantic import Field

from spectremor.core.axes import sensor_axis_m
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import HEMEW_RISE_TIME_S
from spectremor.core.trained_range import TrainedRange

#: Limit far above any real use: an untrusted config must not exhaust the memory.
Points = Annotated[int, Field(ge=1, le=100_000)]
#: Limit for all nodes of a geology together, and for all velocities of a wavefield (2 GB of float32).
MAX_NUMBERS = 1 << 29


class DomainConfig(pydantic.BaseModel):
    """A `Recording` on a grid (without its low-pass) and a `TrainedRange`, as a file writes them.

    Attributes:
        extent_m: see `TrainedRange`.
        nodes: see `TrainedRange`.
        sensors: number along x and y.
        first_sensor_m: position of the first sensor along x and y.
        last_sensor_m: position of the last sensor along x and y.
        samples: see `Recording`.
        sampling_hz: see `Recording`.
        source_low_m: see `TrainedRange`.
        source_high_m: see `TrainedRange`.
        rise_time_s: see `TrainedRange`.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    extent_m: tuple[float, float, float] = (9600.0, 9600.0, 9600.0)
    nodes: tuple[Points, Points, Points] = (32, 32, 32)
    sensors: tuple[Points, Points] = (32, 32)
    first_sensor_m: tuple[float, float] = (150.0, 150.0)
    last_sensor_m: tuple[float, float] = (9450.0, 9450.0)
    samples: Annotated[Points, Field(ge=2)] = 320
    sampling_hz: float = Field(50.0, gt=0)
    source_low_m: tuple[float, float, float] = (1200.0, 1200.0, -9000.0)
    source_high_m: tuple[float, float, float] = (8400.0, 8400.0, -600.0)
    rise_time_s: float = Field(HEMEW_RISE_TIME_S, gt=0)

    @classmethod
    def values_of(cls, recording: Recording, trained: TrainedRange) -> dict[str, Any]:
        """The section's plain values; the inverse of the methods `recording` and `trained_range`."""
        sensors = recording.sensors
        assert isinstance(sensors, SensorGrid)
        return {
            "extent_m": trained.extent_m,
            "nodes": trained.nodes,
            "sensors": sensors.shape,
            "first_sensor_m": (float(sensors.x_m[0]), float(sensors.y_m[0])),
            "last_sensor_m": (float(sensors.x_m[-1]), float(sensors.y_m[-1])),
            "samples": recording.samples,
            "sampling_hz": round(recording.sampling_hz, 6),
            "source_low_m": trained.source_low_m,
            "source_high_m": trained.source_high_m,
            "rise_time_s": trained.rise_time_s,
        }

    def recording(self, lowpass_hz: float) -> Recording:
        """The stage's sensors and sample times, with traces low-passed at `lowpass_hz`."""
        x_m, y_m = (
            sensor_axis_m(count, first, last)
            for count, first, last in zip(self.sensors, self.first_sensor_m, self.last_sensor_m, strict=True)
        )
        return Recording(
            sensors=SensorGrid(x_m, y_m), samples=self.samples, sampling_hz=self.sampling_hz, lowpass_hz=lowpass_hz
        )

    def trained_range(self) -> TrainedRange:
        """The ground and the sources that the stage was trained on."""
        return TrainedRange(
            extent_m=self.extent_m,
            nodes=self.nodes,
            source_low_m=self.source_low_m,
            source_high_m=self.source_high_m,
            rise_time_s=self.rise_time_s,
        )

    @pydantic.model_validator(mode="after")
    def _fits_in_memory(self) -> DomainConfig:
        for name, shape in (("nodes", self.nodes), ("3 * sensors * samples", (3, *self.sensors, self.samples))):
            if math.prod(shape) > MAX_NUMBERS:
                raise ValueError(f"{name} ({' * '.join(map(str, shape))}) must not exceed {MAX_NUMBERS}")
        return self

    @pydantic.model_serializer(mode="wrap")
    def _without_published_rise_time(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        # A model's digest covers its config: models from before the rise time was recorded must keep their digest.
        values = dump(self)
        if values.get("rise_time_s") == HEMEW_RISE_TIME_S:
            del values["rise_time_s"]
        return values
