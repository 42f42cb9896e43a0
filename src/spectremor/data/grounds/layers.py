"""Layered models in text files: tables whose header names columns and units, and `.fk1d`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.geology import LEAST_VP_OVER_VS
from spectremor.core.reading import table_rows
from spectremor.core.units import canonical_unit
from spectremor.data.grounds.models import LayeredGround
from spectremor.data.grounds.text import number, read_text
from spectremor.data.grounds.units import LENGTHS, OF_PROPERTY, in_si

#: Names of each column, in lower case, and the units that it may have.
_COLUMNS = {
    "thickness": (("thickness", "thick", "h"), LENGTHS),
    "depth": (("depth", "top", "depth_top", "top_depth", "depth_of_top"), LENGTHS),
    "vs": (("vs", "v_s", "beta"), OF_PROPERTY["vs"]),
    "vp": (("vp", "v_p", "alpha"), OF_PROPERTY["vp"]),
    "density": (("density", "rho"), OF_PROPERTY["density"]),
    "qs": (("qs", "q_s", "qmu"), OF_PROPERTY["qs"]),
    "qp": (("qp", "q_p"), OF_PROPERTY["qp"]),
}
#: Units at the end of a column's name.
_SUFFIXES = {"_km_s": "km/s", "_m_s": "m/s", "_kg_m3": "kg/m3", "_g_cm3": "g/cm3", "_km": "km", "_m": "m"}
_EXAMPLE = "thickness_m,vs_m_s or depth (km),vs (km/s),vp (km/s),density (g/cm3),qs,qp"
#: Largest number of layers in one file.
MOST_LAYERS = 10_000
#: Longest name of a column with its unit, in characters.
_LONGEST_NAME = 100
#: Thickness in m from which the last layer is a half-space (files write 999 km).
_HALF_SPACE_M = 900e3


def read_layer_table(path: Path) -> LayeredGround:
    """Layers in a table whose header names columns and units.

    One column is the thickness of the layers, from the surface down, or the depth of their tops, positive downward. The
    last thickness may be empty or 0: a half-space.

    Raises:
        InputError: no header, unknown, repeated or missing columns, no unit, or numbers that no ground has.
    """
    text = read_text(path, allowed=f"a table with a header, e.g. {_EXAMPLE}")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise InputError("geology", f"{path} (no line)", f"a table with a header, e.g. {_EXAMPLE}")
    separator = next((mark for mark in ";\t" if mark in lines[0]), ",")
    allowed = f"a table with a header, e.g. {_EXAMPLE}"
    rows = table_rows(lines, separator, field="geology", path=path, allowed=allowed)
    columns = _header(rows[0], path)
    if not 1 <= len(rows) - 1 <= MOST_LAYERS:
        raise InputError("geology", f"{len(rows) - 1} layers in {path}", f"1 to {MOST_LAYERS}")
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(columns):
            allowed = f"{len(columns)}, as the header has (numbers with a decimal point)"
            raise InputError(f"geology.row {line}", f"{len(row)} values", allowed)
    numbers = {
        key: np.array([_cell(key, row[place], line, last=line == len(rows)) for line, row in enumerate(rows[1:], 2)])
        for place, (key, _) in enumerate(columns)
    }
    return _layers(numbers, dict(columns), rows[0], str(path))


def read_fk1d(path: Path) -> LayeredGround:
    """Layers in a file of the SCEC Broadband Platform.

    It has the number of layers, then a line for each: thickness in km, Vp and Vs in km/s, density in g/cm3, Qp, Qs.

    Raises:
        InputError: another number of lines or columns, or numbers that no ground has.
    """
    allowed = "the number of layers, then a line each: thickness km, Vp, Vs km/s, density g/cm3, Qp, Qs"
    lines = [line.split() for line in read_text(path, allowed=allowed).splitlines() if line.strip()]
    if not lines or len(lines[0]) != 1:
        raise InputError("geology", f"{path} (no number of layers)", allowed)
    count = number(lines[0][0], "geology.layers")
    if count != len(lines) - 1 or not 1 <= count <= MOST_LAYERS:
        raise InputError("geology.layers", f"{count:g}, and {len(lines) - 1} lines of them", "as many as lines follow")
    for line, row in enumerate(lines[1:], 2):
        if len(row) != 6:
            raise InputError(f"geology.row {line}", f"{len(row)} values", "6: " + allowed.split(": ")[1])
    keys = ("thickness", "vp", "vs", "density", "qp", "qs")
    units: dict[str, str | None] = dict(zip(keys, ("km", "km/s", "km/s", "g/cm3", "1", "1"), strict=True))
    table = np.array([[number(cell, f"geology.row {n}") for cell in row] for n, row in enumerate(lines[1:], 2)])
    return _layers(dict(zip(keys, table.T, strict=True)), units, list(keys), str(path))


def _header(cells: list[str], path: Path) -> list[tuple[str, str | None]]:
    """Quantity and unit of each column; None for the unit where the header names none."""
    if all(re.fullmatch(r"[-+.\deE]*", cell) for cell in cells):
        raise InputError("geology.header", f"numbers in the first line of {path}", f"names and units, e.g. {_EXAMPLE}")
    columns: list[tuple[str, str | None]] = []
    for cell in cells:
        if len(cell) > _LONGEST_NAME:
            raise InputError("geology.header", f"a column {cell[:40]!r}", f"{', '.join(_COLUMNS)}, e.g. {_EXAMPLE}")
        bracket = re.fullmatch(r"(.*?)\s*[(\[]\s*(.*?)\s*[)\]]", cell)
        name, unit = (bracket[1], bracket[2]) if bracket else (cell, None)
        name = re.sub(r"[\s-]+", "_", name.strip().lower())
        for suffix, suffix_unit in _SUFFIXES.items():
            if unit is None and name.endswith(suffix):
                name, unit = name.removesuffix(suffix), suffix_unit
        key = next((key for key, (names, _) in _COLUMNS.items() if name in names), None)
        if key is None:
            raise InputError("geology.header", f"a column {cell[:40]!r}", f"{', '.join(_COLUMNS)}, e.g. {_EXAMPLE}")
        if key in dict(columns):
            raise InputError("geology.header", f"two columns of {key}", "one")
        columns.append((key, _checked_unit(key, cell, unit)))
    quantities = dict(columns)
    if "vs" not in quantities or len({"thickness", "depth"} & quantities.keys()) != 1:
        raise InputError("geology.header", ", ".join(cells)[:120], f"vs, and thickness or depth, e.g. {_EXAMPLE}")
    return columns


def _checked_unit(key: str, cell: str, unit: str | None) -> str | None:
    units = _COLUMNS[key][1]
    if unit is None and units is not OF_PROPERTY["qs"]:
        first = list(units)
        raise InputError(f"geology.{key}.units", f"nothing in {cell!r}", " or ".join(f"{key} ({u})" for u in first))
    if unit is not None and canonical_unit(unit) not in units:
        raise InputError(f"geology.{key}.units", unit[:40], " or ".join(units))
    return unit


def _cell(key: str, text: str, line: int, *, last: bool) -> float:
    if key == "thickness" and last and text == "":
        return 0.0
    return number(text, f"geology.row {line}.{key}")


def _layers(
    numbers: dict[str, np.ndarray], units: dict[str, str | None], header: list[str], source: str
) -> LayeredGround:
    top_m, bottom_m = _tops(numbers, units)
    properties = {}
    for key, raw in numbers.items():
        if key not in OF_PROPERTY:
            continue
        cell = header[list(numbers).index(key)]

        def mend(attribute: str, value: str, cell: str = cell, key: str = key) -> str:
            return f"write {key} ({value}) for {cell} in the header" if attribute == "units" else f"a value for {value}"

        properties[key] = in_si(key, raw, units[key], mend)
    for key, values in properties.items():
        if values.min() <= 0:
            layer = int(np.argmax(values <= 0))
            found = f"{values[layer]:g} in layer {layer + 1}, {top_m[layer]:g} m deep"
            allowed = "above 0: leave water out and begin at its floor" if key in ("vs", "vp") else "above 0"
            raise InputError(f"geology.{key}", found, allowed)
    if "vp" in properties:
        ratio = properties["vp"] / properties["vs"]
        if ratio.min() < LEAST_VP_OVER_VS:
            found = f"{ratio.min():.3g} times Vs in layer {int(np.argmin(ratio)) + 1}"
            raise InputError("geology.vp", found, f"at least {LEAST_VP_OVER_VS:g} times Vs")
    return LayeredGround(name=source, top_m=top_m, bottom_m=bottom_m, properties=properties)


def _tops(numbers: dict[str, np.ndarray], units: dict[str, str | None]) -> tuple[np.ndarray, float]:
    """Depth of each layer's top, and the depth down to which the file describes the ground, in m."""
    if "thickness" in numbers:
        thickness_m = numbers["thickness"] * LENGTHS[canonical_unit(units["thickness"])]
        last = thickness_m[-1]
        if (thickness_m[:-1] <= 0).any() or last < 0:
            found = f"{thickness_m[thickness_m <= 0][0]:g} m"
            raise InputError("geology.thickness", found, "above 0; the last may be 0 or empty, a half-space")
        top_m = np.concatenate([[0.0], np.cumsum(thickness_m[:-1])])
        return top_m, np.inf if last == 0 or last >= _HALF_SPACE_M else float(top_m[-1] + last)
    top_m = numbers["depth"] * LENGTHS[canonical_unit(units["depth"])]
    if len(top_m) > 1 and (np.diff(top_m) < 0).all() and top_m[0] == 0:
        found = f"0 to {top_m[-1]:g} m"
        raise InputError("geology.depth", found, "positive downward: write the depths without their minus signs")
    if top_m[0] != 0 or (np.diff(top_m) <= 0).any():
        found = ", ".join(f"{depth:g}" for depth in top_m[:4])
        raise InputError("geology.depth", f"{found} ... m", "tops of layers, from 0, increasing downward")
    return top_m, np.inf
