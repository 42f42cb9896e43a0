"""Arrays that come with labels: units, names of axes, coordinates and masks are honoured or refused, never dropped.

Every public function that takes an array reads it through `plain_array`. Plain numbers pass as they are. So do arrays
of xarray, pandas, pint, astropy or numpy.ma whose labels agree with what the function needs; all others are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.packing import check_unpacked
from spectremor.core.units import check_unit


def plain_array(field: str, values: Any, unit: str | None) -> np.ndarray:
    """The numbers of an array, after a check of its labels.

    Args:
        field: name of the input in an error message.
        values: numbers, with or without a unit and a mask.
        unit: required unit, as `core.units` spells it; values without a unit are taken to be in it. None: any unit.

    Raises:
        InputError: another unit, masked or scaled values, a pandas object with labels, or no numbers.
    """
    bare, stated = _without_unit(values)
    if unit is not None:
        check_unit(field, stated, unit)
    if is_labelled(values):
        check_unpacked(values, field=field)
    if hasattr(bare, "iloc") and not _unlabelled_series(bare):
        raise InputError(
            field, f"a {type(bare).__name__} with labels", "an array without labels, or an xarray.DataArray"
        )
    if isinstance(bare, np.ma.MaskedArray):
        hidden = int(np.count_nonzero(np.ma.getmaskarray(bare)))
        if hidden:
            raise InputError(field, f"{hidden} masked values", "an array without gaps")
        bare = bare.data
    try:
        array = np.asarray(bare)
    # A tensor on a graphics card, or lists of unequal length.
    except (TypeError, ValueError) as error:
        raise InputError(field, f"a {type(values).__name__} ({str(error)[:60]})", "an array of numbers") from None
    if array.dtype.kind not in "fiu":
        raise InputError(field, f"values of type {array.dtype}", "real numbers")
    return array


def in_order(field: str, values: Any, dims: tuple[str, ...]) -> Any:
    """A labelled array with its axes in the order of `dims`; an array without axis names is returned unchanged.

    Raises:
        InputError: axes of other names.
    """
    if not is_labelled(values):
        return values
    if sorted(map(str, values.dims)) != sorted(dims):
        raise InputError(field, f"dims {tuple(map(str, values.dims))} of shape {values.shape}", f"dims {dims}")
    return values.transpose(*dims)


def is_labelled(values: Any) -> bool:
    """Whether the values are an array with named axes, such as one of xarray."""
    return hasattr(values, "dims") and hasattr(values, "sizes")


def by_label(field: str, values: Any, labels: Sequence[str]) -> Any:
    """Values sorted into the order of `labels`; values without labels are taken to be in this order.

    Raises:
        InputError: other labels.
    """
    stated = _labels(values)
    if stated is None:
        return values
    if sorted(stated) != sorted(labels):
        raise InputError(field, f"labels {', '.join(stated)}", ", ".join(labels))
    return np.asarray(values)[[stated.index(label) for label in labels]]


def stated_unit(values: Any) -> str | None:
    """The unit of an array, in the array's spelling; None for an array without a unit."""
    stated = _without_unit(values)[1]
    return None if stated is None else str(stated)


def check_coordinates(field: str, values: Any, positions: Mapping[str, np.ndarray]) -> None:
    """Refuse a labelled array whose coordinates contradict the positions given as separate arguments.

    Raises:
        InputError: names the axis.
    """
    for dim, expected in positions.items():
        if is_labelled(values) and dim in values.coords:
            coordinate = values[dim].values
            if coordinate.shape != np.shape(expected) or not np.allclose(coordinate, expected, rtol=1e-4, atol=1e-6):
                raise InputError(f"{field}.{dim}", "a coordinate of other values", "the positions given beside it")


def _without_unit(values: Any) -> tuple[Any, Any]:
    """The values without the object that pairs them with a unit, and the unit; None where there is none."""
    data = values.data if is_labelled(values) else values
    for unit, number in (("units", "magnitude"), ("unit", "value")):
        if hasattr(data, unit) and hasattr(data, number):
            return getattr(data, number), getattr(data, unit)
    # Arrays of xarray and datasets of h5py keep the unit in their attributes.
    attrs: Any = getattr(values, "attrs", {})
    return data, attrs.get("units") if hasattr(attrs, "get") else None


def _unlabelled_series(values: Any) -> bool:
    return values.ndim == 1 and type(values.index).__name__ == "RangeIndex"


def _labels(values: Any) -> list[str] | None:
    if hasattr(values, "iloc"):
        return None if _unlabelled_series(values) else [str(label) for label in values.index]
    if is_labelled(values) and len(values.dims) == 1:
        (dim,) = values.dims
        return [str(label) for label in values[dim].values] if dim in getattr(values, "coords", ()) else None
    return None
