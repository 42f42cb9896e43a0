"""A gridded model from variables with named axes: those of a NetCDF file, or of xarray."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.errors import InputError
from spectremor.data.grounds.models import Frame, GriddedGround
from spectremor.data.grounds.raw_netcdf import Variable, read_raw
from spectremor.data.grounds.units import DEEPEST_M, LENGTHS, check_marks, factor_of, in_si

if TYPE_CHECKING:
    import xarray as xr

#: Names of each property, in lower case.
_PROPERTIES = {
    "vs": ("vs", "v_s", "vs_abs"),
    "vp": ("vp", "v_p", "vp_abs"),
    "density": ("density", "rho"),
    "qs": ("qs", "q_s", "qmu"),
    "qp": ("qp", "q_p"),
}
#: Names of each axis, in lower case; unless an attribute `positive` says otherwise, `height` counts upward.
_AXES = {
    "longitude": ("longitude", "lon", "long"),
    "latitude": ("latitude", "lat"),
    "x": ("x", "easting", "east"),
    "y": ("y", "northing", "north"),
    "depth": ("depth",),
    "height": ("elevation", "altitude", "height", "z"),
}
_DEGREES = ("degrees_east", "degrees_north", "degree_east", "degree_north", "degrees", "degree", "deg")
_ALLOWED_DIMS = "an axis each of longitude, latitude and depth (or elevation), or of x, y and z"

#: Function of a variable, an attribute and its correct value, which gives the line that corrects the attribute.
MendVariable = Callable[[str, str, str], str]


def property_of(name: str) -> str | None:
    """The property in a variable of the given name; None for any other name."""
    return next((key for key, names in _PROPERTIES.items() if name.lower() in names), None)


def read_labelled(path: Path) -> GriddedGround:
    """A model in a NetCDF file with named axes, as the EarthScope (IRIS) Earth Model Collaboration writes them.

    Raises:
        InputError: names what is wrong with the file, its axes, its units or its signs.
    """

    def mend(variable: str, attribute: str, value: str) -> str:
        kind = "f" if attribute == "missing_value" else "c"
        return f"ncatted -O -a {attribute},{variable},o,{kind},{value.replace('/s', '.s-1')} {path.name}"

    variables, names = read_raw(path, lambda name: property_of(name) is not None)
    return _ground(variables, names, str(path), mend)


def from_xarray(model: xr.Dataset | xr.DataArray) -> GriddedGround:
    """A model from xarray: a Dataset with `vs` and any of the other properties, or a DataArray of Vs.

    Raises:
        InputError: names what is wrong with its axes, its units or its signs.
    """

    def mend(variable: str, attribute: str, value: str) -> str:
        return f"model['{variable}'].attrs['{attribute}'] = {value if attribute == 'missing_value' else repr(value)}"

    dataset = model if hasattr(model, "data_vars") else model.to_dataset(name=str(model.name or "vs"))
    chosen = {str(name) for name in dataset.data_vars if property_of(str(name)) is not None}
    axes = {str(dim) for name in chosen for dim in dataset[name].dims if dim in dataset.coords}
    variables = {
        name: Variable(tuple(map(str, dataset[name].dims)), np.asarray(dataset[name].values), dataset[name].attrs)
        for name in sorted(chosen | axes)
    }
    return _ground(variables, sorted(map(str, dataset.data_vars)), "the model", mend)


def _ground(variables: Mapping[str, Variable], names: list[str], source: str, mend: MendVariable) -> GriddedGround:
    variable_names: dict[str, str] = {}
    for name in variables:
        key = property_of(name)
        if key is not None and key in variable_names:
            raise InputError(f"geology.{key}", f"both {variable_names[key]} and {name} in {source}", "one variable")
        if key is not None:
            variable_names[key] = name
    if "vs" not in variable_names:
        raise InputError("geology", f"variables {names} in {source}"[:300], "one named vs, of absolute speeds")
    dims = variables[variable_names["vs"]].dims
    roles = _roles(dims, variables)
    frame: Frame = "geographic" if "longitude" in roles else "metres"
    horizontal = ("longitude", "latitude") if frame == "geographic" else ("x", "y")
    vertical = "depth" if "depth" in roles else "height"
    axes = {role: _axis(role, roles[role], variables[roles[role]], mend) for role in (*horizontal, vertical)}
    order = [roles[role] for role in (*horizontal, vertical)]
    properties = {}
    for key, name in variable_names.items():
        array = _values(key, name, variables[name], dims, mend)
        array = array.transpose([dims.index(dim) for dim in order])
        for number, axis in enumerate(axes.values()):
            array = array if axis[0] < axis[-1] else np.flip(array, number)
        properties[key] = np.ascontiguousarray(array, dtype=np.float32)
    x, y, depth_m = (np.sort(axis) for axis in axes.values())
    return GriddedGround(name=source, frame=frame, x=x, y=y, depth_m=depth_m, properties=properties)


def _roles(dims: tuple[str, ...], variables: Mapping[str, Variable]) -> dict[str, str]:
    """The dimension of each axis, by the axis's name in `_AXES`."""
    roles = {
        role: dim
        for dim in dims
        for role, names in _AXES.items()
        if dim in variables and (dim.lower() in names or str(variables[dim].attrs.get("standard_name")) == role)
    }
    has_horizontal = len(dims) == 3 and ({"longitude", "latitude"} <= roles.keys() or {"x", "y"} <= roles.keys())
    if not has_horizontal or len(set(roles.values())) != 3 or not {"depth", "height"} & roles.keys():
        raise InputError("geology", f"dims {dims}", _ALLOWED_DIMS)
    return roles


