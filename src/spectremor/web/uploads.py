"""Files that come through the browser: limited in size, read by the same readers as any other, never unpickled."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.files import temporary_folder
from spectremor.core.georeference import Georeference
from spectremor.core.text import printable
from spectremor.data import grounds
from spectremor.data.geology_files import holds_model, read_geology
from spectremor.data.grounds.placing import local_grid
from spectremor.data.grounds.raw_netcdf import is_classic, unpacked_bytes
from spectremor.data.hdf5 import unfolded_bytes
from spectremor.data.wavefield_files import read_wavefield
from spectremor.exchange.ruptures import read_rupture
from spectremor.exchange.station_lists import read_stations
from spectremor.web.choices import MAX_POINTS, FileRupture, StationList, needed_place
from spectremor.web.ground import Ground, GroundGrid

MAX_UPLOAD_MB = 64
#: Texts become many times as large in memory.
MAX_RUPTURE_MB, MAX_STATIONS_MB = 16, 4
#: Of what an upload becomes in memory: a few MB of zeros, well compressed, would take all that a machine has.
MAX_UNFOLDED_MB = 512
#: Of a grid that a visitor asks for, and of a list.
MAX_NODES, MAX_STATIONS = 8_000_000, 2000
WAVEFIELD_SUFFIXES = (".nc", ".nc4", ".h5")
GROUND_SUFFIXES = (".nc", ".nc4", ".h5", ".npy", *grounds.SUFFIXES)
RUPTURE_SUFFIXES = (".srf", ".param", ".fsp")
STATION_SUFFIXES = (".csv", ".xml")
#: Formats that can unfold.
_FOLDED = (".nc", ".nc4", ".h5")
#: Where an upload lies while it is read.
_STORED = re.compile(r"[^\s(]*/\.spectremor\.[0-9a-f]{8}\.part/upload\.\w+")
#: Names of fields in the library, and their names on the page.
_FIELDS = {"extent_m": "Size (km)", "spacing_m": "Spacing (m)", "corner": "Corner"}


def read_upload(name: str, content: bytes) -> xr.DataArray:
    """The wavefield in an uploaded file.

    Args:
        name: as the browser gave it; only its ending is used.
        content: the file.

    Raises:
        InputError: too large as it is or unfolded, another kind of file, or what `read_wavefield` refuses.
    """
    with _as_file(name, content, WAVEFIELD_SUFFIXES, "a wavefield file") as path:
        return read_wavefield(path).load()


def read_ground(name: str, content: bytes, grid: GroundGrid | None = None) -> Ground:
    """The geology in an uploaded file, or the model of another program in it, brought onto a grid.

    Args:
        name: as for `read_upload`.
        content: the file.
        grid: onto which models are brought; geologies are read as they are.

    Raises:
        InputError: too large as it is or unfolded, another kind of file, too fine a grid, or what `read_geology`
            refuses.
    """
    with _as_file(name, content, GROUND_SUFFIXES, "a file with a geology") as path:
        layered = path.suffix in (".csv", ".fk1d")
        if not (path.suffix in grounds.SUFFIXES or (path.suffix in (".nc", ".nc4") and holds_model(path))):
            return Ground(read_geology(path), _shown(name), _typed(name))
        grid = _checked_grid(grid, layered)
        geology = read_geology(path, corner=grid.corner, extent_m=grid.extent_m, spacing_m=grid.spacing_m)
        return Ground(geology, _shown(name), _typed(name), grid=grid)


def read_rupture_upload(name: str, content: bytes, place: Georeference | None) -> FileRupture:
    """The rupture in an uploaded file.

    Args:
        name: as for `read_upload`.
        content: the file.
        place: where the corner of the domain lies.

    Raises:
        InputError: too large, no place, another kind of file, or what `read_rupture` refuses.
    """
    with _as_file(name, content, RUPTURE_SUFFIXES, "a file with a rupture", MAX_RUPTURE_MB) as path:
        corner = needed_place(place, "ruptures are")
        rupture = read_rupture(path, corner)
        if len(rupture) > MAX_POINTS:
            raise InputError("rupture", f"{len(rupture)} points", f"at most {MAX_POINTS} points on this page")
        return FileRupture(rupture, _shown(name), _typed(name), corner)


def read_stations_upload(name: str, content: bytes, place: Georeference | None) -> StationList:
    """The stations in an uploaded file.

    Args:
        name: as for `read_upload`.
        content: the file.
        place: where the corner of the domain lies; lists in metres do without.

    Raises:
        InputError: too large, another kind of file, or what `read_stations` refuses.
    """
    with _as_file(name, content, STATION_SUFFIXES, "a list of stations", MAX_STATIONS_MB) as path:
        used = None
        try:
            stations = read_stations(path)
        except InputError as error:
            if error.field != "corner":
                raise
            used = needed_place(place, "stations are")
            stations = read_stations(path, used)
        if stations.count > MAX_STATIONS:
            raise InputError("stations", f"{stations.count} stations", f"at most {MAX_STATIONS} on this page")
        return StationList(stations, _shown(name), _typed(name), used)


def name_in(remarks: list[str], name: str) -> list[str]:
    """Warnings with the name that the person knows the file by."""
    return [_STORED.sub(lambda _: _shown(name), said) for said in remarks]


def _checked_grid(grid: GroundGrid | None, layered: bool) -> GroundGrid:
    """The grid of a model, small enough for a page."""
    if grid is None:
        raise InputError("Size (km)", "nothing", "the size and the spacing of the grid: this is a model of the ground")
    if layered:
        # Layers are everywhere the same.
        grid = GroundGrid(grid.extent_m, grid.spacing_m)
    nx, ny, nz = local_grid(grid.corner, grid.extent_m, grid.spacing_m).shape
    if nx * ny * nz > MAX_NODES:
        grid_words = f"{grid.spacing_m:g} m, {nx} x {ny} x {nz} nodes"
        raise InputError("spacing_m", grid_words, f"at most {MAX_NODES / 1e6:g} million nodes on this page")
    return grid


def own_name(name: str) -> str:
    """The last part of a name, whichever system's."""
    return PurePath(name.replace("\\", "/")).name


