"""The domain that a stage 1 is made for, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pydantic
import xarray as xr
from pydantic import Field

from spectremor.core.axes import sensor_axis_m, time_axis_s
from spectremor.core.errors import InputError
from spectremor.core.geology import extent_m
from spectremor.core.source import HEMEW_RISE_TIME_S, Source

#: Far above any use; a config from a stranger must not ask for more than a machine has.
Points = Annotated[int, Field(ge=1, le=100_000)]
#: The same for a geology's nodes and for a wavefield's velocities (2 GB of float32), whatever the single axes.
MAX_NUMBERS = 1 << 29


class Domain(pydantic.BaseModel):
    """The domain that a stage 1 is made for; geologies and sensors on any other are refused.

    Attributes:
        extent_m: size along x, y and depth.
        nodes: points of the geology along x, y, z.
        sensors: number along x and y.
        first_sensor_m: position of the first sensor along x and y.
        last_sensor_m: position of the last sensor along x and y.
        samples: output time samples.
        sampling_hz: output samples per second.
        source_low_m: lowest trained source position (x, y, z).
        source_high_m: highest trained source position (x, y, z).
        rise_time_s: trained rise time tau of the moment function.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    extent_m: tuple[float, float, float] = (9600.0, 9600.0, 9600.0)
    nodes: tuple[Points, Points, Points] = (32, 32, 32)
    sensors: tuple[Points, Points] = (32, 32)
    first_sensor_m: tuple[float, float] = (150.0, 150.0)
    last_sensor_m: tuple[float, float] = (9450.0, 9450.0)
    samples: Points = 320
    sampling_hz: float = Field(50.0, gt=0)
    source_low_m: tuple[float, float, float] = (1200.0, 1200.0, -9000.0)
    source_high_m: tuple[float, float, float] = (8400.0, 8400.0, -600.0)
    rise_time_s: float = Field(HEMEW_RISE_TIME_S, gt=0)

    @pydantic.model_validator(mode="after")
    def _fits_in_memory(self) -> Domain:
        for name, shape in (("nodes", self.nodes), ("3 * sensors * samples", (3, *self.sensors, self.samples))):
            if math.prod(shape) > MAX_NUMBERS:
                raise ValueError(f"{name} ({' * '.join(map(str, shape))}) must not exceed {MAX_NUMBERS}")
        return self

    @pydantic.model_serializer(mode="wrap")
    def _published_rise_time_unsaid(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        # A model is named by the digest of its config too: one from before the rise time was recorded keeps its name.
        values = dump(self)
        if values.get("rise_time_s") == HEMEW_RISE_TIME_S:
            del values["rise_time_s"]
        return values

    @property
    def x_m(self) -> np.ndarray:
        """Sensor positions along East in m."""
        return sensor_axis_m(self.sensors[0], self.first_sensor_m[0], self.last_sensor_m[0])

    @property
    def y_m(self) -> np.ndarray:
        """Sensor positions along North in m."""
        return sensor_axis_m(self.sensors[1], self.first_sensor_m[1], self.last_sensor_m[1])

    @property
    def time_s(self) -> np.ndarray:
        """Output times in s."""
        return time_axis_s(self.samples, self.sampling_hz)

    def check_event(self, geology: xr.DataArray, source: Source, *, any_rise_time: bool = False) -> None:
        """Refuse what lies outside.

        Args:
            geology: DataArray `vs`, dims (x, y, z), checked.
            source: of any moment.
            any_rise_time: whatever the source's rise time: a simulation is right at any.

        Raises:
            InputError: a geology of another size or extent, or a source that is not inside the trained domain, or of
                another rise time.
        """
        self.check_geology(geology)
        self.check_source(source, any_rise_time=any_rise_time)

    def check_geology(self, geology: xr.DataArray) -> None:
        """Refuse a geology of another size, extent or origin.

        Raises:
            InputError: names the geology's and the domain's.
        """
        self.check_shape(geology.shape)
        found = extent_m(geology)
        if not np.allclose(found, self.extent_m, rtol=1e-3):
            size = " x ".join(f"{v:g}" for v in found)
            allowed = " x ".join(f"{v:g}" for v in self.extent_m)
            raise InputError("geology", f"a domain of {size} m", f"{allowed} m, the model's")
        origin = [float(geology[dim].values[0]) for dim in ("x", "y")]
        if not np.allclose(origin, 0.0, atol=1e-3 * self.extent_m[0]):
            raise InputError("geology", f"a domain that starts at ({origin[0]:g}, {origin[1]:g}) m", "(0, 0) m")

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse a geology of another number of nodes.

        Raises:
            InputError: names both.
        """
        if shape != self.nodes:
            allowed = f"shape {self.nodes}, the model's (resample it: docs/data_format.md)"
            raise InputError("geology", f"shape {shape}", allowed)

    def check_source(self, source: Source, *, any_rise_time: bool = False) -> None:
        """Refuse a source outside the domain, outside its trained part, or of another rise time; see `check_event`.

        Raises:
            InputError: names the coordinate and its range, or the two rise times.
        """
        source.check_inside(self.extent_m)
        trained = zip("xyz", source.position_m, self.source_low_m, self.source_high_m, strict=True)
        for name, value, low, high in trained:
            if not low <= value <= high:
                allowed = f"[{low:g}, {high:g}] m, where the model was trained"
                raise InputError(f"source.{name}", f"{value:g} m", allowed)
        if not any_rise_time:
            check_rise_time(source, self.rise_time_s)


def check_rise_time(source: Source, trained_s: float) -> None:
    """Refuse a rise time that a model was not trained on: it decides how much high frequency the motion has.

    Raises:
        InputError: names both.
    """
    if not math.isclose(source.rise_time_s, trained_s, rel_tol=1e-3):
        allowed = f"{trained_s:g} s, what the model was trained on"
        raise InputError("source.rise_time_s", f"{source.rise_time_s:g} s", allowed)
