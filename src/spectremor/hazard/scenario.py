"""What a ground-motion model asks of an earthquake and a site: magnitude, mechanism, depth, distances, Vs30."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.random_rupture import plane_size_m
from spectremor.core.rigidity import rock_at
from spectremor.core.source import MW_RANGE, Source

Mechanism = Literal["SS", "NS", "RS"]

#: Depths in m, in the middle of one-metre slices, over which Vs30 is averaged.
_TOP_30_M = np.arange(30) + 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario:
    """One earthquake as one site sees it.

    Attributes:
        mw: moment magnitude.
        mechanism: SS strike-slip, NS normal, RS reverse.
        dip_deg: of the rupture plane.
        hypocentre_depth_km: of the point source.
        top_depth_km: of the upper edge of the rupture plane.
        width_km: of the rupture plane, down dip.
        rrup_km: closest distance to the rupture plane.
        rjb_km: horizontal distance to the plane's projection at the surface (Joyner & Boore).
        rx_km: horizontal distance from the plane's upper edge across strike, positive where the plane dips to.
        vs30_m_s: 30 m over the time that S waves take through the top 30 m.
    """

    mw: float
    mechanism: Mechanism
    dip_deg: float
    hypocentre_depth_km: float
    top_depth_km: float
    width_km: float
    rrup_km: float
    rjb_km: float
    rx_km: float
    vs30_m_s: float

    def __post_init__(self) -> None:
        if not MW_RANGE[0] <= self.mw <= MW_RANGE[1]:
            raise InputError("scenario.mw", self.mw, f"a moment magnitude in [{MW_RANGE[0]:g}, {MW_RANGE[1]:g}]")
        if not (math.isfinite(self.vs30_m_s) and self.vs30_m_s > 0):
            raise InputError("scenario.vs30", f"{self.vs30_m_s:g} m/s", "a positive number of m/s")
        for name in ("hypocentre_depth_km", "top_depth_km", "width_km", "rrup_km", "rjb_km"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"scenario.{name}", value, "0 km or more")


def mechanism_of(rake_deg: float) -> Mechanism:
    """Strike-slip within 30 degrees of 0 or 180, else reverse (slip upward) or normal.

    Example:
        >>> mechanism_of(10), mechanism_of(-170), mechanism_of(90), mechanism_of(-60)
        ('SS', 'SS', 'RS', 'NS')
    """
    rake = (rake_deg + 180.0) % 360.0 - 180.0
    if abs(rake) <= 30.0 or abs(rake) >= 150.0:
        return "SS"
    return "RS" if rake > 0 else "NS"


def scenarios(
    source: Source, points_m: Float[np.ndarray, "site 3"], vs30_m_s: Float[np.ndarray, " site"]
) -> list[Scenario]:
    """The scenario of a point source at each site.

    The rupture plane around the point is the source's nodal plane with the smaller strike, of the size that Leonard
    (2010) gives its moment and slip, the source in its middle; a plane that would reach above the surface is moved down
    along its dip until it touches it.

    Args:
        source: its best double couple gives the plane.
        points_m: (x, y, z) of the sites in m.
        vs30_m_s: of each site.

    Raises:
        InputError: a Vs30 that is none.
    """
    strike, dip, rake = source.strike_dip_rake_deg()
    length_m, width_m = plane_size_m(source.moment_nm, rake)
    plane = _Plane(np.array(source.position_m), strike, dip, length_m, width_m)
    return [
        Scenario(
            mw=source.mw,
            mechanism=mechanism_of(rake),
            dip_deg=dip,
            hypocentre_depth_km=-source.position_m[2] / 1000,
            top_depth_km=plane.top_depth_m / 1000,
            width_km=width_m / 1000,
            rrup_km=plane.distance_m(point) / 1000,
            rjb_km=plane.joyner_boore_m(point) / 1000,
            rx_km=plane.across_m(point) / 1000,
            vs30_m_s=float(vs30),
        )
        for point, vs30 in zip(np.asarray(points_m, dtype=float), vs30_m_s, strict=True)
    ]


def vs30_of_ground(geology: Geology, points_m: Float[np.ndarray, "site 3"]) -> Float[np.ndarray, " site"]:
    """Vs30 in m/s of the ground at sites: 30 m over the time that S waves take through the top 30 m.

    The ground is linear between its nodes, so that one with nodes hundreds of metres apart says what its surface nodes
    have, and nothing of thin slow layers that are not in it.

    Args:
        geology: the ground.
        points_m: (x, y, z) of the sites in m; z does not count.
    """
    points = np.asarray(points_m, dtype=float)
    below = np.repeat(points[:, None, :], len(_TOP_30_M), axis=1)
    below[..., 2] = -_TOP_30_M
    vs = rock_at(geology, below.reshape(-1, 3)).vs_m_s.reshape(len(points), -1)
    return np.asarray(1.0 / (1.0 / vs).mean(axis=1))


class _Plane:
    """A rectangle around a point, and the distances from it."""

    def __init__(
        self, middle_m: Float[np.ndarray, "3"], strike_deg: float, dip_deg: float, length_m: float, width_m: float
    ) -> None:
        strike, dip = math.radians(strike_deg), math.radians(dip_deg)
        self.along = np.array([math.sin(strike), math.cos(strike), 0.0])
        #: Horizontal, towards where the plane dips.
        self.across = np.array([math.cos(strike), -math.sin(strike), 0.0])
        self.down = math.cos(dip) * self.across + np.array([0.0, 0.0, -math.sin(dip)])
        self.half_length_m, self.width_m = length_m / 2, width_m
        #: Where down dip, from the middle, the upper edge lies.
        rise_m = width_m / 2 * math.sin(dip)
        depth_m = -middle_m[2]
        self.top_m = -width_m / 2 if depth_m >= rise_m else -depth_m / math.sin(dip)
        self.middle_m, self.horizontal = middle_m, math.cos(dip)
        self.top_depth_m = max(0.0, depth_m + self.top_m * math.sin(dip))

    def distance_m(self, point: Float[np.ndarray, "3"]) -> float:
        offset = point - self.middle_m
        along = float(np.clip(offset @ self.along, -self.half_length_m, self.half_length_m))
        down = float(np.clip(offset @ self.down, self.top_m, self.top_m + self.width_m))
        return float(np.linalg.norm(offset - along * self.along - down * self.down))

    def joyner_boore_m(self, point: Float[np.ndarray, "3"]) -> float:
        offset = point - self.middle_m
        beyond_end = max(0.0, abs(float(offset @ self.along)) - self.half_length_m)
        across, near = float(offset @ self.across), self.top_m * self.horizontal
        far = near + self.width_m * self.horizontal
        beyond_edge = max(0.0, near - across, across - far)
        return math.hypot(beyond_end, beyond_edge)

    def across_m(self, point: Float[np.ndarray, "3"]) -> float:
        return float((point - self.middle_m) @ self.across) - self.top_m * self.horizontal
