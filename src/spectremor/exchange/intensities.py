"""Intensity measures of a wavefield at every sensor, for tables for engineers."""

from __future__ import annotations

import math
import warnings

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.wavefield import band_of, sampling_step_s, sensor_dims
from spectremor.exchange.traces import finite, realizations_of
from spectremor.signal import intensity
from spectremor.signal.calculus import derivative, integral
from spectremor.signal.response import rotd, rotd_peak, usable_frequencies
from spectremor.signal.spectra import frequencies, konno_ohmachi, rotd_fourier

DEFAULT_PERIODS_S = (0.3, 0.6, 1.0, 2.0)
#: Frequencies of Fourier amplitude spectra in tables.
FOURIER_FREQUENCIES_HZ = (0.5, 1.0, 2.0, 5.0)
#: Allowed periods, far wider on both sides than any record resolves.
_PERIOD_RANGE_S = (1e-4, 1e4)
_HORIZONTAL = slice(0, 2)


def check_periods(periods_s: tuple[float, ...]) -> tuple[float, ...]:
    """The periods of response spectra, after a check.

    Raises:
        InputError: no period, one out of range, or one given twice.
    """
    low, high = _PERIOD_RANGE_S
    if not (periods_s and all(low <= t <= high for t in periods_s) and len(set(periods_s)) == len(periods_s)):
        found = ", ".join(f"{t:g}" for t in periods_s) or "none"
        raise InputError("periods", found, f"different positive numbers of s, {low:g} to {high:g}")
    return periods_s


def rotd50(
    field: xr.DataArray, periods_s: tuple[float, ...] = DEFAULT_PERIODS_S, damping: float = 0.05
) -> dict[str, Float[np.ndarray, "..."]]:
    """RotD50 of the horizontal motion: PGA (m/s2), PGV (m/s), PGD (m) and SA(T) (m/s2).

    Args:
        field: finite wavefield, m/s.
        periods_s: periods of SA.
        damping: damping of SA, a fraction of the critical one.

    Returns:
        Arrays (realization, x, y) or (realization, station) by name: PGA, PGV, PGD, SA(0.3), ...

    Raises:
        InputError: not a finite wavefield, or invalid periods.
    """
    return _rotd(field, periods_s, (50.0,), damping)[0]


def rotd50_and_100(
    field: xr.DataArray, periods_s: tuple[float, ...] = DEFAULT_PERIODS_S, damping: float = 0.05
) -> list[dict[str, Float[np.ndarray, "realization ..."]]]:
    """RotD50 and RotD100 of the horizontal motion; arguments, names and errors as for `rotd50`."""
    return _rotd(field, periods_s, (50.0, 100.0), damping)


def fourier_rotd50_and_100(
    field: xr.DataArray, frequencies_hz: tuple[float, ...] = FOURIER_FREQUENCIES_HZ
) -> list[dict[float, Float[np.ndarray, "realization ..."]]]:
    """RotD50 and RotD100 of the Fourier amplitude spectrum of acceleration in m/s, by frequency in Hz.

    Smoothed (Konno & Ohmachi 1998, b = 40). Frequencies above the Nyquist frequency are left out.
    """
    waves, step_s = _by_sensor(field)
    resolved_hz = np.array([f for f in frequencies_hz if f <= 0.5 / step_s])
    acceleration = derivative(waves[..., _HORIZONTAL, :], step_s)
    spectra = rotd_fourier(acceleration, step_s)
    smooth = konno_ohmachi(spectra, frequencies(waves.shape[-1], step_s), resolved_hz)
    return [{float(f): one[..., k] for k, f in enumerate(resolved_hz)} for one in smooth]


def _rotd(
    field: xr.DataArray, periods_s: tuple[float, ...], percentiles: tuple[float, ...], damping: float
) -> list[dict[str, Float[np.ndarray, "realization ..."]]]:
    check_periods(periods_s)
    waves, step_s = _by_sensor(field)
    horizontal = waves[..., _HORIZONTAL, :]
    motions = {"PGA": derivative(horizontal, step_s), "PGV": horizontal, "PGD": integral(horizontal, step_s)}
    peaks = {name: rotd_peak(motion, percentiles) for name, motion in motions.items()}
    spectra = rotd(horizontal, step_s, np.asarray(periods_s, dtype=float), percentiles, damping)
    return [
        {name: peak[i] for name, peak in peaks.items()}
        | {sa_name(t): spectra[i, ..., k] for k, t in enumerate(periods_s)}
        for i in range(len(percentiles))
    ]


def per_component(field: xr.DataArray) -> dict[str, Float[np.ndarray, "..."]]:
    """Arias intensity (m/s), cumulative absolute velocity (m/s) and 5-95% duration (s) of each component.

    Returns:
        Arrays (realization, x, y) or (realization, station) by name: arias_E, ..., cav_Z, ..., duration_Z.
    """
    waves, step_s = _by_sensor(field)
    measures = {
        "arias": intensity.arias_intensity,
        "cav": intensity.cumulative_absolute_velocity,
        "duration": intensity.significant_duration,
    }
    return {
        f"{name}_{component}": values[..., k]
        for name, measure in measures.items()
        for values in [measure(waves, step_s)]
        for k, component in enumerate(COMPONENTS)
    }


def sa_name(period_s: float) -> str:
    """OpenQuake's name of a spectral acceleration, e.g. SA(0.3)."""
    return f"SA({float(period_s)!r})"


def beyond_band(field: xr.DataArray, periods_s: tuple[float, ...]) -> list[float]:
    """The periods at which the wavefield has no usable motion, by its band, sampling and duration.

    Raises:
        InputError: an invalid band.

    Warns:
        InputWarning: names these periods.
    """
    low_hz, high_hz = band_of(field) or (0.0, math.inf)
    band = low_hz, min(high_hz, 0.5 / sampling_step_s(field))
    duration_s = float(field["time"].values[-1] - field["time"].values[0])
    usable = usable_frequencies(1.0 / np.asarray(periods_s, dtype=float), band, duration_s)
    outside = [t for t, good in zip(periods_s, usable, strict=True) if not good]
    if outside:
        warnings.warn(
            f"periods {', '.join(f'{t:g}' for t in outside)} s lie outside the wavefield's usable band, "
            f"{max(band[0], 1 / duration_s):.2g} to {band[1]:g} Hz",
            InputWarning,
            stacklevel=2,
        )
    return outside


def _by_sensor(field: xr.DataArray) -> tuple[Float[np.ndarray, "realization *sensors component time"], float]:
    waves = realizations_of(finite(field))
    return waves.transpose("realization", *sensor_dims(waves), "component", "time").values, sampling_step_s(waves)
