"""StationXML of a wavefield: its sensors, their positions and what their channels measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.georeference import Georeference
from spectremor.core.version import VERSION
from spectremor.core.wavefield import check_wavefield, sampling_step_s
from spectremor.exchange.placing import origin_time_of, place_of
from spectremor.exchange.provenance import provenance
from spectremor.exchange.quantities import Quantity
from spectremor.exchange.stations import NETWORK, Station, channel_code, location_code, stations_of
from spectremor.exchange.times import parse_time
from spectremor.exchange.traces import check_network, realizations_of

if TYPE_CHECKING:
    from obspy.core.inventory import Channel, Inventory

_ORIENTATION = {"E": (90.0, 0.0), "N": (0.0, 0.0), "Z": (0.0, -90.0)}
_STATION_XML_UNITS = {"velocity": "M/S", "acceleration": "M/S**2", "displacement": "M"}


def to_inventory(
    field: xr.DataArray,
    place: Georeference | None,
    *,
    quantity: Quantity = "velocity",
    origin_time: str | None = None,
    network: str = NETWORK,
) -> Inventory:
    """An ObsPy inventory that matches `to_stream` id by id.

    Every channel has a flat response of gain 1, so that the traces are in the stated units and removing the response
    changes nothing. Each station's description states its local position. The inventory's date of creation is the
    origin time, so that the same field gives the same file.

    Args:
        field: wavefield.
        place: where the field lies on Earth; None: as its attributes record. StationXML requires a place.
        quantity: as in `to_stream`.
        origin_time: as in `to_stream`.
        network: as in `to_stream`.

    Raises:
        InputError: no place on Earth, not a wavefield, several samples, or a date or network that cannot be written.
    """
    waves = realizations_of(check_wavefield(field, name="field"))
    place = place_of(waves, place)
    if place is None:
        raise InputError("origin", "none", "longitude and latitude of the domain's south-west corner")
    inventory = need("obspy.core.inventory", "exchange")
    sampling_hz = round(1.0 / sampling_step_s(waves), 9)
    locations = [location_code(int(r)) for r in waves["realization"].values]
    origin = parse_time(origin_time_of(waves, origin_time))
    start = origin + float(waves["time"].values[0])
    stations = []
    for station in stations_of(waves, place):
        about = f"synthetic sensor at x = {station.x_m:.3f} m (East), y = {station.y_m:.3f} m (North)"
        depth_words = f"{-station.z_m:.3f} m deep" if station.z_m else "free surface"
        name_prefix = f"{station.name}: " if station.name != station.code else ""
        stations.append(
            inventory.Station(
                code=station.code,
                latitude=station.latitude_deg,
                longitude=station.longitude_deg,
                elevation=0.0,
                site=inventory.Site(name=f"{name_prefix}{depth_words}, {about}"),
                description=about,
                start_date=start,
                channels=[
                    _channel(station, component, location, quantity, sampling_hz, start)
                    for location in locations
                    for component in COMPONENTS
                ],
            )
        )
    about = inventory.Comment(provenance(field))
    one = inventory.Network(
        code=check_network(network), stations=stations, description="synthetic seismograms", comments=[about]
    )
    # Dated by the earthquake, not by the clock, so that the same field gives the same bytes.
    return inventory.Inventory(networks=[one], source=f"spectremor {VERSION}", created=origin)


def _channel(
    station: Station, component: str, location: str, quantity: Quantity, sampling_hz: float, start: Any
) -> Channel:
    inventory = need("obspy.core.inventory", "exchange")
    azimuth, dip = _ORIENTATION[component]
    units = _STATION_XML_UNITS[quantity]
    flat = inventory.Response.from_paz(
        zeros=[], poles=[], stage_gain=1.0, stage_gain_frequency=1.0, input_units=units, output_units=units
    )
    return inventory.Channel(
        code=channel_code(component, quantity, sampling_hz, station.north_azimuth_deg),
        location_code=location,
        latitude=station.latitude_deg,
        longitude=station.longitude_deg,
        elevation=0.0,
        depth=-station.z_m + 0.0,
        azimuth=azimuth if component == "Z" else (azimuth + station.north_azimuth_deg) % 360.0,
        dip=dip,
        sample_rate=sampling_hz,
        start_date=start,
        response=flat,
    )
