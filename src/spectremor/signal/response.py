"""Response spectra of damped oscillators, and their orientation-independent forms RotD50 and RotD100.

The oscillator is integrated exactly for acceleration that is linear between samples (Nigam & Jennings 1969,
doi:10.1785/BSSA0590020909). With x = (displacement, velocity) and x' = A x - (0, 1) a(t), one step of length h is

    x[k+1] = E x[k] + G0 a[k] + G1 a[k+1],   E = exp(A h),
    G1 = A^-1 (A^-1 (E - 1) / h - 1) B,      G0 = A^-1 (E - A^-1 (E - 1) / h) B,

which for the displacement alone is a recursive filter of second order, run in compiled code over all traces.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from jaxtyping import Bool, Float

from spectremor.core.errors import InputError
from spectremor.signal.calculus import derivative, refine
from spectremor.signal.recursion import recursive_filter

#: Bytes of rotated traces held at once, about a core's second-level cache.
_ROTATION_BYTES = 2**20


def oscillator_displacement(
    acceleration: Float[np.ndarray, "*batch time"], dt_s: float, period_s: float, damping: float = 0.05
) -> Float[np.ndarray, "*batch time"]:
    """Displacement in m, relative to the ground, of an oscillator at rest at the first sample.

    Args:
        acceleration: ground acceleration in m/s2, linear between samples.
        dt_s: sampling step in s.
        period_s: undamped period.
        damping: fraction of critical damping, in [0, 1).

    Raises:
        InputError: a period or damping out of range.
    """
    if not (math.isfinite(period_s) and period_s > 0):
        raise InputError("response.period_s", period_s, "a positive number of seconds")
    if not 0 <= damping < 1:
        raise InputError("response.damping", damping, "a fraction of critical damping in [0, 1)")
    numerator, denominator, correction = _recursion(dt_s, 2 * math.pi / period_s, damping)
    # Started with zeros, the filter supposes a ramp before the record; this initial state supposes rest.
    start = np.stack([-numerator[0] * acceleration[..., 0], correction * acceleration[..., 0]], axis=-1)
    return recursive_filter(numerator, denominator, acceleration, start)


@functools.lru_cache(maxsize=1024)
def _recursion(dt_s: float, omega: float, damping: float) -> tuple[np.ndarray, np.ndarray, float]:
    a = np.array([[0.0, 1.0], [-(omega**2), -2 * damping * omega]])
    b = np.array([0.0, -1.0])
    # The exponential of a dt; not by scipy.linalg, whose import takes as long as many spectra.
    damped = omega * math.sqrt(1 - damping**2)
    decay, cosine, sine = math.exp(-damping * omega * dt_s), math.cos(damped * dt_s), math.sin(damped * dt_s) / damped
    e = decay * (cosine * np.eye(2) + sine * (a + damping * omega * np.eye(2)))
    inverse = np.linalg.inv(a)
    ramp = inverse @ (e - np.eye(2)) / dt_s
    g1 = inverse @ ((ramp - np.eye(2)) @ b)
    g0 = inverse @ ((e - ramp) @ b)
    middle = e[1, 1] * g1[0] - e[0, 1] * g1[1]
    numerator = np.array([g1[0], g0[0] - middle, e[0, 1] * g0[1] - e[1, 1] * g0[0]])
    return numerator, np.array([1.0, -np.trace(e), np.linalg.det(e)]), float(middle)


def response_spectrum(
    velocity: Float[np.ndarray, "*batch time"],
    dt_s: float,
    periods_s: Float[np.ndarray, " period"],
    damping: float = 0.05,
    oversample: int = 4,
) -> Float[np.ndarray, "*batch period"]:
    """Pseudo-spectral acceleration SA(T) = (2 pi / T)^2 max |displacement| in m/s2 of each trace.

    Args:
        velocity: ground velocity in m/s.
        dt_s: sampling step in s.
        periods_s: undamped periods.
        damping: fraction of critical damping.
        oversample: the acceleration is interpolated (cubic spline) to a step this many times finer, without which the
            peak of a 0.2 s oscillator sampled at 50 Hz is missed by up to 5%.
    """
    acceleration = refine(derivative(velocity, dt_s), oversample)
    peaks = [
        (2 * math.pi / t) ** 2
        * np.abs(oscillator_displacement(acceleration, dt_s / oversample, float(t), damping)).max(axis=-1)
        for t in periods_s
    ]
    return np.stack(peaks, axis=-1)


def rotd(
    velocity: Float[np.ndarray, "*batch two time"],
    dt_s: float,
    periods_s: Float[np.ndarray, " period"],
    percentiles: tuple[float, ...] = (50.0, 100.0),
    damping: float = 0.05,
    oversample: int = 4,
    angles: int = 180,
) -> Float[np.ndarray, "percentile *batch period"]:
    """RotD50 and RotD100 of SA(T) in m/s2 (Boore 2010, doi:10.1785/0120090400).

    Percentiles, over `angles` directions in [0, 180) degrees, of the peak response of the two horizontal
    components turned into that direction.

    Args:
        velocity: two horizontal components, in m/s.
        dt_s: sampling step in s.
        periods_s: undamped periods.
        percentiles: 50 is the median over directions, 100 the largest.
        damping: fraction of critical damping.
        oversample: as in `response_spectrum`.
        angles: number of directions.
    """
    if velocity.shape[-2] != 2:
        raise InputError("rotd.velocity", f"{velocity.shape[-2]} components", "the two horizontal ones")
    acceleration = refine(derivative(velocity, dt_s), oversample)
    spectra = []
    for period in periods_s:
        motion = oscillator_displacement(acceleration, dt_s / oversample, float(period), damping)
        peaks = _rotated_peaks(motion.reshape(-1, *motion.shape[-2:]), angles)
        values = np.percentile(peaks, percentiles, axis=-1) * (2 * math.pi / period) ** 2
        spectra.append(values.reshape(len(percentiles), *velocity.shape[:-2]))
    return np.stack(spectra, axis=-1)


def rotd_peak(
    motion: Float[np.ndarray, "*batch two time"], percentiles: tuple[float, ...] = (50.0, 100.0), angles: int = 180
) -> Float[np.ndarray, "percentile ..."]:
    """RotD50 and RotD100 of the peak of a ground motion (PGA, PGV, PGD; Boore 2010, doi:10.1785/0120090400).

    Args:
        motion: two horizontal components of acceleration, velocity or displacement.
        percentiles: as in `rotd`.
        angles: as in `rotd`.
    """
    if motion.shape[-2] != 2:
        raise InputError("rotd.motion", f"{motion.shape[-2]} components", "the two horizontal ones")
    peaks = _rotated_peaks(motion.reshape(-1, *motion.shape[-2:]).astype(np.float64), angles)
    return np.asarray(np.percentile(peaks, percentiles, axis=-1)).reshape(len(percentiles), *motion.shape[:-2])


def _rotated_peaks(motion: Float[np.ndarray, "trace two time"], angles: int) -> Float[np.ndarray, "trace angle"]:
    theta = np.arange(angles) * (math.pi / angles)
    turn = np.stack([np.cos(theta), np.sin(theta)], axis=1)
    block = max(1, _ROTATION_BYTES // (8 * angles * motion.shape[-1]))
    parts = []
    for start in range(0, len(motion), block):
        rotated = turn @ motion[start : start + block]
        parts.append(np.maximum(rotated.max(axis=-1), -rotated.min(axis=-1)))
    return np.concatenate(parts)


def usable_frequencies(
    frequency_hz: Float[np.ndarray, " n"], band_hz: tuple[float, float], duration_s: float | None = None
) -> Bool[np.ndarray, " n"]:
    """True where a frequency (or 1 / period) lies in the usable band.

    Args:
        frequency_hz: frequencies, or inverses of periods.
        band_hz: (lowest, highest) frequency that the wavefield holds.
        duration_s: length of the record; below 1 / duration nothing is resolved.
    """
    low = max(band_hz[0], 0.0 if duration_s is None else 1.0 / duration_s)
    return np.asarray((frequency_hz >= low * (1 - 1e-9)) & (frequency_hz <= band_hz[1] * (1 + 1e-9)))
