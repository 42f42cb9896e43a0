r"""Intrinsic attenuation, averaged along the path, applied to elastic motion.

deepwave has no viscoelastic propagator in 3D. In a ground of constant Q, a wave that has travelled for the time T is
weaker by exp(-pi f t*) with t* = T / Q, and its speed depends on frequency (Azimi's law; Aki & Richards 2002,
eq. 5.88):

    A(f) = exp(-pi f t*) exp(-2 i f t* ln(f_r / f)),

f_r being the frequency at which the geology's speeds hold. Where Q grows with frequency, Q = Q0 (f / f0)^g
(`core.q_law`), the loss is exp(-E(f)) with E(f) = pi f t* (f / f0)^-g, t* being T / Q0. A loss that grows as a power
f^(1 - g) is causal with the phase -cot(pi g / 2) E(f) (Szabo 1995, doi:10.1121/1.412332), up to a delay, which
follows from the speeds at f_r:

    A(f) = exp(-E(f)) exp(-i cot(pi g / 2) (E(f) - E(f_r) f / f_r)),

which for g = 0 is the law above. Here t* varies with the time in the record: at the P and the
S arrival of each sensor it is the integral of ds / (V Q) on the straight line from the source, linear in between, and
after S it goes on growing at the path's mean rate. Where the geology does not give Q, it follows from Vs
(`core.medium`). Waves that arrive at the same time along different paths are attenuated alike.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
from jaxtyping import Complex, Float

from spectremor.core.geology import Geology
from spectremor.core.q_law import QLaw, q_law_of
from spectremor.core.source import Source
from spectremor.signal.paths import SensorPositions, straight_paths

#: To be raised by every change that alters results.
ATTENUATION_VERSION = 1
#: Smallest number of t* values between which motion is interpolated linearly, and the largest distance between them, in
#: e-foldings of the highest frequency; the interpolation error is an eighth of the square of this distance.
LEVELS, APART = 13, 0.1
#: Largest number of elements of a block of the filter matrix.
PIECE = 2**23


def attenuate(
    velocity_m_s: Float[np.ndarray, "3 *sensors time"],
    time_s: Float[np.ndarray, " time"],
    geology: Geology,
    source: Source,
    sensors_m: SensorPositions,
    reference_hz: float,
) -> Float[np.ndarray, "3 *sensors time"]:
    """Elastic motion as it would be in ground of finite Q.

    Args:
        velocity_m_s: elastic motion at the sensors.
        time_s: evenly spaced times of its samples, in s after the origin.
        geology: the ground.
        source: where the waves start.
        sensors_m: positions (x_m, y_m) of each sensor, two arrays of shape `sensors`: a list of stations, or a grid's
            `np.meshgrid(x_m, y_m, indexing="ij")`.
        reference_hz: frequency at which the geology's speeds hold; the highest of the motion.
    """
    t_star_s = path_loss_s(time_s, geology, source, sensors_m)
    q_law = q_law_of(geology)
    largest_exponent = float(_exponent(np.array([reference_hz]), float(t_star_s.max()), q_law)[0])
    count = max(LEVELS, 1 + math.ceil(largest_exponent / APART))
    levels = np.linspace(0.0, float(t_star_s.max()), count)
    position = t_star_s / max(levels[1], 1e-12)
    result = np.zeros_like(velocity_m_s)
    all_sensors = tuple(range(t_star_s.ndim - 1))
    traces = velocity_m_s.reshape(-1, len(time_s))
    width = max(1, PIECE // len(time_s))
    for i, level in enumerate(levels):
        # A level is needed only at times at which t* of some sensor is near it.
        weight = np.clip(1 - np.abs(position - i), 0, None).astype(velocity_m_s.dtype)
        (needed,) = np.nonzero(weight.any(axis=all_sensors))
        if not len(needed):
            continue
        for first in range(needed[0], needed[-1] + 1, width):
            stretch = slice(first, min(first + width, needed[-1] + 1))
            filtered = traces @ _filter(time_s, stretch, level, reference_hz, q_law).astype(traces.dtype)
            result[..., stretch] += weight[..., stretch] * filtered.reshape(*velocity_m_s.shape[:-1], -1)
    return result


def _filter(
    time_s: np.ndarray, stretch: slice, t_star_s: float, reference_hz: float, q_law: QLaw
) -> Float[np.ndarray, "time some"]:
    """The attenuation as a matrix from all times to those in `stretch`: a circular convolution of twice the length."""
    n = scipy.fft.next_fast_len(2 * len(time_s), real=True)
    frequency_hz = scipy.fft.rfftfreq(n, float(time_s[1] - time_s[0]))
    pulse = scipy.fft.irfft(response(frequency_hz, t_star_s, reference_hz, q_law), n)
    number = np.arange(len(time_s))
    return np.asarray(pulse[(number[stretch] - number[:, None]) % n])


def response(
    frequency_hz: Float[np.ndarray, " f"], t_star_s: float, reference_hz: float, q_law: QLaw
) -> Complex[np.ndarray, " f"]:
    """The transfer function A(f) of the attenuation.

    Args:
        frequency_hz: 0 or more.
        t_star_s: travel time over Q, or over Q0 where Q grows with frequency.
        reference_hz: frequency at which speeds hold.
        q_law: how Q grows with frequency.
    """
    f = np.maximum(frequency_hz, 1e-9)
    g, exponent = q_law.exponent, _exponent(f, t_star_s, q_law)
    if g == 0:
        return np.asarray(np.exp(-np.pi * f * t_star_s - 2j * f * t_star_s * np.log(reference_hz / f)))
    at_reference = _exponent(np.array([reference_hz]), t_star_s, q_law)[0]
    phase = (exponent - at_reference * f / reference_hz) / math.tan(math.pi * g / 2)
    return np.asarray(np.exp(-exponent - 1j * phase))


def _exponent(frequency_hz: np.ndarray, t_star_s: float, q_law: QLaw) -> np.ndarray:
    """E(f): the number of e-foldings by which each frequency is attenuated."""
    return np.asarray(np.pi * frequency_hz * t_star_s * (frequency_hz / q_law.reference_hz) ** -q_law.exponent)


def path_loss_s(
    time_s: np.ndarray, geology: Geology, source: Source, sensors_m: SensorPositions
) -> Float[np.ndarray, "*sensors time"]:
    """t* in s of the waves that arrive at each sensor at each time."""
    p_s, s_s, p_loss, s_loss = _path_integrals(geology, source, sensors_m)
    before = p_loss * time_s / p_s
    between = p_loss + (s_loss - p_loss) * (time_s - p_s) / (s_s - p_s)
    after = s_loss * time_s / s_s
    loss_s = np.where(time_s < p_s, before, np.where(time_s < s_s, between, after))
    return np.asarray(np.clip(loss_s, 0, None))


def _path_integrals(
    geology: Geology, source: Source, sensors_m: SensorPositions
) -> tuple[Float[np.ndarray, "*sensors 1"], ...]:
    """Travel times of P and S, and their t*, in s, on straight lines to the sensors."""
    paths = straight_paths(geology, source, sensors_m)
    rock = paths.rock
    vp, vs = rock.vp_m_s, rock.vs_m_s
    integrands = (1 / vp, 1 / vs, 1 / (vp * rock.qp), 1 / (vs * rock.qs))
    return tuple(paths.integral(f) for f in integrands)
