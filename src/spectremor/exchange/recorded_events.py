"""The event of a folder of recordings: its origin time and its epicentre."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.reading import read_small_file
from spectremor.exchange.event_choice import referred
from spectremor.exchange.event_files import parse_quakeml
from spectremor.exchange.times import parse_time

_MOST_BYTES = 1 << 26
_ALLOWED = "ComCat's event.json (time, longitude, latitude), or QuakeML of one event"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordedEvent:
    """Origin time and epicentre of a recorded event.

    Attributes:
        event_id: id of the event in the file.
        origin_time: ISO 8601 (UTC).
        longitude_deg: longitude of the epicentre.
        latitude_deg: latitude of the epicentre.
    """

    event_id: str
    origin_time: str
    longitude_deg: float
    latitude_deg: float


def read_event_json(path: Path) -> RecordedEvent:
    """An event in ComCat's GeoJSON, or in gmprocess's short form (id, time, latitude, longitude).

    Raises:
        InputError: other JSON, or invalid numbers or times.
    """
    content = read_small_file(path, field="recordings", allowed=_ALLOWED, most_bytes=_MOST_BYTES)
    try:
        record = json.loads(content)
        if record.get("type") == "Feature":
            longitude, latitude = record["geometry"]["coordinates"][:2]
            seconds = float(record["properties"]["time"]) / 1000
            return _event(record["id"], _iso(seconds), longitude, latitude, path)
        return _event(record["id"], str(record["time"]), record["longitude"], record["latitude"], path)
    # OSError: a time outside the system's calendar; RecursionError: too many open brackets.
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("recordings", f"{path} (no event: {type(error).__name__})", _ALLOWED) from None


def event_of_quakeml(content: bytes, path: Path) -> RecordedEvent:
    """The only event of a QuakeML file, at its preferred origin.

    Raises:
        InputError: several events, or none with an origin.
    """
    catalog = parse_quakeml(content, str(path)).catalog
    origins = [
        referred(event.origins, event.preferred_origin_id) or (event.origins[0] if event.origins else None)
        for event in catalog
    ]
    if len(catalog) != 1 or origins[0] is None or origins[0].time is None:
        raise InputError("recordings", f"{path} with {len(catalog)} events", "one event, with an origin and its time")
    origin = origins[0]
    event_id = str(catalog[0].resource_id)
    return _event(event_id, str(origin.time), origin.longitude, origin.latitude, path)


def _event(event_id: Any, time: str, longitude: Any, latitude: Any, path: Path) -> RecordedEvent:
    lon, lat = float(longitude), float(latitude)
    if not (math.isfinite(lon) and -180 <= lon <= 180 and math.isfinite(lat) and -90 <= lat <= 90):
        raise InputError("recordings", f"{path}: epicentre at {lon:g}, {lat:g}", "longitude and latitude in degrees")
    text = time if time.endswith("Z") else time + "Z"
    return RecordedEvent(event_id=str(event_id), origin_time=str(parse_time(text)), longitude_deg=lon, latitude_deg=lat)


def _iso(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
