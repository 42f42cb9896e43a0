"""A page's wavefield as a file to take along, in every format that `spectremor export` writes."""

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

#: Of spectral accelerations, in s; those that the wavefield holds are written.
PERIODS_S = (0.2, 0.3, 0.5, 1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class Format:
    """A way to take a wavefield along.

    Attributes:
        label: what a person calls it.
        about: what is in it.
        name: of the file.
        needs_place: it says where on Earth the sensors stand.
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
class Parcel:
    """A wavefield and how it is to be exported.

    Attributes:
        field: dims (realization, component, x, y, time), m/s.
        quantity: of seismograms.
        place: of the south-west corner on Earth; None: where the field says itself, if it does.
        origin_time: date and time of the earthquake; None: its own, if it has one.
    """

    field: xr.DataArray
    quantity: Quantity = "velocity"
    place: Georeference | None = None
    origin_time: str | None = None


def write_parcel(parcel: Parcel, kind: str, folder: Path) -> Path:
    """Write one format; several files, where a format has companions, become one zip archive.

    Raises:
        InputError: a format that needs a place on Earth without one, or what the format cannot hold.
    """
    made = FORMATS[kind]
    if made.needs_place and place_of(parcel.field, parcel.place) is None:
        raise InputError("place on Earth", "none", f"longitude and latitude of the south-west corner for {made.label}")
    path = folder / made.name
    written = _write(parcel, kind, path)
    if len(written) == 1:
        return written[0]
    archive = path.with_name(f"{path.stem}-{kind}.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in written:
            packed.write(file, file.name)
    return archive


def _write(parcel: Parcel, kind: str, path: Path) -> list[Path]:
    field, place, quantity, when = parcel.field, parcel.place, parcel.quantity, parcel.origin_time
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
class HasParcel(Protocol):
    """A page with something to take along."""

    def parcel(self) -> Parcel | None:
        """What it shows now; None where it shows nothing.

        Raises:
            InputError: a place or a time that is none.
        """


class Shelf:
    """The pages whose wavefields may be downloaded, each under a key that only its visitor knows."""

    def __init__(self) -> None:
        self._pages: weakref.WeakValueDictionary[str, HasParcel] = weakref.WeakValueDictionary()

    def put(self, page: HasParcel) -> str:
        """Offer what a page shows for as long as the page is there; returns the key."""
        key = secrets.token_hex(16)
        self._pages[key] = page
        return key

    @contextlib.asynccontextmanager
    async def file(self, key: str, kind: str) -> AsyncIterator[tuple[Path | None, str | None]]:
        """The file, made in a thread and there while the context lasts, or what is wrong, or neither: nothing there."""
        page = self._pages.get(key)
        if page is None or kind not in FORMATS:
            yield None, None
            return
        with temporary_folder() as folder:
            path = problem = None
            try:
                parcel = page.parcel()
                if parcel is not None:
                    path = await asyncio.to_thread(write_parcel, parcel, kind, folder)
            except InputError as error:
                problem = str(error)
            yield path, problem
