"""Wavefield: three-component ground velocity at sensors, as a labelled array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.event import event_attrs
from spectremor.core.source import Source

DIMS = ("component", "x", "y", "time")
STATION_DIMS = ("component", "station", "time")
LEADING_DIMS = ("sample", "realization")
_METRES = ("m", "metre", "metres", "meter", "meters")
#: How the units of an axis may be written, where they are said at all.
_AXIS_UNITS = {"x": _METRES, "y": _METRES, "time": ("s", "sec", "second", "seconds")}


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
    return _labelled(velocity_m_s, dims, coords, source=source, band_hz=band_hz, attrs=attrs)


def make_station_wavefield(
    velocity_m_s: np.ndarray,
    *,
    x_m: np.ndarray,
    y_m: np.ndarray,
    time_s: np.ndarray,
    source: Source | None = None,
    band_hz: tuple[float, float] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label ground velocities at a list of stations.

    Args:
        velocity_m_s: shape (component, station, time), in m/s; components E, N, Z.
        x_m: position of each station along East in m.
        y_m: position of each station along North in m.
        time_s: and the rest as in `make_wavefield`.
        source: see `make_wavefield`.
        band_hz: see `make_wavefield`.
        attrs: see `make_wavefield`.

    Returns:
        DataArray `velocity`, float32, dims (component, station, time); `x` and `y` are coordinates of the stations.

    Raises:
        InputError: a shape that does not match the axes.
    """
    expected = (3, len(x_m), len(time_s))
    if velocity_m_s.shape != expected or len(y_m) != len(x_m):
        raise InputError("wavefield", f"shape {velocity_m_s.shape}", f"(3, {len(x_m)}, {len(time_s)})")
    positions = {"x": ("station", x_m), "y": ("station", y_m)}
    coords: dict[str, Any] = {"component": list(COMPONENTS), **positions, "time": time_s}
    return _labelled(velocity_m_s, STATION_DIMS, coords, source=source, band_hz=band_hz, attrs=attrs)


def _labelled(
    velocity_m_s: np.ndarray,
    dims: tuple[str, ...],
    coords: Mapping[str, Any],
    *,
    source: Source | None,
    band_hz: tuple[float, float] | None,
    attrs: Mapping[str, Any] | None,
) -> xr.DataArray:
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
    return with_sensor_numbers(field)


def with_sensor_numbers(field: xr.DataArray) -> xr.DataArray:
    """The wavefield with coordinates `x_number` and `y_number`: which sensor of the whole grid each one is, from 0.

    A part of the field keeps them, and so its sensors' names. Numbers that are there already stay.
    """
    missing = {
        f"{dim}_number": (
            dim,
            np.arange(field.sizes[dim]),
            {"long_name": f"sensor number along {label}, from 0"},
        )
        for dim, label in (("x", "East"), ("y", "North"))
        if dim in field.dims and f"{dim}_number" not in field.coords
    }
    return field.assign_coords(missing) if missing else field


