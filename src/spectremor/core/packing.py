"""Packed numbers of NetCDF files: scaled, shifted, with marks for missing values (CF conventions, 2.5.1 and 8.1).

xarray unpacks them when it opens a file, but differently from version to version. Here they are unpacked in one way:
missing values become NaN, which every reader then refuses by its own rules.
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
    """A variable of a file with its scale, shift and marks for missing values applied.

    Args:
        array: the raw values, with the file's attributes; values other than numbers are returned unchanged.
        field: name of the input in an error message.

    Returns:
        The numbers, floating-point where anything was applied, without the attributes that describe the packing.

    Raises:
        InputError: a scale, shift or mark that is no number, or integers marked as unsigned.
    """
    packing = {name: value for name, value in array.attrs.items() if name in _PACKING}
    if not packing or array.dtype.kind not in "fiu":
        return array
    if "_Unsigned" in packing:
        raise InputError(
            f"{field}._Unsigned", packing["_Unsigned"], "integers of a type that says whether they have a sign"
        )
    raw = array.values
    missing = _missing(raw, packing, field)
    scale, shift = (
        _one_number(packing.get(name, neutral), f"{field}.{name}")
        for name, neutral in zip(_SCALES, (1, 0), strict=True)
    )
    values = raw
    if missing.any() or (scale, shift) != (1.0, 0.0):
        values = raw.astype(np.float64 if raw.dtype.kind in "iu" or raw.dtype.itemsize > 4 else raw.dtype)
        values = np.where(missing, np.nan, values)
        values = values if (scale, shift) == (1.0, 0.0) else values * scale + shift
    plain = array.copy(data=values)
    plain.attrs = {name: value for name, value in array.attrs.items() if name not in packing}
    return plain


def check_unpacked(array: xr.DataArray, *, field: str) -> None:
    """Refuse an array whose attributes say that its numbers are still packed.

    xarray returns such an array from a file that was opened with `mask_and_scale=False`.

    Raises:
        InputError: a scale, a shift, or values that the array's attributes mark as missing or not valid.
    """
    packing = {name: value for name, value in array.attrs.items() if name in _PACKING}
    if not packing or array.dtype.kind not in "fiu":
        return
    for name, neutral in zip(_SCALES, (1.0, 0.0), strict=True):
        if name in packing and _one_number(packing[name], f"{field}.{name}") != neutral:
            raise InputError(
                f"{field}.{name}", packing[name], "numbers without scale and shift (open with mask_and_scale)"
            )
    missing = int((_missing(array.values, packing, field) & ~np.isnan(array.values.astype(float))).sum())
    if missing:
        raise InputError(field, f"{missing} values that its attributes call missing", "an array without gaps")


def _missing(raw: np.ndarray, packing: Mapping[str, Any], field: str) -> np.ndarray:
    """Which raw values the packing attributes mark as missing or not valid."""
    missing = np.zeros(raw.shape, bool)
    for name in _FILLS:
        for mark in _numbers(packing.get(name, ()), f"{field}.{name}"):
            # Compared in the array's type: a float32 array may be unable to hold a float64 mark exactly.
            with np.errstate(over="ignore", invalid="ignore"):
                typed_mark = np.asarray(mark).astype(raw.dtype)
            missing |= (raw == typed_mark) & (raw.dtype.kind == "f" or bool(typed_mark == mark))
    low, high = packing.get("valid_min"), packing.get("valid_max")
    if "valid_range" in packing:
        both = _numbers(packing["valid_range"], f"{field}.valid_range")
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
