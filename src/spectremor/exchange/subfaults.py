"""Slip of subfaults from rupture files, and its conversion to a rupture in local axes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.event import Event
from spectremor.core.georeference import Georeference
from spectremor.core.medium import VP_OVER_VS
from spectremor.core.moment_rates import SampledRates
from spectremor.core.rigidity import RIGIDITY_PA, checked_rigidity
from spectremor.core.rupture import Rupture
from spectremor.exchange.number_words import ANY, Range

LONGITUDE: Range = (-360.0, 360.0, "degrees in [-180, 180]; longitude is not latitude")
LATITUDE: Range = (-90.0, 90.0, "degrees in [-90, 90]; longitude comes first in SRF, latitude in .param and .fsp")
DEPTH_KM: Range = (1e-6, 1000.0, "km below the surface, above 0 and at most 1000")
DIP: Range = (0.0, 90.0, "degrees in [0, 90]")
SECONDS: Range = (0.0, 1e5, "seconds, 0 or more")
NUMBER = ANY

#: A rupture farther from the corner than the first is refused; so is one farther than the second, if swapped longitude
#: and latitude would be this many times nearer.
_FARTHEST_M, _SUSPECT_M, _TIMES_NEARER = 1.5e6, 5e4, 4.0
_MOMENT_UNITS = {"param": "dyn cm", "fsp": "N m"}
_SLIP_UNITS = {"param": "cm", "fsp": "m"}
_EARTH_RADIUS_M = 6_371_000.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slip:
    """Slip of one subfault in one direction.

    Attributes:
        subfault: number of the subfault in the file.
        longitude_deg: longitude of its centre.
        latitude_deg: latitude of its centre.
        depth_m: depth of its centre.
        strike_deg: strike of the subfault, clockwise from true North.
        dip_deg: dip of the subfault.
        rake_deg: direction of the slip; None: the subfault opens, with slip normal to it.
        area_m2: area of the subfault.
        slip_m: final slip, above 0 (below 0 where a subfault closes).
        start_s: when the slip begins, after the origin time.
        samples: samples of the slip rate, in any unit.
        step_s: time between the samples.
        rigidity_pa: rigidity, or None where the file does not give it.
        moment_nm: scalar moment, or None where the file does not give it.
    """

    subfault: int
    longitude_deg: float
    latitude_deg: float
    depth_m: float
    strike_deg: float
    dip_deg: float
    rake_deg: float | None
    area_m2: float
    slip_m: float
    start_s: float
    samples: Float[np.ndarray, " n"]
    step_s: float
    rigidity_pa: float | None = None
    moment_nm: float | None = None

    @property
    def known_moment_nm(self) -> float | None:
        """The moment that the file states, else the one that follows from its rigidity; None where it has neither."""
        if self.moment_nm is None and self.rigidity_pa is not None:
            return self.rigidity_pa * self.area_m2 * self.slip_m
        return self.moment_nm


def rupture_of(kind: str, slips: Sequence[Slip], place: Georeference, rigidity_pa: float | None) -> Rupture:
    """The rupture with the given slips.

    Args:
        kind: kind of file, for error messages.
        slips: all slips that are not 0.
        place: where the local axes lie on Earth.
        rigidity_pa: replaces rigidity and moments of the file; None: those of the file, or unknown where it has none.

    Raises:
        InputError: no slip at all, or a rupture far from the corner.
    """
    if not slips:
        raise InputError(kind, "no slip on any subfault", "some slip")
    lon, lat = (np.array([getattr(s, name) for s in slips]) for name in ("longitude_deg", "latitude_deg"))
    check_near(kind, lon, lat, place)
    x_m, y_m = place.to_local(lon, lat)
    # Strikes are from true North; the local y axis has this azimuth.
    turn_deg = place.north_azimuth_deg(x_m, y_m)
    potency = np.stack([_potency(slip, float(turn)) for slip, turn in zip(slips, turn_deg, strict=True)])
    factors = _factors_pa(kind, slips, rigidity_pa)
    areas = np.array([slip.area_m2 for slip in slips])
    return Rupture(
        position_m=np.stack([x_m, y_m, -np.array([s.depth_m for s in slips])], axis=1),
        tensors=potency if factors is None else potency * factors[:, None],
        start_s=np.array([s.start_s for s in slips]),
        rates=SampledRates(
            np.concatenate([s.samples for s in slips]),
            np.array([len(s.samples) for s in slips]),
            np.array([s.step_s for s in slips]),
        ),
        subfault=np.array([s.subfault for s in slips]),
        needs_rigidity=factors is None,
        slip_m=np.array([s.slip_m for s in slips]),
        spacing_m=float(np.sqrt(areas.max())),
        event=Event(place=place),
    )


def check_near(kind: str, lon_deg: np.ndarray, lat_deg: np.ndarray, place: Georeference) -> None:
    """Refuse a rupture that is far from the corner: its longitude and latitude are probably swapped.

    Raises:
        InputError: names the distance, and the one with longitude and latitude swapped.
    """
    lon, lat = float(np.median(lon_deg)), float(np.median(lat_deg))
    corner = (place.longitude_deg, place.latitude_deg)
    away_m, swapped_m = _distance_m((lon, lat), corner), _distance_m((lat, lon), corner)
    if away_m > _FARTHEST_M or (away_m > _SUSPECT_M and swapped_m * _TIMES_NEARER < away_m):
        hint = f"; swapped, it would be {swapped_m / 1000:.0f} km" if swapped_m < away_m else ""
        raise InputError(
            f"{kind} longitude, latitude",
            f"({lon:g}, {lat:g}), {away_m / 1000:.0f} km from the corner at ({corner[0]:g}, {corner[1]:g})",
            f"a rupture near the corner, longitude and latitude in their order{hint}",
        )


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (longitude, latitude)."""
    (lon_a, lat_a), (lon_b, lat_b) = (tuple(map(math.radians, point)) for point in (a, b))
    h = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, max(0.0, h))))


