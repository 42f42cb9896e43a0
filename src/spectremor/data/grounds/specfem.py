"""SPECFEM's `tomography_model.xyz`: metres, z negative below the surface."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file
from spectremor.data.grounds.models import GriddedGround
from spectremor.data.grounds.text import number
from spectremor.data.grounds.units import likely_unit
from spectremor.data.hdf5 import MAX_NUMBERS

_HEADER = (
    ("origin and end", 6, "ORIG_X ORIG_Y ORIG_Z END_X END_Y END_Z in m"),
    ("spacing", 3, "SPACING_X SPACING_Y SPACING_Z in m"),
    ("numbers", 3, "NX NY NZ"),
    ("ranges", 6, "VP_MIN VP_MAX VS_MIN VS_MAX RHO_MIN RHO_MAX"),
)
_COLUMNS = ("vp", "vs", "density", "qp", "qs")
#: Largest size of the header with its comments, in bytes.
_HEAD_BYTES = 100_000
_ALLOWED = "a whole SPECFEM tomography file: four lines of header, then x y z vp vs rho [qp qs], x fastest"


def read_specfem(path: Path) -> GriddedGround:
    """A model in SPECFEM's format: four lines of header, then one line per point, x fastest and z upward.

    Raises:
        InputError: another form, numbers that contradict the header, other units, or z that counts downward.
    """
    existing_file(path, field="geology", allowed=_ALLOWED)
    with path.open("rb") as file:
        (origin_end, spacing, counts, ranges), at = _header(file.read(_HEAD_BYTES), path)
        shape = _shape(origin_end, spacing, counts, path)
        file.seek(at)
        table = _table(file.read(), math.prod(shape), path)
    _check_heights(origin_end[2], origin_end[5])
    axes = [np.linspace(origin_end[k], origin_end[k + 3], n) for k, n in enumerate(shape)]
    _check_positions(table, axes, path)
    properties = {}
    for name, column in zip(_COLUMNS, table[:, 3:].T, strict=False):
        # Points run along x, then y, then z upward; depths increase downward.
        values = column.reshape(shape[::-1]).transpose(2, 1, 0)[:, :, ::-1]
        properties[name] = np.ascontiguousarray(values, dtype=np.float32)
    _check_values(properties, ranges)
    x, y, z = axes
    return GriddedGround(name=str(path), frame="metres", x=x, y=y, depth_m=-z[::-1], properties=properties)


def _header(head: bytes, path: Path) -> tuple[list[list[float]], int]:
    """Numbers of the four lines, and the byte at which the points begin; empty lines and comments (#) are skipped."""
    numbers: list[list[float]] = []
    at = 0
    while len(numbers) < len(_HEADER):
        end = head.find(b"\n", at)
        if end < 0:
            raise InputError("geology", f"{path} (no header)", _ALLOWED)
        try:
            line = head[at:end].decode("ascii").strip()
        except UnicodeDecodeError:
            raise InputError("geology", f"{path} (not text)", _ALLOWED) from None
        at = end + 1
        if line and not line.startswith("#"):
            name, count, content = _HEADER[len(numbers)]
            words = line.split()
            if len(words) != count:
                raise InputError(f"geology.{name}", f"{len(words)} values ({line[:60]})", content)
            numbers.append([number(word, f"geology.{name}") for word in words])
    return numbers, at


def _shape(origin_end: list[float], spacing: list[float], counts: list[float], path: Path) -> tuple[int, int, int]:
    if any(n != int(n) or n < 2 for n in counts) or math.prod(counts) > MAX_NUMBERS / 6:
        raise InputError("geology.numbers", " x ".join(f"{n:g}" for n in counts), "2 or more along x, y and z")
    nx, ny, nz = (int(n) for n in counts)
    size = path.stat().st_size
    # Each line has six numbers or more, each of at least a digit and a blank.
    if not 12 * nx * ny * nz <= size <= 400 * nx * ny * nz + _HEAD_BYTES:
        raise InputError("geology.numbers", f"{nx} x {ny} x {nz} points in {size} bytes", "as many lines as points")
    for k, axis in enumerate("xyz"):
        side, steps = origin_end[k + 3] - origin_end[k], (nx, ny, nz)[k] - 1
        if side <= 0:
            allowed = "ends above the origin; z upward, the deepest first"
            raise InputError(f"geology.{axis}", f"{origin_end[k]:g} to {origin_end[k + 3]:g} m", allowed)
        if abs(side - spacing[k] * steps) > 0.01 * abs(side / steps):
            found = f"{spacing[k]:g} m, {steps + 1} points from {origin_end[k]:g} to {origin_end[k + 3]:g} m"
            raise InputError(f"geology.spacing.{axis}", found, f"{side / steps:g} m")
    return nx, ny, nz


def _table(content: bytes, count: int, path: Path) -> np.ndarray:
    try:
        table = np.loadtxt(io.BytesIO(content), ndmin=2, max_rows=count + 1)
    except ValueError as error:
        raise InputError("geology", f"{path} ({str(error).splitlines()[0][:100]})", _ALLOWED) from None
    if len(table) != count or table.shape[1] not in (6, 8):
        found = f"{'more' if len(table) > count else len(table)} lines of {table.shape[1]} numbers"
        raise InputError("geology", found, f"{count} lines of 6 (x y z vp vs rho), or of 8 with qp and qs")
    return table


def _check_heights(low_m: float, high_m: float) -> None:
    if high_m > -low_m:
        found = f"{low_m:g} to {high_m:g} m: above the ground"
        allowed = "negative below the surface: turn the sign of every z, and the order of the lines"
        raise InputError("geology.z", found, allowed)


def _check_positions(table: np.ndarray, axes: list[np.ndarray], path: Path) -> None:
    x, y, z = axes
    expected = (np.tile(x, len(y) * len(z)), np.tile(np.repeat(y, len(x)), len(z)), np.repeat(z, len(x) * len(y)))
    for axis, found, wanted, positions in zip("xyz", table.T, expected, axes, strict=False):
        wrong = ~(np.abs(found - wanted) <= 0.01 * (positions[1] - positions[0]))
        if wrong.any():
            line = int(np.argmax(wrong))
            allowed = f"{wanted[line]:g} m, as the header says: x fastest, then y, then z upward"
            raise InputError(f"geology.point {line + 1}.{axis}", f"{found[line]:g} m in {path}", allowed)


def _check_values(properties: dict[str, np.ndarray], ranges: list[float]) -> None:
    for k, name in enumerate(("vp", "vs", "density")):
        values = properties[name]
        likely = likely_unit(name, values)
        if likely in ("km/s", "g/cm3"):
            allowed = f"{'kg/m3' if name == 'density' else 'm/s'}: multiply {name} by 1000, and its range in the header"
            raise InputError(f"geology.{name}", f"up to {np.nanmax(values):g}, as if in {likely}", allowed)
        low, high = ranges[2 * k : 2 * k + 2]
        if not (low * 0.999 <= values.min() and values.max() <= high * 1.001):
            found = f"{values.min():g} to {values.max():g}"
            raise InputError(f"geology.{name}", found, f"[{low:g}, {high:g}], as the header says")
