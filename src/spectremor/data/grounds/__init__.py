"""Models of the ground in the formats of other programs, and their conversion to a geology."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.georeference import Georeference
from spectremor.data.grounds.models import Ground

if TYPE_CHECKING:
    import xarray as xr

#: Suffixes of files with foreign models, beside those of NetCDF.
SUFFIXES = (".xyz", ".csv", ".fk1d")


def import_ground(
    model: Path | xr.Dataset | xr.DataArray,
    *,
    corner: Georeference | None,
    extent_m: Sequence[float] | None,
    spacing_m: float | None,
) -> Geology:
    """A foreign model, resampled onto a local grid.

    Raises:
        InputError: what is wrong with the model, with the grid, or with the two together.
    """
    from spectremor.data.grounds.placing import local_grid
    from spectremor.data.grounds.resample import resample

    grid = local_grid(corner, extent_m, spacing_m)
    return resample(_read(model), grid)


def _read(model: Any) -> Ground:
    from spectremor.data.grounds.labelled import from_xarray, read_labelled
    from spectremor.data.grounds.layers import read_fk1d, read_layer_table
    from spectremor.data.grounds.specfem import read_specfem

    if not isinstance(model, Path):
        return from_xarray(model)
    readers: dict[str, Callable[[Path], Ground]] = {
        ".xyz": read_specfem,
        ".csv": read_layer_table,
        ".fk1d": read_fk1d,
        ".nc": read_labelled,
    }
    suffix = ".nc" if model.suffix.lower() == ".nc4" else model.suffix.lower()
    if suffix not in readers:
        raise InputError("geology", model, f"a model of the ground: .nc, .nc4, {', '.join(SUFFIXES)}")
    return readers[suffix](model)
