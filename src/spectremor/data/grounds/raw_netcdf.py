"""The raw variables of a NetCDF file, of the classic form (NetCDF-3) or of NetCDF-4."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file
from spectremor.data.hdf5 import MAX_NUMBERS, check_self_contained, check_size, first_line

_CLASSIC = b"CDF"
_ALLOWED = "a whole NetCDF file (NetCDF-3 or NetCDF-4)"


@dataclasses.dataclass(frozen=True, eq=False)
class Variable:
    """A raw variable of a file.

    Attributes:
        dims: names of its dimensions.
        values: its numbers, as stored and in any unit.
        attrs: its attributes in the file.
    """

    dims: tuple[str, ...]
    values: np.ndarray
    attrs: Mapping[str, Any]


def is_classic(path: Path) -> bool:
    """Whether a file is of the classic form, which is not HDF5."""
    with path.open("rb") as file:
        return file.read(3) == _CLASSIC


def unpacked_bytes(path: Path) -> int:
    """An upper bound of the memory of all variables of a classic file once read, from its header alone.

    Numbers count as 8 bytes, since they are read as 8-byte floats. Several variables may share bytes of the file.

    Raises:
        InputError: a damaged file.
    """
    from scipy.io import netcdf_file

    try:
        with warnings.catch_warnings(), netcdf_file(path, "r", mmap=True, maskandscale=False) as file:
            warnings.filterwarnings("ignore", "Cannot close a netcdf_file opened with mmap=True", RuntimeWarning)
            return 8 * sum(int(np.prod(variable.data.shape)) for variable in file.variables.values())
    # Whatever scipy raises for a damaged file: no other code runs in this block.
    except Exception as error:
        raise InputError("geology", f"{path} ({first_line(error)})", _ALLOWED) from None


def read_raw(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    """The wanted variables of a file together with their axes, and the names of all variables.

    Args:
        path: path of the file.
        wanted: whether a variable of the given name is read.

    Raises:
        InputError: a file that is missing, damaged, too large, or refers to data outside itself.
    """
    existing_file(path, field="geology", allowed=_ALLOWED)
    try:
        return _read_classic(path, wanted) if is_classic(path) else _read_netcdf4(path, wanted)
    except InputError:
        raise
    # Whatever scipy and h5netcdf raise for a damaged file: no other code runs in this block.
    except Exception as error:
        raise InputError("geology", f"{path} ({first_line(error)})", _ALLOWED) from None


def _read_classic(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    from scipy.io import netcdf_file

    # This form has no compression: the size of the file bounds that of each variable.
    if path.stat().st_size > 4 * MAX_NUMBERS:
        raise InputError("geology", f"{path} of {path.stat().st_size} bytes", f"at most {4 * MAX_NUMBERS} bytes")
    # Memory-mapped: many variables may share the same bytes of the file, and scipy would otherwise copy each.
    with warnings.catch_warnings(), netcdf_file(path, "r", mmap=True, maskandscale=False) as file:
        # scipy warns when the file is closed while arrays still refer to it.
        warnings.filterwarnings("ignore", "Cannot close a netcdf_file opened with mmap=True", RuntimeWarning)
        variables = {}
        for name in _with_axes(wanted, {name: v.dimensions for name, v in file.variables.items()}):
            variable = file.variables[name]
            attrs = {key: _text(value) for key, value in variable._attributes.items()}
            variables[name] = Variable(tuple(variable.dimensions), _native(variable.data), attrs)
        return variables, sorted(file.variables)


def _read_netcdf4(path: Path, wanted: Callable[[str], bool]) -> tuple[dict[str, Variable], list[str]]:
    check_self_contained(path, field="geology", allowed=_ALLOWED)
    with h5netcdf.File(path, "r", phony_dims="access") as file:
        names = _with_axes(wanted, {name: v.dimensions for name, v in file.variables.items()})
        check_size((sum(int(np.prod(file.variables[name].shape)) for name in names),), field="geology")
        variables = {}
        for name in names:
            variable = file.variables[name]
            attrs = {key: _text(value) for key, value in variable.attrs.items()}
            variables[name] = Variable(tuple(variable.dimensions), _native(np.asarray(variable[...])), attrs)
        return variables, sorted(file.variables)


def _with_axes(wanted: Callable[[str], bool], dims: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Names of the wanted variables, and of the variables that are their axes."""
    chosen = [name for name in dims if wanted(name)]
    axes = {axis for name in chosen for axis in dims[name] if axis in dims}
    return chosen + sorted(axes - set(chosen))


def _native(values: np.ndarray) -> np.ndarray:
    """A copy of the values in the byte order of this machine."""
    return np.array(values, dtype=values.dtype.newbyteorder("="))


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
