"""Standard Rupture Format 1.0 and 2.0 (Graves 2002; version 2 adds Vs and density, Graves 2014).

A file has the version; optional planes (two lines each); then blocks `POINTS n`, one for each segment. A point has
longitude, latitude, depth (km), strike, dip, area (cm2), start (s), step (s), in version 2 Vs (cm/s) and density
(g/cm3); then the rake, and slip (cm) and number of samples for three directions: along the rake, at the rake + 90
degrees, and normal to the plane; then the samples of the slip rates in cm/s, direction by direction.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from spectremor.core.errors import InputError, InputWarning
from spectremor.exchange.number_words import NumberWords, Range
from spectremor.exchange.subfaults import DEPTH_KM, DIP, LATITUDE, LONGITUDE, NUMBER, SECONDS, Slip

VERSIONS = ("1.0", "2.0")
_MOST_POINTS, _MOST_SAMPLES = 10_000_000, 1_000_000
_AREA: Range = (1.0, 1e18, "an area in cm2, above 0")
_STEP: Range = (1e-9, 1e4, "a time step in s, above 0")
#: Relative difference between slip and the integral of its rate above which a warning is given.
_SLIP_TOLERANCE = 0.1
#: Degrees from the rake of the first direction; None: normal to the plane.
_DIRECTIONS = (0.0, 90.0, None)


def read_srf(text: str) -> list[Slip]:
    """The slips of a file in Standard Rupture Format.

    Raises:
        InputError: another version, a value that is not allowed, an empty segment, or a truncated file.

    Warns:
        InputWarning: slip rates whose integral is not the slip that the file states.
    """
    words = NumberWords("srf", text)
    version = words.word("version")
    if version not in VERSIONS:
        raise InputError("srf line 1, version", version[:20], " or ".join(VERSIONS))
    plane_points = _planes(words)
    slips: list[Slip] = []
    counts: list[int] = []
    while not words.at_end:
        counts.append(_block(words, version, slips, sum(counts)))
    if not counts:
        raise InputError(words.field("POINTS"), "the end of the file", "a line POINTS with the number of points")
    if plane_points is not None and sum(counts) != plane_points:
        raise InputError("srf POINTS", f"{sum(counts)} points", f"{plane_points}, as the planes say")
    _check_rates(slips)
    return slips


def _planes(words: NumberWords) -> int | None:
    """The number of subfaults of all planes at the head of the file; None for a file without planes."""
    if words.peek().upper() != "PLANE":
        return None
    words.word("PLANE")
    total = 0
    for plane in range(words.count("PLANE", 10_000)):
        field = words.field(f"plane {plane + 1}")
        words.number("longitude of the plane", LONGITUDE)
        words.number("latitude of the plane", LATITUDE)
        along, down = (words.count(f"{name} of the plane", _MOST_POINTS) for name in ("nstk", "ndip"))
        if along * down == 0:
            raise InputError(field, f"{along} x {down} subfaults", "a segment with subfaults")
        for name in ("length", "width", "strike", "dip", "depth of the top", "shyp", "dhyp"):
            words.number(f"{name} of the plane", NUMBER)
        total += along * down
    return total


def _block(words: NumberWords, version: str, slips: list[Slip], before: int) -> int:
    """Read one block of points; returns their number."""
    field, head = words.field("POINTS"), words.word("POINTS")
    if head.upper() != "POINTS":
        raise InputError(field, head[:20], "POINTS and the number of points, or the end of the file")
    field = words.field("POINTS")
    count = words.count("POINTS", _MOST_POINTS)
    if count == 0:
        raise InputError(field, "0 points", "a segment with at least one point")
    for number in range(before, before + count):
        slips.extend(_point(words, version, number))
    return count


def _point(words: NumberWords, version: str, number: int) -> Iterator[Slip]:
    longitude, latitude = words.number("longitude", LONGITUDE), words.number("latitude", LATITUDE)
    depth_km = words.number("depth", DEPTH_KM)
    strike, dip = words.number("strike", NUMBER), words.number("dip", DIP)
    area_cm2, start_s, step_s = (
        words.number("area", _AREA),
        words.number("start time", SECONDS),
        words.number("time step", _STEP),
    )
    rigidity_pa = _rigidity_pa(words) if version == "2.0" else None
    field = words.field("slip")
    rake = words.number("rake", NUMBER)
    sizes = [(words.number(f"slip {n}", NUMBER), words.count(f"samples of slip {n}", _MOST_SAMPLES)) for n in (1, 2, 3)]
    for (slip_cm, count), turn in zip(sizes, _DIRECTIONS, strict=True):
        samples = words.numbers("slip rate", count)
        if slip_cm == 0:
            continue
        if count == 0 or np.sign(samples.sum()) != np.sign(slip_cm):
            found = f"{slip_cm:g} cm with a rate whose samples sum to {samples.sum():g} cm/s"
            raise InputError(field, found, "slip and samples of its rate, of the same sign")
        # Slip backwards along one direction is slip forwards along the opposite one.
        forwards = slip_cm > 0 or turn is None
        yield Slip(
            subfault=number,
            longitude_deg=longitude,
            latitude_deg=latitude,
            depth_m=1000.0 * depth_km,
            strike_deg=strike,
            dip_deg=dip,
            rake_deg=None if turn is None else rake + turn + (0.0 if forwards else 180.0),
            area_m2=1e-4 * area_cm2,
            slip_m=0.01 * (slip_cm if forwards else -slip_cm),
            start_s=start_s,
            samples=samples * np.sign(slip_cm),
            step_s=step_s,
            rigidity_pa=rigidity_pa,
        )


def _rigidity_pa(words: NumberWords) -> float | None:
    """Density times Vs squared in Pa; None where either is not positive (files have -1 for an unknown value)."""
    field = words.field("Vs, density")
    vs_m_s, density = 0.01 * words.number("Vs", NUMBER), 1000.0 * words.number("density", NUMBER)
    if vs_m_s <= 0 or density <= 0:
        return None
    if not (50 <= vs_m_s <= 10_000 and 500 <= density <= 10_000):
        found = f"{100 * vs_m_s:g} and {density / 1000:g}"
        raise InputError(field, found, "Vs in cm/s, 5e3 to 1e6, and density in g/cm3, 0.5 to 10")
    return density * vs_m_s**2


def _check_rates(slips: list[Slip]) -> None:
    stated = np.array([abs(s.slip_m) for s in slips])
    integrals = np.array([0.01 * s.samples.sum() * s.step_s for s in slips])
    if abs(integrals.sum() - stated.sum()) > _SLIP_TOLERANCE * stated.sum():
        warnings.warn(
            f"srf: the slip rates integrate to {integrals.sum() / stated.sum():.3g} times the slip that the file "
            "states; the slip is taken",
            InputWarning,
            stacklevel=4,
        )
