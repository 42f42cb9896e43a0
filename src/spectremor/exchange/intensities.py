"""Intensity measures of a wavefield at every sensor, for the tables that engineers work with."""

from __future__ import annotations

import math
import warnings

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.wavefield import band_of, sampling_step_s
from spectremor.exchange.traces import finite, realizations_of
from spectremor.signal import intensity
from spectremor.signal.calculus import derivative, integral
from spectremor.signal.response import rotd, rotd_peak, usable_frequencies

DEFAULT_PERIODS_S = (0.3, 0.6, 1.0, 2.0)
#: Far beyond what any record holds on either side.
_PERIOD_RANGE_S = (1e-4, 1e4)
_HORIZONTAL = slice(0, 2)


def check_periods(periods_s: tuple[float, ...]) -> tuple[float, ...]:
    """Periods of response spectra, refused when they cannot be.

    Raises:
        InputError: none, not positive, or one given twice.
    """
    low, high = _PERIOD_RANGE_S
    if not (periods_s and all(low <= t <= high for t in periods_s) and len(set(periods_s)) == len(periods_s)):
        found = ", ".join(f"{t:g}" for t in periods_s) or "none"
        raise InputError("periods", found, f"different positive numbers of s, {low:g} to {high:g}")
    return periods_s


def rotd50(
    field: xr.DataArray, periods_s: tuple[float, ...] = DEFAULT_PERIODS_S, damping: float = 0.05
) -> dict[str, Float[np.ndarray, "realization x y"]]:
    """RotD50 of the horizontal motion: PGA (m/s2), PGV (m/s), PGD (m) and SA(T) (m/s2).

    Args:
        field: finite wavefield, m/s.
        periods_s: of SA.
        damping: of SA, fraction of critical.

    Returns:
        Arrays by name: PGA, PGV, PGD, SA(0.3), ...

    Raises:
        InputError: not a finite wavefield, or periods that cannot be.
    """
    check_periods(periods_s)
    waves, step_s = _by_sensor(field)
    horizontal = waves[..., _HORIZONTAL, :]
    motions = {"PGA": derivative(horizontal, step_s), "PGV": horizontal, "PGD": integral(horizontal, step_s)}
    found = {name: rotd_peak(motion, (50.0,))[0] for name, motion in motions.items()}
    spectra = rotd(horizontal, step_s, np.asarray(periods_s, dtype=float), (50.0,), damping)[0]
    return found | {sa_name(t): spectra[..., k] for k, t in enumerate(periods_s)}


def per_component(field: xr.DataArray) -> dict[str, Float[np.ndarray, "realization x y"]]:
    """Arias intensity (m/s), cumulative absolute velocity (m/s) and 5-95% duration (s) of each component.

    Returns:
        Arrays by name: arias_E, ..., cav_Z, ..., duration_Z.
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
    """The name OpenQuake gives to a spectral acceleration, e.g. SA(0.3)."""
    return f"SA({float(period_s)!r})"


def beyond_band(field: xr.DataArray, periods_s: tuple[float, ...]) -> list[float]:
    """The periods at which the wavefield holds no usable motion: by its band, and by its sampling and duration.

    Raises:
        InputError: a band that is none.

    Warns:
        InputWarning: names them.
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


def _by_sensor(field: xr.DataArray) -> tuple[Float[np.ndarray, "realization x y component time"], float]:
    waves = realizations_of(finite(field))
    return waves.transpose("realization", "x", "y", "component", "time").values, sampling_step_s(waves)
