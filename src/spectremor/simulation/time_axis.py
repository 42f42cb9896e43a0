r"""From the samples of a leapfrog run to ground velocity at given times, in one matrix product.

The run is linear and time-invariant, so four things become one matrix (output times x run samples), exact for every
frequency of the record:

1. velocities are recorded at (n - 1/2) dt while forces act at n dt;
2. leapfrog stepping moves motion of angular frequency W to w(W) = 2/dt arcsin(W dt / 2) (Koene et al. 2018,
   doi:10.1093/gji/ggx480): the record's spectrum at w(W), divided by that of the sampled force and multiplied by the
   exact spectrum of the moment function at W, is the spectrum without time discretisation;
3. the low-pass: modulus squared of a Butterworth filter (forward and backward: no delay);
4. the inverse transform is evaluated directly at the output times, without a resampling grid.

The record ends in a cosine taper, after the last output time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

#: Length of the taper that ends a record, and also of the untapered record between the last output time and the taper:
#: least length in s, and length in periods of the low-pass, whose response reaches as far ahead as back.
_SHORTEST_END_S = 0.15
_END_PERIODS = 0.75
#: The filter's modulus squared is below 1e-8 beyond this many corner frequencies at order 4.
_HIGHEST_CORNERS = 3.3
#: Longest output in s, and its highest sampling rate.
LONGEST_S = 3600.0
HIGHEST_SAMPLING_HZ = 1e5
#: Complex numbers in one piece of the matrices that make the operator (32 MiB).
_PIECE = 1 << 21


def output_samples(duration_s: float, sampling_hz: float) -> int:
    """Number of the times 0, 1/`sampling_hz`, ... that lie below `duration_s`."""
    return math.ceil(duration_s * sampling_hz - 1e-6)


def run_samples(last_s: float, dt_s: float, lowpass_hz: float) -> int:
    """Number of samples that a run needs for outputs up to `last_s`."""
    return int(np.ceil((last_s + 2 * end_s(lowpass_hz)) / dt_s)) + 1


def end_s(lowpass_hz: float) -> float:
    """Length in s of the taper that ends a record, and also of the untapered record before it."""
    return max(_SHORTEST_END_S, _END_PERIODS / lowpass_hz)


def highest_frequency_hz(dt_s: float, lowpass_hz: float) -> float:
    """Highest frequency that the matrix keeps of a run with this time step and low-pass."""
    return float(min(_HIGHEST_CORNERS * lowpass_hz, 0.6 / (np.pi * dt_s)))


def time_operator(
    output_s: Float[np.ndarray, " out"],
    n_samples: int,
    dt_s: float,
    *,
    rise_time_s: float,
    lowpass_hz: float,
    lowpass_order: int,
    lead: int = 0,
) -> Float[np.ndarray, "out run"]:
    """The matrix that turns recorded velocities into filtered velocities at the output times.

    Made in pieces, so that little more memory is needed than for the matrix itself.

    Args:
        output_s: output times in s after the origin.
        n_samples: samples of the run; sample n is the velocity at (n - `lead` - 1/2) `dt_s`.
        dt_s: the run's time step.
        rise_time_s: rise time of the moment function whose samples drove the run.
        lowpass_hz: corner frequency of the low-pass.
        lowpass_order: order of the Butterworth filter (applied forward and backward).
        lead: samples of the run before the origin time.
    """
    period = 2.0 * max(n_samples * dt_s, float(output_s[-1]))
    highest = highest_frequency_hz(dt_s, lowpass_hz)
    exact = 2 * np.pi * np.arange(int(np.ceil(highest * period))) / period
    run = 2 / dt_s * np.arcsin(exact * dt_s / 2)
    window = np.ones(n_samples)
    ramp = max(1, round(end_s(lowpass_hz) / dt_s))
    window[-ramp:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(ramp) + 1) / (ramp + 1))
    response = _butterworth_squared(exact / (2 * np.pi), lowpass_hz, lowpass_order)
    response = response * _source_ratio(exact, run, dt_s, rise_time_s) * np.where(exact > 0, 2.0, 1.0) / period
    recorded_s = (np.arange(n_samples) - lead - 0.5) * dt_s
    operator = np.zeros((len(output_s), n_samples))
    for part in _pieces(len(exact), n_samples):
        record = np.exp(-1j * np.outer(run[part], recorded_s)) * (dt_s * window)
        for rows in _pieces(len(output_s), n_samples):
            back = np.exp(1j * np.outer(output_s[rows], exact[part])) * response[part]
            operator[rows] += (back @ record).real
    return operator


def _pieces(rows: int, columns: int) -> Iterator[slice]:
    """Slices of a matrix's rows, with at most `_PIECE` numbers in each."""
    size = max(1, _PIECE // columns)
    return (slice(start, start + size) for start in range(0, rows, size))


def _butterworth_squared(f_hz: np.ndarray, corner_hz: float, order: int) -> np.ndarray:
    return 1 / (1 + (f_hz / corner_hz) ** (2 * order))


def _source_ratio(exact: np.ndarray, run: np.ndarray, dt_s: float, rise_time_s: float) -> np.ndarray:
    """Spectrum of the moment function at W over that of its samples at w(W).

    That of the samples is the sum of 1 - (1 + n a) exp(-n a), a = dt / tau, times z^n, z = exp(-i w dt), over all
    n >= 0. It is used in closed form: the number of terms would grow with the rise time.
    """
    a, turn = dt_s / rise_time_s, 1j * run * dt_s
    # 1 - z and 1 - z exp(-a); `expm1` keeps their digits where they are small.
    one_minus_z, damped = -np.expm1(-turn), -np.expm1(-a - turn)
    sampled = np.exp(-turn) * (-np.expm1(-a) * damped - a * np.exp(-a) * one_minus_z) / damped**2
    # Increments to samples: 1 / (1 - exp(-i w dt)); moment rate to moment: 1 / (i W).
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = np.where(exact > 0, 1j * exact * dt_s / one_minus_z, 1.0)
    return np.asarray(1 / (1 + 1j * exact * rise_time_s) ** 2 / (sampled * sums))
