"""Geologies in and out of files."""

from __future__ import annotations

import warnings
from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import PROPERTIES, Geology, as_geology, make_geology
from spectremor.core.reading import existing
from spectremor.data import netcdf, published

_ALLOWED = "a geology: .h5 (published form), .npy (published order), .nc or .zarr"
#: Ground is faster below as a rule: a lower half that is slower than the upper one by more than this is worth a word.
_SLOWER_BELOW = 0.9


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

    Warns:
        InputWarning: the ground of an `.npy` file is slower below: its last axis may run from the surface down.
    """
    path = Path(path)
    existing(path, field="geology", allowed=_ALLOWED)
    suffix = path.suffix.lower()
    if suffix not in (".h5", ".hdf5", ".npy", *netcdf.SUFFIXES, ".zarr"):
        raise InputError("geology", path, _ALLOWED)
    if suffix == ".zarr":
        from spectremor.data.store import CampaignStore

        store = CampaignStore.open(path)
        return store.geology(published.check_index(index, store.count, path))
    if suffix == ".npy":
        ground = make_geology(published.read_geology_npy(path, index))
        _warn_of_depth_order(ground, path)
        return ground
    if suffix in netcdf.SUFFIXES:
        return _from_netcdf(path, index)
    if index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    return make_geology(published.read_geology_h5(path))


def _warn_of_depth_order(geology: Geology, path: Path) -> None:
    """An `.npy` file does not say which way its last axis runs; one that is slower below may be upside down.

    Warns:
        InputWarning: the lower half is slower than the upper one by more than a tenth.
    """
    profile = geology.vs_m_s.mean(axis=(0, 1), dtype=float)
    middle = len(profile) // 2
    below, above = profile[:middle].mean(), profile[-middle:].mean()
    if below < _SLOWER_BELOW * above:
        warnings.warn(
            f"geology: in {path} the mean Vs falls from {above:.0f} m/s in the upper half to {below:.0f} m/s in the "
            "lower half. Axis z of .npy runs from the bottom up: if this file's runs from the surface down, turn it "
            "over (numpy: array[..., ::-1])",
            InputWarning,
            stacklevel=3,
        )


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
