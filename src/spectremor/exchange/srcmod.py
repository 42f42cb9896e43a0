"""The `.fsp` files of SRCMOD, the database of finite-source rupture models (Mai & Thingbaijam 2014).

Lines that begin with % are the header: `name = value` pairs, the layers of the ground, the segments, and the names of
the columns. Rows hold latitude, longitude, x, y, z (km), slip (m) and, where the model has them, rake, start TRUP (s),
RISE (s) and moment SF_MOMENT (N m). A value of 999 means that it is missing. The slip rate is a triangle of duration
RISE, or a box car where the header says so.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.source import mw_from_moment
from spectremor.exchange.number_words import ANY, Range, columns_of, parsed_number
from spectremor.exchange.subfaults import DIP, LATITUDE, LONGITUDE, Slip

#: A name and its value; the name begins after a character that no name contains.
_PAIR = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_]{0,20})\s{0,9}=\s{0,9}([-+]?[\d.,]+(?:[eE][-+]?\d+)?)")
_RANGES: dict[str, Range] = {"LAT": LATITUDE, "LON": LONGITUDE, "DIP": DIP}
_MISSING = 999.0
_MOST_COLUMNS = 100
#: Largest difference between the header's Mw and that of the rows; a larger one means another unit of slip or moments.
_SAME_MW = 1.0
#: Number of samples of a box car.
_BOX_SAMPLES = 40


@dataclasses.dataclass
class _Segment:
    """One segment: the line where it begins, the values of its header, its column names and its numbered rows."""

    line: int
    values: dict[str, float]
    names: list[str] = dataclasses.field(default_factory=list)
    rows: list[tuple[int, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class _Layer:
    top_km: float
    rigidity_pa: float


def read_fsp(text: str) -> list[Slip]:
    """The slips of an `.fsp` file.

    Raises:
        InputError: a quantity that the motion needs is missing, a value is not allowed, or rows are missing.
    """
    lines = list(enumerate(text.splitlines(), start=1))
    head, segments = _parts(lines)
    layers = _layers(lines)
    is_top_edge = any("coordinates are given" in line.lower() and "top" in line.lower() for _, line in lines)
    is_box_car = any("SVF" in line and "box" in line.lower() for _, line in lines)
    slips: list[Slip] = []
    for segment in segments:
        slips += _slips(segment, head, layers, (is_top_edge, is_box_car), len(slips))
    _check_magnitude(head, slips)
    return slips


def _check_magnitude(head: Mapping[str, float], slips: list[Slip]) -> None:
    """Refuse slips whose total moment contradicts the header's magnitude."""
    moments = [s.known_moment_nm for s in slips]
    known_moments = [m for m in moments if m is not None]
    if "MW" not in head or not known_moments or len(known_moments) < len(moments):
        return
    mw = mw_from_moment(sum(known_moments))
    if abs(mw - head["MW"]) > _SAME_MW:
        found = f"Mw = {head['MW']:g} in the header and Mw {mw:.2f} by the rows"
        raise InputError("fsp moment", found, "the same: SLIP in m, SF_MOMENT in N m (1 dyn cm is 1e-7 N m)")


def _parts(lines: list[tuple[int, str]]) -> tuple[dict[str, float], list[_Segment]]:
    """Values of the file's header, and its segments; a file without segment headers has one segment."""
    head: dict[str, float] = {}
    segments: list[_Segment] = []
    for number, line in lines:
        if not line.lstrip().startswith("%"):
            if line.strip():
                if not segments or not segments[-1].names:
                    raise InputError(f"fsp line {number}", line.strip()[:40], "first a line with the names of columns")
                segments[-1].rows.append((number, line))
            continue
        if "SEGMENT #" in line.upper():
            segments.append(_Segment(number, {}))
        words = line.replace("%", " ").split()
        if "LAT" in words and "LON" in words and "SLIP" in words and "=" not in words:
            if not segments or segments[-1].names:
                segments.append(_Segment(number, {}))
            segments[-1].names = _column_names(number, words)
            continue
        values = segments[-1].values if segments else head
        for name, word in _PAIR.findall(line):
            values[name.upper()] = parsed_number(f"fsp line {number}, {name}", word)
    if not segments:
        raise InputError("fsp", "no line that names the columns LAT LON ... SLIP", "an .fsp file of SRCMOD")
    return {name: value for name, value in head.items() if abs(value) != _MISSING}, segments


def _column_names(number: int, words: list[str]) -> list[str]:
    """Names of columns, such as X from X==EW.

    Raises:
        InputError: a name that occurs twice, or no depth.
    """
    names = [word.split("==")[0] for word in words]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(names) < _MOST_COLUMNS else names
    if twice or "Z" not in names:
        found = f"column {twice[0][:40]} twice" if twice else ", ".join(names)
        raise InputError(f"fsp line {number}, columns", found, "LAT, LON, Z, SLIP and others, each once")
    return names


def _layers(lines: list[tuple[int, str]]) -> list[_Layer]:
    """Layers of the ground, from the surface down; an empty list where the file has none."""
    layers: list[_Layer] = []
    reading = False
    for number, line in lines:
        words = line.replace("%", " ").split()
        if words[:1] == ["DEPTH"]:
            reading = True
        elif reading and len(words) >= 4 and words[0][0] in "-+.0123456789":
            field = f"fsp line {number}, layer"
            depth, _, vs, density = (parsed_number(field, word) for word in words[:4])
            layers.append(_Layer(depth, 1000.0 * density * (1000.0 * vs) ** 2))
        elif reading and layers:
            break
    return [layer for layer in layers if layer.rigidity_pa > 0]


