"""The measures of horizontal motion that engineers and ground-motion models speak of, batched over traces."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.signal.calculus import derivative
from spectremor.signal.intensity import horizontal_duration
from spectremor.signal.response import rotd, rotd_peak
from spectremor.signal.spectra import frequencies, konno_ohmachi, rotd_fourier

#: Of response spectra that are compared, in s.
PERIODS_S = (0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0)
#: Of Fourier amplitude spectra that are compared, in Hz.
FREQUENCIES_HZ = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
#: Width of the window of Konno & Ohmachi (1998) that smooths Fourier spectra.
_BANDWIDTH = 40.0


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MotionMeasures:
    """Measures of horizontal motion; the first axis of most is RotD50, RotD100 (Boore 2010).

    Attributes:
        periods_s: of `sa`.
        frequencies_hz: of `fas`.
        pga: peak acceleration in m/s2.
        pgv: peak velocity in m/s.
        sa: pseudo-spectral acceleration in m/s2, 5% damping.
        fas: Fourier amplitude spectrum of acceleration in m/s, smoothed (Konno & Ohmachi 1998, b = 40). Its RotD50 is
            the effective amplitude spectrum.
        duration_s: D5-95 of both components together, a lower bound where a record ends before the motion.
    """

    periods_s: Float[np.ndarray, " period"]
    frequencies_hz: Float[np.ndarray, " frequency"]
    pga: Float[np.ndarray, "two ..."]
    pgv: Float[np.ndarray, "two ..."]
    sa: Float[np.ndarray, "two *batch period"]
    fas: Float[np.ndarray, "two *batch frequency"]
    duration_s: Float[np.ndarray, "..."]


def motion_measures(
    velocity: Float[np.ndarray, "*batch component time"],
    dt_s: float,
    *,
    periods_s: tuple[float, ...] = PERIODS_S,
    frequencies_hz: tuple[float, ...] = FREQUENCIES_HZ,
) -> MotionMeasures:
    """Measures of the horizontal motion of each trace.

    Args:
        velocity: ground velocity in m/s; components E, N (and Z, which does not count), time last.
        dt_s: sampling step in s.
        periods_s: of the response spectra.
        frequencies_hz: of the Fourier spectra, at most half the sampling rate.

    Raises:
        InputError: fewer than two components, or frequencies that the sampling does not hold.

    Example:
        >>> time_s = np.arange(200) * 0.02
        >>> east = 0.1 * np.sin(2 * np.pi * time_s)
        >>> measures = motion_measures(np.stack([east, 0 * east, 0 * east]), 0.02)
        >>> round(float(measures.pgv[1]), 2)
        0.1
    """
    if velocity.shape[-2] not in (2, 3):
        raise InputError("motion.velocity", f"{velocity.shape[-2]} components", "E and N, or E, N and Z")
    periods, wanted = np.asarray(periods_s, dtype=float), np.asarray(frequencies_hz, dtype=float)
    if not (wanted > 0).all() or (wanted > 0.5 / dt_s * (1 + 1e-9)).any():
        raise InputError("motion.frequencies_hz", frequencies_hz, f"(0, {0.5 / dt_s:g}] Hz, half the sampling rate")
    horizontal = np.asarray(velocity[..., :2, :], dtype=float)
    acceleration = derivative(horizontal, dt_s)
    spectra = rotd_fourier(acceleration, dt_s)
    smoothed = konno_ohmachi(spectra, frequencies(horizontal.shape[-1], dt_s), wanted, _BANDWIDTH)
    return MotionMeasures(
        periods_s=periods,
        frequencies_hz=wanted,
        pga=rotd_peak(acceleration),
        pgv=rotd_peak(horizontal),
        sa=rotd(horizontal, dt_s, periods),
        fas=smoothed,
        duration_s=horizontal_duration(horizontal, dt_s),
    )
