"""Ground of any extent for a model that simulates: how a problem is like those that the model learned.

A model learned simulations on one grid spacing, of ground in a range of speeds, up to one frequency. By similarity
(`core.similarity`) it serves other spacings, speeds and frequencies. The wanted frequency fixes the ratio of times; the
spacing is then chosen so that the speeds fall in the learned range, and that it divides the sides of the ground if any
does; of those, the one that changes speeds least.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording, SensorGrid, Sensors, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.signal.paths import straight_paths

#: Ground this much slower than any that was learned, after scaling, is refused: a share of the lowest learned speed.
SLOWEST_SHARE = 0.35
#: Speeds this much outside the learned range are inside it, and the learned rise time is one this near to it.
_NEAR = 1e-3
#: By how much the fastest ground must exceed the speed that a grid needs: the grid's own cells are averages.
_SAFETY = 1.02
#: Rise time of the whole, in learned rise times, above which an earthquake is refused: motion at high frequencies is
#: then a thousandth of what was learned.
LONGEST_RISE_SHARE = 30.0
#: First arrivals are this share of the time on a straight line, or later.
_FASTER_THAN_STRAIGHT = 0.85
#: Sensors along a side of the square that says how strong the field is.
_REFERENCE_SENSORS = 16
#: Most cells along the shortest side of the ground.
_MOST_CELLS = 10_000
#: Sensors whose paths are followed together.
_PATHS_AT_ONCE = 1024

Earthquake = Source | Rupture


@dataclasses.dataclass(frozen=True, kw_only=True)
class MotionRequest:
    """Where, how long and to which frequency motion is wanted; None: as the model was trained.

    Attributes:
        stations: a list of stations at the surface.
        sensors_m: positions (x_m, y_m) along East and North of a grid of sensors at the surface.
        duration_s: length of the record from the origin time.
        max_frequency_hz: highest frequency.
    """

    stations: Stations | None = None
    sensors_m: Any = None
    duration_s: float | None = None
    max_frequency_hz: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("duration_s", self.duration_s), ("max_frequency_hz", self.max_frequency_hz)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(name, value, "a positive number")

    @property
    def as_trained(self) -> bool:
        """Whether all is as the model was trained."""
        return all(getattr(self, field.name) is None for field in dataclasses.fields(self))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learned:
    """What a model learned.

    Attributes:
        recording: where and when it recorded.
        ground: the ground and the sources.
        spacing_m: of its simulations' grid.
    """

    recording: Recording
    ground: TrainedRange
    spacing_m: float

    @property
    def slowest_fastest_m_s(self) -> float:
        """The speed that ground must reach somewhere: two points of the grid per shear wavelength."""
        return 2 * self.spacing_m * self.recording.lowpass_hz


@dataclasses.dataclass(frozen=True, kw_only=True)
class Region:
    """A problem in ground of any extent, and the learned problem that it is like.

    Attributes:
        similarity: how many times larger the problem is.
        geology: the ground of the learned problem.
        earthquake: that of the learned problem.
        point: the earthquake as one point, in the problem's own units; its rise time is that of the whole.
        recording: where and when motion is wanted, in the problem's own units.
        long: the same in the learned problem's, as long as whole windows.
        reference: sensors of the learned problem that say how strong the field is; None: the wanted ones.
        first_arrival_s: at each sensor in the learned problem.
        outside: in what the problem lies outside of what was learned, in words.
    """

    similarity: Similarity
    geology: Geology
    earthquake: Earthquake
    point: Source
    recording: Recording
    long: Recording
    reference: SensorGrid | None
    first_arrival_s: Float[np.ndarray, " sensor"]
    outside: tuple[str, ...]

    @property
    def run(self) -> Recording:
        """Where stage 1 records: at the wanted sensors, then at those of the reference."""
        if self.reference is None:
            return self.long
        x, y, z = np.concatenate([self.long.sensors.points_m(), self.reference.points_m()]).T
        names = tuple(str(number) for number in range(len(x)))
        return dataclasses.replace(self.long, sensors=Stations(names, x, y, z))


def plan_region(learned: Learned, geology: Geology, earthquake: Earthquake, request: MotionRequest) -> Region:
    """How a problem is like those that a model learned.

    Args:
        learned: what the model learned.
        geology: ground of any extent.
        earthquake: a point, or a rupture.
        request: where, how long, to which frequency.

    Raises:
        InputError: what the model cannot take, with what it can.
    """
    from spectremor.simulation.sensors import parse_sensors

    _check_origin(geology)
    frequency_hz = learned.recording.lowpass_hz if request.max_frequency_hz is None else request.max_frequency_hz
    similarity = choose_similarity(learned, geology, frequency_hz)
    earthquake, point = _parsed(earthquake, geology)
    _check_place(learned.ground, geology, earthquake, similarity)
    _check_rise_time(learned.ground, point, similarity)
    own = learned.recording
    sensors = parse_sensors(request.sensors_m, request.stations, None, geology)
    check_surface(sensors)
    duration_s = own.duration_s * similarity.time if request.duration_s is None else request.duration_s
    sampling_hz = own.sampling_hz * similarity.frequency
    samples = max(2, math.ceil(duration_s * sampling_hz - 1e-6))
    half = own.samples // 2
    windows = 1 + max(0, -(-(samples - own.samples) // half))
    recording = Recording(
        sensors=sensors, samples=samples, sampling_hz=sampling_hz, lowpass_hz=own.lowpass_hz * similarity.frequency
    )
    ground = similarity.learned_geology(lengthened(geology, learned.spacing_m * similarity.length))
    shrunk = _shrunk(sensors, similarity)
    arrival_s = first_arrivals_s(geology, earthquake, sensors.points_m()) / similarity.time
    inside = learned.ground
    return Region(
        similarity=similarity,
        geology=ground,
        earthquake=_learned_earthquake(earthquake, similarity),
        point=point,
        recording=recording,
        long=dataclasses.replace(own, sensors=shrunk, samples=own.samples + (windows - 1) * half),
        reference=_reference(learned, ground, point, similarity, shrunk),
        first_arrival_s=arrival_s,
        outside=tuple(_outside(inside, ground, earthquake, samples / own.samples)),
    )


def check_region_ground(learned: Learned, geology: Geology) -> None:
    """Refuse ground in which a model takes no earthquake at all.

    Raises:
        InputError: a corner that is not at (0, 0), or ground far slower than any that was learned.
    """
    _check_origin(geology)
    choose_similarity(learned, geology, learned.recording.lowpass_hz)


def choose_similarity(learned: Learned, geology: Geology, max_frequency_hz: float) -> Similarity:
    """The similarity under which ground falls in what a model learned, its speeds changed as little as can be.

    Args:
        learned: what the model learned.
        geology: the ground.
        max_frequency_hz: that the motion is wanted to.

    Raises:
        InputError: ground far slower than any that was learned.
    """
    slowest, fastest = float(geology.vs_m_s.min()), float(geology.vs_m_s.max())
    inside, speed_per_length = learned.ground, max_frequency_hz / learned.recording.lowpass_hz
    # The fastest ground decides what the grid must resolve at all, and what is possible.
    low = fastest / inside.vs_high_m_s / speed_per_length * (1 - _NEAR)
    high = fastest / (learned.slowest_fastest_m_s * _SAFETY) / speed_per_length
    # Where no spacing divides all sides, the ground is lengthened by less than a cell (`lengthened`).
    lengths = _dividing(geology.extent_m, learned.spacing_m, low, high) or [min(max(1 / speed_per_length, low), high)]
    slow_enough = slowest / inside.vs_low_m_s / speed_per_length * (1 + _NEAR)
    best = min(lengths, key=lambda length: (length > slow_enough, abs(math.log(length * speed_per_length))))
    similarity = Similarity(length=best, speed=best * speed_per_length)
    least = SLOWEST_SHARE * inside.vs_low_m_s * similarity.speed
    if slowest < least:
        allowed = f"{least:.4g} m/s or more everywhere: slower ground lies too far outside of what the model learned"
        raise InputError("geology", f"Vs of {slowest:g} m/s", allowed)
    return similarity


def lengthened(geology: Geology, spacing_m: float) -> Geology:
    """The ground with sides that a spacing divides: as it is, or less than a cell longer to the East, North and bottom.

    What is added is as the ground at its edge. Nodes come to lie elsewhere, nearer to each other than before; between
    the old ones the ground is linear.
    """
    cells = [max(4, math.ceil(side / spacing_m * (1 - 1e-9) - 1e-6)) for side in geology.extent_m]
    if all(abs(n * spacing_m - side) <= 1e-6 * side for n, side in zip(cells, geology.extent_m, strict=True)):
        return geology
    parts = [max(1, math.ceil(spacing_m / step - 1e-9)) for step in geology.spacing_m]
    x_m, y_m, depth_m = (np.arange(n * p + 1) * (spacing_m / p) for n, p in zip(cells, parts, strict=True))
    axes = ((geology.x_m, x_m), (geology.y_m, y_m), (geology.z_m, -depth_m[::-1]))
    given = dict(geology.given)
    for axis, (old_m, new_m) in enumerate(axes):
        place = np.clip((new_m - old_m[0]) / (old_m[-1] - old_m[0]) * (len(old_m) - 1), 0, len(old_m) - 1)
        low = np.minimum(place.astype(int), len(old_m) - 2)
        part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        for name, values in given.items():
            given[name] = np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part
    return Geology(x_m=x_m, y_m=y_m, z_m=-depth_m[::-1], given=given, attrs=geology.attrs)


def first_arrivals_s(
    geology: Geology, earthquake: Earthquake, points_m: Float[np.ndarray, "sensor 3"]
) -> Float[np.ndarray, " sensor"]:
    """When motion begins at each sensor at the earliest, in s after the origin time.

    The P wave of a rupture's hypocentre runs ahead of the rupture; a path in the ground saves at most 15% of the time
    on a straight line.
    """
    start, start_s = earthquake, 0.0
    if isinstance(earthquake, Rupture):
        # Only the place counts of it.
        start = Source(position_m=earthquake.hypocentre_m, moment_tensor_nm=(0.0, 0.0, 0.0, 1e15, 0.0, 0.0))
        start_s = float(earthquake.start_s.min())
    assert isinstance(start, Source)
    parts = []
    for first in range(0, len(points_m), _PATHS_AT_ONCE):
        x, y, _ = points_m[first : first + _PATHS_AT_ONCE].T
        paths = straight_paths(geology, start, (x, y))
        parts.append(paths.integral(1 / paths.rock.vp_m_s)[:, 0])
    return start_s + _FASTER_THAN_STRAIGHT * np.concatenate(parts)


def _parsed(earthquake: Earthquake, geology: Geology) -> tuple[Earthquake, Source]:
    """The earthquake with its moments, and the point that stands for the whole."""
    if isinstance(earthquake, Source):
        earthquake.check_inside(geology.extent_m)
        return earthquake, earthquake
    if not isinstance(earthquake, Rupture):
        raise InputError("source", f"a {type(earthquake).__name__}", "a Source or a Rupture")
    one = earthquake.as_source() if not earthquake.needs_rigidity else None
    if one is not None:
        return _parsed(one, geology)
    earthquake.check_inside(geology.extent_m)
    rupture = earthquake.with_rigidity(geology)
    return rupture, rupture.as_point(rise_time_s=rupture.rise_time_s)


def _learned_earthquake(earthquake: Earthquake, similarity: Similarity) -> Earthquake:
    if isinstance(earthquake, Source):
        return similarity.learned_source(earthquake)
    return similarity.learned_rupture(earthquake)


def _dividing(sides_m: tuple[float, ...], spacing_m: float, low: float, high: float) -> list[float]:
    """Ratios between `low` and `high` by which a spacing must be multiplied to divide all sides."""
    shortest = min(sides_m)
    fewest = max(4, math.ceil(shortest / (spacing_m * high) - 1e-9))
    most = min(_MOST_CELLS, math.floor(shortest / (spacing_m * low) + 1e-9))
    ratios = []
    for cells in range(fewest, most + 1):
        one = shortest / cells
        if all(abs(side / one - round(side / one)) * one <= 1e-6 * side for side in sides_m):
            ratios.append(one / spacing_m)
    return ratios


def _check_origin(geology: Geology) -> None:
    origin = [float(axis[0]) for axis in (geology.x_m, geology.y_m)]
    if not np.allclose(origin, 0.0, atol=1e-3 * geology.extent_m[0]):
        raise InputError("geology", f"a domain that starts at ({origin[0]:g}, {origin[1]:g}) m", "(0, 0) m")


def _check_place(inside: TrainedRange, geology: Geology, earthquake: Earthquake, similarity: Similarity) -> None:
    """Refuse an earthquake nearer to the surface, the sides or the bottom than any that was learned."""
    margins = zip(inside.source_low_m, inside.source_high_m, inside.extent_m, strict=True)
    points = np.array([earthquake.position_m]) if isinstance(earthquake, Source) else earthquake.position_m
    name = "source" if isinstance(earthquake, Source) else "rupture"
    x_side, y_side, depth = geology.extent_m
    for axis, ((low, high, side), whole) in enumerate(zip(margins, (x_side, y_side, depth), strict=True)):
        if axis < 2:
            least, most = low * similarity.length, whole - (side - high) * similarity.length
        else:
            least, most = -(whole - (side + low) * similarity.length), high * similarity.length
        values = points[:, axis]
        if values.min() < least or values.max() > most:
            found = f"{values[0]:g} m" if len(values) == 1 else f"{values.min():g} to {values.max():g} m"
            allowed = f"[{least:g}, {most:g}] m, as near to surface and sides as the model was trained"
            raise InputError(f"{name}.{'xyz'[axis]}", found, allowed)


def _check_rise_time(inside: TrainedRange, point: Source, similarity: Similarity) -> None:
    longest = LONGEST_RISE_SHARE * inside.rise_time_s * similarity.time
    if point.rise_time_s > longest:
        allowed = f"a moment rate as long as one with a rise time of {longest:g} s or less"
        raise InputError("source.rise_time_s", f"{point.rise_time_s:.3g} s", allowed)


def check_surface(sensors: Sensors) -> None:
    """Refuse stations below the surface.

    Raises:
        InputError: names the deepest.
    """
    if isinstance(sensors, Stations) and (sensors.z_m < 0).any():
        deepest = int(np.argmin(sensors.z_m))
        allowed = "0 m: the model learned motion at the surface (`simulate` takes depths)"
        raise InputError(f"stations.{sensors.names[deepest]}.z", f"{sensors.z_m[deepest]:g} m", allowed)


def _shrunk(sensors: Sensors, similarity: Similarity) -> Sensors:
    a = similarity.length
    if isinstance(sensors, SensorGrid):
        return SensorGrid(sensors.x_m / a, sensors.y_m / a)
    return Stations(sensors.names, sensors.x_m / a, sensors.y_m / a, np.array(sensors.z_m))


def _reference(
    learned: Learned, ground: Geology, point: Source, similarity: Similarity, sensors: Sensors
) -> SensorGrid | None:
    """Sensors of a square as large as the learned one, around the epicentre as far as the ground goes."""
    own = learned.recording.sensors
    assert isinstance(own, SensorGrid)
    if isinstance(sensors, SensorGrid) and not _other_places(sensors, own):
        return None
    axes = []
    for at, whole, side, mine in zip(
        point.position_m, ground.extent_m, learned.ground.extent_m, (own.x_m, own.y_m), strict=False
    ):
        corner = min(max(at / similarity.length - side / 2, 0.0), max(whole - side, 0.0))
        first, last = float(mine[0]), min(float(mine[-1]), whole - float(mine[0]))
        axes.append(corner + np.linspace(first, max(last, first + 1.0), _REFERENCE_SENSORS))
    return SensorGrid(*axes)


def _other_places(one: SensorGrid, other: SensorGrid) -> bool:
    if one.shape != other.shape:
        return True
    return not (np.allclose(one.x_m, other.x_m, rtol=1e-6) and np.allclose(one.y_m, other.y_m, rtol=1e-6))


def _outside(inside: TrainedRange, ground: Geology, earthquake: Earthquake, windows: float) -> list[str]:
    """In what a problem lies outside of what was learned, in the learned problem's units."""
    reasons = []
    slowest = float(ground.vs_m_s.min())
    if slowest < inside.vs_low_m_s * (1 - 2 * _NEAR):
        reasons.append(SLOW)
    if isinstance(earthquake, Rupture):
        reasons.append(RUPTURE)
    if windows > 1 + 1e-6:
        reasons.append(LONG)
    if max(ground.extent_m[:2]) > max(inside.extent_m[:2]) * (1 + _NEAR):
        reasons.append(WIDE)
    return reasons


#: What may lie outside of what was learned, in words.
SLOW, RUPTURE, LONG, WIDE = "slower ground", "a rupture", "a longer record", "a wider region"
