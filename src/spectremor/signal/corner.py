"""Motion of a point source for another corner frequency.

The moment rate of a point source, (t / tau^2) exp(-t / tau), has the spectrum 1 / (1 + i w tau)^2: Brune's
omega-squared source with the corner 1 / (2 pi tau). Motion is linear in the moment rate, so that the causal filter
((1 + i w tau) / (1 + i w tau'))^2 turns motion for tau into motion for tau', whatever the ground.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.signal.calculus import cubics
from spectremor.signal.recursion import recursive_filter

#: Points of a Gauss-Legendre rule: exact to rounding for exp(-a s), a up to 1, times a cubic.
_POINTS = 16
#: Traces whose corner is changed together: 10 MB for each array of a record of 20 s.
_TRACES_AT_ONCE = 1024


def with_rise_time(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, rise_time_s: float, new_rise_time_s: float
) -> Float[np.ndarray, "*batch time"]:
    """Motion as if the source had another rise time.

    A shorter rise time amplifies motion and noise by up to (tau / tau')^2 above the old corner. The filter is exact for
    the cubic spline through the traces; motion before the first sample is taken to be 0.

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
    flat = traces.reshape(-1, traces.shape[-1])
    changed = np.empty_like(flat)
    for start in range(0, len(flat), _TRACES_AT_ONCE):
        some = slice(start, start + _TRACES_AT_ONCE)
        changed[some] = _changed(flat[some], dt_s, rise_time_s, new_rise_time_s)
    return changed.reshape(traces.shape)


def _changed(
    traces: Float[np.ndarray, "some time"], dt_s: float, rise_time_s: float, new_rise_time_s: float
) -> Float[np.ndarray, "some time"]:
    values = np.asarray(traces, dtype=float)
    once, twice = _low_passed(values, dt_s, new_rise_time_s)
    ratio = rise_time_s / new_rise_time_s
    # ((1 + s tau) / (1 + s tau'))^2 = (ratio + (1 - ratio) / (1 + s tau'))^2.
    return np.asarray(ratio**2 * values + 2 * ratio * (1 - ratio) * once + (1 - ratio) ** 2 * twice)


def _low_passed(
    traces: Float[np.ndarray, "*batch time"], step_s: float, time_s: float
) -> tuple[Float[np.ndarray, "*batch time"], Float[np.ndarray, "*batch time"]]:
    """Traces after the filter 1 / (1 + s T), and after it twice; at rest at the first sample.

    Between two samples the spline is a polynomial in the part s of the step that has gone by. Its powers, filtered over
    the step a = step / T long, are numbers: integrals of a exp(-a (1 - s)) s^k and of a^2 (1 - s) exp(-a (1 - s)) s^k.
    """
    coefficients = cubics(traces)
    a = step_s / time_s
    decay = np.exp(-a)
    filtered: list[np.ndarray] = []
    for weights in _filtered_powers(a):
        added = np.zeros_like(traces)
        for weight, coefficient in zip(weights, coefficients, strict=True):
            added[..., 1:] += weight * coefficient
        if filtered:
            added[..., 1:] += a * decay * filtered[0][..., :-1]
        filtered.append(recursive_filter([1.0, 0.0], [1.0, -decay], added))
    return filtered[0], filtered[1]


def _filtered_powers(a: float) -> tuple[Float[np.ndarray, " 4"], Float[np.ndarray, " 4"]]:
    """The integrals of `_low_passed` over s from 0 to 1, for k = 0 to 3."""
    power = np.arange(5)
    if a > 1:
        once = [-np.expm1(-a)]
        for k in power[1:]:
            once.append(1 - k / a * once[-1])
        return np.array(once[:4]), -a * np.diff(once)
    node, weight = np.polynomial.legendre.leggauss(_POINTS)
    s = (node[:, None] + 1) / 2
    kernel = weight[:, None] / 2 * a * np.exp(-a * (1 - s)) * s ** power[:4]
    return kernel.sum(axis=0), (a * (1 - s) * kernel).sum(axis=0)
