"""Wavefields as ObsPy streams: one trace per component, sensor and realization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.georeference import Georeference
from spectremor.core.wavefield import check_wavefield, sampling_step_s, with_realizations
from spectremor.exchange.placing import origin_time_of, place_of
from spectremor.exchange.quantities import Quantity, as_quantity
from spectremor.exchange.stations import NETWORK, Station, channel_code, location_code, stations_of
from spectremor.exchange.times import parse_time

if TYPE_CHECKING:
    from obspy import Stream, Trace


def to_stream(
    field: xr.DataArray,
    *,
    quantity: Quantity = "velocity",
    place: Georeference | None = None,
    origin_time: str | None = None,
    network: str = NETWORK,
) -> Stream:
    """An ObsPy stream with one trace per realization, sensor and component (E, N, Z).

    Ids are network.station.location.channel as in `stations.py`; realizations differ in the location code.
    `stats.spectremor` has quantity, units, the station's name, position in m and realization. `stats.coordinates` is
    for ObsPy's array methods: longitude, latitude and elevation in degrees and m where the field has a place on Earth,
    else x and y in km.

    Args:
        field: finite wavefield, dims ([realization,] component, x, y, time) or with station in place of x and y, m/s.
        quantity: velocity (m/s), acceleration (m/s2) or displacement (m).
        place: where the field lies on Earth; None: as its attributes record, if they do.
        origin_time: date and time of the earthquake, ISO 8601 (UTC); None: that of the field, else 2000-01-01.
        network: one or two characters.

    Raises:
        InputError: not a finite wavefield, several samples, a date or network that cannot be written, or a place or
            time other than the one that the field records.
    """
    waves = realizations_of(as_quantity(finite(field), quantity))
    place = place_of(waves, place)
    start = parse_time(origin_time_of(waves, origin_time)) + float(waves["time"].values[0])
    header = {
        "network": check_network(network),
        "starttime": start,
        "sampling_rate": round(1.0 / sampling_step_s(waves), 9),
    }
    stream = need("obspy", "exchange").Stream()
    values = np.ascontiguousarray(waves.values, dtype=np.float32)
    for realization, motion in zip(waves["realization"].values.tolist(), values, strict=True):
        for station in stations_of(waves, place):
            for k, component in enumerate(COMPONENTS):
                trace = _trace(motion[(k, *station.index)], header, station, component, quantity, realization)
                trace.stats.spectremor.units = waves.attrs["units"]
                stream.append(trace)
    return stream


def realizations_of(field: xr.DataArray) -> xr.DataArray:
    """The field with dims (realization, component, x, y, time), or station in place of x and y.

    Raises:
        InputError: several samples.
    """
    if "sample" in field.dims:
        if field.sizes["sample"] != 1:
            raise InputError("field", f"{field.sizes['sample']} samples", "one sample: select it before export")
        field = field.isel(sample=0, drop=True)
    return with_realizations(field)


def finite(field: xr.DataArray) -> xr.DataArray:
    """The checked wavefield; missing values are refused, since exchange formats cannot mark them.

    Raises:
        InputError: not a wavefield, or not finite.
    """
    check_wavefield(field, name="field")
    bad = int(np.size(field.values) - np.isfinite(field.values).sum())
    if bad:
        raise InputError("field", f"{bad} NaN or infinite values", "finite ground velocities")
    return field


def _trace(
    values: np.ndarray, header: dict, station: Station, component: str, quantity: Quantity, realization: int
) -> Trace:
    obspy = need("obspy", "exchange")
    trace = obspy.Trace(values, header=dict(header))
    trace.stats.station = station.code
    trace.stats.location = location_code(realization)
    trace.stats.channel = channel_code(component, quantity, trace.stats.sampling_rate, station.north_azimuth_deg)
    about = {
        "quantity": quantity,
        "name": station.name,
        "x_m": station.x_m,
        "y_m": station.y_m,
        "z_m": station.z_m,
        "realization": realization,
    }
    trace.stats.spectremor = obspy.core.AttribDict(about)
    where: dict[str, float | None]
    if station.longitude_deg is None:
        where = {"x": station.x_m / 1000.0, "y": station.y_m / 1000.0, "elevation": station.z_m}
    else:
        where = {"longitude": station.longitude_deg, "latitude": station.latitude_deg, "elevation": station.z_m}
    trace.stats.coordinates = obspy.core.AttribDict(where)
    return trace


def check_network(network: str) -> str:
    """A network code, in capitals.

    Raises:
        InputError: not one or two letters or digits.
    """
    if not (1 <= len(network) <= 2 and network.isalnum() and network.isascii()):
        raise InputError("network", network, "one or two letters or digits")
    return network.upper()
