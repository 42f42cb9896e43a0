"""The simulations in a folder of published files, read one by one in the order of their numbers.

There are two forms. Machine-learning files (`sample<number>.h5`, v1 or v2) hold everything. v2's raw form has geologies
in `.npy` stacks (`materials0-1999.npy`, ...), sources in a csv, and each wavefield in an `.h5` file, plain or zipped by
100.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from spectremor.core.axes import HEMEW_BAND_HZ, HEMEW_SAMPLES, HEMEW_SAMPLING_HZ
from spectremor.core.errors import InputError
from spectremor.core.files import temporary_folder
from spectremor.core.reading import existing
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield, sampling_step_s
from spectremor.data.hdf5 import open_hdf5
from spectremor.data.published import (
    PublishedEvent,
    open_npy,
    read_event_h5,
    read_source_h5,
    read_wavefield_h5,
)
from spectremor.data.source_table import read_sources_csv
from spectremor.signal.filters import decimate

#: Published wavefield files have 10 to 20 MB; a much larger zip member is refused.
_MAX_MEMBER_BYTES = 256 << 20
#: First number of those v2 simulations of the database whose numbers do not start from 0.
_SECOND_RUN = 100_000


@dataclasses.dataclass(frozen=True)
class Entry:
    """One wavefield file: its number, and where it is (`member`: inside the zip archive at `path`)."""

    number: int
    path: Path
    member: str | None = None

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A path that HDF5 can open; a zip member is unpacked to a temporary file."""
        if self.member is None:
            yield self.path
            return
        with temporary_folder() as folder:
            unpacked = folder / "member.h5"
            try:
                with (
                    zipfile.ZipFile(self.path) as archive,
                    archive.open(self.member) as stream,
                    unpacked.open("wb") as target,
                ):
                    shutil.copyfileobj(stream, target)
            # RuntimeError: encrypted, or packed by a method that this Python does not support.
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
                raise InputError("import", f"{self.member} in {self.path} ({error})", "a whole zip archive") from None
            yield unpacked


