"""The project's own NetCDF files (NetCDF-4 through h5netcdf), which plain `xarray.open_dataarray` reads."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file
from spectremor.core.packing import unpacked
from spectremor.core.reading import existing_file
from spectremor.data.hdf5 import check_self_contained, check_size, first_line

#: Suffixes of such files, in lower case.
SUFFIXES = (".nc", ".nc4")
#: What an error about any other file says is allowed.
_ALLOWED = "a whole NetCDF-4 file (NetCDF-3 is not read)"
#: Options for numbers as stored: how xarray applies scales, marks and units of time differs between its versions.
_AS_STORED: dict[str, Any] = {"mask_and_scale": False, "decode_times": False, "decode_timedelta": False}


def read_variable(path: str | Path, name: str, *, field: str) -> xr.DataArray:
    """One variable of a NetCDF file, in memory; errors as `read_variables`."""
    return read_variables(path, name, (), field=field)[name]


def read_variables(path: str | Path, name: str, others: Sequence[str], *, field: str) -> xr.Dataset:
    """One variable of a NetCDF file, and those of `others` that the file has, in memory.

    Raises:
        InputError: a file that is missing, not NetCDF-4, truncated, without the variable `name`, too large, or refers
            to data outside itself.
    """
    path = existing_file(path, field=field, allowed="a NetCDF file")
    check_self_contained(path, field=field, allowed=_ALLOWED)
    try:
        # xarray adds a warnings filter to the whole process.
        with (
            warnings.catch_warnings(),
            xr.open_dataset(path, engine="h5netcdf", phony_dims="access", **_AS_STORED) as dataset,
        ):
            if name not in dataset.data_vars:
                raise InputError(
                    field, f"variables {sorted(map(str, dataset.data_vars))} in {path}", f"one named {name}"
                )
            selected = dataset[[name, *(other for other in others if other in dataset.data_vars)]]
            # Coordinates are read together with the variables.
            check_size((sum(array.size for array in selected.variables.values()),), field=field)
            return _unpacked(selected.load(), field)
    except InputError:
        raise
    # Whatever h5netcdf and xarray raise for a damaged file: no other code runs in this block.
    except Exception as error:
        raise InputError(field, f"{path} ({first_line(error)})", _ALLOWED) from None


def _unpacked(dataset: xr.Dataset, field: str) -> xr.Dataset:
    """The dataset with scales, shifts and marks for missing values applied to all variables and coordinates."""
    plain = {name: unpacked(array, field=f"{field}.{name}") for name, array in dataset.data_vars.items()}
    axes = {name: unpacked(axis, field=f"{field}.{name}") for name, axis in dataset.coords.items()}
    return dataset.assign(plain).assign_coords(axes)


def write_variable(array: xr.DataArray, path: str | Path) -> None:
    """Write a named array to NetCDF; see `write_dataset`."""
    write_dataset(array.to_dataset(), path)


def write_dataset(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a dataset to NetCDF: the file appears whole or not at all, and the same dataset gives the same bytes."""
    plain = dataset.copy(deep=False)
    plain.attrs = _attributes(dataset.attrs)
    for name in dataset.data_vars:
        plain[name].attrs = _attributes(dataset[name].attrs)
    encoding = {name: {"zlib": True, "complevel": 1, "shuffle": True} for name in dataset.data_vars}
    content = _encoded(plain, encoding)
    with atomic_file(path) as aside:
        aside.write_bytes(content)


def _encoded(dataset: xr.Dataset, encoding: dict[Any, Any]) -> bytes:
    """The bytes of a file, made in memory: when HDF5 writes to a disk that becomes full, the process crashes."""
    buffer = io.BytesIO()
    store = xr.backends.H5NetCDFStore(h5netcdf.File(buffer, "w"))
    dataset.dump_to_store(store, encoding=encoding)
    store.close()
    return buffer.getvalue()


def _attributes(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: _attribute(value) for key, value in attrs.items() if value is not None}


def _attribute(value: Any) -> Any:
    """A value that NetCDF can hold: numbers, text and lists of numbers as they are, the rest as JSON text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (str, int, float, np.number, np.ndarray)):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (int, float)) for v in value):
        return list(value)
    return json.dumps(value, sort_keys=True, default=str)
