"""Where and when ground motion is recorded: the sensors, the sample times and the low-pass, in one object."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from spectremor.core.axes import HEMEW_BAND_HZ, HEMEW_SAMPLES, HEMEW_SAMPLING_HZ, sensor_axis_m, time_axis_s
from spectremor.core.errors import InputError
from spectremor.core.labelled import plain_array

#: Relative difference up to which two positions are the same.
_SAME_PLACE = 1e-4
#: Part of a time step up to which two first times are the same.
_SAME_TIME = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class SensorGrid:
    """Sensors at all pairs of positions along East and North, at the free surface.

    Attributes:
        x_m: positions along East in m, increasing.
        y_m: positions along North in m, increasing.
    """

    x_m: Float[np.ndarray, " x"]
    y_m: Float[np.ndarray, " y"]

    def __post_init__(self) -> None:
        for name in ("x_m", "y_m"):
            object.__setattr__(self, name, parse_positions(f"sensors_m.{name[0]}", getattr(self, name)))

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions that a wavefield at these sensors has."""
        return ("x", "y")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of positions along x and along y."""
        return (len(self.x_m), len(self.y_m))

    @property
    def count(self) -> int:
        """Number of sensors."""
        return len(self.x_m) * len(self.y_m)

    def points_m(self) -> Float[np.ndarray, "sensor 3"]:
        """Position (x, y, z) of each sensor in m; y runs fastest."""
        x, y = np.meshgrid(self.x_m, self.y_m, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Stations:
    """Sensors anywhere, each with a name.

    Attributes:
        names: one for each station, all different.
        x_m: position along East in m.
        y_m: position along North in m.
        z_m: height in m: 0 at the free surface, negative below it.
    """

    names: tuple[str, ...]
    x_m: Float[np.ndarray, " station"]
    y_m: Float[np.ndarray, " station"]
    z_m: Float[np.ndarray, " station"]

    def __post_init__(self) -> None:
        for name in ("x_m", "y_m", "z_m"):
            object.__setattr__(self, name, parse_positions(f"stations.{name[0]}", getattr(self, name)))
        if not len(self.names) == len(self.x_m) == len(self.y_m) == len(self.z_m):
            found = f"{len(self.names)} names, {len(self.x_m)} x, {len(self.y_m)} y, {len(self.z_m)} z"
            raise InputError("stations", found, "one of each for every station")
        if len(set(self.names)) != len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise InputError("stations.names", f"{twice} more than once", "names that differ")
        if (self.z_m > 0).any():
            raise InputError("stations.z", f"{self.z_m.max():g} m", "0 m at the surface, or negative below it")

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions that a wavefield at these sensors has."""
        return ("station",)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of stations, as a tuple of one."""
        return (len(self.names),)

    @property
    def count(self) -> int:
        """Number of stations."""
        return len(self.names)

    def points_m(self) -> Float[np.ndarray, "sensor 3"]:
        """Position (x, y, z) of each station in m."""
        return np.stack([self.x_m, self.y_m, self.z_m], axis=1)


Sensors = SensorGrid | Stations


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """Where and when ground motion is recorded; simulations, stores, models and comparisons all use it.

    Sample times are start_s, start_s + 1 / sampling_hz, ... in s after the origin time.

    Attributes:
        sensors: a grid, or a list of stations.
        samples: number of sample times.
        sampling_hz: samples per second.
        lowpass_hz: corner of the order-4 Butterworth low-pass, applied forward and backward.
        start_s: first sample time.

    Example:
        >>> recording = Recording()
        >>> recording.sensors.shape, recording.samples, recording.duration_s
        ((32, 32), 320, 6.4)
    """

    sensors: Sensors = dataclasses.field(default_factory=lambda: SensorGrid(sensor_axis_m(), sensor_axis_m()))
    samples: int = HEMEW_SAMPLES
    sampling_hz: float = HEMEW_SAMPLING_HZ
    lowpass_hz: float = HEMEW_BAND_HZ
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise InputError("samples", self.samples, "2 or more sample times")
        if not (np.isfinite(self.sampling_hz) and self.sampling_hz > 0):
            raise InputError("sampling_hz", self.sampling_hz, "a positive number of samples per second")
        if not (np.isfinite(self.lowpass_hz) and 0 < self.lowpass_hz <= self.sampling_hz / 2):
            allowed = f"(0, {self.sampling_hz / 2:g}] Hz, half the sampling rate"
            raise InputError("lowpass_hz", self.lowpass_hz, allowed)
        if not np.isfinite(self.start_s):
            raise InputError("start_s", self.start_s, "a finite time in s after the origin time")

    @property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Sample times in s after the origin time."""
        return time_axis_s(self.samples, self.sampling_hz, self.start_s)

    @property
    def duration_s(self) -> float:
        """Duration in s: the number of samples over the sampling rate."""
        return self.samples / self.sampling_hz

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a wavefield: (3, x, y, time) on a grid, (3, station, time) at stations."""
        return (3, *self.sensors.shape, self.samples)

    def differences(self, other: Recording) -> list[str]:
        """How another recording differs from this one, in words; empty where they are the same.

        Example:
            >>> Recording().differences(Recording(samples=100, lowpass_hz=2.0))
            ['100 samples, not 320', 'a low-pass at 2 Hz, not 5 Hz']
        """
        differences = self.axes_differences(other)
        if not np.isclose(self.lowpass_hz, other.lowpass_hz, rtol=1e-3):
            differences.append(f"a low-pass at {other.lowpass_hz:g} Hz, not {self.lowpass_hz:g} Hz")
        return differences

    def axes_differences(self, other: Recording) -> list[str]:
        """As `differences`, for sensors and sample times, without the low-pass."""
        return _sensor_differences(self.sensors, other.sensors) + self.time_differences(other)

    def time_differences(self, other: Recording) -> list[str]:
        """As `differences`, for the sample times alone."""
        differences = []
        if self.samples != other.samples:
            differences.append(f"{other.samples} samples, not {self.samples}")
        if not np.isclose(self.sampling_hz, other.sampling_hz, rtol=1e-6):
            differences.append(f"{other.sampling_hz:g} samples per second, not {self.sampling_hz:g}")
        if abs(self.start_s - other.start_s) * self.sampling_hz > _SAME_TIME:
            differences.append(f"times from {other.start_s:g} s, not from {self.start_s:g} s")
        return differences


def _sensor_differences(mine: Sensors, other: Sensors) -> list[str]:
    if isinstance(mine, SensorGrid) != isinstance(other, SensorGrid) or mine.shape != other.shape:
        return [f"{_sensors_in_words(other)}, not {_sensors_in_words(mine)}"]
    differences = []
    for axis, label in (("x_m", "East"), ("y_m", "North"), ("z_m", "up")):
        ours, theirs = getattr(mine, axis, None), getattr(other, axis, None)
        if ours is not None and theirs is not None and not np.allclose(ours, theirs, rtol=_SAME_PLACE, atol=1e-6):
            differences.append(f"sensors at {_range(theirs)} m {label}, not {_range(ours)} m")
    if isinstance(mine, Stations) and isinstance(other, Stations) and mine.names != other.names:
        differences.append("stations of other names")
    return differences


def _sensors_in_words(sensors: Sensors) -> str:
    if isinstance(sensors, SensorGrid):
        return f"a grid of {len(sensors.x_m)} x {len(sensors.y_m)} sensors"
    return f"a list of {sensors.count} stations"


def _range(positions_m: np.ndarray) -> str:
    return f"{positions_m[0]:g} to {positions_m[-1]:g}"


def parse_positions(field: str, values: Any) -> Float[np.ndarray, " n"]:
    """Positions in m, from a list or an array, as a read-only array.

    Raises:
        InputError: another unit, masked or infinite values, an empty list, or no list of numbers.
    """
    positions = np.array(np.atleast_1d(plain_array(field, values, "m")), dtype=float)
    if positions.ndim != 1 or not len(positions) or not np.isfinite(positions).all():
        raise InputError(field, values, "a list of finite positions in m")
    positions.flags.writeable = False
    return positions