@dataclasses.dataclass(frozen=True)
class PublishedFolder:
    """Simulations of one folder, read one at a time.

    Attributes:
        path: the folder.
        entries: wavefield files by increasing number.
        tables: geologies and sources of the raw form; None for machine-learning files.
    """

    path: Path
    entries: tuple[Entry, ...]
    tables: RawTables | None

    @classmethod
    def scan(
        cls, path: str | Path, geologies: Sequence[Path] = (), sources: Path | None = None, first: int | None = None
    ) -> PublishedFolder:
        """The simulations of a folder.

        Args:
            path: folder, or a single `.h5` file.
            geologies: the raw form's `.npy` stacks in order (default: those in the folder).
            sources: the raw form's csv (default: the one in the folder).
            first: number of the simulation with the first geology and source (default: 0, or 100000 when no number
                is below 100000).

        Raises:
            InputError: nothing to import, a number twice, or tables missing or ambiguous.
        """
        path = Path(path)
        entries = _entries(path)
        if not entries:
            raise InputError("import", f"{path} (no numbered .h5 file, plain or zipped)", "published HEMEW files")
        with entries[0].on_disk() as file:
            self_contained = _has_geology(file)
        tables = None if self_contained else RawTables.find(path, geologies, sources, first, entries[0].number)
        return cls(path, tuple(entries), tables)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the simulations, increasing."""
        return [entry.number for entry in self.entries]

    def read(self, position: int) -> PublishedEvent:
        """The simulation at a position of `entries`, in the machine-learning form (5 Hz, 50 Hz, first 6.4 s).

        Raises:
            InputError: something missing or damaged.
        """
        entry = self.entries[position]
        with entry.on_disk() as file:
            if self.tables is None:
                return read_event_h5(file)
            field = _to_learning_form(read_wavefield_h5(file))
        vs, source = self.tables.row(entry.number)
        return PublishedEvent(vs, source, field)

    def source(self, position: int) -> Source:
        """The source alone."""
        if self.tables is not None:
            return self.tables.row(self.entries[position].number)[1]
        with self.entries[position].on_disk() as file:
            return read_source_h5(file)


@dataclasses.dataclass(frozen=True)
class RawTables:
    """Geologies (memory-mapped) and sources of the raw form; row 0 belongs to simulation number `first`."""

    stacks: tuple[np.ndarray, ...]
    sources: tuple[Source, ...]
    first: int

    @classmethod
    def find(
        cls, path: Path, geologies: Sequence[Path], sources: Path | None, first: int | None, smallest: int
    ) -> RawTables:
        """The tables of a folder."""
        if path.is_file():
            raise InputError(
                "import", f"{path} (no geology inside)", "a machine-learning file, or the raw form's folder"
            )
        files = list(geologies) or sorted(path.rglob("*.npy"), key=lambda p: (_number(p.name), p.name))
        stacks = tuple(open_npy(f, field="geologies") for f in files)
        for file, stack in zip(files, stacks, strict=True):
            if stack.ndim != 4:
                raise InputError("geologies", f"{file} of shape {stack.shape}", "a stack (geology, x, y, z)")
        if not stacks:
            raise InputError("geologies", f"none in {path}", ".npy stacks (geology, x, y, z)")
        if sources is None:
            tables = sorted(path.rglob("*.csv"))
            if len(tables) != 1:
                raise InputError("sources", f"{len(tables)} csv files in {path}", "one, or name it with --sources")
            sources = tables[0]
        start = first if first is not None else _SECOND_RUN if smallest >= _SECOND_RUN else 0
        return cls(stacks, tuple(read_sources_csv(sources)), start)

    def row(self, number: int) -> tuple[np.ndarray, Source]:
        """Geology and source of a simulation.

        Raises:
            InputError: the tables do not reach that far.
        """
        row = number - self.first
        count = min(sum(len(s) for s in self.stacks), len(self.sources))
        if not 0 <= row < count:
            raise InputError(
                "import", f"simulation {number}", f"{self.first} to {self.first + count - 1}, the tables' rows"
            )
        source = self.sources[row]
        for stack in self.stacks:
            if row < len(stack):
                return np.ascontiguousarray(stack[row], dtype=np.float32), source
            row -= len(stack)
        raise AssertionError("unreachable: the row was counted above")


def _entries(path: Path) -> list[Entry]:
    existing(path, field="import", allowed="published HEMEW files", kind="file or folder")
    if path.is_file():
        files = [path]
    else:
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".h5", ".hdf5", ".zip"))
    entries = [e for file in files for e in (_members(file) if file.suffix.lower() == ".zip" else [_plain(file)]) if e]
    entries.sort(key=lambda e: e.number)
    for one, two in itertools.pairwise(entries):
        if one.number == two.number:
            raise InputError("import", f"number {one.number} twice: {one.path} and {two.path}", "each number once")
    return entries


def _plain(file: Path) -> Entry | None:
    number = _number(file.name)
    return None if number < 0 else Entry(number, file)


def _members(archive: Path) -> list[Entry]:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if m.filename.lower().endswith((".h5", ".hdf5"))]
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise InputError("import", f"{archive} ({error})", "a whole zip archive") from None
    for member in members:
        if member.file_size > _MAX_MEMBER_BYTES:
            raise InputError("import", f"{member.filename} of {member.file_size} bytes", f"{_MAX_MEMBER_BYTES} at most")
        # With other methods a few kB can unpack to GB at once; which ones Python supports depends on its build.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            packed = f"{member.filename} in {archive} (packed by method {member.compress_type})"
            raise InputError("import", packed, "a whole zip archive, its files stored or deflated")
    entries = [Entry(_number(Path(m.filename).name), archive, m.filename) for m in members]
    return [entry for entry in entries if entry.number >= 0]


def _number(name: str) -> int:
    """The first number in a file's name that is no version (v2) and no dimension (3D); -1 when there is none."""
    digits = re.findall(r"(?<!\d)\d{1,18}(?!\d|[dD])", re.sub(r"(?i)(?<![a-z])v\d+", "", Path(name).stem))
    return int(digits[0]) if digits else -1


def _has_geology(file: Path) -> bool:
    with open_hdf5(file, field="import") as opened:
        return isinstance(opened.get("a", getlink=True), h5py.HardLink)


def _to_learning_form(field: xr.DataArray) -> xr.DataArray:
    """8 s at 100 Hz to 6.4 s at 50 Hz, low-passed at 5 Hz: the published preprocessing."""
    step = sampling_step_s(field)
    factor = round(1.0 / (step * HEMEW_SAMPLING_HZ))
    traces = field.values
    if factor > 1:
        traces = decimate(traces.astype(float), step, factor, HEMEW_BAND_HZ)
    if traces.shape[-1] < HEMEW_SAMPLES:
        raise InputError("import", f"{traces.shape[-1] / HEMEW_SAMPLING_HZ:g} s of motion", "6.4 s or more")
    return make_wavefield(
        traces[..., :HEMEW_SAMPLES].astype(np.float32),
        x_m=field["x"].values,
        y_m=field["y"].values,
        time_s=field["time"].values[::factor][:HEMEW_SAMPLES],
        band_hz=(0.0, HEMEW_BAND_HZ),
    )
