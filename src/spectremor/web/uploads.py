"""Uploaded files: limited in size, read by the same readers as other files, never unpickled."""

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
#: Limits of text files, which take many times their size in memory.
MAX_RUPTURE_MB, MAX_STATIONS_MB = 16, 4
#: Limit of the decompressed size: a small file of well compressed zeros could fill the memory of the machine.
MAX_DECOMPRESSED_MB = 512
#: Largest number of nodes of a grid, and of stations in a list.
MAX_NODES, MAX_STATIONS = 8_000_000, 2000
WAVEFIELD_SUFFIXES = (".nc", ".nc4", ".h5")
GROUND_SUFFIXES = (".nc", ".nc4", ".h5", ".npy", *grounds.SUFFIXES)
RUPTURE_SUFFIXES = (".srf", ".param", ".fsp")
STATION_SUFFIXES = (".csv", ".xml")
#: Formats that may be compressed.
_COMPRESSED = (".nc", ".nc4", ".h5")
#: Matches the temporary path of an upload in messages.
_TEMPORARY_PATH = re.compile(r"[^\s(]*/\.spectremor\.[0-9a-f]{8}\.part/upload\.\w+")
#: Names of fields in the library, and their names on the page.
_FIELDS = {"extent_m": "Size (km)", "spacing_m": "Spacing (m)", "corner": "Corner"}


def read_upload(name: str, content: bytes) -> xr.DataArray:
    """The wavefield in an uploaded file.

    Args:
        name: file name as the browser gave it; only its suffix is used.
        content: content of the file.

    Raises:
        InputError: the file is too large, also when decompressed, or of another kind, or `read_wavefield` refuses it.
    """
    with _as_file(name, content, WAVEFIELD_SUFFIXES, "a wavefield file") as path:
        return read_wavefield(path).load()


def read_ground(name: str, content: bytes, grid: GroundGrid | None = None) -> Ground:
    """The geology in an uploaded file, or a velocity model of another program, interpolated onto a grid.

    Args:
        name: as for `read_upload`.
        content: content of the file.
        grid: the grid for velocity models; geologies keep their own grid.

    Raises:
        InputError: the file is too large, also when decompressed, or of another kind, the grid has too many nodes, or
            `read_geology` refuses the file.
    """
    with _as_file(name, content, GROUND_SUFFIXES, "a file with a geology") as path:
        layered = path.suffix in (".csv", ".fk1d")
        if not (path.suffix in grounds.SUFFIXES or (path.suffix in (".nc", ".nc4") and holds_model(path))):
            return Ground(read_geology(path), _display_name(name), _command_line_name(name))
        grid = _checked_grid(grid, layered)
        geology = read_geology(path, corner=grid.corner, extent_m=grid.extent_m, spacing_m=grid.spacing_m)
        return Ground(geology, _display_name(name), _command_line_name(name), grid=grid)


def read_rupture_upload(name: str, content: bytes, place: Georeference | None) -> FileRupture:
    """The rupture in an uploaded file.

    Args:
        name: as for `read_upload`.
        content: content of the file.
        place: location on Earth of the domain's corner.

    Raises:
        InputError: the file is too large or of another kind, there is no place, or `read_rupture` refuses the file.
    """
    with _as_file(name, content, RUPTURE_SUFFIXES, "a file with a rupture", MAX_RUPTURE_MB) as path:
        corner = needed_place(place, "ruptures are")
        rupture = read_rupture(path, corner)
        if len(rupture) > MAX_POINTS:
            raise InputError("rupture", f"{len(rupture)} points", f"at most {MAX_POINTS} points on this page")
        return FileRupture(rupture, _display_name(name), _command_line_name(name), corner)


def read_stations_upload(name: str, content: bytes, place: Georeference | None) -> StationList:
    """The stations in an uploaded file.

    Args:
        name: as for `read_upload`.
        content: content of the file.
        place: location on Earth of the domain's corner; not needed for lists in metres.

    Raises:
        InputError: the file is too large or of another kind, or `read_stations` refuses it.
    """
    with _as_file(name, content, STATION_SUFFIXES, "a list of stations", MAX_STATIONS_MB) as path:
        used_place = None
        try:
            stations = read_stations(path)
        except InputError as error:
            if error.field != "corner":
                raise
            used_place = needed_place(place, "stations are")
            stations = read_stations(path, used_place)
        if stations.count > MAX_STATIONS:
            raise InputError("stations", f"{stations.count} stations", f"at most {MAX_STATIONS} on this page")
        return StationList(stations, _display_name(name), _command_line_name(name), used_place)


def with_shown_name(remarks: list[str], name: str) -> list[str]:
    """Warnings in which the temporary path of the file is replaced by its name."""
    return [_TEMPORARY_PATH.sub(lambda _: _display_name(name), said) for said in remarks]


def _checked_grid(grid: GroundGrid | None, layered: bool) -> GroundGrid:
    """The grid for a velocity model; refused if it is missing or has too many nodes for the page."""
    if grid is None:
        raise InputError("Size (km)", "nothing", "the size and the spacing of the grid: this is a model of the ground")
    if layered:
        # Horizontal layers need no location on Earth.
        grid = GroundGrid(grid.extent_m, grid.spacing_m)
    nx, ny, nz = local_grid(grid.corner, grid.extent_m, grid.spacing_m).shape
    if nx * ny * nz > MAX_NODES:
        grid_words = f"{grid.spacing_m:g} m, {nx} x {ny} x {nz} nodes"
        raise InputError("spacing_m", grid_words, f"at most {MAX_NODES / 1e6:g} million nodes on this page")
    return grid


def base_name(name: str) -> str:
    """The last part of a path of any operating system."""
    return PurePath(name.replace("\\", "/")).name


def _display_name(name: str) -> str:
    """The file name as the page shows it."""
    return printable(base_name(name), 120)


def _command_line_name(name: str) -> str:
    """The file name for the command line: printable, and not taken for an option."""
    printed = printable(base_name(name))
    return f"./{printed}" if printed.startswith("-") else printed


@contextlib.contextmanager
def _as_file(
    name: str, content: bytes, suffixes: tuple[str, ...], what: str, most_mb: int | None = None
) -> Iterator[Path]:
    """The content as a temporary file; errors name it by the name of the upload."""
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
            if suffix in _COMPRESSED:
                _check_decompressed_size(path)
            yield path
        except InputError as error:
            # Users know the file by its name, and the grid by the labels on the page.
            value, allowed = (str(text).replace(str(path), name) for text in (error.value, error.allowed))
            raise InputError(_FIELDS.get(error.field, error.field), value, allowed) from None


def _check_decompressed_size(path: Path) -> None:
    size_bytes = unpacked_bytes(path) if is_classic(path) else unfolded_bytes(path, field="upload")
    if size_bytes > MAX_DECOMPRESSED_MB * 2**20:
        found = f"{path} that decompresses to {size_bytes / 2**20:.0f} MB"
        raise InputError("upload", found, f"at most {MAX_DECOMPRESSED_MB} MB in memory")
