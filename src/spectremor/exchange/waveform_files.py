"""Waveform files: miniSEED with StationXML and QuakeML beside it, and ASDF with all three in one."""

from __future__ import annotations

import copy
import errno
import io
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from spectremor.core.extras import need
from spectremor.core.files import atomic_file, atomic_files
from spectremor.core.georeference import Georeference
from spectremor.core.wavefield import source_of
from spectremor.exchange.companions import companions, refuse_stale
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.placing import origin_time_of, place_of
from spectremor.exchange.provenance import provenance
from spectremor.exchange.quakeml import to_catalog
from spectremor.exchange.quantities import Quantity
from spectremor.exchange.tables import write_sensor_table
from spectremor.exchange.traces import finite, to_stream

if TYPE_CHECKING:
    from obspy import Stream
    from obspy.core.inventory import Inventory

ASDF_TAG = "synthetic"
_RECORD_BYTES = 512
#: Bytes of an ASDF file beside the samples: for each trace (with its share of StationXML), and for the whole file.
_ASDF_TRACE_BYTES, _ASDF_BYTES = 8000, 1 << 20


def write_mseed(
    field: xr.DataArray,
    path: str | Path,
    *,
    quantity: Quantity = "velocity",
    place: Georeference | None = None,
    origin_time: str | None = None,
) -> list[Path]:
    """Write a miniSEED file (32-bit floats), and beside it a table of the sensors.

    With a place on Earth there are also StationXML (`.stations.xml`) and, where the field records its source, QuakeML
    (`.event.xml`). Either all files appear or none; existing ones are replaced.

    Returns:
        The files written.

    Raises:
        InputError: not a finite wavefield, options that `to_stream` refuses (a place or time other than the ones that
            the field records), or a path that no file can have.
    """
    path = Path(path)
    field, source = finite(field), source_of(field)
    place, origin_time = place_of(field, place), origin_time_of(field, origin_time)
    stream = to_stream(field, quantity=quantity, place=place, origin_time=origin_time)
    beside = companions(path, "mseed", placed=place is not None, source=source is not None)
    refuse_stale(path, beside)
    with atomic_files([*beside.values(), path]) as asides:
        aside = dict(zip([*beside, "waveforms"], asides, strict=True))
        aside["waveforms"].write_bytes(_packed(stream))
        write_sensor_table(field, aside["sensors"], place)
        if "stations" in aside:
            inventory = to_inventory(field, place, quantity=quantity, origin_time=origin_time)
            inventory.write(str(aside["stations"]), format="STATIONXML")
        if "event" in aside and source is not None and place is not None:
            catalog = to_catalog(source, place, origin_time=origin_time, about=provenance(field))
            catalog.write(str(aside["event"]), format="QUAKEML")
    return [path, *beside.values()]


def _packed(stream: Stream) -> bytes:
    """The stream as miniSEED.

    ObsPy writes from within a C callback, in which an interruption or a full disk goes unnoticed and a record is lost.
    So it writes to memory, and on a separate thread: interruptions reach the main thread only.
    """
    buffer = io.BytesIO()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(stream.write, buffer, format="MSEED", encoding="FLOAT32", reclen=_RECORD_BYTES).result()
    return buffer.getvalue()


def _check_room(stream: Stream, path: Path) -> None:
    """Refuse to write to a disk without enough free bytes: HDF5 may crash when a disk becomes full."""
    needed = sum(trace.data.nbytes + _ASDF_TRACE_BYTES for trace in stream) + _ASDF_BYTES
    if shutil.disk_usage(path.resolve().parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _by_station(inventory: Inventory) -> Iterator[Inventory]:
    """An inventory for each station; pyasdf would write several at once in an order that changes from run to run."""
    for network in inventory:
        for station in network:
            single = copy.copy(network)
            single.stations = [station]
            yield type(inventory)(networks=[single], source=inventory.source, created=inventory.created)


def write_asdf(
    field: xr.DataArray,
    path: str | Path,
    place: Georeference | None,
    *,
    quantity: Quantity = "velocity",
    origin_time: str | None = None,
) -> list[Path]:
    """Write an ASDF file (Krischer et al. 2016, doi:10.1093/gji/ggw319): waveforms, stations and event in one.

    Waveforms have the tag `synthetic`, and the event's id where the field records its source. The same field gives the
    same bytes, with the same versions of the libraries.

    Returns:
        The file written.

    Raises:
        InputError: not a finite wavefield, no place on Earth, or options that `to_stream` refuses.
    """
    path = Path(path)
    field, source = finite(field), source_of(field)
    place, origin_time = place_of(field, place), origin_time_of(field, origin_time)
    inventory = to_inventory(field, place, quantity=quantity, origin_time=origin_time)
    stream = to_stream(field, quantity=quantity, place=place, origin_time=origin_time)
    pyasdf = need("pyasdf", "exchange")
    _check_room(stream, path)
    with atomic_file(path) as aside, pyasdf.ASDFDataSet(str(aside), mode="w", mpi=False) as store:
        event = None
        if source is not None and place is not None:
            catalog = to_catalog(source, place, origin_time=origin_time, about=provenance(field))
            # `add_quakeml` would give the catalogue a random id.
            store.events = catalog
            event = catalog[0].resource_id
        for one in _by_station(inventory):
            store.add_stationxml(one)
        store.add_waveforms(stream, tag=ASDF_TAG, event_id=event)
    return [path]
