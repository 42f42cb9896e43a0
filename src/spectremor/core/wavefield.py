"""Wavefield: three-component ground velocity at a grid of sensors or at a list of stations, as a labelled array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.event import event_attrs
from spectremor.core.labelled import check_coordinates, in_order, plain_array
from spectremor.core.packing import check_unpacked
from spectremor.core.recording import Recording, SensorGrid, Sensors, Stations
from spectremor.core.source import Source
from spectremor.core.units import check_unit

#: Dimensions of a wavefield on a grid, and of one at a list of stations.
DIMS = ("component", "x", "y", "time")
STATION_DIMS = ("component", "station", "time")
LEADING_DIMS = ("sample", "realization")
_AXIS_LABELS = {
    "x": ("m", "East"),
    "y": ("m", "North"),
    "z": ("m", "height above the surface"),
    "time": ("s", "time after origin"),
}


def make_wavefield(
    velocity_m_s: np.ndarray | xr.DataArray,
    *,
    x_m: np.ndarray | xr.DataArray,
    y_m: np.ndarray | xr.DataArray,
    time_s: np.ndarray | xr.DataArray,
    source: Source | None = None,
    band_hz: tuple[float, float] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label ground velocities on a grid of sensors.

    Args:
        velocity_m_s: shape (component, x, y, time) or (realization, component, x, y, time), in m/s; components E, N, Z.
            A labelled array has its axes put in this order; its coordinates and its unit must agree.
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
    x_m, y_m = plain_array("wavefield.x", x_m, "m"), plain_array("wavefield.y", y_m, "m")
    positions = {"x": ("x", x_m), "y": ("y", y_m)}
    return _labelled(velocity_m_s, DIMS, positions, time_s, source, band_hz, attrs)


def make_station_wavefield(
    velocity_m_s: np.ndarray,
    *,
    stations: Stations,
    time_s: np.ndarray,
    source: Source | None = None,
    band_hz: tuple[float, float] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label ground velocities at a list of stations.

    Args:
        velocity_m_s: shape (component, station, time) or (realization, component, station, time), in m/s.
        stations: where they are and what they are called.
        time_s: as for `make_wavefield`.
        source: as for `make_wavefield`.
        band_hz: as for `make_wavefield`.
        attrs: as for `make_wavefield`.

    Returns:
        DataArray `velocity`, float32, dims ([realization,] component, station, time); the coordinate `station` holds
        the names, and `x`, `y`, `z` along it the positions in m.

    Raises:
        InputError: a shape that does not match the stations and times.

    Example:
        >>> x_m, y_m, z_m = np.array([1200.0]), np.array([3400.0]), np.array([0.0])
        >>> stations = Stations(names=("AQU",), x_m=x_m, y_m=y_m, z_m=z_m)
        >>> field = make_station_wavefield(np.zeros((3, 1, 5)), stations=stations, time_s=np.arange(5) / 50)
        >>> field.dims, float(field.x.sel(station="AQU"))
        (('component', 'station', 'time'), 1200.0)
    """
    positions = {
        "station": ("station", np.array(stations.names)),
        "x": ("station", stations.x_m),
        "y": ("station", stations.y_m),
        "z": ("station", stations.z_m),
    }
    return _labelled(velocity_m_s, STATION_DIMS, positions, time_s, source, band_hz, attrs)


def label_motion(velocity_m_s: np.ndarray, sensors: Sensors, **labels: Any) -> xr.DataArray:
    """Label ground velocities on a grid or at stations; `labels` as in `make_wavefield`, from `time_s` on."""
    if isinstance(sensors, Stations):
        return make_station_wavefield(velocity_m_s, stations=sensors, **labels)
    return make_wavefield(velocity_m_s, x_m=sensors.x_m, y_m=sensors.y_m, **labels)


