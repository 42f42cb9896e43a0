"""Motion of a point source for another corner frequency.

The moment rate of a point source, (t / tau^2) exp(-t / tau), has the spectrum 1 / (1 + i w tau)^2: Brune's
omega-squared source with the corner 1 / (2 pi tau). Motion is linear in the moment rate, so that the causal filter
((1 + i w tau) / (1 + i w tau'))^2 turns motion for tau into motion for tau', whatever the ground.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.signal.calculus import refine
from spectremor.signal.recursion import recursive_filter

#: Refinement of the time step on which the filter runs; it takes its input as linear between the finer samples.
_REFINEMENT = 8


def with_rise_time(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, rise_time_s: float, new_rise_time_s: float
) -> Float[np.ndarray, "*batch time"]:
    """Motion as if the source had another rise time.

    A shorter rise time amplifies motion and noise by up to (tau / tau')^2 above the old corner. The filter runs on a
    cubic spline through the traces, sampled eight times finer, and is exact for motion that is linear between these
    samples; motion before the first sample is taken to be 0.

    Args:
        traces: velocity, displacement or acceleration, time last.
        dt_s: sampling step in s.
        rise_time_s: tau of the traces' source.
        new_rise_time_s: tau' of the wanted source.

    Raises:
        InputError: a time that is not positive, or fewer than two samples.

    Example:
        >>> time_s = np.arange(400) * 0.02
        >>> rate = time_s / 0.1**2 * np.exp(-time_s / 0.1)
        >>> slower = with_rise_time(rate, 0.02, 0.1, 0.2)
        >>> bool(np.abs(slower - time_s / 0.2**2 * np.exp(-time_s / 0.2)).max() < 0.01)
        True
    """
    for name, value in (("dt_s", dt_s), ("rise_time_s", rise_time_s), ("new_rise_time_s", new_rise_time_s)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"corner.{name}", value, "a positive number of seconds")
    fine = refine(np.asarray(traces, dtype=float), _REFINEMENT)
    step_s = dt_s / _REFINEMENT
    ratio = rise_time_s / new_rise_time_s
    for _ in range(2):
        # (1 + s tau) / (1 + s tau') = ratio + (1 - ratio) / (1 + s tau').
        fine = ratio * fine + (1 - ratio) * _low_pass(fine, step_s, new_rise_time_s)
    return np.asarray(fine[..., ::_REFINEMENT]).astype(traces.dtype, copy=False)


def _low_pass(traces: np.ndarray, step_s: float, time_s: float) -> np.ndarray:
    """Traces after the filter 1 / (1 + s T), taken as linear between samples and 0 before the first."""
    a = step_s / time_s
    decay, gain = np.exp(-a), -np.expm1(-a)
    # Weights of the newer and of the older sample: the integral of exp(-t / T) / T over a straight line.
    newer = 1 - gain / a
    # y[n] = decay y[n - 1] + newer x[n] + (gain - newer) x[n - 1]
    return recursive_filter([newer, gain - newer], [1.0, -decay], traces)
