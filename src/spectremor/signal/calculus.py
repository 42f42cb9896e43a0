"""Acceleration and displacement from velocity, through a cubic spline.

A spline keeps 99.9% of the derivative at a tenth of the sampling rate (5 Hz at 50 Hz), where central differences
keep 93.5%; and unlike a Fourier derivative it does not ring when a record is cut while the ground still moves.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from spectremor.core.errors import InputError


def derivative(traces: Float[np.ndarray, "*batch time"], dt_s: float) -> Float[np.ndarray, "*batch time"]:
    """Time derivative: acceleration in m/s2 from velocity in m/s."""
    return np.asarray(_spline(traces, dt_s).derivative()(_times(traces, dt_s)))


def integral(traces: Float[np.ndarray, "*batch time"], dt_s: float) -> Float[np.ndarray, "*batch time"]:
    """Integral from the first sample: displacement in m from velocity in m/s, zero at the start of the record."""
    return np.asarray(_spline(traces, dt_s).antiderivative()(_times(traces, dt_s)))


def refine(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, factor: int
) -> Float[np.ndarray, "*batch finer_time"]:
    """Traces on a time grid `factor` times finer, same first and last sample."""
    if factor == 1:
        return traces
    fine = np.arange((traces.shape[-1] - 1) * factor + 1) * (dt_s / factor)
    return np.asarray(_spline(traces, dt_s)(fine))


def _times(traces: np.ndarray, dt_s: float) -> np.ndarray:
    return np.arange(traces.shape[-1]) * dt_s


def _spline(traces: np.ndarray, dt_s: float) -> CubicSpline:
    if traces.shape[-1] < 2:
        raise InputError("traces", f"{traces.shape[-1]} samples", "two samples or more")
    return CubicSpline(_times(traces, dt_s), traces.astype(np.float64), axis=-1)
