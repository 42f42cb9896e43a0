"""An operator that corrects a simulation along rays, in ground of any extent.

What the operator learned lies in a cube: rays of some length, and the first seconds of motion. In wider ground it is
asked inside cubes of that size, placed so that each holds the source and a part of the sensors; what it says of a ray
does not depend on where in the cube the ray is. Its correction fades out towards the longest rays and the latest times
that it knows. Beyond, and for a rupture, whose rays are as many as its points, the simulation stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectremor.core.geology import Geology
from spectremor.core.interpolation import between_nodes
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange, is_same_rise_time
from spectremor.signal.corner import with_rise_time
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.protocol import AnyGround

#: A correction fades out over so many of the last seconds, and the longest of the distances, that were learned.
_FADE_S, _FADE_M = 0.5, 1200.0


class RegionalOperator(MifnoSurrogate):
    """An operator along rays with the simulation that it corrects; implements `Stage1` and `AnyGround`.

    Args:
        operator: a network along rays that corrects a simulation.
        simulation: that simulation.
    """

    #: `predict` takes the learned rise time alone; `record` any.
    any_rise_time = False

    def __init__(self, operator: MifnoSurrogate, simulation: AnyGround) -> None:
        super().__init__(operator.network, operator.normalisation, operator.simulate)
        self._simulation = simulation

    @property
    def spacing_m(self) -> float:
        """Spacing of the simulation's grid."""
        return self._simulation.spacing_m

    def record(self, geology: Geology, earthquake: Source | Rupture, recording: Recording) -> xr.DataArray:
        """The wavefield in ground of any extent, corrected where and when the operator knows what to correct.

        Args:
            geology: ground whose sides the grid's spacing divides.
            earthquake: a point, or a rupture, whose simulation is not corrected; of any rise time.
            recording: at the operator's sampling, as long as what it learned or longer.

        Returns:
            DataArray `velocity`, dims (component, x, y, time) or (component, station, time), m/s.

        Raises:
            InputError: as the simulation's `record`.
        """
        run = self._simulation.record(geology, earthquake, recording)
        if isinstance(earthquake, Rupture):
            return run
        samples = self.recording.samples
        corrected = run.values.copy()
        begin = corrected.reshape(3, -1, corrected.shape[-1])[..., :samples]
        places_m = recording.sensors.points_m()[:, :2]
        begin += self._correction(geology, earthquake, places_m, begin) * _until_end(recording, self.recording)
        return run.copy(data=corrected)

    def _correction(
        self,
        geology: Geology,
        source: Source,
        places_m: Float[np.ndarray, "s 2"],
        simulated_m_s: Float[np.ndarray, "3 s time"],
    ) -> Float[np.ndarray, "3 s time"]:
        """What the operator adds to the simulation, in m/s; zero where it knows nothing."""
        trained, step_s = self.trained_range, 1 / self.recording.sampling_hz
        learned = dataclasses.replace(source, rise_time_s=trained.rise_time_s)
        rise_times_s = (source.rise_time_s, learned.rise_time_s)
        same = is_same_rise_time(*rise_times_s)
        before = simulated_m_s if same else with_rise_time(simulated_m_s, step_s, *rise_times_s)
        added = np.zeros_like(simulated_m_s)
        for part in learned_cubes(trained, geology, source.position_m, places_m):
            some = before[:, part.sensors]
            local = dataclasses.replace(learned, position_m=part.local_m(source.position_m))
            after = self.correct_at(part.ground(geology, trained), local, places_m[part.sensors] - part.corner_m, some)
            added[:, part.sensors] = (after - some) * part.weight[:, None]
        return added if same else with_rise_time(added, step_s, *rise_times_s[::-1])


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedCube:
    """A cube of the learned size in wider ground.

    Attributes:
        corner_m: East and North of its corner.
        sensors: numbers of the sensors whose rays lie in it.
        weight: of the correction there, 1 to 0 towards the longest rays.
    """

    corner_m: Float[np.ndarray, "2"]
    sensors: Int[np.ndarray, " s"]
    weight: Float[np.ndarray, " s"]

    def local_m(self, position_m: tuple[float, float, float]) -> tuple[float, float, float]:
        """A position in the cube."""
        x_m, y_m, z_m = position_m
        return x_m - float(self.corner_m[0]), y_m - float(self.corner_m[1]), z_m

    def ground(self, geology: Geology, trained: TrainedRange) -> Geology:
        """The ground in the cube, at the learned nodes; what lies outside of the given ground is as at its edge."""
        x_m, y_m, depth_m = (np.linspace(0, side, n) for side, n in zip(trained.extent_m, trained.nodes, strict=True))
        z_m = -depth_m[::-1]
        lows = (float(geology.x_m[0]), float(geology.y_m[0]), float(geology.z_m[0]))
        places = (x_m + self.corner_m[0], y_m + self.corner_m[1], z_m)
        numbers = [(at - low) / step for at, low, step in zip(places, lows, geology.spacing_m, strict=True)]
        vs = between_nodes(geology.vs_m_s, np.meshgrid(*numbers, indexing="ij"))
        return Geology(x_m=x_m, y_m=y_m, z_m=z_m, given={"vs": vs})


def learned_cubes(
    trained: TrainedRange,
    geology: Geology,
    position_m: tuple[float, float, float],
    places_m: Float[np.ndarray, "s 2"],
) -> Iterator[LearnedCube]:
    """Cubes that hold the source and, each, a part of the sensors; those with longer rays than learned are in none.

    Along each axis the ground fits into one cube, or there are two: one with the source as near to its western
    (southern) side as was learned, and one with it as near to the other side.

    Args:
        trained: what the operator learned.
        geology: the ground.
        position_m: of the source.
        places_m: East and North of the sensors.
    """
    if position_m[2] < trained.source_low_m[2]:
        return
    corners, which, weights = [], [], []
    for axis in (0, 1):
        side, whole, at = trained.extent_m[axis], geology.extent_m[axis], position_m[axis]
        apart = places_m[:, axis] - at
        room = max(whole - side, 0.0)
        ahead = min(max(at - trained.source_low_m[axis], 0.0), room)
        behind = min(max(at - trained.source_high_m[axis], 0.0), room)
        corners.append((ahead, behind))
        which.append((apart < 0).astype(int) if room else np.zeros(len(apart), dtype=int))
        reach = side - trained.source_low_m[axis]
        weights.append(np.clip((reach - np.abs(apart)) / _FADE_M, 0, 1) if room else np.ones(len(apart)))
    weight = weights[0] * weights[1]
    for x in (0, 1):
        for y in (0, 1):
            sensors = np.flatnonzero((which[0] == x) & (which[1] == y) & (weight > 0))
            if len(sensors):
                corner_m = np.array([corners[0][x], corners[1][y]])
                yield LearnedCube(corner_m=corner_m, sensors=sensors, weight=weight[sensors].astype(np.float32))


def _until_end(recording: Recording, learned: Recording) -> Float[np.ndarray, " time"]:
    """Share of the correction at the learned times: 1, fading out towards the last where the record goes on."""
    if recording.samples <= learned.samples:
        return np.ones(learned.samples, dtype=np.float32)
    left_s = (learned.samples - 1 - np.arange(learned.samples)) / learned.sampling_hz
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(left_s / _FADE_S, 0, 1))).astype(np.float32)
