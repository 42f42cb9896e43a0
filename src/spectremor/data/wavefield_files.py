"""Reading and writing of wavefields."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.model_names import present_model_id
from spectremor.core.reading import existing
from spectremor.core.wavefield import check_wavefield, with_sensor_numbers
from spectremor.data import netcdf, published

_ALLOWED = "a wavefield: .h5 (published forms), .nc or .zarr"


def read_wavefield(path: str | Path, index: int | None = None) -> xr.DataArray:
    """The wavefield in a file, its axes aligned with the geology's.

    Args:
        path: `.h5` (a published form: v1's gives its 16 x 16 recorded sensors from t = 0.98 s, v2's its 32 x 32
            sensors from t = 0), `.nc` with variable `velocity`, or `.zarr` (a campaign's store).
        index: which simulation, where the file holds several (None also keeps all samples of a NetCDF file).

    Returns:
        DataArray `velocity`, dims `([sample,] [realization,] component, x, y, time)`, m/s.

    Raises:
        InputError: names what is wrong with the file.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> import spectremor as sp
        >>> from spectremor.core.wavefield import make_wavefield
        >>> traces = np.zeros((3, 2, 1, 50), dtype=np.float32)  # component, x, y, time
        >>> field = make_wavefield(traces, x_m=np.array([0.0, 300.0]), y_m=np.array([0.0]), time_s=np.arange(50) / 50)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "field.nc"
        >>> sp.write_wavefield(field, path)
        >>> sp.read_wavefield(path).dims
        ('component', 'x', 'y', 'time')
    """
    path = Path(path)
    existing(path, field="wavefield", allowed=_ALLOWED)
    suffix = path.suffix.lower()
    if suffix not in (".h5", ".hdf5", *netcdf.SUFFIXES, ".zarr"):
        raise InputError("wavefield", path, _ALLOWED)
    if suffix == ".zarr":
        from spectremor.data.store import CampaignStore

        store = CampaignStore.open(path)
        return store.wavefield(published.check_index(index, store.count, path))
    if suffix in netcdf.SUFFIXES:
        # Files of earlier versions do not number their sensors.
        field = with_sensor_numbers(check_wavefield(netcdf.read_variable(path, "velocity", field="wavefield")))
        if isinstance(field.attrs.get("model"), str):
            field.attrs["model"] = present_model_id(field.attrs["model"])
        if "sample" in field.dims and index is not None:
            return field.isel(sample=published.check_index(index, field.sizes["sample"], path))
    else:
        field = published.read_wavefield_h5(path)
    if "sample" not in field.dims and index not in (None, 0):
        raise InputError("index", index, f"none: {path} holds one wavefield")
    return field


def write_wavefield(field: xr.DataArray, path: str | Path) -> None:
    """Write a wavefield to NetCDF, whole or not at all; the same field gives the same bytes.

    Raises:
        InputError: not a wavefield.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> import spectremor as sp
        >>> from spectremor.core.wavefield import make_wavefield
        >>> traces = np.zeros((3, 2, 1, 50), dtype=np.float32)  # component, x, y, time
        >>> field = make_wavefield(traces, x_m=np.array([0.0, 300.0]), y_m=np.array([0.0]), time_s=np.arange(50) / 50)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "field.nc"
        >>> sp.write_wavefield(field, path)
        >>> path.is_file()
        True
    """
    netcdf.write_variable(check_wavefield(field), path)
