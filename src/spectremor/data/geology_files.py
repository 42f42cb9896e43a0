"""Geologies in and out of files."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import DIMS, check_geology, make_geology
from spectremor.data import netcdf, published

_ALLOWED = "a geology: .h5 (published form), .npy (published order), .nc or .zarr"


def read_geology(path: str | Path, index: int | None = None) -> xr.DataArray:
    """The geology in a file.

    Args:
        path: `.h5` with dataset `a` and `.npy` (both in the published order x, y, z from the bottom up, over the
            published domain of 9.6 km), `.nc` with variable `vs`, or `.zarr` (a campaign's store).
        index: which geology, where the file holds several: a stack (geology, x, y, z), a campaign.

    Returns:
        DataArray `vs`, dims (x, y, z), m/s, checked.

    Raises:
        InputError: names what is wrong with the file or with its values.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.exists() or suffix not in (".h5", ".hdf5", ".npy", *netcdf.SUFFIXES, ".zarr"):
        raise InputError("geology", f"{path}{'' if path.exists() else ' (no such file)'}", _ALLOWED)
    if suffix == ".zarr":
        from spectremor.data.store import CampaignStore

        store = CampaignStore.open(path)
        return store.geology(published.check_index(index, store.count, path))
    if suffix == ".npy":
        return make_geology(published.read_geology_npy(path, index))
    if suffix in netcdf.SUFFIXES:
        return _from_netcdf(path, index)
    if index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    return make_geology(published.read_geology_h5(path))


def write_geology(geology: xr.DataArray, path: str | Path) -> None:
    """Write a geology to NetCDF, whole or not at all.

    Raises:
        InputError: not a geology.
    """
    netcdf.write_variable(check_geology(geology), path)


def _from_netcdf(path: Path, index: int | None) -> xr.DataArray:
    vs = netcdf.read_variable(path, "vs", field="geology")
    if "sample" in vs.dims:
        vs = vs.isel(sample=published.check_index(index, vs.sizes["sample"], path))
    elif index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    if set(vs.dims) != set(DIMS):
        raise InputError("geology", f"dims {vs.dims} of shape {vs.shape}", f"dims {DIMS}")
    if vs.dtype.kind not in "fiu":
        raise InputError("geology", f"type {vs.dtype}", "numbers")
    return check_geology(vs.transpose(*DIMS).astype("float32"))
