r"""Correction of numerical dispersion: the delay of waves on a grid of finite differences, along the path.

Differences on a grid see a wavenumber k as a smaller one, K (`core.staggered_grid`), so that P and S waves of angular
frequency w in uniform ground of speed c have the wavenumber k for which

    K_x(k n_x)^2 + K_y(k n_y)^2 + K_z(k n_z)^2 = (w / c)^2,

n being their direction: they are late by the phase (k - w / c) times the distance. (Leapfrog time steps add no delay:
`simulation.time_axis` removes their effect exactly.) Here the phase varies with the time in the record, as t* does in
`signal.attenuation`: at the P and the S arrival of each sensor it is the integral over the straight line from the
source, linear in between, and after S it goes on growing at the path's mean rate. Above the highest frequency that the
grid can carry in a piece of the path, the phase of that piece stays constant. Waves that arrive at the same time along
different paths are corrected alike, and the grid's effect on amplitudes is not corrected.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float

from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.staggered_grid import seen_wavenumber
from spectremor.signal.paths import SensorPositions, StraightPaths, straight_paths

#: To be raised by every change that alters results.
DISPERSION_VERSION = 1
#: Points of a path, sorted by speed, that are treated with their mean slowness.
_GROUP_POINTS = 8
#: Number of tabulated wavenumbers for each direction.
_TABLE = 80
#: Smallest phase in radians that is corrected.
_LEAST_PHASE = 5e-3
#: Highest corrected frequency, in corner frequencies of the low-pass.
_HIGHEST_CORNERS = 1.5
#: Time in s between computed phases; corrected motion is interpolated in between.
_APART_S = 0.16
#: Length of the Fourier transform, in lengths of the record.
_CIRCLE = 1.5


@dataclasses.dataclass(frozen=True)
class DifferenceScheme:
    """Differences on a staggered grid.

    Attributes:
        spacing_m: spacing of the grid.
        order: order of accuracy.
    """

    spacing_m: float
    order: int


@dataclasses.dataclass(frozen=True)
class _Phases:
    """Phase lag of the waves that arrive at each sensor, by frequency, and when P and S arrive.

    Attributes:
        p_s: arrival of P, shape (sensors, 1).
        s_s: arrival of S.
        p_phase: phase lag of P in radians, shape (sensors, frequencies).
        s_phase: phase lag of S.
    """

    p_s: Float[np.ndarray, "sensors 1"]
    s_s: Float[np.ndarray, "sensors 1"]
    p_phase: Float[np.ndarray, "sensors frequencies"]
    s_phase: Float[np.ndarray, "sensors frequencies"]

    def at(self, time_s: float) -> Float[np.ndarray, "sensors frequencies"]:
        """Phase lag of waves that arrive at a time; 0 before the origin time, when a rupture's record may begin."""
        time_s = max(time_s, 0.0)
        between = np.clip((time_s - self.p_s) / (self.s_s - self.p_s), 0, 1)
        share_p = np.where(time_s < self.p_s, time_s / self.p_s, 1 - between)
        share_s = np.where(time_s > self.s_s, time_s / self.s_s, between)
        return np.asarray(share_p * self.p_phase + share_s * self.s_phase)


def remove_grid_dispersion(
    velocity_m_s: Float[np.ndarray, "3 *sensors time"],
    time_s: Float[np.ndarray, " time"],
    geology: Geology,
    source: Source,
    sensors_m: SensorPositions,
    scheme: DifferenceScheme,
    lowpass_hz: float,
) -> Float[np.ndarray, "3 *sensors time"]:
    """Elastic motion after removal of the grid's delay.

    Args:
        velocity_m_s: motion at the sensors, as simulated.
        time_s: evenly spaced times of its samples, in s after the origin.
        geology: the ground.
        source: where the waves start.
        sensors_m: positions (x_m, y_m) of each sensor, as in `attenuate`.
        scheme: differences of the simulation.
        lowpass_hz: corner of the motion's low-pass.
    """
    count, dt_s = len(time_s), float(time_s[1] - time_s[0])
    traces = velocity_m_s.reshape(3, -1, count)
    circle = scipy.fft.next_fast_len(math.ceil(_CIRCLE * count), real=True)
    frequency_hz = scipy.fft.rfftfreq(circle, dt_s)
    chosen = frequency_hz <= _HIGHEST_CORNERS * lowpass_hz
    late_hz = frequency_hz[chosen & _is_late(frequency_hz, geology, scheme)]
    if not len(late_hz):
        return velocity_m_s
    phases = _phases(late_hz, straight_paths(geology, source, sensors_m), scheme)
    spectra = scipy.fft.rfft(traces, circle)[..., np.isin(frequency_hz, late_hz)] * (2 / circle)
    change = _phase_correction(spectra, late_hz, time_s, phases)
    return np.asarray((traces + change).reshape(velocity_m_s.shape).astype(velocity_m_s.dtype))


