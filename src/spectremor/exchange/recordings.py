"""Recorded ground motion as a wavefield at stations, for comparison with simulated motion."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.event import Event, event_attrs
from spectremor.core.georeference import Georeference
from spectremor.core.reading import existing_folder, read_small_file
from spectremor.core.recording import Stations
from spectremor.core.wavefield import make_station_wavefield
from spectremor.exchange.recorded_cosmos import CosmosChannel, is_cosmos, read_cosmos, stations_of_cosmos
from spectremor.exchange.recorded_events import RecordedEvent, event_of_quakeml, read_event_json
from spectremor.exchange.recorded_stations import RecordedStation
from spectremor.exchange.recorded_streams import Raw, nothing, read_asdf, read_mseed, stations_of_raw
from spectremor.exchange.recorded_v2 import is_v2, read_v2
from spectremor.exchange.station_lists import inventory_of, metres_from_corner
from spectremor.exchange.times import parse_time

_ALLOWED = "a folder with miniSEED and StationXML, ASDF, or V2 files of one earthquake"
#: Largest XML file; StationXML and QuakeML of one earthquake are far smaller.
_MOST_XML_BYTES = 1 << 28


def read_recordings(
    folder: str | Path,
    corner: Georeference | None = None,
    *,
    origin_time: str | None = None,
    sampling_hz: float | None = None,
    window_s: tuple[float, float] | None = None,
    lowest_hz: float = 0.1,
) -> xr.DataArray:
    """The records of one earthquake at stations, as a wavefield in m/s.

    The folder holds raw waveforms (miniSEED with StationXML, or ASDF), whose response is removed through ObsPy, or
    corrected velocities (V2 files, also in COSMOS format), or both; and, where it is needed, the event (ComCat's or
    gmprocess's `event.json`, or QuakeML). Of several instruments at a station the accelerometer is used. Components
    are turned to East, North and up, or to the domain's x, y and up where its axes are turned.

    Args:
        folder: folder with the records of one earthquake.
        corner: where the domain's corner lies on Earth; None: positions count from the epicentre of the folder's event.
        origin_time: origin time of the earthquake, ISO 8601 (UTC); None: that of the folder's event.
        sampling_hz: sampling rate of the result; None: the lowest of the records.
        window_s: (from, to) in s after the origin time; None: all times that the records have in common.
        lowest_hz: motion of raw records below it is unreliable and is removed together with the response.

    Returns:
        DataArray `velocity`, dims (component, station, time), m/s; station names are network.station, x, y (and z
        below the surface) their positions in m; times in s after the origin time. Its attributes record the usable
        band, the corner, the event and the origin time.

    Raises:
        InputError: no folder or no record; a channel without response or in an unknown unit; NaN; horizontals that are
            not at right angles; no times in common, or none in the window; no origin time; stations far from the
            corner.
        MissingExtraError: ObsPy or pyasdf is not installed.

    Warns:
        InputWarning: stations that are left out (gaps, fewer than three channels, a record that does not cover the
            window), clipped records, and records that shorten the others.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> import spectremor as sp
        >>> from spectremor.core.wavefield import make_wavefield
        >>> from spectremor.exchange import write_asdf
        >>> time_s = np.arange(1000) / 50
        >>> pulse = np.exp(-(((time_s - 10) / 2) ** 2)) * np.sin(2 * np.pi * time_s)
        >>> moved = np.broadcast_to(pulse, (3, 1, 1, 1000)) * 0.01
        >>> field = make_wavefield(moved, x_m=np.array([0.0]), y_m=np.array([0.0]), time_s=time_s)
        >>> corner = sp.Georeference(longitude_deg=13.26, latitude_deg=42.29)
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = write_asdf(field, folder / "records.h5", corner, origin_time="2024-01-31T12:00:00Z")
        >>> records = sp.read_recordings(folder, corner, origin_time="2024-01-31T12:00:00Z")
        >>> records.dims, records.station.values.tolist()
        (('component', 'station', 'time'), ['SY.S0000'])
    """
    path = existing_folder(folder, field="recordings", allowed=_ALLOWED)
    _check_choices(sampling_hz, window_s, lowest_hz)
    stations, event = _read(path, lowest_hz)
    if not stations:
        raise InputError("recordings", f"{path} (no record of three components)", _ALLOWED)
    place, recorded_event = _place(corner, origin_time, event)
    origin_s = float(parse_time(recorded_event.origin_time or "").timestamp)
    rate_hz = sampling_hz or min(1.0 / channel.step_s for station in stations for channel in station.channels)
    stations, times_s = _common_times(stations, origin_s, rate_hz, window_s)
    where = metres_from_corner(
        [s.name for s in stations],
        np.array([s.longitude_deg for s in stations]),
        np.array([s.latitude_deg for s in stations]),
        np.array([-s.depth_m for s in stations]),
        place,
    )
    return _wavefield(stations, where, times_s, origin_s, rate_hz, recorded_event)


def _check_choices(sampling_hz: float | None, window_s: tuple[float, float] | None, lowest_hz: float) -> None:
    if sampling_hz is not None and not (math.isfinite(sampling_hz) and 0 < sampling_hz <= 1000):
        raise InputError("recordings.sampling_hz", sampling_hz, "(0, 1000] samples per second")
    if window_s is not None and not (all(map(math.isfinite, window_s)) and window_s[0] < window_s[1]):
        raise InputError("recordings.window_s", window_s, "(from, to) in s after the origin time, from before to")
    if not (math.isfinite(lowest_hz) and 0 < lowest_hz <= 1):
        raise InputError("recordings.lowest_hz", lowest_hz, "(0, 1] Hz")


def _read(folder: Path, lowest_hz: float) -> tuple[list[RecordedStation], RecordedEvent | None]:
    """The stations sorted by name, and the event of the folder."""
    stations: list[RecordedStation] = []
    events: list[RecordedEvent] = []
    series: list[CosmosChannel] = []
    raw = nothing()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        content = _reader(path)(path)
        if isinstance(content, RecordedStation):
            stations.append(content)
        elif isinstance(content, RecordedEvent):
            events.append(content)
        elif isinstance(content, list):
            series += content
        elif content is not None:
            raw = raw + content
    if len(events) > 1:
        raise InputError("recordings", f"{folder} with {len(events)} events", "one event")
    stations += [*stations_of_raw(raw, lowest_hz), *stations_of_cosmos(series)]
    names = [station.name for station in stations]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError("recordings", f"{twice} in several files", "one record of each station")
    return sorted(stations, key=lambda station: station.name), events[0] if events else None


def _reader(path: Path) -> Callable[[Path], Any]:
    """The function that reads a file, chosen by the file's content; for files of other kinds it returns None."""
    with path.open("rb") as stream:
        head = stream.read(512)
    if len(head) > 6 and head[:6].isdigit() and head[6:7] in b"DRQM":
        return read_mseed
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_asdf
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_xml
    if path.name == "event.json":
        return read_event_json
    if is_cosmos(path):
        return read_cosmos
    return read_v2 if is_v2(path) else lambda _: None


def _read_xml(path: Path) -> Raw | RecordedEvent | None:
    content = read_small_file(path, field="recordings", allowed=_ALLOWED, most_bytes=_MOST_XML_BYTES)
    if b"quakeml" in content[:2000].lower():
        return event_of_quakeml(content, path)
    if b"FDSNStationXML" not in content[:2000]:
        return None
    return Raw(nothing().stream, inventory_of(content, path, field="recordings", allowed="StationXML"))


def _place(
    corner: Georeference | None, origin_time: str | None, event: RecordedEvent | None
) -> tuple[Georeference, Event]:
    if event is None and (corner is None or origin_time is None):
        missing = "an origin time" if corner is not None else "a corner and an origin time"
        raise InputError("recordings", "no event.json or QuakeML in the folder", f"one, or {missing}")
    if corner is None:
        assert event is not None
        corner = Georeference(longitude_deg=event.longitude_deg, latitude_deg=event.latitude_deg)
    time = origin_time if event is None else origin_time or event.origin_time
    assert time is not None
    return corner, Event(
        event_id=None if event is None else event.event_id, origin_time=str(parse_time(time)), place=corner
    )


def _common_times(
    stations: Sequence[RecordedStation], origin_s: float, rate_hz: float, window_s: tuple[float, float] | None
) -> tuple[list[RecordedStation], np.ndarray]:
    """The stations that cover the times, and the times in s after the origin time: multiples of the time step."""
    spans = {s.name: (s.start_s - origin_s, s.end_s - origin_s) for s in stations}
    slack = 1e-6
    if window_s is None:
        first, last = max(start for start, _ in spans.values()), min(end for _, end in spans.values())
        covering = list(stations)
        _warn_of_short(spans, first, last)
    else:
        first, last = window_s
        covering = [s for s in stations if spans[s.name][0] <= first + slack and spans[s.name][1] >= last - slack]
        for station in stations:
            if station not in covering:
                start, end = spans[station.name]
                _warn(f"recordings: station {station.name} is left out: it recorded from {start:.2f} to {end:.2f} s")
    low, high = math.ceil((first - slack) * rate_hz), math.floor((last + slack) * rate_hz)
    if high - low < 16 or not covering:
        spans_found = "; ".join(f"{name} {start:.2f} to {end:.2f} s" for name, (start, end) in list(spans.items())[:6])
        allowed = "records with times in common" if window_s is None else f"records from {first:g} to {last:g} s"
        raise InputError("recordings", spans_found, f"{allowed}, in s after the origin time")
    return covering, np.arange(low, high + 1) / rate_hz


def _warn_of_short(spans: dict[str, tuple[float, float]], first: float, last: float) -> None:
    lengths = {name: end - start for name, (start, end) in spans.items()}
    longest = max(lengths.values())
    for name, length in lengths.items():
        if length < 0.5 * longest and last > first:
            start, end = spans[name]
            _warn(
                f"recordings: all are cut to what {name} has in common with them, which has {start:.2f} to {end:.2f} s"
            )


def _wavefield(
    stations: Sequence[RecordedStation],
    where: Stations,
    times_s: np.ndarray,
    origin_s: float,
    rate_hz: float,
    event: Event,
) -> xr.DataArray:
    assert event.place is not None
    azimuths = event.place.north_azimuth_deg(where.x_m, where.y_m)
    velocity = np.stack([s.enz(origin_s + times_s, float(a)) for s, a in zip(stations, azimuths, strict=True)], axis=1)
    low_hz = max(station.band_hz[0] for station in stations)
    high_hz = min(min(station.band_hz[1] for station in stations), 0.4 * rate_hz)
    return make_station_wavefield(
        velocity,
        stations=where,
        time_s=times_s,
        band_hz=(low_hz, high_hz),
        attrs={"origin": "recorded", **event_attrs(event)},
    )


def _warn(message: str) -> None:
    warnings.warn(message, InputWarning, stacklevel=2)