def _shown(name: str) -> str:
    """A name as the page shows it."""
    return printable(own_name(name), 120)


def _typed(name: str) -> str:
    """A name as a person would type it on the command line: nothing in it moves a terminal or passes for an option."""
    own = printable(own_name(name))
    return f"./{own}" if own.startswith("-") else own


@contextlib.contextmanager
def _as_file(
    name: str, content: bytes, suffixes: tuple[str, ...], what: str, most_mb: int | None = None
) -> Iterator[Path]:
    """The content as a file of its own, gone afterwards; what is said about it names it as the person does."""
    most_mb = MAX_UPLOAD_MB if most_mb is None else most_mb
    suffix = PurePath(name).suffix.lower()
    if suffix not in suffixes:
        raise InputError("upload", name, f"{what}: {' or '.join(suffixes)}")
    if not content:
        raise InputError("upload", f"{name} of 0 bytes", what)
    if len(content) > most_mb * 2**20:
        raise InputError("upload", f"{name} of {len(content) / 2**20:.0f} MB", f"at most {most_mb} MB")
    with temporary_folder() as folder:
        path = folder / f"upload{suffix}"
        path.write_bytes(content)
        try:
            if suffix in _FOLDED:
                _check_unfolded(path)
            yield path
        except InputError as error:
            # The person knows the file by its own name, and the grid by the fields of the page.
            value, allowed = (str(text).replace(str(path), name) for text in (error.value, error.allowed))
            raise InputError(_FIELDS.get(error.field, error.field), value, allowed) from None


def _check_unfolded(path: Path) -> None:
    unfolded = unpacked_bytes(path) if is_classic(path) else unfolded_bytes(path, field="upload")
    if unfolded > MAX_UNFOLDED_MB * 2**20:
        unfolds = f"{path} that unfolds to {unfolded / 2**20:.0f} MB"
        raise InputError("upload", unfolds, f"at most {MAX_UNFOLDED_MB} MB in memory")
