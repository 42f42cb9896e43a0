"""The rise time of the point source's moment rate that is as wide as a catalogue's source time function.

The spectrum of a moment rate of unit area is 1 - i w t1 - w^2 (t1^2 + v) / 2 + ... where w is the angular frequency,
t1 the centroid time and v the variance in time. Two moment rates with the same v therefore have the same width at long
periods. That of the point source, t/tau^2 exp(-t/tau), has t1 = 2 tau and v = 2 tau^2.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

from spectremor.core.errors import InputError, InputWarning

#: Relative excess allowed of rise plus decay over the duration that a file states too.
_SUM_TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True)
class RiseTime:
    """A rise time and its origin.

    Attributes:
        tau_s: tau of the moment function 1 - (1 + t/tau) exp(-t/tau); None: to follow from a stress drop.
        words: the origin of the rise time in words.
    """

    tau_s: float | None
    words: str


def rise_time_of(function: Any, *, ours: bool) -> RiseTime | None:
    """The rise time for a QuakeML source time function (ObsPy's object), or None where there is none.

    Triangles (of any skewness), box cars and trapezoids are converted exactly. A function of unknown shape, and a
    trapezoid without a rise or decay time, is treated as a triangle, with a warning that names the rise time of a box
    car too.

    Args:
        function: object with type, duration, rise_time and decay_time in s, any of which may be missing; or None.
        ours: whether this project wrote the file: its rise time is then tau itself.

    Raises:
        InputError: a negative time.

    Warns:
        InputWarning: a function of unknown shape, or times that contradict each other.
    """
    shape = "unknown" if function is None else str(function.type or "unknown")
    times = (None,) * 3 if function is None else (function.duration, function.rise_time, function.decay_time)
    duration, rise, decay = (None if t is None else float(t) for t in times)
    for name, value in (("duration", duration), ("riseTime", rise), ("decayTime", decay)):
        if value is not None and value < 0:
            raise InputError("quakeml.source_time_function", f"{name} {value:g} s", "0 s or more")
    if ours and rise:
        return RiseTime(rise, f"{rise:g} s, written by this project")
    if not (duration or rise or decay):
        return None
    if shape == "box car":
        length = duration or (rise or 0.0) + (decay or 0.0)
        return _same_width(0.0, length, 0.0, f"a box car of {length:g} s")
    if shape == "triangle" or (shape == "trapezoid" and (rise or decay)):
        up, flat, down = _corners(shape, duration, rise, decay)
        return _same_width(up, flat, down, f"a {shape} of {up + flat + down:g} s")
    return _of_unknown_shape(shape, duration or (rise or decay or 0.0) + (decay or rise or 0.0))


def _corners(shape: str, duration: float | None, rise: float | None, decay: float | None) -> tuple[float, float, float]:
    """Seconds for which the moment rate of a triangle or trapezoid rises, stays constant and falls.

    Warns:
        InputWarning: a rise and a decay that together take longer than the stated duration.
    """
    if not duration:
        up, down = rise or decay or 0.0, decay or rise or 0.0
        return up, 0.0, down
    if rise and decay:
        if rise + decay > duration * (1 + _SUM_TOLERANCE):
            warnings.warn(
                f"quakeml.source_time_function: riseTime {rise:g} s and decayTime {decay:g} s take longer than the "
                f"duration of {duration:g} s; they are taken, not it",
                InputWarning,
                stacklevel=3,
            )
        return rise, max(duration - rise - decay, 0.0), decay
    if shape == "trapezoid":
        slope = min(rise or decay or 0.0, duration / 2)
        return slope, duration - 2 * slope, slope
    up = duration / 2
    if rise or decay:
        up = min(rise, duration) if rise else max(duration - (decay or 0.0), 0.0)
    return up, 0.0, duration - up


def _of_unknown_shape(shape: str, duration_s: float) -> RiseTime:
    triangle = _same_width(duration_s / 2, 0.0, duration_s / 2, f"a triangle of {duration_s:g} s, for want of a shape")
    box_car = _same_width(0.0, duration_s, 0.0, "")
    warnings.warn(
        f"quakeml.source_time_function: of type {shape}, {duration_s:g} s; taken for a triangle, whose rise time "
        f"tau is {triangle.tau_s:.3g} s (a box car's would be {box_car.tau_s:.3g} s)",
        InputWarning,
        stacklevel=3,
    )
    return triangle


def _same_width(up_s: float, flat_s: float, down_s: float, words: str) -> RiseTime:
    """The rise time for a moment rate that rises linearly, stays constant and falls linearly; any part may last 0 s."""
    # Mass, centroid and variance of each of the three parts; a right triangle of base b has variance b^2 / 18.
    parts = [
        (up_s / 2, 2 * up_s / 3, up_s**2 / 18),
        (flat_s, up_s + flat_s / 2, flat_s**2 / 12),
        (down_s / 2, up_s + flat_s + down_s / 3, down_s**2 / 18),
    ]
    mass = sum(m for m, _, _ in parts)
    centroid = sum(m * t for m, t, _ in parts) / mass
    variance = sum(m * (v + (t - centroid) ** 2) for m, t, v in parts) / mass
    tau = math.sqrt(variance / 2)
    later = f"whose centroid, {centroid:.3g} s after its begin, comes {centroid - 2 * tau:.2g} s later than ours"
    return RiseTime(tau, f"{tau:.4g} s, as wide at low frequencies as {words} ({later})")
