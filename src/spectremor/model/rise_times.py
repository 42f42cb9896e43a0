"""Motion of the rise time that a model learned, and of any other."""

from __future__ import annotations

import math
import warnings

import numpy as np

from spectremor.core.errors import InputWarning
from spectremor.signal.corner import with_rise_time

#: Traces whose corner is changed together: 10 MB for each array of a record of 20 s.
_TRACES_AT_ONCE = 1024
#: A rise time within this share of the learned one is the learned one.
_SAME_RISE_TIME = 1e-3
#: Amplification of the highest frequency by a shorter rise time, above which it is said.
_WORTH_SAYING = 1.5


def of_rise_time(traces: np.ndarray, step_s: float, own_s: float, new_s: float) -> np.ndarray:
    """Motion for another rise time (`signal.corner`), in bounded memory.

    Args:
        traces: motion, time last.
        step_s: between samples.
        own_s: rise time of the traces' source.
        new_s: the wanted one.
    """
    flat = traces.reshape(-1, traces.shape[-1])
    changed = np.empty_like(flat)
    for start in range(0, len(flat), _TRACES_AT_ONCE):
        some = slice(start, start + _TRACES_AT_ONCE)
        changed[some] = with_rise_time(flat[some], step_s, own_s, new_s)
    return changed.reshape(traces.shape)


def is_same(one_s: float, other_s: float) -> bool:
    """Whether two rise times count as one."""
    return math.isclose(one_s, other_s, rel_tol=_SAME_RISE_TIME)


def warn_of_amplification(own_s: float, learned_s: float, highest_hz: float) -> None:
    """Say where motion for a shorter rise time is amplified, and with it what the model does not carry."""
    omega = 2 * math.pi * highest_hz
    gain = (1 + (omega * learned_s) ** 2) / (1 + (omega * own_s) ** 2)
    if gain > _WORTH_SAYING:
        corner_hz = 1 / (2 * math.pi * learned_s)
        warnings.warn(
            f"source.rise_time_s: {own_s:.3g} s is shorter than {learned_s:g} s, of which the model has learned "
            f"motion: above {corner_hz:.2g} Hz its motion and its errors are amplified, at the highest frequency "
            f"{gain:.2g} times",
            InputWarning,
            stacklevel=6,
        )
