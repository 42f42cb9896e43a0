"""The `.param` files of the U.S. Geological Survey's finite-fault solutions.

For each segment a line with the size of its subfaults (km), its outline, a line that names the columns, and rows:
latitude, longitude, depth (km) of the centre, slip (cm), rake, strike, dip, start (s), rise and fall of the slip rate
(s), moment (dyn cm). The slip rate rises and falls as a cosine, over different times (Ji et al. 2002,
doi:10.1785/0120000916).
"""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.exchange.number_words import ANY, Range, columns_of, parsed_number, whole_number
from spectremor.exchange.subfaults import DEPTH_KM, DIP, LATITUDE, LONGITUDE, SECONDS, Slip

#: A size of a segment in its header: its name, its number, and km where it is a length.
_SIZE = re.compile(r"\b(nx|ny|dx|dy)\b[^=]{0,40}=\s{0,20}([\d.eE+-]{1,40})\s{0,20}(km)?", re.I)
_LONGEST_HEADER, _MOST_SUBFAULTS = 400, 1_000_000
_NEEDED = ("lat", "lon", "depth", "slip", "rake", "strike", "dip", "t_rup", "t_ris")
_RANGES: dict[str, Range] = {"lat": LATITUDE, "lon": LONGITUDE, "depth": DEPTH_KM, "dip": DIP}
_LENGTH_KM: Range = (0.0, 1000.0, "km, above 0")
#: Number of samples of the slip rate.
_SAMPLES = 40


def read_param(text: str) -> list[Slip]:
    """The slips of a `.param` file.

    Raises:
        InputError: no segment, missing columns or rows, or a value that is not allowed.
    """
    lines = list(enumerate(text.splitlines(), start=1))
    heads = [number for number, line in lines if _sizes(line) is not None]
    if not heads:
        raise InputError("param", "no line Fault_segment with nx, Dx, ny, Dy", "a .param file of the USGS")
    slips: list[Slip] = []
    for first, after in zip(heads, [*heads[1:], len(lines) + 1], strict=True):
        slips += _segment(lines[first - 1 : after - 1], len(slips))
    return slips


def _segment(lines: list[tuple[int, str]], before: int) -> list[Slip]:
    number = lines[0][0]
    along, down, area_m2 = _size(number, lines[0][1])
    names, start = _names(lines)
    rows = [(n, line) for n, line in lines[start:] if line.strip() and not line.lstrip().startswith("#")]
    table = columns_of("param", rows[: along * down], names, lambda name: _RANGES.get(name, ANY))
    if len(rows) != along * down:
        found = f"{len(rows)} rows"
        raise InputError(f"param line {number}", found, f"{along * down} rows, {along} x {down}: a whole file")
    return [_slip(line, row, before + i, area_m2) for i, (line, row) in enumerate(table) if row["slip"] != 0]


def _sizes(line: str) -> dict[str, str] | None:
    """The sizes in a segment's header as text, by name; None for a line that is no such header."""
    if "fault_segment" not in line.lower():
        return None
    sizes = {name.lower(): (word, unit) for name, word, unit in _SIZE.findall(line[:_LONGEST_HEADER])}
    return {name: word for name, (word, _) in sizes.items()} if len(sizes) == 4 and sizes["dx"][1] else None


def _size(number: int, line: str) -> tuple[int, int, float]:
    """Subfaults along strike and down dip, and the area of each in m2."""
    field, words = f"param line {number}", _sizes(line)
    assert words is not None  # `read_param` found the segment by this line
    along, down = (whole_number(f"{field}, {name}", words[name], _MOST_SUBFAULTS) for name in ("nx", "ny"))
    dx_km, dy_km = (parsed_number(f"{field}, {name}", words[name], _LENGTH_KM) for name in ("dx", "dy"))
    if along * down == 0 or dx_km * dy_km == 0:
        raise InputError(field, f"{along} x {down} subfaults", "a segment with subfaults")
    return along, down, dx_km * dy_km * 1e6


def _names(lines: list[tuple[int, str]]) -> tuple[list[str], int]:
    """Names of the columns, and the index of the first line with a row."""
    for i, (number, line) in enumerate(lines):
        names = [word.strip("#.,").lower() for word in line.split()]
        if "slip" in names:
            names = ["t_ris" if name in ("t_rise", "h_dur") else name for name in names if name]
            missing = [name for name in _NEEDED if name not in names]
            if missing:
                raise InputError(f"param line {number}, columns", ", ".join(names), f"also {', '.join(missing)}")
            return names, i + 1
    raise InputError(f"param line {lines[0][0]}", "no line that names the columns", "#Lat. Lon. depth slip rake ...")


def _slip(line: int, row: dict[str, float], number: int, area_m2: float) -> Slip:
    rise, fall = row["t_ris"], row.get("t_fal", row["t_ris"])
    for name, value in (("slip", row["slip"]), ("t_rup", row["t_rup"]), ("t_ris", rise), ("t_fal", fall)):
        if not SECONDS[0] <= value <= SECONDS[1]:
            raise InputError(f"param line {line}, {name}", f"{value:g}", "0 or more")
    if rise + fall == 0:
        raise InputError(f"param line {line}, t_ris", "0 s, and t_fal 0 s", "a rise or a fall that takes time")
    moment = row.get("mo")
    return Slip(
        subfault=number,
        longitude_deg=row["lon"],
        latitude_deg=row["lat"],
        depth_m=1000.0 * row["depth"],
        strike_deg=row["strike"],
        dip_deg=row["dip"],
        rake_deg=row["rake"],
        area_m2=area_m2,
        slip_m=0.01 * row["slip"],
        start_s=row["t_rup"],
        samples=_cosines(rise, fall),
        step_s=(rise + fall) / _SAMPLES,
        moment_nm=1e-7 * moment if moment else None,
    )


def _cosines(rise_s: float, fall_s: float) -> Float[np.ndarray, " n"]:
    """Samples of a rate that rises from 0 as one cosine and falls to 0 as another."""
    t = np.arange(_SAMPLES) * (rise_s + fall_s) / _SAMPLES
    up = 0.5 - 0.5 * np.cos(np.pi * t / max(rise_s, 1e-12))
    down = 0.5 + 0.5 * np.cos(np.pi * (t - rise_s) / max(fall_s, 1e-12))
    return np.asarray(np.where(t < rise_s, up, down))
