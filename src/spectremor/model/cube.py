"""Cubes like the one that a neural operator learned: larger or smaller, of faster or slower ground.

The operator keeps the number of nodes; by similarity (`core.similarity`) the cube may have another size. It predicts at
sensors of its own, or, along rays, at any between these.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording, SensorGrid, Sensors
from spectremor.core.rupture import Rupture
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.diffusion.config import DiffusionConfig
from spectremor.model.region import MotionRequest, check_surface

#: Sensors so far outside of the learned ones are inside.
_NEAR_M = 1.0
_ONLY_ITS_CUBE = "this model's neural operator predicts at its own sensors in its cube, or in a similar one"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cube:
    """A problem in a cube, and the learned one that it is like.

    Attributes:
        similarity: how many times larger the problem is.
        geology: the ground of the learned problem.
        source: that of the learned problem, of the learned rise time.
        point: the source of the problem itself.
        recording: where and when motion is predicted, in the problem's own units.
        samples: how many of its samples are wanted.
        points_m: East and North of the sensors in the learned problem, where they are not the operator's own.
    """

    similarity: Similarity
    geology: Geology
    source: Source
    point: Source
    recording: Recording
    samples: int
    points_m: Float[np.ndarray, "s 2"] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedCube:
    """What an operator learned.

    Attributes:
        trained: the ground and the sources.
        recording: where and when it records.
        along_rays: it predicts at any sensors between its own.
        second: the diffusion stage behind it; None: there is none.
    """

    trained: TrainedRange
    recording: Recording
    along_rays: bool
    second: DiffusionConfig | None

    @property
    def any_sensors(self) -> bool:
        """Whether the model takes any sensors: a second stage that restores each sensor alone has its grid."""
        return self.along_rays and (self.second is None or self.second.field is not None)


def plan_cube(learned: LearnedCube, geology: Geology, earthquake: Source | Rupture, request: MotionRequest) -> Cube:
    """How a cube is like the one that an operator learned.

    Args:
        learned: what the operator learned.
        geology: the ground.
        earthquake: a point source, or a rupture of one.
        request: no sensors, unless it takes any, and no longer a record than it learned.

    Raises:
        InputError: what the operator cannot take, with what it can.
    """
    trained, own = learned.trained, learned.recording
    for name, what in (("stations", "a list of stations"), ("sensors_m", "positions of sensors")):
        if getattr(request, name) is not None and not learned.any_sensors:
            raise InputError(name, what, f"none: {_ONLY_ITS_CUBE} (take the model simulation)")
    point = _point(earthquake)
    similarity, ground = _similar_ground(trained, own, geology, request.max_frequency_hz)
    a = similarity.length
    trained.times_larger(a).check_source(point, any_rise_time=True)
    sampling_hz = own.sampling_hz * similarity.frequency
    longest_s = own.samples / sampling_hz
    duration_s = longest_s if request.duration_s is None else request.duration_s
    if duration_s > longest_s * (1 + 1e-9):
        allowed = f"{longest_s:g} s or less: this model's neural operator predicts no more (take the model simulation)"
        raise InputError("duration_s", f"{duration_s:g} s", allowed)
    sensors, points_m = _sensors(own, geology, request, a)
    return Cube(
        similarity=similarity,
        geology=ground,
        source=dataclasses.replace(similarity.learned_source(point), rise_time_s=trained.rise_time_s),
        point=point,
        recording=dataclasses.replace(
            own,
            sensors=sensors,
            sampling_hz=sampling_hz,
            lowpass_hz=own.lowpass_hz * similarity.frequency,
        ),
        samples=max(2, int(np.ceil(duration_s * sampling_hz - 1e-6))),
        points_m=points_m,
    )


def _sensors(
    own: Recording, geology: Geology, request: MotionRequest, length: float
) -> tuple[Sensors, Float[np.ndarray, "s 2"] | None]:
    """The wanted sensors, and where they lie in the learned cube if they are not the operator's own."""
    from spectremor.simulation.sensors import parse_sensors

    assert isinstance(own.sensors, SensorGrid)
    if request.stations is None and request.sensors_m is None:
        return SensorGrid(length * own.sensors.x_m, length * own.sensors.y_m), None
    sensors = parse_sensors(request.sensors_m, request.stations, None, geology)
    check_surface(sensors)
    points_m = sensors.points_m()[:, :2]
    name = "sensors_m" if request.stations is None else "stations"
    for axis, (at_m, axis_m) in enumerate(zip(points_m.T, (own.sensors.x_m, own.sensors.y_m), strict=True)):
        low, high = length * float(axis_m[0]), length * float(axis_m[-1])
        if at_m.min() < low - _NEAR_M or at_m.max() > high + _NEAR_M:
            allowed = f"{low:g} to {high:g} m, between the sensors that the model's neural operator learned"
            raise InputError(f"{name}.{'xy'[axis]}", f"{at_m.min():g} to {at_m.max():g} m", allowed)
    return sensors, points_m / length


def check_cube_ground(trained: TrainedRange, own: Recording, geology: Geology) -> None:
    """Refuse ground in which an operator takes no earthquake at all.

    Raises:
        InputError: no cube like the one that it learned.
    """
    _similar_ground(trained, own, geology, None)


def _similar_ground(
    trained: TrainedRange, own: Recording, geology: Geology, max_frequency_hz: float | None
) -> tuple[Similarity, Geology]:
    """How many times larger a cube is than the learned one, and the learned one."""
    similarity = _similarity(trained, own, geology, max_frequency_hz)
    ground = similarity.learned_geology(geology)
    trained.check_geology(ground)
    return similarity, ground


def _point(earthquake: Source | Rupture) -> Source:
    if isinstance(earthquake, Source):
        return earthquake
    point = None if earthquake.needs_rigidity else earthquake.as_source()
    if point is None:
        allowed = "a point source: this model's neural operator knows no other (take the model simulation)"
        raise InputError("source", f"a rupture of {len(earthquake)} points", allowed)
    return point


def _similarity(trained: TrainedRange, own: Recording, geology: Geology, max_frequency_hz: float | None) -> Similarity:
    """Lengths by the cube's side; speeds by the wanted frequency, or as near to the learned ones as can be."""
    ratios = np.array(geology.extent_m) / np.array(trained.extent_m)
    if not np.allclose(ratios, ratios[0], rtol=1e-3):
        found, learned = (" x ".join(f"{side:g}" for side in sides) for sides in (geology.extent_m, trained.extent_m))
        allowed = f"{learned} m, larger or smaller as a whole: {_ONLY_ITS_CUBE} (take the model simulation)"
        raise InputError("geology", f"a domain of {found} m", allowed)
    length = 1.0 if abs(ratios[0] - 1) <= 1e-3 else float(ratios[0])
    if max_frequency_hz is not None:
        return Similarity(length=length, speed=length * max_frequency_hz / own.lowpass_hz)
    if length == 1.0:
        return Similarity()
    low = float(geology.vs_m_s.max()) / trained.vs_high_m_s
    high = float(geology.vs_m_s.min()) / trained.vs_low_m_s
    return Similarity(length=length, speed=max(min(1.0, high), low))
