"""Corrected accelerograms in Volume 2 files (V2) of the California Strong Motion Instrumentation Program.

V2 files of the USGS are in COSMOS format: `recorded_cosmos`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from spectremor.core.errors import InputError
from spectremor.core.reading import read_small_file
from spectremor.exchange.number_words import Range, fixed_width_numbers, parsed_number, whole_number
from spectremor.exchange.recorded_stations import Channel, RecordedStation

_MOST_BYTES = 1 << 27
_ALLOWED = "a whole V2 file: for each channel a header and samples in cm/sec"
_SERIES = re.compile(
    r"^\s*(\d+) points of (accel|veloc|displ)\w* data equally spaced at\s+([\d.]+)\s*sec, in (\S+?)\.?\s*"
    r"\((\d+)f(\d+)\.\d+\)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(\d+\.\d*)\s*([NS])\s*,\s*(\d+\.\d*)\s*([EW])")
_START = re.compile(r"Start time:\s*(\d+)/(\d+)/(\d+),?\s+(\d+):\s*(\d+):\s*(\d*\.?\d+)\s*\(?(UTC|GMT|GPS)")
_CHANNEL = re.compile(r"Chan\s+(\d+):\s*(\w+)(?:\s+(Deg))?", re.IGNORECASE)
_BAND = re.compile(r"filtered with 3 dB pts at\s+(\d*\.?\d+)\s+and\s+(\d*\.?\d+)")
_NAME = re.compile(r"^\w+\.(\w{1,2})\.(\w{1,6})\.")
_NUMBER = re.compile(r"Station (?:No\.?|Id\.?)\s*(\w+)", re.IGNORECASE)
_VERTICAL_DIP_DEG = {"up": -90.0, "dn": 90.0, "down": 90.0, "vert": -90.0}
_STEP_S: Range = (1e-5, 10.0, "a time step in s, above 0")
#: Format of the numbers: name, group of `_SERIES`, and largest value for which a line has room.
_FORMAT = (("columns", 5, 100), ("width", 6, 100))
_MOST_SAMPLES = 10_000_000
#: Factors to m/s.
_UNITS = {"cm/sec": 0.01, "cm/s": 0.01, "m/s": 1.0, "m/sec": 1.0}


def is_v2(path: Path) -> bool:
    """Whether a file looks like a V2 file."""
    with path.open("rb") as stream:
        head = stream.read(8192)
    return b"orrected" in head.splitlines()[0] if head.strip() else False


def read_v2(path: Path) -> RecordedStation:
    """The station of a V2 file, with the file's velocities.

    Raises:
        InputError: a truncated file, another number of channels than three, or a place, time, direction or unit that
            is missing or unknown.
    """
    content = read_small_file(path, field="recordings", allowed=_ALLOWED, most_bytes=_MOST_BYTES)
    lines = content.decode("latin-1").splitlines()
    begins = [k for k, line in enumerate(lines) if line.lower().startswith("corrected accelerogram")]
    if len(begins) != 3:
        raise InputError(f"recordings.{path.name}", f"{len(begins)} channels", f"three; {_ALLOWED}")
    parts = [lines[start:end] for start, end in zip(begins, [*begins[1:], len(lines)], strict=True)]
    heads = ["\n".join(part[:46]) for part in parts]
    channels = [_channel(part, head, path) for part, head in zip(parts, heads, strict=True)]
    place = _required_match(_PLACE, heads[0], path, "a latitude and longitude such as 34.009N, 117.951W")
    latitude = float(place[1]) * (1 if place[2].upper() == "N" else -1)
    longitude = float(place[3]) * (1 if place[4].upper() == "E" else -1)
    return RecordedStation(
        name=_name(lines, heads[0], begins[0], path),
        longitude_deg=longitude,
        latitude_deg=latitude,
        depth_m=0.0,
        channels=(channels[0], channels[1], channels[2]),
    )


def _name(lines: list[str], head: str, begin: int, path: Path) -> str:
    for line in lines[begin : begin + 30]:
        code = _NAME.match(line.strip())
        if code is not None:
            return f"{code[1]}.{code[2]}"
    station_number = _NUMBER.search(head)
    return path.stem if station_number is None else station_number[1]


def _channel(part: list[str], head: str, path: Path) -> Channel:
    where = f"recordings.{path.name}"
    series = [(k, found) for k, line in enumerate(part) if (found := _SERIES.match(line)) is not None]
    velocity = next(((k, found) for k, found in series if found[2].lower() == "veloc"), None)
    if velocity is None:
        raise InputError(where, "a channel without velocities", _ALLOWED)
    line, found = velocity
    unit = found[4].lower().rstrip(".")
    if unit not in _UNITS:
        raise InputError(where, f"velocities in {unit}", ", ".join(_UNITS))
    chan = _required_match(_CHANNEL, head, path, "a channel such as Chan 1: 90 Deg, or Up")
    azimuth, dip = _direction(chan, path)
    band = _BAND.search(head)
    step_s = parsed_number(f"{where}.step", found[3], _STEP_S)
    samples, columns, width = (
        whole_number(f"{where}.{name}", found[k], most) for name, k, most in (("points", 1, _MOST_SAMPLES), *_FORMAT)
    )
    return Channel(
        code=f"Chan {chan[1]}",
        azimuth_deg=azimuth,
        dip_deg=dip,
        velocity_m_s=_UNITS[unit] * fixed_width_numbers(part[line + 1 :], samples, columns, width, where, _ALLOWED),
        start_s=_start_s(head, path),
        step_s=step_s,
        band_hz=(0.0, 0.5 / step_s) if band is None else (float(band[1]), min(float(band[2]), 0.5 / step_s)),
    )


def _direction(chan: re.Match[str], path: Path) -> tuple[float, float]:
    """Azimuth and dip in degrees."""
    if chan[3] is not None:
        try:
            return float(chan[2]) % 360.0, 0.0
        except ValueError:
            pass
    dip = _VERTICAL_DIP_DEG.get(chan[2].lower())
    if dip is None:
        raise InputError(f"recordings.{path.name}.channel {chan[1]}", chan[2], "degrees, Up or Down")
    return 0.0, dip


def _start_s(head: str, path: Path) -> float:
    found = _required_match(_START, head, path, "a start time such as 3/29/14, 04:09:34.0 UTC")
    month, day, year, hour, minute = (
        whole_number(f"recordings.{path.name}.start time", found[k], 9999) for k in range(1, 6)
    )
    if year < 100:
        year += 1900 if year > 50 else 2000
    seconds = float(found[6])
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() + seconds
    except ValueError:
        raise InputError(f"recordings.{path.name}.start time", found[0], "a date and time") from None


def _required_match(pattern: re.Pattern[str], head: str, path: Path, what: str) -> re.Match[str]:
    match = pattern.search(head)
    if match is None:
        raise InputError(f"recordings.{path.name}", "a header without it", what)
    return match
