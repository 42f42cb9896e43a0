"""A recorded station: three channels of ground velocity, turned into East, North and up."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import scipy.signal
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from spectremor.core.errors import InputError
from spectremor.signal.filters import low_pass

#: Largest deviation from right angles between the channels of one sensor.
_RIGHT_ANGLE_TOLERANCE_DEG = 5.0
#: Refinement of the time grid for motion between samples, by band-limited interpolation.
_REFINEMENT = 8
#: Corner of the low-pass for records of a higher sampling rate, as a share of the wanted rate.
_HIGHEST_SHARE = 0.4


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Channel:
    """Ground velocity along one direction.

    Attributes:
        code: code of the channel in the file.
        azimuth_deg: azimuth of positive motion, clockwise from North.
        dip_deg: dip of positive motion, downward from horizontal: -90 is up.
        velocity_m_s: samples.
        start_s: time of the first sample in s after 1970 (UTC).
        step_s: time between samples.
        band_hz: lowest and highest usable frequency.
    """

    code: str
    azimuth_deg: float
    dip_deg: float
    velocity_m_s: Float[np.ndarray, " time"]
    start_s: float
    step_s: float
    band_hz: tuple[float, float]

    @property
    def end_s(self) -> float:
        """Time of the last sample in s after 1970 (UTC)."""
        return self.start_s + (len(self.velocity_m_s) - 1) * self.step_s

    @property
    def direction(self) -> Float[np.ndarray, "3"]:
        """Unit vector (East, North, up) of positive motion."""
        azimuth, dip = math.radians(self.azimuth_deg), math.radians(self.dip_deg)
        horizontal = math.cos(dip)
        return np.array([horizontal * math.sin(azimuth), horizontal * math.cos(azimuth), -math.sin(dip)])

    def at(self, times_s: Float[np.ndarray, " time"], field: str) -> Float[np.ndarray, " time"]:
        """Velocity at other evenly spaced times in s after 1970; low-passed where their step is longer.

        Raises:
            InputError: times outside the record.
        """
        slack = 1e-6
        if times_s[0] < self.start_s - slack or times_s[-1] > self.end_s + slack:
            raise InputError(field, f"{self.code} from {self.start_s:.2f} to {self.end_s:.2f} s", "all times wanted")
        samples = self.velocity_m_s
        wanted_step_s = float(times_s[1] - times_s[0])
        if wanted_step_s > self.step_s * (1 + 1e-6):
            samples = low_pass(samples, self.step_s, _HIGHEST_SHARE / wanted_step_s)
        fine = _finer(samples)
        return np.asarray(CubicSpline(np.arange(len(fine)) * (self.step_s / _REFINEMENT), fine)(times_s - self.start_s))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RecordedStation:
    """A station that recorded along three directions.

    Attributes:
        name: network.station, or the file's name of the station.
        longitude_deg: east of Greenwich.
        latitude_deg: north of the equator.
        depth_m: depth of the sensor below the surface.
        channels: the three channels.
    """

    name: str
    longitude_deg: float
    latitude_deg: float
    depth_m: float
    channels: tuple[Channel, Channel, Channel]

    def __post_init__(self) -> None:
        for channel in self.channels:
            bad = int((~np.isfinite(channel.velocity_m_s)).sum())
            if bad:
                raise InputError(f"recordings.{self.name}.{channel.code}", f"{bad} NaN or infinite samples", "numbers")
            if not (math.isfinite(channel.step_s) and channel.step_s > 0):
                raise InputError(f"recordings.{self.name}.{channel.code}", f"a step of {channel.step_s:g} s", "above 0")
        self._check_right_angles()

    @property
    def start_s(self) -> float:
        """First time that all channels cover, in s after 1970 (UTC)."""
        return max(channel.start_s for channel in self.channels)

    @property
    def end_s(self) -> float:
        """Last time that all channels cover, in s after 1970 (UTC)."""
        return min(channel.end_s for channel in self.channels)

    @property
    def band_hz(self) -> tuple[float, float]:
        """Lowest and highest frequency that are usable on all channels."""
        return max(c.band_hz[0] for c in self.channels), min(c.band_hz[1] for c in self.channels)

    def enz(self, times_s: Float[np.ndarray, " time"], y_azimuth_deg: float = 0.0) -> Float[np.ndarray, "3 time"]:
        """Velocity in m/s along x, y and up at times in s after 1970.

        Args:
            times_s: evenly spaced times that all channels cover.
            y_azimuth_deg: azimuth of the y axis, clockwise from North; 0: x is East, y North.
        """
        field = f"recordings.{self.name}"
        recorded = np.stack([channel.at(times_s, field) for channel in self.channels])
        # The three directions are used as stated, even where they are not exactly at right angles.
        east, north, up = np.linalg.solve(np.stack([channel.direction for channel in self.channels]), recorded)
        turn = math.radians(y_azimuth_deg)
        return np.stack(
            [math.cos(turn) * east - math.sin(turn) * north, math.sin(turn) * east + math.cos(turn) * north, up]
        )

    def _check_right_angles(self) -> None:
        directions = [channel.direction for channel in self.channels]
        for i, j in ((0, 1), (0, 2), (1, 2)):
            angle = math.degrees(math.acos(float(np.clip(directions[i] @ directions[j], -1, 1))))
            if abs(angle - 90.0) > _RIGHT_ANGLE_TOLERANCE_DEG:
                codes = f"{self.channels[i].code} and {self.channels[j].code}"
                raise InputError(f"recordings.{self.name}", f"{codes} {angle:.0f} degrees apart", "90 degrees")


def _finer(samples: Float[np.ndarray, " time"]) -> Float[np.ndarray, " finer_time"]:
    """The samples on a finer time grid, by Fourier interpolation of their difference from a straight line."""
    line = np.linspace(samples[0], samples[-1], len(samples))
    fine = scipy.signal.resample(samples - line, _REFINEMENT * len(samples))[: _REFINEMENT * (len(samples) - 1) + 1]
    return np.asarray(fine + np.linspace(samples[0], samples[-1], len(fine)))
