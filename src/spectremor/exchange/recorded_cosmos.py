"""Corrected velocities in COSMOS format (version 1.20, 2001), the format of the USGS's Volume 2 files (V2c).

A file is a sequence of series; those of a station may be spread over several files. A series has 13 lines of text, a
header of whole numbers, one of real numbers, comments and samples, each after a line that states their number and
columns. Numbers of the headers count from 1 in the format's description, here from 0.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.reading import read_small_file
from spectremor.exchange.number_words import fixed_width_numbers
from spectremor.exchange.recorded_stations import Channel, RecordedStation

_MOST_BYTES = 1 << 27
_ALLOWED = "a whole COSMOS file of corrected motion (V2): for each series its headers and samples"
_TEXT_LINES = 13
_UNKNOWN = -999
_BLOCK = re.compile(r"^\s*(\d{1,8})\s.*Format\s*=\s*\((\d{1,2})[A-Z](\d{1,2})", re.IGNORECASE)
_COMMENTS = re.compile(r"^\s*(\d{1,4})\s+Comment", re.IGNORECASE)
_SCNL = re.compile(r"<SCNL>\s*(\w+)\.(\w+)\.(\w+)")
_CODE = re.compile(r"Code:\s*(\w{1,3})-(\w+)")
_START = re.compile(r"start time:.*?\d+:\s*\d+:\s*(\d*\.\d+)", re.IGNORECASE)
#: Indices in the header of whole numbers: kind of series, unit, (year, month, day, hour, minute), direction.
_QUANTITY, _UNIT, _TIME, _DIRECTION = 1, 2, (39, 41, 42, 43, 44), 53
#: Indices in the header of real numbers: place, seconds of the start, corners of the filter, time step in ms.
_LATITUDE, _LONGITUDE, _SECONDS, _LOW_HZ, _HIGH_HZ, _STEP_MS = 0, 1, 29, 53, 56, 61
_VELOCITY = 2
#: Factors to m/s, by the format's number of the unit.
_UNITS = {5: 0.01, 8: 0.0254}
_UP, _DOWN = 400, 401


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class CosmosChannel:
    """A series of one channel, and where it was recorded.

    Attributes:
        station: network.station.
        longitude_deg: east of Greenwich.
        latitude_deg: north of the equator.
        velocity: the channel with its velocities; None where the series holds accelerations or displacements.
    """

    station: str
    longitude_deg: float
    latitude_deg: float
    velocity: Channel | None


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class _Series:
    """The raw parts of a series in a file."""

    text: list[str]
    whole: np.ndarray
    real: np.ndarray
    comments: list[str]
    samples: np.ndarray


def is_cosmos(path: Path) -> bool:
    """Whether a file looks like corrected motion in COSMOS format."""
    with path.open("rb") as stream:
        first = stream.read(200).lstrip().split(b"\n")[0].lower()
    return first.startswith(b"corrected") and b"(format v" in first


def read_cosmos(path: Path) -> list[CosmosChannel]:
    """The series in a file.

    Raises:
        InputError: a truncated file, or a place, time, direction, step or unit that is missing or unknown.
    """
    content = read_small_file(path, field="recordings", allowed=_ALLOWED, most_bytes=_MOST_BYTES)
    lines = content.decode("latin-1").splitlines()
    where, channels, at = f"recordings.{path.name}", [], 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lower().lstrip().startswith("end-of-data"):
            at += 1
            continue
        series, at = _series(lines, at, where)
        channels.append(_channel(series, where))
    return channels


def stations_of_cosmos(channels: Sequence[CosmosChannel]) -> list[RecordedStation]:
    """The stations with velocities of three channels.

    Raises:
        InputError: velocities of more than three channels of a station.

    Warns:
        InputWarning: stations with fewer channels, which are left out.
    """
    stations = []
    for name in dict.fromkeys(channel.station for channel in channels):
        of_station = [(c, c.velocity) for c in channels if c.station == name and c.velocity is not None]
        if len(of_station) > 3:
            raise InputError(f"recordings.{name}", f"{len(of_station)} channels", "three: the motion of one point")
        if len(of_station) < 3:
            message = f"recordings: station {name} is left out: velocities of {len(of_station)} channels, not of three"
            warnings.warn(message, InputWarning, stacklevel=2)
            continue
        stations.append(
            RecordedStation(
                name=name,
                longitude_deg=of_station[0][0].longitude_deg,
                latitude_deg=of_station[0][0].latitude_deg,
                depth_m=0.0,
                channels=(of_station[0][1], of_station[1][1], of_station[2][1]),
            )
        )
    return stations


def _series(lines: list[str], at: int, where: str) -> tuple[_Series, int]:
    """The series that begins at a line, and the line after it."""
    text = lines[at : at + _TEXT_LINES]
    if "(format v" not in text[0].lower():
        raise InputError(where, text[0].strip()[:60], f"line {at + 1} to begin a series: {_ALLOWED}")
    whole_numbers, at = _block(lines, at + _TEXT_LINES, where)
    real, at = _block(lines, at, where)
    comment_count = _COMMENTS.match(lines[at]) if at < len(lines) else None
    if comment_count is None:
        raise InputError(where, "a series without a line of comments", _ALLOWED)
    comments = lines[at + 1 : at + 1 + int(comment_count[1])]
    samples, at = _block(lines, at + 1 + int(comment_count[1]), where)
    if len(whole_numbers) <= _DIRECTION or len(real) <= _STEP_MS:
        raise InputError(where, f"headers of {len(whole_numbers)} and {len(real)} numbers", "100 and 100")
    return _Series(text=text, whole=whole_numbers, real=real, comments=comments, samples=samples), at


def _block(lines: list[str], at: int, where: str) -> tuple[np.ndarray, int]:
    """The numbers of a block, in columns of fixed width that may touch each other, and the line after it."""
    block_head = _BLOCK.match(lines[at]) if at < len(lines) else None
    if block_head is None:
        raise InputError(where, "a line without a count and a format of numbers", _ALLOWED)
    count, columns, width = (int(block_head[k]) for k in (1, 2, 3))
    values = fixed_width_numbers(lines[at + 1 :], count, columns, width, where, f"{_ALLOWED}, line {at + 1} on")
    return values, at + 1 - (-count // max(columns, 1))


def _channel(series: _Series, where: str) -> CosmosChannel:
    latitude, longitude = (float(series.real[k]) for k in (_LATITUDE, _LONGITUDE))
    if not (abs(latitude) <= 90 and abs(longitude) <= 360):
        raise InputError(where, f"({latitude:g}, {longitude:g}) degrees", "a latitude and a longitude")
    is_velocity = int(series.whole[_QUANTITY]) == _VELOCITY
    return CosmosChannel(
        station=_name(series, where),
        longitude_deg=longitude,
        latitude_deg=latitude,
        velocity=_velocity(series, where) if is_velocity else None,
    )


def _velocity(series: _Series, where: str) -> Channel:
    unit, direction = int(series.whole[_UNIT]), int(series.whole[_DIRECTION])
    if unit not in _UNITS:
        raise InputError(where, f"velocities in unit {unit}", "5 (cm/s) or 8 (in/s)")
    if not (0 <= direction <= 360 or direction in (_UP, _DOWN)):
        raise InputError(where, f"direction {direction}", "0 to 360 degrees, 400 (up) or 401 (down)")
    dip_deg = {_UP: -90.0, _DOWN: 90.0}.get(direction, 0.0)
    step_s = 1e-3 * float(series.real[_STEP_MS])
    if step_s <= 0:
        raise InputError(where, f"{step_s:g} s between samples", "a step above 0")
    low_hz, high_hz = (float(series.real[k]) for k in (_LOW_HZ, _HIGH_HZ))
    nyquist_hz = 0.5 / step_s
    return Channel(
        code="up" if dip_deg < 0 else "down" if dip_deg else f"{direction} deg",
        azimuth_deg=0.0 if dip_deg else float(direction % 360),
        dip_deg=dip_deg,
        velocity_m_s=_UNITS[unit] * series.samples,
        start_s=_start_s(series, where),
        step_s=step_s,
        band_hz=(max(low_hz, 0.0), min(high_hz, nyquist_hz) if high_hz > 0 else nyquist_hz),
    )


def _name(series: _Series, where: str) -> str:
    scnl = next((found for line in series.comments if (found := _SCNL.search(line)) is not None), None)
    if scnl is not None:
        return f"{scnl[3]}.{scnl[1]}"
    code = _CODE.search("\n".join(series.text))
    if code is None:
        raise InputError(where, "no code of the station", "a line such as Code:CE-79435")
    return f"{code[1]}.{code[2]}"


def _start_s(series: _Series, where: str) -> float:
    """Start in s after 1970 (UTC), with the seconds of that of two places that states fractions of a second."""
    year, month, day, hour, minute = (int(series.whole[k]) for k in _TIME)
    seconds = float(series.real[_SECONDS])
    start = _START.search("\n".join(series.text))
    if start is not None and seconds != _UNKNOWN and abs(float(start[1]) - seconds) > 1:
        raise InputError(
            where, f"a start at {seconds:g} s and at {float(start[1]):g} s of the minute", "one of the two"
        )
    if start is not None and (seconds == _UNKNOWN or seconds == int(seconds)):
        seconds = float(start[1])
    try:
        if not 0 <= seconds < 61:
            raise ValueError
        return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() + seconds
    except (ValueError, OverflowError):
        found = f"{year}-{month}-{day} {hour}:{minute}:{seconds:g}"
        raise InputError(f"{where}.start time", found, "a date and time") from None