def _is_late(frequency_hz: np.ndarray, geology: Geology, scheme: DifferenceScheme) -> Bool[np.ndarray, " f"]:
    """Whether a wave can be late at all: along an axis, across the whole domain, in its slowest ground.

    The answer is the same for all sensors, so that a sensor's motion does not depend on the other ones.
    """
    wavenumber = 2 * np.pi * scheme.spacing_m * frequency_hz / float(geology.vs_m_s.min())
    excess = _excess_wavenumber(wavenumber[None, None, :, None], np.array([[1.0, 0.0, 0.0]]), scheme.order)[0, 0, :, 0]
    return np.asarray(excess * np.linalg.norm(geology.extent_m) / scheme.spacing_m > _LEAST_PHASE)


def _phase_correction(
    spectra: np.ndarray, frequency_hz: np.ndarray, time_s: np.ndarray, phases: _Phases
) -> Float[np.ndarray, "3 sensors time"]:
    """The change of motion when each frequency is advanced by the phase lag of waves that arrive at the time.

    Phases are computed at times `_APART_S` apart; the change in between is interpolated.
    """
    start_s, dt_s = float(time_s[0]), float(time_s[1] - time_s[0])
    apart = max(1, round(_APART_S / dt_s))
    number = np.arange(len(time_s))
    change = np.zeros((*spectra.shape[:-1], len(time_s)), np.float32)
    single = np.ascontiguousarray(spectra, dtype=np.complex64)
    # There is no motion before the first arrival.
    first = max(0, int((phases.p_s.min() - start_s) / dt_s)) // apart * apart
    for level in range(first, len(time_s) + apart - 1, apart):
        stretch = number[max(0, level - apart + 1) : level + apart]
        phase = phases.at(start_s + dt_s * level).astype(np.float32)
        turn = np.empty(phase.shape, np.complex64)
        turn.real, turn.imag = np.cos(phase) - 1, np.sin(phase)
        angle = 2 * np.pi * np.outer(frequency_hz, dt_s * stretch)
        waves = np.stack([np.cos(angle), -np.sin(angle)], axis=1).reshape(-1, len(stretch)).astype(np.float32)
        weight = (1 - np.abs(stretch - level) / apart).astype(np.float32)
        change[..., stretch] += (single * turn).view(np.float32) @ (waves * weight)
    return change


def _phases(frequency_hz: np.ndarray, paths: StraightPaths, scheme: DifferenceScheme) -> _Phases:
    direction, piece_m = paths.direction.reshape(-1, 3), paths.piece_m.reshape(-1, 1)
    slowness = np.stack([1 / speed for speed in (paths.rock.vp_m_s, paths.rock.vs_m_s)], axis=-2)
    slowness = np.sort(slowness.reshape(len(direction), 2, -1), axis=-1)
    starts = np.arange(0, slowness.shape[-1], _GROUP_POINTS)
    group_sizes = np.diff([*starts, slowness.shape[-1]])
    mean_slowness = np.add.reduceat(slowness, starts, axis=-1) / group_sizes
    wavenumber = 2 * np.pi * scheme.spacing_m * frequency_hz[:, None] * mean_slowness[:, :, None]
    excess = _excess_wavenumber(wavenumber, direction, scheme.order) @ (group_sizes / scheme.spacing_m)
    arrival_s, phase = slowness.sum(axis=-1) * piece_m, excess * piece_m[..., None]
    return _Phases(arrival_s[:, :1], arrival_s[:, 1:], phase[:, 0], phase[:, 1])


def _excess_wavenumber(
    true: Float[np.ndarray, "sensors waves frequencies groups"], direction: Float[np.ndarray, "sensors 3"], order: int
) -> Float[np.ndarray, "sensors waves frequencies groups"]:
    """By how much the wavenumbers on the grid exceed the true ones, all in radians per cell, along each direction.

    Constant above the largest wavenumber that the differences can represent.
    """
    highest = np.pi / np.abs(direction).max(axis=-1, keepdims=True)
    on_grid = highest * np.linspace(0, 1, _TABLE)
    modified = np.sqrt(sum(seen_wavenumber(on_grid * n[:, None], order) ** 2 for n in np.abs(direction).T))
    rising_counts = np.argmax(modified, axis=-1) + 1
    excess = np.empty_like(true)
    for sensor, (table, numbers, count) in enumerate(zip(modified, on_grid, rising_counts, strict=True)):
        excess[sensor] = np.interp(true[sensor], table[:count], (numbers - table)[:count])
    return excess
