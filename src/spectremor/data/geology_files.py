"""Geologies in and out of files."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import PROPERTIES, Geology, as_geology, make_geology
from spectremor.data import netcdf, published

_ALLOWED = "a geology: .h5 (published form), .npy (published order), .nc or .zarr"


def read_geology(path: str | Path, index: int | None = None) -> Geology:
    """The geology in a file.

    Args:
        path: `.h5` with dataset `a` and `.npy` (both in the published order x, y, z from the bottom up, over the
            published domain of 9.6 km), `.nc` with variable `vs` and any of `vp`, `density`, `qs`, `qp`, or `.zarr` (a
            campaign's store).
        index: which geology, where the file holds several: a stack (geology, x, y, z), a campaign.

    Returns:
        The geology; what the file does not say of it follows from Vs.

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


def write_geology(geology: Geology | xr.DataArray | xr.Dataset, path: str | Path) -> None:
    """Write a geology to NetCDF, whole or not at all: a variable for each property that is known.

    Raises:
        InputError: not a geology.
    """
    netcdf.write_dataset(as_geology(geology).dataset, path)


def _from_netcdf(path: Path, index: int | None) -> Geology:
    ground = netcdf.read_variables(path, "vs", [name for name in PROPERTIES if name != "vs"], field="geology")
    if "sample" in ground.dims:
        ground = ground.isel(sample=published.check_index(index, ground.sizes["sample"], path))
    elif index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    return as_geology(ground)