def _potency(slip: Slip, turn_deg: float) -> Float[np.ndarray, "6"]:
    """Moment tensor over rigidity in m3: area times (slip n^T + n slip^T), n the normal (Aki & Richards, eq. 3.20).

    Where the subfault opens, area times slip times (lambda / mu + 2 n n^T).
    """
    s, d = math.radians(slip.strike_deg - turn_deg), math.radians(slip.dip_deg)
    normal = np.array([math.cos(s) * math.sin(d), -math.sin(s) * math.sin(d), math.cos(d)])
    if slip.rake_deg is None:
        unit = (VP_OVER_VS**2 - 2) * np.eye(3) + 2 * np.outer(normal, normal)
    else:
        r = math.radians(slip.rake_deg)
        along = np.array([math.sin(s), math.cos(s), 0.0])
        up = np.array([-math.cos(d) * math.cos(s), math.cos(d) * math.sin(s), math.sin(d)])
        direction = math.cos(r) * along + math.sin(r) * up
        unit = np.outer(normal, direction) + np.outer(direction, normal)
    m = slip.area_m2 * slip.slip_m * unit
    return np.array([m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]])


def _factors_pa(kind: str, slips: Sequence[Slip], rigidity_pa: float | None) -> Float[np.ndarray, " slips"] | None:
    """Factors from area times slip to moments; None where one of the slips has neither moment nor rigidity."""
    if rigidity_pa is not None:
        return np.full(len(slips), checked_rigidity(rigidity_pa))
    _check_moments(kind, [slip for slip in slips if slip.moment_nm is not None])
    known_moments = [slip.known_moment_nm for slip in slips]
    if None in known_moments:
        return None
    return np.array(known_moments, dtype=float) / np.array([slip.area_m2 * slip.slip_m for slip in slips])


def _check_moments(kind: str, slips: Sequence[Slip]) -> None:
    """Refuse stated moments that would need a rigidity that no rock has: they are in another unit."""
    if not slips:
        return
    moment_nm = sum(slip.moment_nm or 0.0 for slip in slips)
    rigidity_pa = moment_nm / sum(slip.area_m2 * slip.slip_m for slip in slips)
    if not RIGIDITY_PA[0] <= rigidity_pa <= RIGIDITY_PA[1]:
        found = f"{moment_nm:.3g} N m in all, which takes a rigidity of {rigidity_pa:.3g} Pa"
        allowed = f"1e7 to 1e12 Pa: moments in {_MOMENT_UNITS[kind]}, slip in {_SLIP_UNITS[kind]}"
        raise InputError(f"{kind} moment", found, allowed)
