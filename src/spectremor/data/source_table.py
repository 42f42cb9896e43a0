"""The published table of sources: columns by exact name, in units that the header states or in the published ones."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.reading import read_small_file, text_of
from spectremor.core.source import Source
from spectremor.core.units import factor_to
from spectremor.data.published import source_from_angles

#: Largest size of a table: about a million rows.
MAX_BYTES = 64 << 20
#: Columns of the table, with the unit of their numbers.
_COLUMNS = {"x": "m", "y": "m", "z": "m", "strike": "degrees", "dip": "degrees", "rake": "degrees"}
_ALLOWED = "a csv of x, y, z, strike, dip, rake"
#: `x`, `x_s` (of the source), `x (km)`, `x [km]`, `x_km`, `x_s (km)`.
_HEADER = re.compile(r"(?P<name>[a-z]+)(?:_s)?(?:\s*[(\[](?P<unit>[^)\]]*)[)\]]|_(?P<suffix>[a-z]+))?")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}


def read_sources_csv(path: str | Path) -> list[Source]:
    """v2's table of sources: columns x, y, z (m), strike, dip, rake (degrees, the database's angles).

    Columns are found by name where there is a header (any order, any case): `x`, `x_s`, or either with its unit, such
    as `x (km)`, `x [m]` and `x_km`, which is converted. Without a header the last six are taken in the order above.

    Raises:
        InputError: a missing file, no text, a separator other than commas, no header and fewer than six columns, a
            repeated column, an unknown unit, or a row that is no source.
    """
    content = read_small_file(path, field="sources", allowed=_ALLOWED, most_bytes=MAX_BYTES)
    text = text_of(content, path, field="sources", allowed=_ALLOWED)
    try:
        rows = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise InputError("sources", f"{path} ({error})", _ALLOWED) from None
    _check_separator(text, path)
    columns, factors, rows = _source_columns(rows)
    sources = []
    for number, row in enumerate(rows):
        try:
            values = [float(row[column]) * factor for column, factor in zip(columns, factors, strict=True)]
        except (ValueError, IndexError):
            raise InputError("sources", f"row {number} of {path}: {row}", "x, y, z, strike, dip, rake") from None
        if not all(map(math.isfinite, values)):
            raise InputError("sources", f"row {number} of {path}: {row}", "finite x, y, z, strike, dip, rake")
        sources.append(source_from_angles(tuple(values[:3]), np.array(values[3:])))
    return sources


def _source_columns(rows: list[list[str]]) -> tuple[list[int], list[float], list[list[str]]]:
    """Column and factor of each quantity, and the rows below the header."""
    if not rows:
        raise InputError("sources", "an empty table", _ALLOWED)
    named = _named(rows[0])
    if len(named) == len(_COLUMNS):
        columns, factors = zip(*(named[name] for name in _COLUMNS), strict=True)
        return list(columns), list(factors), rows[1:]
    try:
        [float(value) for value in rows[0]]
    except ValueError:
        raise InputError("sources", f"columns {rows[0]}", f"columns {', '.join(_COLUMNS)}") from None
    if len(rows[0]) < 6:
        raise InputError("sources", f"{len(rows[0])} columns", f"six: {', '.join(_COLUMNS)}")
    return list(range(len(rows[0]) - 6, len(rows[0]))), [1.0] * 6, rows


def _named(header: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Column and factor of each quantity that a header names.

    Raises:
        InputError: a quantity that is named twice, or an unknown unit.
    """
    columns: dict[str, tuple[int, float]] = {}
    for place, column in enumerate(header):
        match = _HEADER.fullmatch(column.strip().lower())
        if match is None or match["name"] not in _COLUMNS:
            continue
        name, unit = match["name"], _COLUMNS[match["name"]]
        stated = match["unit"] if match["unit"] is not None else match["suffix"]
        factor = 1.0 if stated is None else factor_to(stated, unit)
        if factor is None and match["unit"] is None:
            # `x_receiver` is another quantity.
            continue
        if factor is None:
            raise InputError("sources", f"column {column}", f"{name} in {unit}{' or km' if unit == 'm' else ''}")
        if name in columns:
            raise InputError("sources", f"columns {header[columns[name][0]]} and {column}", f"one column {name}")
        columns[name] = place, factor
    return columns


def _check_separator(text: str, path: str | Path) -> None:
    """Refuse a table whose first line separates six cells by something other than commas.

    There a comma may be a decimal point, or a separator of thousands: a guess could give wrong numbers silently.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.count(",") >= len(_COLUMNS) - 1 and not any(first.count(sign) >= 5 for sign in ";\t|"):
        return
    for sign, name in _SEPARATORS.items():
        parts = first.split() if sign == " " else first.split(sign)
        if len(parts) >= len(_COLUMNS):
            found = f"{path} (columns separated by {name})"
            raise InputError("sources", found, "commas between columns, points in numbers")