def with_sensors_of(field: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """The wavefield with the sensor numbers of another one at the same sensors."""
    return field.assign_coords({n: other[n] for n in ("x_number", "y_number") if n in other.coords})


def sensor_numbers(field: xr.DataArray, dim: str) -> np.ndarray:
    """Which sensor of the whole grid each one along x or y is; its position in the field where it does not say.

    Raises:
        InputError: numbers that are no whole numbers from 0 that differ.
    """
    name = f"{dim}_number"
    if name not in field.coords:
        return np.arange(field.sizes[dim])
    numbers = np.atleast_1d(field[name].values)
    good = numbers.dtype.kind in "iu" and numbers.shape == (field.sizes[dim],) and (numbers >= 0).all()
    if not good or len(np.unique(numbers)) != len(numbers):
        raise InputError(f"field.{name}", _shortened(numbers), "whole numbers from 0 that differ, one for each sensor")
    return numbers


def with_realizations(field: xr.DataArray) -> xr.DataArray:
    """The field with a dimension `realization`, first, numbered: a single one keeps the number that it was chosen by.

    Raises:
        InputError: a number that is none.
    """
    if "realization" not in field.dims:
        single = field.coords.get("realization")
        number = 0 if single is None else single.values
        if np.ndim(number) or np.asarray(number).dtype.kind not in "iu":
            raise InputError("field.realization", number, "a whole number")
        return field.drop_vars("realization", errors="ignore").expand_dims(realization=[int(number)])
    if "realization" not in field.coords:
        field = field.assign_coords(realization=np.arange(field.sizes["realization"]))
    return field


def source_attrs(source: Source) -> dict[str, Any]:
    """The source, and the event that it stands for, as flat attributes that NetCDF can hold."""
    return {
        "source_position_m": list(source.position_m),
        "source_moment_tensor_nm": list(source.moment_tensor_nm),
        "source_moment_tensor_order": "xx yy zz xy xz yz in (East, North, Up)",
        "source_rise_time_s": source.rise_time_s,
        **({} if source.event is None else event_attrs(source.event)),
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


def _recorded(field: xr.DataArray, name: str, n: int, *, where: str = "wavefield") -> Any:
    value = field.attrs.get(name)
    try:
        numbers = np.atleast_1d(np.asarray(value))
    # Lists of lists that differ in length.
    except ValueError:
        numbers = np.empty(0)
    if numbers.dtype.kind not in "fiu" or numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise InputError(f"{where}.attrs.{name}", value, "a finite number" if n == 1 else f"{n} finite numbers")
    return tuple(numbers.astype(float).tolist())


def band_of(field: xr.DataArray, *, name: str = "wavefield") -> tuple[float, float] | None:
    """The usable band (lowest, highest frequency) in Hz that a wavefield states, or None where it does not.

    Raises:
        InputError: not two numbers, or no band between them.
    """
    low = 0.0
    if field.attrs.get("band_low_hz") is not None:
        (low,) = _recorded(field, "band_low_hz", 1, where=name)
    if field.attrs.get("band_high_hz") is None:
        return None
    (high,) = _recorded(field, "band_high_hz", 1, where=name)
    if not 0 <= low < high:
        raise InputError(f"{name}.attrs.band_high_hz", f"{low:g} to {high:g} Hz", "0 <= band_low_hz < band_high_hz")
    return low, high


def check_wavefield(field: xr.DataArray, *, name: str = "wavefield") -> xr.DataArray:
    """Return the wavefield, or say what is wrong with it.

    Raises:
        InputError: wrong dims, no values, values that are no real floats, a missing coordinate or one that is no
            position, time or number of a realization, wrong components or units, unevenly spaced times, or a band that
            is none.
    """
    if not isinstance(field, xr.DataArray):
        raise InputError(name, f"a {type(field).__name__}", "an xarray.DataArray with labelled dimensions")
    tail = tuple(str(d) for d in field.dims[-4:])
    lead = tuple(str(d) for d in field.dims[:-4])
    if tail != DIMS or any(d not in LEADING_DIMS for d in lead):
        raise InputError(f"{name}.dims", field.dims, f"([sample,] [realization,] {', '.join(DIMS)})")
    if field.dtype.kind != "f":
        raise InputError(name, f"values of type {field.dtype}", "real floating-point numbers")
    if field.size == 0:
        raise InputError(name, f"shape {field.shape}", "at least one value along each of its axes")
    _check_coordinates(field, name)
    # As text: an array, which a file may hold here too, answers a comparison with an array.
    if str(field.attrs.get("units")) != "m/s":
        raise InputError(f"{name}.units", field.attrs.get("units"), "m/s")
    sampling_step_s(field, name=name)
    band_of(field, name=name)
    return field


def _check_coordinates(field: xr.DataArray, name: str) -> None:
    for dim in DIMS:
        if dim not in field.coords:
            raise InputError(f"{name}.{dim}", "no coordinate", "E, N, Z; positions in m; times in s")
    if tuple(str(c) for c in field["component"].values) != COMPONENTS:
        raise InputError(f"{name}.component", field["component"].values.tolist(), "E, N, Z in this order")
    for dim in ("x", "y", "time"):
        values = field[dim].values
        if values.dtype.kind not in "fiu":
            raise InputError(f"{name}.{dim}", _shortened(values), "positions in m; times in s")
        units = field[dim].attrs.get("units")
        if units is not None and str(units).strip().lower() not in _AXIS_UNITS[dim]:
            raise InputError(f"{name}.{dim}.units", units, _AXIS_UNITS[dim][0])
        if bad := int((~np.isfinite(values)).sum()):
            raise InputError(f"{name}.{dim}", f"{bad} NaN or infinite values", "positions in m; times in s")
    if "realization" in field.coords:
        numbers = np.atleast_1d(field["realization"].values)
        if numbers.dtype.kind not in "iu" or len(np.unique(numbers)) != len(numbers):
            raise InputError(f"{name}.realization", _shortened(numbers), "integers that differ")


def _shortened(values: np.ndarray) -> str:
    """An axis's type and values, as far as they fit into a line."""
    text = str(values.tolist())
    return f"{values.dtype} {text if len(text) <= 80 else text[:80] + '...'}"


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
