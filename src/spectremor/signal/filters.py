"""Zero-phase filters and changes of sampling, along the last axis (time)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import scipy.signal
from jaxtyping import Float

from spectremor.core.errors import InputError

#: Order of one pass; the published data were low-passed with it forward and backward.
ORDER = 4


def low_pass(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, cutoff_hz: float, order: int = ORDER
) -> Float[np.ndarray, "*batch time"]:
    """Butterworth low-pass run forward and backward: no delay, gain 1/2 at the cutoff.

    Args:
        traces: any unit, time last.
        dt_s: sampling step in s.
        cutoff_hz: corner frequency.
        order: order of one pass.

    Raises:
        InputError: a corner that is not between 0 and Nyquist, or traces too short to filter.
    """
    return _both_ways(traces, dt_s, [cutoff_hz], "lowpass", order)


def high_pass(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, cutoff_hz: float, order: int = ORDER
) -> Float[np.ndarray, "*batch time"]:
    """Butterworth high-pass run forward and backward; arguments and errors as `low_pass`."""
    return _both_ways(traces, dt_s, [cutoff_hz], "highpass", order)


def band_pass(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, low_hz: float, high_hz: float, order: int = ORDER
) -> Float[np.ndarray, "*batch time"]:
    """Butterworth band-pass run forward and backward; arguments and errors as `low_pass`."""
    if low_hz >= high_hz:
        raise InputError("filter.band", f"{low_hz:g} to {high_hz:g} Hz", "a lower corner below the upper one")
    return _both_ways(traces, dt_s, [low_hz, high_hz], "bandpass", order)


def resample(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, new_dt_s: float
) -> Float[np.ndarray, "*batch new_time"]:
    """Traces at another sampling step, first sample kept in place (polyphase, with its own anti-alias filter).

    Args:
        traces: any unit, time last.
        dt_s: sampling step in s.
        new_dt_s: wanted step; the ratio of the two must be a fraction of whole numbers up to 1000.

    Returns:
        Traces of ceil(time * dt_s / new_dt_s) samples.
    """
    ratio = Fraction(dt_s / new_dt_s).limit_denominator(1000)
    if ratio <= 0 or abs(float(ratio) * new_dt_s / dt_s - 1) > 1e-9:
        raise InputError("resample.new_dt_s", new_dt_s, f"a simple fraction or multiple of {dt_s:g} s")
    if ratio == 1:
        return traces
    out: np.ndarray = scipy.signal.resample_poly(traces, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    return out


def decimate(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, factor: int, cutoff_hz: float
) -> Float[np.ndarray, "*batch new_time"]:
    """The recipe of the published data: zero-phase low-pass at `cutoff_hz`, then every `factor`-th sample."""
    return low_pass(traces, dt_s, cutoff_hz)[..., ::factor]


def _both_ways(traces: np.ndarray, dt_s: float, corners_hz: list[float], kind: str, order: int) -> np.ndarray:
    nyquist = 0.5 / dt_s
    if not all(0 < c < nyquist for c in corners_hz):
        raise InputError("filter.corner", f"{corners_hz} Hz", f"between 0 and the Nyquist frequency {nyquist:g} Hz")
    sections = scipy.signal.butter(
        order, corners_hz if len(corners_hz) > 1 else corners_hz[0], kind, output="sos", fs=1 / dt_s
    )
    # The default padding of scipy's sosfiltfilt, computed here to refuse short traces with a clear message.
    zeros = min(int((sections[:, 2] == 0).sum()), int((sections[:, 5] == 0).sum()))
    padding = 3 * (2 * len(sections) + 1 - zeros)
    if traces.shape[-1] <= padding:
        raise InputError("filter.traces", f"{traces.shape[-1]} samples", f"more than {padding} samples")
    out: np.ndarray = scipy.signal.sosfiltfilt(sections, traces, axis=-1)
    return out.astype(traces.dtype, copy=False)
