"""The variables of a NetCDF file as they stand in it, of the classic form (NetCDF-3) and of NetCDF-4."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
from scipy.io import netcdf_file

from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file
from spectremor.data.hdf5 import MAX_NUMBERS, check_self_contained, check_size, first_line

_CLASSIC = b"CDF"
_ALLOWED = "a whole NetCDF file (NetCDF-3 or NetCDF-4)"


@dataclasses.dataclass(frozen=True, eq=False)
class Variable:
    """A variable as it stands in a file.

    Attributes:
        dims: names of its dimensions.
        values: its numbers, in whatever unit.
        attrs: what the file says of it.
    """

    dims: tuple[str, ...]
    values: np.ndarray
    attrs: Mapping[str, Any]


def is_classic(path: Path) -> bool:
    """Whether a file is of the classic form, which is no HDF5."""
    with path.open("rb") as file:
        return file.read(3) == _CLASSIC


def unpacked_bytes(path: Path) -> int:
    """The most memory that the variables of a file of the classic form take once read, by its header alone.

    Numbers count as 8 bytes, since they are read as such floats. Any number of variables may be the same bytes.

    Raises:
        InputError: a damaged file.
    """
    try:
        with warnings.catch_warnings(), netcdf_file(path, "r", mmap=True, maskandscale=False) as file:
            warnings.filterwarnings("ignore", "Cannot close a netcdf_file opened with mmap=True", RuntimeWarning)
            return 8 * sum(int(np.prod(variable.data.shape)) for variable in file.variables.values())
    # Whatever a damaged file makes scipy raise: nothing else runs here.
    except Exception as error:
        raise InputError("geology", f"{path} ({first_line(error)})", _ALLOWED) from None


def read_raw(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    """Some variables of a file with the axes that they have, and the names of all.

    Args:
        path: of the file.
        wanted: whether a variable of that name is read.

    Raises:
        InputError: missing, damaged, too large, or pointing outside itself.
    """
    existing_file(path, field="geology", allowed=_ALLOWED)
    try:
        return _read_classic(path, wanted) if is_classic(path) else _read_netcdf4(path, wanted)
    except InputError:
        raise
    # Whatever a damaged file makes scipy and h5netcdf raise: nothing else runs here.
    except Exception as error:
        raise InputError("geology", f"{path} ({first_line(error)})", _ALLOWED) from None


def _read_classic(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    # Nothing is packed in this form: the file's own size bounds what its header can declare.
    if path.stat().st_size > 4 * MAX_NUMBERS:
        raise InputError("geology", f"{path} of {path.stat().st_size} bytes", f"at most {4 * MAX_NUMBERS} bytes")
    # Mapped, not read: any number of variables may be the same bytes of the file, and scipy would copy each.
    with warnings.catch_warnings(), netcdf_file(path, "r", mmap=True, maskandscale=False) as file:
        # scipy warns where the file is closed before its own views of it are.
        warnings.filterwarnings("ignore", "Cannot close a netcdf_file opened with mmap=True", RuntimeWarning)
        found = {}
        for name in _with_axes(wanted, {name: v.dimensions for name, v in file.variables.items()}):
            variable = file.variables[name]
            attrs = {key: _text(value) for key, value in variable._attributes.items()}
            found[name] = Variable(tuple(variable.dimensions), _native(variable.data), attrs)
        return found, sorted(file.variables)


def _read_netcdf4(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    check_self_contained(path, field="geology", allowed=_ALLOWED)
    with h5netcdf.File(path, "r", phony_dims="access") as file:
        names = _with_axes(wanted, {name: v.dimensions for name, v in file.variables.items()})
        check_size((sum(int(np.prod(file.variables[name].shape)) for name in names),), field="geology")
        found = {}
        for name in names:
            variable = file.variables[name]
            attrs = {key: _text(value) for key, value in variable.attrs.items()}
            found[name] = Variable(tuple(variable.dimensions), _native(np.asarray(variable[...])), attrs)
        return found, sorted(file.variables)


def _with_axes(wanted: Callable[[str], bool], dims: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Names of the wanted variables, and of those that are their axes."""
    chosen = [name for name in dims if wanted(name)]
    axes = {axis for name in chosen for axis in dims[name] if axis in dims}
    return chosen + sorted(axes - set(chosen))


def _native(values: np.ndarray) -> np.ndarray:
    """In the byte order of this machine."""
    return np.array(values, dtype=values.dtype.newbyteorder("="))


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