def recorded_wavefield(
    velocity_m_s: np.ndarray,
    recording: Recording,
    *,
    source: Source | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label ground velocities whose usable band reaches from 0 to their recording's low-pass.

    Args:
        velocity_m_s: velocities in m/s in the recording's shape, or with realizations in front.
        recording: where and when the motion is recorded.
        source: recorded in the attributes.
        attrs: more attributes.

    Raises:
        InputError: another shape than the recording's.
    """
    labels = {"time_s": recording.time_s, "source": source, "band_hz": (0.0, recording.lowpass_hz), "attrs": attrs}
    return label_motion(velocity_m_s, recording.sensors, **labels)


def with_traces(
    field: xr.DataArray, velocity_m_s: np.ndarray, *, source: Source | None, attrs: Mapping[str, Any]
) -> xr.DataArray:
    """Other traces at the sensors and times of a wavefield, or several realizations of them.

    Args:
        field: a checked wavefield of one event and one realization.
        velocity_m_s: in the shape of `field`, or with realizations in front, in m/s.
        source: recorded in the attributes.
        attrs: all other attributes.
    """
    return label_motion(velocity_m_s, sensors_of(field), time_s=field["time"].values, source=source, attrs=attrs)


def _labelled(
    velocity_m_s: np.ndarray | xr.DataArray,
    dims: tuple[str, ...],
    positions: Mapping[str, tuple[str, np.ndarray]],
    time_s: np.ndarray | xr.DataArray,
    source: Source | None,
    band_hz: tuple[float, float] | None,
    attrs: Mapping[str, Any] | None,
) -> xr.DataArray:
    time_s = plain_array("wavefield.time", time_s, "s")
    check_coordinates("wavefield", velocity_m_s, {"time": time_s} | {d: positions[d][1] for d in dims if d in "xy"})
    ordered = dims if velocity_m_s.ndim == len(dims) else ("realization", *dims)
    velocity_m_s = plain_array("wavefield", in_order("wavefield", velocity_m_s, ordered), "m/s")
    shape = (3, *(len(positions[dim][1]) for dim in dims[1:-1]), len(time_s))
    if velocity_m_s.shape[-len(dims) :] != shape or velocity_m_s.ndim not in (len(dims), len(dims) + 1):
        expected = f"([realization,] {', '.join(map(str, shape))})"
        raise InputError("wavefield", f"shape {velocity_m_s.shape}", expected)
    coords: dict[str, Any] = {"component": list(COMPONENTS), **positions, "time": time_s}
    if velocity_m_s.ndim > len(dims):
        dims = ("realization", *dims)
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
    for name, (units, label) in _AXIS_LABELS.items():
        if name in field.coords:
            field[name].attrs = {"units": units, "long_name": label}
    return with_sensor_numbers(field)


def with_sensor_numbers(field: xr.DataArray) -> xr.DataArray:
    """The wavefield with coordinates `x_number` and `y_number`: the sensors' numbers on the whole grid, from 0.

    A selection from the field keeps these numbers, and thereby the names of its sensors. Existing numbers stay.
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
    """Numbers on the whole grid of the sensors along x or y; 0, 1, ... for a field without them.

    Raises:
        InputError: numbers that are not whole numbers from 0, or not all different.
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
    """The field with a numbered dimension `realization`; one selected from several keeps its number.

    Raises:
        InputError: a realization number that is no whole number.
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


def has_stations(field: xr.DataArray) -> bool:
    """Whether a wavefield is at a list of stations, and not on a grid."""
    return "station" in field.dims


def sensor_dims(field: xr.DataArray) -> tuple[str, ...]:
    """The dimensions along which a wavefield's sensors lie."""
    return ("station",) if has_stations(field) else ("x", "y")


def sensors_of(field: xr.DataArray) -> Sensors:
    """Where a checked wavefield was recorded."""
    if not has_stations(field):
        return SensorGrid(field["x"].values.astype(float), field["y"].values.astype(float))
    names = tuple(str(name) for name in field["station"].values)
    x_m, y_m, z_m = (field[axis].values.astype(float) for axis in "xyz")
    return Stations(names=names, x_m=x_m, y_m=y_m, z_m=z_m)


def recording_of(field: xr.DataArray, *, name: str = "wavefield") -> Recording:
    """Where and when a checked wavefield was recorded.

    The low-pass is the one in its attributes, else the upper end of its usable band, else half the sampling rate.

    Raises:
        InputError: uneven times, or an invalid low-pass or band.

    Example:
        >>> field = recorded_wavefield(np.zeros((3, 32, 32, 320)), Recording())
        >>> recording_of(field).differences(Recording())
        []
    """
    times = field["time"].values.astype(float)
    sampling_hz = 1.0 / sampling_step_s(field, name=name)
    band = band_of(field, name=name)
    lowpass_hz = 0.5 * sampling_hz if band is None else band[1]
    if field.attrs.get("lowpass_hz") is not None:
        (lowpass_hz,) = _recorded(field, "lowpass_hz", 1, where=name)
    return Recording(
        sensors=sensors_of(field),
        samples=len(times),
        sampling_hz=sampling_hz,
        lowpass_hz=min(lowpass_hz, 0.5 * sampling_hz),
        start_s=float(times[0]),
    )


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
        InputError: a position without its tensor or rise time, or values that no source may have.
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
    # Nested lists of different lengths.
    except ValueError:
        numbers = np.empty(0)
    if numbers.dtype.kind not in "fiu" or numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise InputError(f"{where}.attrs.{name}", value, "a finite number" if n == 1 else f"{n} finite numbers")
    return tuple(numbers.astype(float).tolist())


def band_of(field: xr.DataArray, *, name: str = "wavefield") -> tuple[float, float] | None:
    """The usable band (lowest, highest frequency) in Hz from a wavefield's attributes, or None where they have none.

    Raises:
        InputError: a limit that is no number, or limits out of order.
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
        InputError: wrong dims, no values, values that are not real floating-point numbers, a missing or invalid
            coordinate, wrong components or units, unevenly spaced times, or an invalid band.
    """
    if not isinstance(field, xr.DataArray):
        raise InputError(name, f"a {type(field).__name__}", "an xarray.DataArray with labelled dimensions")
    dims = STATION_DIMS if has_stations(field) else DIMS
    tail, lead = field.dims[-len(dims) :], field.dims[: -len(dims)]
    if tail != dims or any(d not in LEADING_DIMS for d in lead):
        allowed = f"([sample,] [realization,] {', '.join(DIMS)}), or station in place of x, y"
        raise InputError(f"{name}.dims", field.dims, allowed)
    if field.dtype.kind != "f":
        raise InputError(name, f"values of type {field.dtype}", "real floating-point numbers")
    if field.size == 0:
        raise InputError(name, f"shape {field.shape}", "at least one value along each of its axes")
    _check_coordinates(field, name)
    if field.attrs.get("units") is None:
        raise InputError(f"{name}.units", None, "m/s")
    check_unit(name, field.attrs["units"], "m/s")
    check_unpacked(field, field=name)
    sampling_step_s(field, name=name)
    band_of(field, name=name)
    return field


def _check_coordinates(field: xr.DataArray, name: str) -> None:
    stations = has_stations(field)
    positions = ("x", "y", "z") if stations else ("x", "y")
    for coordinate in ("component", *(("station",) if stations else ()), *positions, "time"):
        if coordinate not in field.coords:
            allowed = "E, N, Z; names of stations; positions in m; times in s"
            raise InputError(f"{name}.{coordinate}", "no coordinate", allowed)
    if tuple(str(c) for c in field["component"].values) != COMPONENTS:
        raise InputError(f"{name}.component", field["component"].values.tolist(), "E, N, Z in this order")
    for coordinate in (*positions, "time"):
        _check_numbers(field[coordinate], f"{name}.{coordinate}", _AXIS_LABELS[coordinate][0])
        along = "station" if stations and coordinate != "time" else coordinate
        if field[coordinate].dims != (along,):
            raise InputError(f"{name}.{coordinate}", f"dims {field[coordinate].dims}", f"one value for each {along}")
    if stations:
        # Checks that the names differ and that no station is above the surface.
        sensors_of(field)
    if "realization" in field.coords:
        numbers = np.atleast_1d(field["realization"].values)
        if numbers.dtype.kind not in "iu" or len(np.unique(numbers)) != len(numbers):
            raise InputError(f"{name}.realization", _shortened(numbers), "integers that differ")


def _check_numbers(axis: xr.DataArray, name: str, unit: str) -> None:
    values = axis.values
    if values.dtype.kind not in "fiu":
        raise InputError(name, _shortened(values), "positions in m; times in s")
    check_unit(name, axis.attrs.get("units"), unit, say_factor=False)
    check_unpacked(axis, field=name)
    if bad := int((~np.isfinite(values)).sum()):
        raise InputError(name, f"{bad} NaN or infinite values", "positions in m; times in s")


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
