"""One event as a stage that sees the field takes it: its sensors, stage 1 there, and recordings at some of them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Float32

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.diffusion.distances import nearest
from spectremor.diffusion.recorded import Recorded
from spectremor.diffusion.surroundings import Surroundings, surroundings_of
from spectremor.model.cube import Cube
from spectremor.model.observed import SAME_PLACE_M, Observed
from spectremor.model.region import Region


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedField:
    """A field of motion as the model learned them, and how the wanted one is like it.

    Attributes:
        geology: the ground.
        earthquake: of the learned problem.
        positions_m: East and North of each sensor, all in the learned problem.
        traces_m_s: stage 1 there, as long as the records that were learned, or as several windows of time.
        rise_time_s: of the source whose motion this is, in the learned problem.
        similarity: how many times larger the wanted problem is.
        shape: sensors along each of the wanted wavefield's dimensions.
        samples: how many of its samples are wanted.
    """

    geology: Geology
    earthquake: Source | Rupture
    positions_m: Float[np.ndarray, "s 2"]
    traces_m_s: Float32[np.ndarray, "3 s time"]
    rise_time_s: float
    similarity: Similarity
    shape: tuple[int, ...]
    samples: int

    def surroundings(self, positions_m: Float[np.ndarray, "s 2"]) -> Surroundings:
        """Of sensors of the learned problem.

        A rupture's waves come first from where it starts; they radiate as those of the whole.
        """
        if isinstance(self.earthquake, Source):
            return surroundings_of(self.geology, self.earthquake, positions_m)
        rupture = self.earthquake
        whole = rupture.as_point(rise_time_s=rupture.rise_time_s)
        start = dataclasses.replace(whole, position_m=rupture.hypocentre_m)
        where, begun_s = surroundings_of(self.geology, start, positions_m), float(rupture.start_s.min())
        return dataclasses.replace(where, p_time_s=where.p_time_s + begun_s, s_time_s=where.s_time_s + begun_s)

    def check_observed(self, observed: Observed | None, *, own_rise_time: bool) -> None:
        """Refuse recordings of what is only like a learned problem.

        Raises:
            InputError: names in what it differs.
        """
        if observed is None:
            return
        if not isinstance(self.earthquake, Source):
            raise InputError("observed", "recordings of a rupture of several points", "none: a point source")
        if self.similarity != Similarity():
            raise InputError(
                "observed", "recordings of another scale", "none: ground and frequency as they were learned"
            )
        if not own_rise_time:
            raise InputError("observed", "recordings of another rise time", "none: a source of the learned rise time")


def learned_field(
    problem: Region | Cube | None,
    geology: Geology | None,
    source: Source,
    traces_m_s: Float32[np.ndarray, "3 *sensors time"],
    recording: Recording,
) -> LearnedField:
    """The learned problem that motion was predicted for.

    Args:
        problem: how the wanted one is like it; None: it is the wanted one.
        geology: the ground where there is no problem.
        source: likewise.
        traces_m_s: stage 1 of the learned problem.
        recording: of the model.
    """
    if problem is None:
        assert geology is not None
        sensors, similarity, point, samples = recording.sensors, Similarity(), source, recording.samples
        earthquake: Source | Rupture = source
    elif isinstance(problem, Cube):
        sensors, similarity, point, samples = recording.sensors, problem.similarity, problem.point, problem.samples
        geology, earthquake = problem.geology, problem.source
        if problem.points_m is not None:
            sensors = problem.recording.sensors
    else:
        sensors, similarity, point = problem.long.sensors, problem.similarity, problem.point
        samples, geology, earthquake = problem.recording.samples, problem.geology, problem.earthquake
    positions_m = sensors.points_m()[:, :2]
    if isinstance(problem, Cube) and problem.points_m is not None:
        positions_m = problem.points_m
    flat = traces_m_s.reshape(3, -1, traces_m_s.shape[-1])[:, : sensors.count]
    return LearnedField(
        geology=geology,
        earthquake=earthquake,
        positions_m=positions_m,
        traces_m_s=flat,
        rise_time_s=point.rise_time_s / similarity.time,
        similarity=similarity,
        shape=sensors.shape,
        samples=samples,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldEvent:
    """The sensors of a field, and after them stations with recordings that stand elsewhere.

    Attributes:
        stage1: velocities in m/s at all of them.
        surroundings: likewise.
        recorded: the recordings, if any.
        own: how many sensors are the field's.
    """

    stage1: Float[np.ndarray, "s 3 time"]
    surroundings: Surroundings
    recorded: Recorded | None
    own: int


def field_event(
    field: LearnedField, traces_m_s: Float32[np.ndarray, "3 s time"], step_s: float, observed: Observed | None
) -> FieldEvent:
    """An event with its recordings.

    Stage 1 of a station that stands at none of the field's sensors is that of the nearest one, moved by the difference
    of their S arrivals.

    Args:
        field: where the event is.
        traces_m_s: stage 1, of the learned rise time.
        step_s: between samples.
        observed: recordings.

    Raises:
        InputError: stations outside the domain, or several at one place.
    """
    traces = np.moveaxis(traces_m_s, 0, 1)
    if observed is None:
        where = field.surroundings(field.positions_m)
        return FieldEvent(stage1=traces, surroundings=where, recorded=None, own=len(traces))
    _check_inside(observed, field.geology)
    apart_m, closest = (of[:, 0] for of in nearest(observed.positions_m, field.positions_m, 1))
    elsewhere = np.flatnonzero(apart_m > SAME_PLACE_M)
    places_m = np.concatenate([field.positions_m, observed.positions_m[elsewhere]])
    where = field.surroundings(places_m)
    later_s = where.s_time_s[len(traces) :] - where.s_time_s[closest[elsewhere]]
    borrowed = delayed(traces[closest[elsewhere]], later_s, step_s)
    sensors = closest.copy()
    sensors[elsewhere] = len(traces) + np.arange(len(elsewhere))
    if len(np.unique(sensors)) != len(sensors):
        raise InputError("observed", "several stations at one sensor", "one recording at each place")
    recorded = Recorded(sensors=sensors, velocity=observed.velocity, error=observed.error)
    everywhere = np.concatenate([traces, borrowed])
    return FieldEvent(stage1=everywhere, surroundings=where, recorded=recorded, own=len(traces))


def delayed(
    traces: Float[np.ndarray, "s 3 time"], delay_s: Float[np.ndarray, " s"], step_s: float
) -> Float32[np.ndarray, "s 3 time"]:
    """Traces that come later by so much; what would come from before the record is zero.

    Args:
        traces: of any unit.
        delay_s: of each sensor, any sign.
        step_s: between samples.
    """
    samples = traces.shape[-1]
    frequency = np.fft.rfftfreq(2 * samples, step_s)
    turn = np.exp(-2j * np.pi * frequency * delay_s[:, None, None])
    moved = np.fft.irfft(np.fft.rfft(traces, 2 * samples) * turn, 2 * samples)
    return moved[..., :samples].astype(np.float32)


def _check_inside(observed: Observed, geology: Geology) -> None:
    for axis, place_m, side_m in zip("xy", observed.positions_m.T, geology.extent_m, strict=False):
        if place_m.min() < 0 or place_m.max() > side_m:
            found = f"{place_m.min():g} to {place_m.max():g} m"
            raise InputError(f"observed.{axis}", found, f"0 to {side_m:g} m, inside the domain")
