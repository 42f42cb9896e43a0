"""Numbers as NetCDF files hold them: scaled, shifted, with marks for missing values (CF conventions, 2.5.1 and 8.1).

xarray undoes this on opening unless it is told not to, and does it differently from version to version. Here it is done
in one way: missing values become NaN, which every reader then refuses by its own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

_SCALES = ("scale_factor", "add_offset")
_FILLS = ("_FillValue", "missing_value")
_VALID = ("valid_min", "valid_max", "valid_range")
_PACKING = (*_SCALES, *_FILLS, *_VALID, "_Unsigned")


def unpacked(array: xr.DataArray, *, field: str) -> xr.DataArray:
    """A variable as it stands in a file, with its scale, shift and marks for missing values applied.

    Args:
        array: raw numbers, with what a file says of them in its attributes; other values than numbers pass as they are.
        field: the name that an error carries.

    Returns:
        The numbers, floating-point where anything was applied, without the attributes that were.

    Raises:
        InputError: a scale, shift or mark that is no number, or integers said to be without sign.
    """
    said = {name: value for name, value in array.attrs.items() if name in _PACKING}
    if not said or array.dtype.kind not in "fiu":
        return array
    if "_Unsigned" in said:
        raise InputError(
            f"{field}._Unsigned", said["_Unsigned"], "integers of a type that says whether they have a sign"
        )
    raw = array.values
    missing = _missing(raw, said, field)
    scale, shift = (
        _one_number(said.get(name, neutral), f"{field}.{name}") for name, neutral in zip(_SCALES, (1, 0), strict=True)
    )
    values = raw
    if missing.any() or (scale, shift) != (1.0, 0.0):
        values = raw.astype(np.float64 if raw.dtype.kind in "iu" or raw.dtype.itemsize > 4 else raw.dtype)
        values = np.where(missing, np.nan, values)
        values = values if (scale, shift) == (1.0, 0.0) else values * scale + shift
    plain = array.copy(data=values)
    plain.attrs = {name: value for name, value in array.attrs.items() if name not in said}
    return plain


def check_unpacked(array: xr.DataArray, *, field: str) -> None:
    """Refuse an array whose attributes say that its numbers are not yet what they mean.

    An array of xarray comes with them when its file was opened with `mask_and_scale=False`.

    Raises:
        InputError: a scale, a shift, or values that the array itself calls missing or not valid.
    """
    said = {name: value for name, value in array.attrs.items() if name in _PACKING}
    if not said or array.dtype.kind not in "fiu":
        return
    for name, neutral in zip(_SCALES, (1.0, 0.0), strict=True):
        if name in said and _one_number(said[name], f"{field}.{name}") != neutral:
            raise InputError(
                f"{field}.{name}", said[name], "numbers without scale and shift (open with mask_and_scale)"
            )
    missing = int((_missing(array.values, said, field) & ~np.isnan(array.values.astype(float))).sum())
    if missing:
        raise InputError(field, f"{missing} values that its attributes call missing", "an array without gaps")


def _scale_and_shift(said: Mapping[str, Any], field: str) -> tuple[float, float]:
    scale, shift = (_one_number(said[n], f"{field}.{n}") if n in said else None for n in _SCALES)
    return 1.0 if scale is None else scale, 0.0 if shift is None else shift


def _missing(raw: np.ndarray, said: Mapping[str, Any], field: str) -> np.ndarray:
    """Where a raw array is missing by its own attributes."""
    missing = np.zeros(raw.shape, bool)
    for name in _FILLS:
        for mark in _numbers(said.get(name, ()), f"{field}.{name}"):
            # In the array's own type: a float32 array cannot hold the float64 that stands for it.
            with np.errstate(over="ignore", invalid="ignore"):
                own = np.asarray(mark).astype(raw.dtype)
            missing |= (raw == own) & (raw.dtype.kind == "f" or bool(own == mark))
    low, high = said.get("valid_min"), said.get("valid_max")
    if "valid_range" in said:
        both = _numbers(said["valid_range"], f"{field}.valid_range")
        if both.size != 2:
            raise InputError(f"{field}.valid_range", f"{both.size} numbers", "two: lowest and highest")
        low, high = both
    if low is not None:
        missing |= raw < _one_number(low, f"{field}.valid_min")
    if high is not None:
        missing |= raw > _one_number(high, f"{field}.valid_max")
    return missing


def _numbers(value: Any, field: str) -> np.ndarray:
    try:
        numbers = np.atleast_1d(np.asarray(value)).ravel()
    except ValueError:
        numbers = np.array(["no list of numbers"])
    if numbers.size and numbers.dtype.kind not in "fiu":
        raise InputError(field, value, "numbers")
    return numbers


def _one_number(value: Any, field: str) -> float:
    numbers = _numbers(value, field)
    if numbers.size != 1 or not np.isfinite(numbers[0]):
        raise InputError(field, value, "a finite number")
    return float(numbers[0])
