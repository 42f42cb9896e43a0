"""Place and origin time of a wavefield: those that it records, or those that the caller gives where it records none."""

from __future__ import annotations

import warnings

import xarray as xr

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.event import Event, event_of
from spectremor.core.georeference import Georeference
from spectremor.exchange.times import DEFAULT_ORIGIN_TIME, parse_time

#: Corners and azimuths nearer than this are the same: a centimetre on the ground.
_SAME_DEG = 1e-7
_SAME_S = 5e-4


def place_of(field: xr.DataArray, place: Georeference | None) -> Georeference | None:
    """The place that a wavefield records, or `place` where it records none; None where both are missing.

    Raises:
        InputError: the two differ.
    """
    return agreed_place(event_of(field.attrs), place)


def agreed_place(event: Event | None, place: Georeference | None) -> Georeference | None:
    """The place that an event records, or `place` where it records none.

    Raises:
        InputError: the two differ.
    """
    recorded = None if event is None else event.place
    if recorded is None or place is None:
        return place or recorded
    pairs = (
        ("origin.longitude", place.longitude_deg, recorded.longitude_deg),
        ("origin.latitude", place.latitude_deg, recorded.latitude_deg),
        ("origin.azimuth", place.azimuth_deg, recorded.azimuth_deg),
    )
    for name, given_deg, recorded_deg in pairs:
        if abs((given_deg - recorded_deg + 180.0) % 360.0 - 180.0) > _SAME_DEG:
            raise InputError(name, f"{given_deg:.9g} degrees", f"{recorded_deg:.9g} degrees, which its event records")
    if (place.crs or "").lower() != (recorded.crs or "").lower():
        raise InputError("crs", place.crs or "none", f"{recorded.crs or 'none'}, which its event records")
    return recorded


def origin_time_of(field: xr.DataArray, origin_time: str | None) -> str:
    """Date and time of t = 0: the one that a wavefield records, else `origin_time`, else 2000-01-01.

    Raises:
        InputError: the two differ, or one is no date.

    Warns:
        InputWarning: an event is recorded without its time, and `origin_time` is None.
    """
    return agreed_origin_time(event_of(field.attrs), origin_time)


def agreed_origin_time(event: Event | None, origin_time: str | None) -> str:
    """The origin time that an event records, else `origin_time`, else 2000-01-01.

    Raises:
        InputError: the two differ, or one is no date.

    Warns:
        InputWarning: an event without its time, and `origin_time` is None.
    """
    recorded = None if event is None else event.origin_time
    if recorded is None:
        if origin_time is None and event is not None and event.event_id is not None:
            warnings.warn(
                f"origin_time: event {event.event_id} records none; dated {DEFAULT_ORIGIN_TIME} (give the origin time)",
                InputWarning,
                stacklevel=3,
            )
        return DEFAULT_ORIGIN_TIME if origin_time is None else origin_time
    if origin_time is not None and abs(parse_time(origin_time) - parse_time(recorded)) > _SAME_S:
        raise InputError("origin_time", origin_time, f"{recorded}, which its event records")
    return recorded
