"""Reading and writing of geologies."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import PROPERTIES, Geology, as_geology, make_geology
from spectremor.core.georeference import Georeference
from spectremor.core.reading import existing
from spectremor.data import grounds, hdf5, netcdf, published
from spectremor.data.grounds import raw_netcdf

_ALLOWED = (
    "a geology: .h5 (published form), .npy (published order), .nc or .zarr; or a model: .nc, "
    f"{', '.join(grounds.SUFFIXES)}"
)
_OWN = (".h5", ".hdf5", ".npy", ".zarr")
#: Suffixes of files without axes: their ground is taken to fill the published domain.
_WITHOUT_AXES = (".h5", ".hdf5", ".npy")
#: Names of axes that distinguish a foreign model from a geology of the project.
_DEGREES = ("longitude", "latitude", "lon", "lat")
#: A mean Vs of the lower half below this share of the upper half's gives a warning: ground is usually faster below.
_SLOWER_BELOW = 0.9


def read_geology(
    path: str | Path | xr.Dataset | xr.DataArray,
    index: int | None = None,
    *,
    corner: Georeference | None = None,
    extent_m: Sequence[float] | None = None,
    spacing_m: float | None = None,
) -> Geology:
    r"""The geology in a file, or a model of the ground resampled onto a grid.

    Without `extent_m` and `spacing_m` a geology is read as it is. With them, a model is resampled to nodes `spacing_m`
    apart, edges included: a gridded model trilinearly between its nodes, layers by averages over each node's cell,
    which keep vertical travel times. The geology's attributes record what the resampling lost.

    Args:
        path: `.h5` with dataset `a` and `.npy` (both in the published order x, y, z from the bottom up, over the
            published domain of 9.6 km), `.nc` with variable `vs` and any of `vp`, `density`, `qs`, `qp`, or `.zarr` (a
            campaign's store). A model: `.nc` with axes of longitude, latitude and depth or elevation, or of x, y and z
            (NetCDF-3 or 4), `.xyz` (SPECFEM tomography), `.csv` (layers; the header names columns and units), `.fk1d`
            (layers), or the same from xarray.
        index: which geology, where the file holds several: a stack (geology, x, y, z), a campaign.
        corner: where the corner x = 0, y = 0 lies on Earth, and how far the axes are turned; for models in longitude
            and latitude, or, with `crs`, in the metres of a map projection.
        extent_m: size of the domain along x, y and depth in m.
        spacing_m: distance between nodes in m.

    Returns:
        The geology; properties that the file does not give follow from Vs.

    Raises:
        InputError: names what is wrong with the file or with its values, and for a model how to correct it.

    Warns:
        InputWarning: what a model loses on the grid, in numbers; or that the ground of an `.npy` file is slower below,
            so that its last axis may run from the surface down.

    Example:
        >>> import pathlib, tempfile
        >>> import spectremor as sp
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "layers.csv"
        >>> _ = path.write_text("thickness_m,vs_m_s\n600,1500\n,3000\n")
        >>> ground = sp.read_geology(path, extent_m=(1200, 1200, 1200), spacing_m=300)
        >>> ground.vs_m_s[0, 0].tolist()
        [3000.0, 3000.0, 2000.0, 1500.0, 1500.0]
    """
    placing = {"corner": corner, "extent_m": extent_m, "spacing_m": spacing_m}
    if isinstance(path, (xr.Dataset, xr.DataArray)):
        return grounds.import_ground(path, corner=corner, extent_m=extent_m, spacing_m=spacing_m)
    path = Path(path)
    existing(path, field="geology", allowed=_ALLOWED)
    suffix = path.suffix.lower()
    if suffix not in (*_OWN, *netcdf.SUFFIXES, *grounds.SUFFIXES):
        raise InputError("geology", path, _ALLOWED)
    placed = any(value is not None for value in placing.values())
    if suffix in grounds.SUFFIXES or (suffix in netcdf.SUFFIXES and (placed or holds_model(path))):
        if index is not None:
            raise InputError("index", index, f"none: {path} holds one model")
        return grounds.import_ground(path, corner=corner, extent_m=extent_m, spacing_m=spacing_m)
    for name, value in placing.items():
        if value is not None:
            raise InputError(name, value, f"nothing: {path} is read on its own grid")
    return _read_own(path, suffix, index)


def says_extent(path: str | Path) -> bool:
    """Whether files of this kind state the extent of their ground; others are taken to fill the published domain.

    Example:
        >>> says_extent("ground.nc"), says_extent("ground.npy")
        (True, False)
    """
    return Path(path).suffix.lower() not in _WITHOUT_AXES


def holds_model(path: Path) -> bool:
    """Whether a NetCDF file holds a foreign model rather than a geology of the project: by its form and its axes."""
    # A pipe would never open. Errors of a damaged file are left for its reader to report.
    if not path.is_file():
        return False
    with contextlib.suppress(InputError, OSError):
        if raw_netcdf.is_classic(path):
            _, names = raw_netcdf.read_raw(path, _DEGREES.__contains__)
            return any(name in _DEGREES for name in names)
        with hdf5.open_hdf5(path, field="geology") as file:
            return any(hdf5.has_entry(file, name) for name in _DEGREES)
    return False


def _read_own(path: Path, suffix: str, index: int | None) -> Geology:
    """A geology in one of the project's forms, or in a published one."""
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
    """Warn of an `.npy` file that may be upside down: it does not state the direction of its last axis.

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
    """Write a geology to NetCDF, whole or not at all: a variable for each given property.

    Raises:
        InputError: not a geology.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> import spectremor as sp
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ground.nc"
        >>> sp.write_geology(sp.make_geology(np.full((8, 8, 8), 2500.0), (2100, 2100, 2100)), path)
        >>> sp.read_geology(path).extent_m
        (2100.0, 2100.0, 2100.0)
    """
    netcdf.write_dataset(as_geology(geology).dataset, path)


def _from_netcdf(path: Path, index: int | None) -> Geology:
    ground = netcdf.read_variables(path, "vs", [name for name in PROPERTIES if name != "vs"], field="geology")
    if "sample" in ground.dims:
        ground = ground.isel(sample=published.check_index(index, ground.sizes["sample"], path))
    elif index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one geology")
    return as_geology(ground)
