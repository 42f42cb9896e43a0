"""Downloads of a page's wavefield in every format that `spectremor export` writes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import weakref
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr

from spectremor import exchange
from spectremor.core.errors import InputError
from spectremor.core.files import temporary_folder
from spectremor.core.georeference import Georeference
from spectremor.core.wavefield import band_of
from spectremor.data.wavefield_files import write_wavefield
from spectremor.exchange.placing import place_of
from spectremor.exchange.quantities import Quantity
from spectremor.signal.response import usable_frequencies

#: Periods of spectral accelerations in s; those in the wavefield's usable band are written.
PERIODS_S = (0.2, 0.3, 0.5, 1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class Format:
    """A file format of a download.

    Attributes:
        label: name of the format on the page.
        about: what the file contains.
        name: name of the file.
        needs_place: whether it needs the location of the sensors on Earth.
    """

    label: str
    about: str
    name: str
    needs_place: bool = False


FORMATS = {
    "netcdf": Format("NetCDF", "the whole wavefield in m/s, for xarray and this project", "wavefield.nc"),
    "mseed": Format("miniSEED", "seismograms, with the sensors' positions", "wavefield.mseed"),
    "asdf": Format("ASDF", "seismograms, stations and event in one file", "wavefield.h5", needs_place=True),
    "openquake": Format("OpenQuake", "PGA, PGV and SA fields, with the sites", "field.csv", needs_place=True),
    "intensities": Format("CSV, measures", "RotD50 PGA, PGV, PGD and SA, Arias, CAV, duration", "intensities.csv"),
    "traces": Format("CSV, seismograms", "time and one column per channel", "traces.csv"),
}


@dataclasses.dataclass(frozen=True)
class ExportRequest:
    """A wavefield and how to export it.

    Attributes:
        field: dims (realization, component, x, y, time) or (realization, component, station, time), m/s.
        quantity: quantity of the seismograms.
        place: location of the south-west corner on Earth; None: that of the field's attributes, if any.
        origin_time: date and time of the earthquake; None: that of the field's attributes, if any.
    """

    field: xr.DataArray
    quantity: Quantity = "velocity"
    place: Georeference | None = None
    origin_time: str | None = None


def write_export(request: ExportRequest, kind: str, folder: Path) -> Path:
    """Write one format; if the format consists of several files, put them into one zip archive.

    Raises:
        InputError: the format needs a location on Earth and there is none, or cannot hold this wavefield.
    """
    format_ = FORMATS[kind]
    if format_.needs_place and place_of(request.field, request.place) is None:
        raise InputError(
            "place on Earth", "none", f"longitude and latitude of the south-west corner for {format_.label}"
        )
    path = folder / format_.name
    written = _write(request, kind, path)
    if len(written) == 1:
        return written[0]
    archive = path.with_name(f"{path.stem}-{kind}.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in written:
            packed.write(file, file.name)
    return archive


def _write(request: ExportRequest, kind: str, path: Path) -> list[Path]:
    field, place, quantity, when = (
        request.field,
        request.place,
        request.quantity,
        request.origin_time,
    )
    if kind == "mseed":
        return exchange.write_mseed(field, path, quantity=quantity, place=place, origin_time=when)
    if kind == "asdf":
        return exchange.write_asdf(field, path, place, quantity=quantity, origin_time=when)
    if kind == "openquake":
        return exchange.write_openquake(field, path, place, periods_s=periods_s(field))
    if kind == "intensities":
        return exchange.write_intensities(field, path, place=place, periods_s=periods_s(field))
    if kind == "traces":
        return exchange.write_traces(field, path, quantity=quantity, place=place)
    write_wavefield(field, path)
    return [path]


def periods_s(field: xr.DataArray) -> tuple[float, ...]:
    """Periods at which the wavefield holds usable motion; all of them where it holds none, which the file then says."""
    time_s = field["time"].values.astype(float)
    step_s, duration_s = float(time_s[1] - time_s[0]), float(time_s[-1] - time_s[0])
    low_hz, high_hz = band_of(field) or (0.0, 0.5 / step_s)
    usable = usable_frequencies(1 / np.array(PERIODS_S), (low_hz, min(high_hz, 0.5 / step_s)), duration_s)
    return tuple(t for t, good in zip(PERIODS_S, usable, strict=True) if good) or PERIODS_S


@runtime_checkable
class HasExport(Protocol):
    """A page whose wavefield can be downloaded."""

    def export_request(self) -> ExportRequest | None:
        """The wavefield that the page shows, and how to export it; None if it shows none.

        Raises:
            InputError: the place or the origin time is not valid.
        """


class Downloads:
    """The pages whose wavefields can be downloaded, each under a key that only its visitor knows."""

    def __init__(self) -> None:
        self._pages: weakref.WeakValueDictionary[str, HasExport] = weakref.WeakValueDictionary()

    def add(self, page: HasExport) -> str:
        """Add a page for as long as it exists; returns its key."""
        key = secrets.token_hex(16)
        self._pages[key] = page
        return key

    @contextlib.asynccontextmanager
    async def file(self, key: str, kind: str) -> AsyncIterator[tuple[Path | None, str | None]]:
        """Yield (path of the file, None), (None, error), or (None, None) if there is nothing to download.

        The file is written in a thread and exists as long as the context.
        """
        page = self._pages.get(key)
        if page is None or kind not in FORMATS:
            yield None, None
            return
        with temporary_folder() as folder:
            path = problem = None
            try:
                export_request = page.export_request()
                if export_request is not None:
                    path = await asyncio.to_thread(write_export, export_request, kind, folder)
            except InputError as error:
                problem = str(error)
            yield path, problem