def _axis(role: str, name: str, variable: Variable, mend: MendVariable) -> np.ndarray:
    """Positions along an axis, in degrees or metres; for a vertical axis depths, positive downward."""
    field, attrs = f"geology.{name}", variable.attrs
    if variable.values.ndim != 1 or variable.values.dtype.kind not in "fiu":
        raise InputError(field, f"shape {variable.values.shape}, type {variable.values.dtype}", "a list of numbers")
    positions = variable.values.astype(float)
    steps = np.diff(positions)
    if len(steps) < 1 or not np.isfinite(positions).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(field, f"{len(positions)} positions", "two or more that all increase, or all decrease")
    stated = attrs.get("units")
    if role in ("longitude", "latitude"):
        return _checked_degrees(role, field, stated, positions)
    largest = float(np.abs(positions).max())
    likely = "m" if largest * LENGTHS["km"] > DEEPEST_M else "km" if largest < 1000 else "m"
    positions = positions * factor_of(field, stated, LENGTHS, mend(name, "units", likely))
    if np.abs(positions).max() > DEEPEST_M and role in ("depth", "height"):
        raise InputError(field, f"up to {largest:g} km", f"m: {mend(name, 'units', 'm')}")
    if role in ("x", "y"):
        return positions
    return _downward(role, name, positions, attrs, mend)


def _checked_degrees(role: str, field: str, stated: Any, positions: np.ndarray) -> np.ndarray:
    if stated is not None and str(stated).strip().lower() not in _DEGREES:
        raise InputError(f"{field}.units", str(stated)[:80], "degrees")
    most = 360.0 if role == "longitude" else 90.0
    if np.abs(positions).max() > most:
        raise InputError(field, f"{positions.min():g} to {positions.max():g}", f"degrees in [-{most:g}, {most:g}]")
    return positions


def _downward(
    role: str, name: str, positions_m: np.ndarray, attrs: Mapping[str, Any], mend: MendVariable
) -> np.ndarray:
    """Depths, positive downward; refused where most of the model would then lie above the surface."""
    direction = str(attrs.get("positive") or ("down" if role == "depth" else "up")).strip().lower()
    if direction not in ("up", "down"):
        raise InputError(f"geology.{name}.positive", direction[:40], "up or down")
    depth_m = positions_m if direction == "down" else -positions_m
    if depth_m.max() < -depth_m.min():
        other = "up" if direction == "down" else "down"
        found = f"{positions_m.min() + 0.0:g} to {positions_m.max() + 0.0:g} m, positive {direction}: above the ground"
        raise InputError(f"geology.{name}", found, f"positive {other}: {mend(name, 'positive', other)}")
    return depth_m


def _values(key: str, name: str, variable: Variable, dims: tuple[str, ...], mend: MendVariable) -> np.ndarray:
    """The values of a property in SI units, NaN where they are missing, with axes in the order of `dims`."""
    field = f"geology.{key}"
    if sorted(variable.dims) != sorted(dims) or variable.values.dtype.kind not in "fiu":
        found = f"dims {variable.dims} of type {variable.values.dtype}"
        raise InputError(field, found, f"numbers along {dims}, as vs")

    def mend_this(attribute: str, value: str) -> str:
        return mend(name, attribute, value)

    array, raw = _unpacked(field, variable)
    values = in_si(key, array, variable.attrs.get("units"), mend_this)
    check_marks(key, values, raw, mend_this)
    return values.transpose([variable.dims.index(dim) for dim in dims])


def _unpacked(field: str, variable: Variable) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with scale, shift and marks for missing values applied (CF conventions 2.5.1, 8.1), and the raw ones."""
    raw, attrs = variable.values, variable.attrs
    values = raw.astype(np.float32 if raw.dtype == np.float32 else np.float64)
    missing = ~np.isfinite(values)
    try:
        for attribute in ("_FillValue", "missing_value"):
            for mark in np.atleast_1d(np.asarray(attrs.get(attribute, ()), dtype=float)):
                # Compared in the type of the file's numbers, which may be unable to hold the mark exactly.
                missing |= raw == np.asarray(mark).astype(raw.dtype) if np.isfinite(mark) else False
        for attribute, outside in (("valid_min", np.less), ("valid_max", np.greater)):
            if attribute in attrs:
                missing |= outside(raw, float(attrs[attribute]))
        scale, shift = (float(attrs.get(n, d)) for n, d in (("scale_factor", 1), ("add_offset", 0)))
    except (TypeError, ValueError):
        raise InputError(f"{field}.attrs", "scale, shift or marks that are no numbers", "numbers") from None
    if (scale, shift) != (1.0, 0.0):
        values = values.astype(float) * scale + shift
    return np.where(missing, np.nan, values), raw
