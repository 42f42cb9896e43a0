"""Properties of each sensor beside its stage-1 traces: its place, and the ground that the waves came through."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Float32

from spectremor.core.geology import Geology
from spectremor.core.medium import VP_OVER_VS
from spectremor.core.rays import departures
from spectremor.core.source import HEMEW_MOMENT_NM, Source
from spectremor.core.travel_times import interpolate, travel_times
from spectremor.signal.misfit import event_scale

#: Depths in m of the column of Vs below a sensor; below the domain the deepest value is used.
COLUMN_DEPTHS_M = (0.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2400.0, 3000.0, 3900.0, 4800.0, 6000.0, 7200.0)
#: Numbers that `Surroundings.features` gives of each sensor.
FEATURES = len(COLUMN_DEPTHS_M) + 9
#: In a window of a longer record, the P wave is told to arrive after so long if it has gone by.
EARLIEST_P_S = 0.3
#: Typical root-mean-square velocity in m/s of a field times its event's scale, for the moment of HEMEW-3D.
_TYPICAL_LEVEL = 0.0073


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The sensors of one event, in any order; each row depends on its own sensor alone.

    Attributes:
        positions_m: East and North of each sensor.
        epicentre_m: East and North of the source.
        p_time_s: first arrival of the P wave.
        s_time_s: first arrival of the S wave.
        vs_column_m_s: Vs below each sensor at `COLUMN_DEPTHS_M`.
        distance_m: from the source.
        p_radiation: (East, North, Up) of the far-field P motion where it leaves the source, per unit moment (Aki &
            Richards 2002, eq. 4.96).
        s_radiation: likewise of the S motion (eq. 4.97).
        reference_m_s: amplitude that the event's motion has typically, whatever the sensors.
    """

    positions_m: Float[np.ndarray, "s 2"]
    epicentre_m: Float[np.ndarray, " 2"]
    p_time_s: Float[np.ndarray, " s"]
    s_time_s: Float[np.ndarray, " s"]
    vs_column_m_s: Float[np.ndarray, "s depth"]
    distance_m: Float[np.ndarray, " s"]
    p_radiation: Float[np.ndarray, "s 3"]
    s_radiation: Float[np.ndarray, "s 3"]
    reference_m_s: float

    def __len__(self) -> int:
        return len(self.positions_m)

    def at(self, sensors: np.ndarray) -> Surroundings:
        """The surroundings of some sensors."""
        rows = {name: getattr(self, name)[sensors] for name in ROWS}
        return dataclasses.replace(self, **rows)

    def turned(self, matrix: Float[np.ndarray, "3 3"]) -> Surroundings:
        """The same event turned or mirrored about its epicentre, or with the opposite moment (the negative of it).

        Args:
            matrix: that acts on the components (East, North, Up) of the motion.
        """
        # Opposite moments turn every motion round, Up too, and leave the sensors where they are.
        horizontal = matrix[:2, :2] * matrix[2, 2]
        moved = self.epicentre_m + (self.positions_m - self.epicentre_m) @ horizontal.T
        return dataclasses.replace(
            self,
            positions_m=moved,
            p_radiation=self.p_radiation @ matrix.T,
            s_radiation=self.s_radiation @ matrix.T,
        )

    def after(self, start_s: float) -> Surroundings:
        """The same with times that count from later on; no arrival is earlier than those that a network learned.

        Args:
            start_s: after the origin time.
        """
        if start_s <= 0:
            return self
        p_time_s, s_time_s = (
            np.maximum(time_s - start_s, earliest_s)
            for time_s, earliest_s in ((self.p_time_s, EARLIEST_P_S), (self.s_time_s, VP_OVER_VS * EARLIEST_P_S))
        )
        return dataclasses.replace(self, p_time_s=p_time_s, s_time_s=s_time_s)

    def features(self) -> Float32[np.ndarray, "s f"]:
        """The inputs of the network for each sensor: numbers of the order of one."""
        columns = [
            2.0 * np.log(self.vs_column_m_s / 2500.0),
            (self.p_time_s[:, None] - 1.5) / 0.7,
            (self.s_time_s[:, None] - 2.5) / 1.2,
            2.0 * np.log10(np.maximum(self.distance_m[:, None], 100.0) / 6000.0),
            2.0 * self.p_radiation,
            2.0 * self.s_radiation,
        ]
        return np.concatenate(columns, axis=1).astype(np.float32)


#: Attributes of `Surroundings` with a row for each sensor.
ROWS = (
    "positions_m",
    "p_time_s",
    "s_time_s",
    "vs_column_m_s",
    "distance_m",
    "p_radiation",
    "s_radiation",
)


def surroundings_of(geology: Geology, source: Source, positions_m: Float[np.ndarray, "s 2"]) -> Surroundings:
    """Travel times, columns of ground and radiation at sensors on the surface.

    Args:
        geology: the ground, its corner at (0, 0).
        source: inside it.
        positions_m: East and North of each sensor.
    """
    vs, extent_m = np.asarray(geology.given["vs"], dtype=float), geology.extent_m
    sensors = np.concatenate([positions_m, np.zeros((len(positions_m), 1))], axis=1).astype(float)
    origin = np.array(source.position_m)
    times_s = travel_times(vs, source.position_m, extent_m)
    s_time_s = interpolate(times_s, sensors, extent_m)
    p_time_s = s_time_s / VP_OVER_VS
    if "vp" in geology.given:
        vp = np.asarray(geology.given["vp"], dtype=float)
        p_time_s = interpolate(travel_times(vp, source.position_m, extent_m), sensors, extent_m)
    away = _take_off(times_s, sensors, origin, extent_m)
    force = away @ source.tensor_nm / source.moment_nm
    along = (force * away).sum(axis=1, keepdims=True) * away
    vs_source = float(interpolate(vs, origin[None], extent_m)[0])
    scale = event_scale(vs_source, -source.position_m[2])
    return Surroundings(
        positions_m=sensors[:, :2],
        epicentre_m=origin[:2],
        p_time_s=p_time_s,
        s_time_s=s_time_s,
        vs_column_m_s=_columns(vs, sensors, extent_m),
        distance_m=np.linalg.norm(sensors - origin, axis=1),
        p_radiation=along,
        s_radiation=force - along,
        reference_m_s=_TYPICAL_LEVEL / scale * source.moment_nm / HEMEW_MOMENT_NM,
    )


def _take_off(
    times_s: np.ndarray, sensors: np.ndarray, origin: np.ndarray, extent_m: tuple[float, float, float]
) -> Float[np.ndarray, "s 3"]:
    """Unit directions in which the S rays to the sensors leave the source."""
    steps = np.array(extent_m) / (np.array(times_s.shape) - 1)
    gradient = np.stack(np.gradient(times_s**2, *steps), axis=-1)
    return departures(gradient, sensors, origin, steps, extent_m)


def _columns(vs: np.ndarray, sensors: np.ndarray, extent_m: tuple[float, float, float]) -> Float[np.ndarray, "s depth"]:
    depths_m = np.minimum(COLUMN_DEPTHS_M, extent_m[2])
    points = np.repeat(sensors[:, None, :], len(depths_m), axis=1)
    points[:, :, 2] = -depths_m
    return interpolate(vs, points.reshape(-1, 3), extent_m).reshape(len(sensors), len(depths_m))
