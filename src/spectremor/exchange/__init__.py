"""Import and export: miniSEED, ASDF, QuakeML, ruptures, stations, OpenQuake, CSV, places on Earth."""

from spectremor.core.georeference import Georeference
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.quakeml import read_source, to_catalog, write_source
from spectremor.exchange.quantities import as_quantity
from spectremor.exchange.ruptures import read_rupture
from spectremor.exchange.station_lists import read_stations
from spectremor.exchange.tables import write_intensities, write_traces
from spectremor.exchange.traces import to_stream
from spectremor.exchange.waveform_files import write_asdf, write_mseed

__all__ = [
    "Georeference",
    "as_quantity",
    "read_rupture",
    "read_source",
    "read_stations",
    "to_catalog",
    "to_inventory",
    "to_stream",
    "write_asdf",
    "write_intensities",
    "write_mseed",
    "write_openquake",
    "write_source",
    "write_traces",
]
