"""Reading of untrusted HDF5 files: everything is checked first, and no link out of the file is followed."""

from __future__ import annotations

import contextlib
import math
import traceback
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.memory import present_bytes
from spectremor.core.packing import check_unpacked
from spectremor.core.reading import existing_file
from spectremor.core.units import check_unit
from spectremor.data.hdf5_limits import array_bytes, check_limits, longest_text, stored_numbers

#: Largest array that a reader accepts, in numbers (2 GB of float32).
MAX_NUMBERS = 1 << 29
#: Largest number of values in all one-dimensional arrays of a NetCDF file together.
MAX_AXES = 1 << 26


def check_size(shape: tuple[int, ...], *, field: str) -> None:
    """Refuse an array too large to read.

    Raises:
        InputError: more than `MAX_NUMBERS` numbers.
    """
    if math.prod(shape) > MAX_NUMBERS:
        raise InputError(field, f"shape {shape}", f"at most {MAX_NUMBERS} numbers")


@contextlib.contextmanager
def open_hdf5(
    path: str | Path, *, field: str, allowed: str = "a whole HDF5 file", groups: bool = False
) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, after a check of the memory that its content may take.

    Args:
        path: path of the file.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message about a damaged file.
        groups: whether groups below the root are read too.

    Raises:
        InputError: missing, not HDF5, truncated or damaged (also when the damage shows only while reading), or beyond
            `hdf5_limits`.
    """
    path = existing_file(path, field=field, allowed="an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            check_limits(file, field=field, groups=groups)
            yield file
    except InputError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        # The caller's block runs here too: an error in it must not be reported as a damaged file.
        if not _raised_by_h5py(error):
            raise
        raise InputError(field, f"{path} ({first_line(error)})", allowed) from None


def first_line(error: Exception) -> str:
    """The first line of an error's message; the error's type where the message is empty."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _raised_by_h5py(error: Exception) -> bool:
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(module.split(".")[0] == "h5py" for module in modules)


def dataset_of(file: h5py.File, key: str, *, field: str) -> h5py.Dataset:
    """A dataset whose numbers are in the file itself; links are refused without being followed.

    Args:
        file: an open file.
        key: name of the dataset.
        field: name of the input in an error message.

    Raises:
        InputError: no such dataset, an empty one, a link, or data stored in another file.
    """
    where = f"{field}.{key}"
    dataset = file[key] if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(where, f"no dataset of that name in {file.filename}", f"a dataset {key}")
    if dataset.is_virtual or dataset.external:
        raise InputError(where, "data stored outside the file", "data in the file itself")
    if dataset.shape is None:
        raise InputError(where, "a dataset without data", "numbers")
    return dataset


def has_entry(file: h5py.File, key: str) -> bool:
    """Whether a file has an entry of this name, which may be a broken link; `in` would follow it to another file."""
    return file.get(key, getlink=True) is not None


def read_array(
    file: h5py.File, key: str, *, field: str, unit: str | None = None, shape: tuple[int | None, ...] | None = None
) -> np.ndarray:
    """One numeric array of an HDF5 file.

    Args:
        file: an open file.
        key: name of the dataset.
        field: name of the input in an error message.
        unit: unit of the numbers; an attribute `units` must agree with it.
        shape: expected shape; None for a size that may have any value.

    Raises:
        InputError: no such dataset, a link out of the file, not numbers, another shape or unit, packed numbers (scale
            or shift), or too large an array.
    """
    where = f"{field}.{key}"
    dataset = dataset_of(file, key, field=field)
    if dataset.dtype.kind not in "fiu":
        raise InputError(where, f"type {dataset.dtype}", "numbers")
    if shape is not None and not _matches(dataset.shape, shape):
        expected = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(where, f"shape {dataset.shape}", f"shape ({expected})")
    _check_dataset(dataset, field=where, longest=0)
    values, attrs = np.asarray(dataset[()]), dict(dataset.attrs)
    check_unpacked(xr.DataArray(values, attrs=attrs), field=where)
    if unit is not None and "units" in attrs:
        stated = attrs["units"]
        check_unit(where, stated.decode("utf-8", "replace") if isinstance(stated, bytes) else stated, unit)
    return values


def _check_dataset(dataset: h5py.Dataset, *, field: str, longest: int) -> None:
    check_size(dataset.shape, field=field)
    if stored_numbers(dataset) > MAX_NUMBERS:
        raise InputError(field, f"chunks of shape {dataset.chunks}", f"at most {MAX_NUMBERS} numbers")
    needed, present = array_bytes(dataset, longest), present_bytes()
    if needed > present // 2:
        found = f"shape {dataset.shape}, {needed / 2**30:.3g} GiB of memory while it is read"
        raise InputError(field, found, f"half of this machine's {present / 2**30:.3g} GiB")


def check_self_contained(path: str | Path, *, field: str, allowed: str = "a whole HDF5 file") -> None:
    """Refuse a file whose arrays lie in other files, or are too large to read.

    A crafted file could reveal any file of this machine. And xarray loads every axis on opening, even an unused one,
    which may be huge in memory without taking room in the file. Only the root group is checked: nothing else is read
    from NetCDF files.

    Raises:
        InputError: an external or soft link, a virtual dataset, data stored in another file, or too many numbers.
    """
    axes = 0
    with open_hdf5(path, field=field, allowed=allowed) as file:
        longest = longest_text(file, field=field)
        for key in file:
            if not isinstance(file.get(key, getlink=True), h5py.HardLink):
                raise InputError(f"{field}.{key}", "a link", "data in the file itself")
            item = file[key]
            if isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                raise InputError(f"{field}.{key}", "data stored outside the file", "data in the file itself")
            if isinstance(item, h5py.Dataset) and item.shape is not None:
                _check_dataset(item, field=f"{field}.{key}", longest=longest)
                axes += stored_numbers(item) if item.ndim == 1 else 0
    if axes > MAX_AXES:
        raise InputError(field, f"{path} with axes of {axes} numbers in all", f"at most {MAX_AXES}")


def unfolded_bytes(path: str | Path, *, field: str) -> int:
    """An upper bound of the memory of a file's datasets once read, from their headers alone; links do not count.

    Numbers count as 8 bytes, since scaled integers are read as 8-byte floats. Only the root group counts, since nothing
    else is read.

    Raises:
        InputError: missing, not HDF5, truncated or damaged.
    """
    with open_hdf5(path, field=field) as file:
        longest = longest_text(file, field=field)
        entries = [file[key] for key in file if isinstance(file.get(key, getlink=True), h5py.HardLink)]
        return sum(array_bytes(item, longest) for item in entries if isinstance(item, h5py.Dataset))


def _matches(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(e is None or n == e for n, e in zip(shape, expected, strict=True))