def _slips(
    segment: _Segment, head: Mapping[str, float], layers: list[_Layer], flags: tuple[bool, bool], before: int
) -> list[Slip]:
    values = {**head, **segment.values}
    table = columns_of("fsp", segment.rows, segment.names, lambda name: _RANGES.get(name, ANY))
    field = f"fsp line {segment.line}, segment"
    expected = int(segment.values.get("NSBFS", head.get("NSBFS", len(table))))
    if not table or len(table) != expected:
        raise InputError(field, f"{len(table)} rows", f"{max(expected, 1)} rows: a whole file, no empty segment")
    width_km, area_m2 = _size(field, values, len(table))
    rows = [(line, values | row) for line, row in table if row["SLIP"] != 0]
    return [_slip(line, row, before + i, (width_km, area_m2), layers, flags) for i, (line, row) in enumerate(rows)]


def _size(field: str, values: Mapping[str, float], count: int) -> tuple[float, float]:
    """Width in km and area in m2 of a subfault."""
    dx, dz = (values.get(name, values.get(f"IN{name}", 0.0)) for name in ("DX", "DZ"))
    if dx <= 0 or dz <= 0:
        if values.get("LEN", 0.0) <= 0 or values.get("WID", 0.0) <= 0:
            raise InputError(field, "no size of the subfaults", "Dx and Dz, or LEN and WID, in km")
        area = values["LEN"] * values["WID"] / count
        dx = dz = math.sqrt(area)
    return dz, dx * dz * 1e6


def _slip(
    line: int,
    row: Mapping[str, float],
    number: int,
    size: tuple[float, float],
    layers: list[_Layer],
    flags: tuple[bool, bool],
) -> Slip:
    strike, dip = _first_given(line, row, "STRIKE", "STRK"), _first_given(line, row, "DIP")
    rake, rise_s, start_s = (
        _first_given(line, row, "RAKE"),
        _first_given(line, row, "RISE", "AVTR"),
        _start_s(line, row),
    )
    if row["SLIP"] < 0 or start_s < 0 or rise_s <= 0:
        found = f"slip {row['SLIP']:g} m, TRUP {start_s:g} s, RISE {rise_s:g} s"
        raise InputError(f"fsp line {line}", found, "slip and TRUP of 0 or more, RISE above 0")
    longitude, latitude, depth_km = row["LON"], row["LAT"], row["Z"]
    if flags[0]:
        # The position is the middle of the upper edge: the centre lies half a width further down dip.
        half_km = size[0] / 2
        depth_km += half_km * math.sin(math.radians(dip))
        distance_deg = half_km * math.cos(math.radians(dip)) / 111.195
        latitude_rad = math.radians(latitude)
        latitude -= distance_deg * math.sin(math.radians(strike))
        longitude += distance_deg * math.cos(math.radians(strike)) / math.cos(latitude_rad)
    if not 0 < depth_km <= 1000:
        raise InputError(f"fsp line {line}, Z", f"{depth_km:g} km", "km below the surface, above 0")
    rigidity = [layer.rigidity_pa for layer in layers if layer.top_km <= depth_km]
    moment = row.get("SF_MOMENT", 0.0)
    return Slip(
        subfault=number,
        longitude_deg=longitude,
        latitude_deg=latitude,
        depth_m=1000.0 * depth_km,
        strike_deg=strike,
        dip_deg=dip,
        rake_deg=rake,
        area_m2=size[1],
        slip_m=row["SLIP"],
        start_s=start_s,
        samples=np.ones(_BOX_SAMPLES) if flags[1] else np.array([0.0, 1.0]),
        step_s=rise_s / _BOX_SAMPLES if flags[1] else rise_s / 2,
        rigidity_pa=rigidity[-1] if rigidity else None,
        moment_nm=moment if moment > 0 else None,
    )


def _first_given(line: int, row: Mapping[str, float], *names: str) -> float:
    """The first of the named values that is not missing.

    Raises:
        InputError: all of them are missing.
    """
    for name in names:
        if name in row and abs(row[name]) != _MISSING:
            return row[name]
    raise InputError(
        f"fsp line {line}, {names[0]}", "nothing", f"a value, in the row or the header: {', '.join(names)}"
    )


def _start_s(line: int, row: Mapping[str, float]) -> float:
    """When a subfault starts: TRUP, or its distance from the hypocentre (0, 0, DEP) over the mean rupture speed."""
    if "TRUP" in row and abs(row["TRUP"]) != _MISSING:
        return row["TRUP"]
    speed_km_s, depth_km = _first_given(line, row, "TRUP", "AVVR"), _first_given(line, row, "DEP")
    x, y = _first_given(line, row, "X"), _first_given(line, row, "Y")
    if speed_km_s <= 0:
        raise InputError(f"fsp line {line}, avVr", f"{speed_km_s:g} km/s", "a positive speed, or a column TRUP")
    return math.sqrt(x**2 + y**2 + (row["Z"] - depth_km) ** 2) / speed_km_s
