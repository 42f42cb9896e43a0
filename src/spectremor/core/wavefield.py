"""Wavefield: three-component ground velocity at sensors, as a labelled array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.source import Source

DIMS = ("component", "x", "y", "time")
LEADING_DIMS = ("sample", "realization")


def make_wavefield(
    velocity_m_s: np.ndarray,
    *,
    x_m: np.ndarray,
    y_m: np.ndarray,
    time_s: np.ndarray,
    source: Source | None = None,
    band_hz: tuple[float, float] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label ground velocities.

    Args:
        velocity_m_s: shape (component, x, y, time) or (realization, component, x, y, time), in m/s; components E, N, Z.
        x_m: sensor positions along East in m.
        y_m: sensor positions along North in m.
        time_s: sample times in s after the origin time, evenly spaced.
        source: recorded in the attributes.
        band_hz: usable band (lowest, highest frequency).
        attrs: more attributes (model id, seed, ...).

    Returns:
        DataArray `velocity`, float32, dims ([realization,] component, x, y, time).

    Raises:
        InputError: a shape that does not match the axes.
    """
    dims = DIMS if velocity_m_s.ndim == 4 else ("realization", *DIMS)
    if velocity_m_s.shape[-4:] != (3, len(x_m), len(y_m), len(time_s)) or velocity_m_s.ndim not in (4, 5):
        expected = f"([realization,] 3, {len(x_m)}, {len(y_m)}, {len(time_s)})"
        raise InputError("wavefield", f"shape {velocity_m_s.shape}", expected)
    coords: dict[str, Any] = {"component": list(COMPONENTS), "x": x_m, "y": y_m, "time": time_s}
    if velocity_m_s.ndim == 5:
        coords["realization"] = np.arange(velocity_m_s.shape[0])
    merged: dict[str, Any] = {"units": "m/s", "long_name": "ground velocity"}
    if band_hz is not None:
        merged |= {"band_low_hz": float(band_hz[0]), "band_high_hz": float(band_hz[1])}
    if source is not None:
        merged |= source_attrs(source)
    merged |= dict(attrs or {})
    field = xr.DataArray(
        velocity_m_s.astype(np.float32, copy=False), dims=dims, coords=coords, name="velocity", attrs=merged
    )
    for name, units, label in (("x", "m", "East"), ("y", "m", "North"), ("time", "s", "time after origin")):
        field[name].attrs = {"units": units, "long_name": label}
    return field


def source_attrs(source: Source) -> dict[str, Any]:
    """The source as flat attributes that NetCDF can hold."""
    return {
        "source_position_m": list(source.position_m),
        "source_moment_tensor_nm": list(source.moment_tensor_nm),
        "source_moment_tensor_order": "xx yy zz xy xz yz in (East, North, Up)",
        "source_rise_time_s": source.rise_time_s,
    }


def source_of(field: xr.DataArray) -> Source | None:
    """The source recorded in a wavefield's attributes, or None where no position is recorded.

    Raises:
        InputError: a position without its tensor or rise time, or numbers that are no source.
    """
    if "source_position_m" not in field.attrs:
        return None
    return Source(
        position_m=_recorded(field, "source_position_m", 3),
        moment_tensor_nm=_recorded(field, "source_moment_tensor_nm", 6),
        rise_time_s=_recorded(field, "source_rise_time_s", 1)[0],
    )


def _recorded(field: xr.DataArray, name: str, n: int) -> Any:
    value = field.attrs.get(name)
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"wavefield.attrs.{name}", value, f"{n} numbers") from None
    if numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise InputError(f"wavefield.attrs.{name}", value, f"{n} finite numbers")
    return tuple(numbers.tolist())


def check_wavefield(field: xr.DataArray, *, name: str = "wavefield") -> xr.DataArray:
    """Return the wavefield, or say what is wrong with it.

    Raises:
        InputError: wrong dims, a missing coordinate, wrong components or units, or unevenly spaced times.
    """
    tail = tuple(str(d) for d in field.dims[-4:])
    lead = tuple(str(d) for d in field.dims[:-4])
    if tail != DIMS or any(d not in LEADING_DIMS for d in lead):
        raise InputError(f"{name}.dims", field.dims, f"([sample,] [realization,] {', '.join(DIMS)})")
    for dim in ("component", "x", "y", "time"):
        if dim not in field.coords:
            raise InputError(f"{name}.{dim}", "no coordinate", "E, N, Z; positions in m; times in s")
    if tuple(str(c) for c in field["component"].values) != COMPONENTS:
        raise InputError(f"{name}.component", field["component"].values.tolist(), "E, N, Z in this order")
    if field.attrs.get("units") != "m/s":
        raise InputError(f"{name}.units", field.attrs.get("units"), "m/s")
    sampling_step_s(field, name=name)
    return field


def sampling_step_s(field: xr.DataArray, *, name: str = "wavefield") -> float:
    """The time step in s.

    Raises:
        InputError: fewer than two samples, or uneven times.
    """
    steps = np.diff(field["time"].values.astype(float))
    if len(steps) == 0 or not (steps > 0).all() or not np.allclose(steps, steps.mean(), rtol=1e-3):
        raise InputError(
            f"{name}.time", f"{len(steps) + 1} samples, not evenly spaced", "evenly spaced increasing times in s"
        )
    return float(steps.mean())
