"""Waveform files: miniSEED with StationXML and QuakeML beside it, and ASDF with all three in one."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from spectremor.core.extras import need
from spectremor.core.files import atomic_file, atomic_files
from spectremor.core.wavefield import source_of
from spectremor.exchange.companions import companions
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.quakeml import to_catalog
from spectremor.exchange.quantities import Quantity
from spectremor.exchange.tables import write_sensor_table
from spectremor.exchange.traces import DEFAULT_ORIGIN_TIME, finite, to_stream

ASDF_TAG = "synthetic"


def write_mseed(
    field: xr.DataArray,
    path: str | Path,
    *,
    quantity: Quantity = "velocity",
    place: Georeference | None = None,
    origin_time: str = DEFAULT_ORIGIN_TIME,
) -> list[Path]:
    """Write a miniSEED file (32-bit floats), and beside it a table of the sensors.

    With a place on Earth there are also StationXML (`.stations.xml`) and, where the field records its source, QuakeML
    (`.event.xml`). All appear, or none; what stands there already is replaced.

    Returns:
        The files written.

    Raises:
        InputError: not a finite wavefield, options that `to_stream` refuses, or a path that is no file's.
    """
    path = Path(path)
    field, source = finite(field), source_of(field)
    stream = to_stream(field, quantity=quantity, place=place, origin_time=origin_time)
    beside = companions(path, "mseed", placed=place is not None, source=source is not None)
    with atomic_files([*beside.values(), path]) as asides:
        aside = dict(zip([*beside, "waveforms"], asides, strict=True))
        with aside["waveforms"].open("wb") as out:
            stream.write(out, format="MSEED", encoding="FLOAT32", reclen=512)
        write_sensor_table(field, aside["sensors"], place)
        if "stations" in aside:
            inventory = to_inventory(field, place, quantity=quantity, origin_time=origin_time)
            inventory.write(str(aside["stations"]), format="STATIONXML")
        if "event" in aside and source is not None and place is not None:
            to_catalog(source, place, origin_time=origin_time).write(str(aside["event"]), format="QUAKEML")
    return [path, *beside.values()]


def write_asdf(
    field: xr.DataArray,
    path: str | Path,
    place: Georeference | None,
    *,
    quantity: Quantity = "velocity",
    origin_time: str = DEFAULT_ORIGIN_TIME,
) -> list[Path]:
    """Write an ASDF file (Krischer et al. 2016, doi:10.1093/gji/ggw319): waveforms, stations and event in one.

    Waveforms carry the tag `synthetic`, and the event's id where the field records its source.

    Returns:
        The file written.

    Raises:
        InputError: not a finite wavefield, no place on Earth, or options that `to_stream` refuses.
    """
    path = Path(path)
    field, source = finite(field), source_of(field)
    inventory = to_inventory(field, place, quantity=quantity, origin_time=origin_time)
    stream = to_stream(field, quantity=quantity, place=place, origin_time=origin_time)
    pyasdf = need("pyasdf", "exchange")
    with atomic_file(path) as aside, pyasdf.ASDFDataSet(str(aside), mode="w", mpi=False) as store:
        event = None
        if source is not None and place is not None:
            catalog = to_catalog(source, place, origin_time=origin_time)
            store.add_quakeml(catalog)
            event = catalog[0].resource_id
        store.add_stationxml(inventory)
        store.add_waveforms(stream, tag=ASDF_TAG, event_id=event)
    return [path]
