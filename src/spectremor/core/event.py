"""The earthquake that a source stands for: its id, its origin time, and where the local axes lie on Earth."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference

#: Attributes of a wavefield that hold an event: texts, and numbers in degrees.
_TEXTS = ("event_id", "origin_time", "event_choice", "corner_crs")
_DEGREES = ("corner_longitude_deg", "corner_latitude_deg", "corner_azimuth_deg")
#: All attributes of an event.
EVENT_ATTRS = (*_TEXTS, *_DEGREES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """Facts about an earthquake beside its point source; unknown ones are None.

    Attributes:
        event_id: public id in the catalogue that it was read from.
        origin_time: when the moment function begins: t = 0 of a wavefield, ISO 8601 (UTC).
        centroid_time: time of the centroid, where the catalogue states it instead of the origin time: 2 rise times
            later; ISO 8601 (UTC). Wavefields do not record it.
        choice: which origin, mechanism and magnitude of the file were chosen, in words.
        place: where the local axes lie on Earth.
    """

    event_id: str | None = None
    origin_time: str | None = None
    centroid_time: str | None = None
    choice: str | None = None
    place: Georeference | None = None

    def with_rise_time(self, rise_time_s: float) -> Event:
        """The event with its origin time set to 2 rise times before its centroid time.

        An event without a centroid time is returned unchanged.

        Example:
            >>> Event(centroid_time="2020-05-01T10:20:31.000000Z").with_rise_time(0.25).origin_time
            '2020-05-01T10:20:30.500000Z'
        """
        if self.centroid_time is None:
            return self
        begin = datetime.fromisoformat(self.centroid_time) - timedelta(seconds=2.0 * rise_time_s)
        return dataclasses.replace(self, origin_time=begin.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def event_attrs(event: Event) -> dict[str, Any]:
    """The event as flat attributes that NetCDF can hold."""
    attrs: dict[str, Any] = {
        "event_id": event.event_id,
        "origin_time": event.origin_time,
        "event_choice": event.choice,
    }
    if event.place is not None:
        attrs |= {
            "corner_longitude_deg": event.place.longitude_deg,
            "corner_latitude_deg": event.place.latitude_deg,
            "corner_azimuth_deg": event.place.azimuth_deg,
            "corner_crs": event.place.crs,
        }
    return {name: value for name, value in attrs.items() if value is not None}


def event_of(attrs: Mapping[Any, Any]) -> Event:
    """The event that a wavefield's attributes record.

    Raises:
        InputError: an attribute of the wrong type, or a longitude without a latitude (or the reverse).
    """
    texts = {name: _text(attrs, name) for name in _TEXTS}
    degrees = {name: _number(attrs, name) for name in _DEGREES}
    lon, lat, azimuth = degrees.values()
    if (lon is None) != (lat is None):
        missing = _DEGREES[0] if lon is None else _DEGREES[1]
        raise InputError(f"wavefield.attrs.{missing}", "nothing", "degrees, as the corner's other coordinate has")
    place = None
    if lon is not None and lat is not None:
        place = Georeference(longitude_deg=lon, latitude_deg=lat, azimuth_deg=azimuth or 0.0, crs=texts["corner_crs"])
    return Event(
        event_id=texts["event_id"], origin_time=texts["origin_time"], choice=texts["event_choice"], place=place
    )


def _text(attrs: Mapping[Any, Any], name: str) -> str | None:
    value = attrs.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"wavefield.attrs.{name}", value, "text")
    return value


def _number(attrs: Mapping[Any, Any], name: str) -> float | None:
    value = attrs.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"wavefield.attrs.{name}", value, "degrees")
    return number
