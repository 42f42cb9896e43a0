"""A published family of rock profiles, one for each Vs30, and what the part above a simulation's grid does to motion.

The family runs through the two generic profiles of Boore & Joyner (1997, doi:10.1785/BSSA0870020327): rock (Vs30
618 m/s) and very hard rock (2780 m/s). Both are within 1% of the speeds at 30 and 190 m, 4 and 8 km that Cotton et al.
(2006, doi:10.1007/s10950-005-9006-7, table 3) quote of them. As Boore (2016, doi:10.1785/0120150259) does between them,
the logarithm of Vs at each depth is linear in one number, which the wanted Vs30 fixes.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import scipy.optimize
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.medium import density_kg_m3, vp_m_s

#: Generic rock: from this depth in km on, Vs = factor (km/s) x (depth in km)^exponent.
_ROCK = ((0.001, 2.206, 0.272), (0.03, 3.542, 0.407), (0.19, 2.505, 0.199), (4.0, 2.927, 0.086))
_ROCK_TOP_KM_S = 0.245
#: Very hard rock: likewise below 0.75 km; above it Vs grows from the surface on as good as linearly.
_HARD = ((0.75, 3.324, 0.067), (2.2, 3.447, 0.0209))
_HARD_TOP_KM_S = 2.768
#: Vs30 in m/s that the family reaches: somewhat softer than generic rock, up to very hard rock.
VS30_RANGE_M_S = (500.0, 2780.0)
#: Depths in m at which travel times are summed: fine where Vs changes fast.
_DEPTHS_M = np.concatenate([[0.0], np.geomspace(0.5, 30_000.0, 1200)])


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
    """Vs along depth, linear between given depths and constant below the last.

    Attributes:
        depth_m: from 0 on, increasing.
        vs_m_s: at these depths.
    """

    depth_m: Float[np.ndarray, " depth"]
    vs_m_s: Float[np.ndarray, " depth"]

    def vs_at(self, depth_m: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Vs in m/s at depths in m."""
        return np.asarray(np.interp(depth_m, self.depth_m, self.vs_m_s))

    def travel_time_s(self, depth_m: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Time in s that a vertical S wave takes from these depths in m to the surface."""
        slowness = 1.0 / self.vs_at(_DEPTHS_M)
        steps = 0.5 * (slowness[1:] + slowness[:-1]) * np.diff(_DEPTHS_M)
        return np.asarray(np.interp(depth_m, _DEPTHS_M, np.concatenate([[0.0], np.cumsum(steps)])))

    @property
    def vs30_m_s(self) -> float:
        """30 m over the time that S waves take through the top 30 m."""
        return float(30.0 / self.travel_time_s(np.array(30.0)))

    def on_nodes(self, depth_m: Float[np.ndarray, " node"], slowest_m_s: float) -> Profile:
        """The profile as nodes of a grid carry it: the mean slowness around each, nothing slower than a limit.

        Args:
            depth_m: of the nodes, from 0 on, evenly spaced.
            slowest_m_s: what the grid carries at least.
        """
        half = 0.5 * float(depth_m[1] - depth_m[0])
        upper, lower = np.maximum(depth_m - half, 0.0), depth_m + half
        mean = (lower - upper) / (self.travel_time_s(lower) - self.travel_time_s(upper))
        return Profile(np.asarray(depth_m, dtype=float), np.maximum(mean, slowest_m_s))


@functools.lru_cache(maxsize=64)
def rock_profile(vs30_m_s: float) -> Profile:
    """The member of the family with this Vs30.

    Args:
        vs30_m_s: in [500, 2780] m/s.

    Raises:
        InputError: a Vs30 that the family does not have.

    Example:
        >>> round(rock_profile(760.0).vs30_m_s)
        760
    """
    low, high = VS30_RANGE_M_S
    if not low <= vs30_m_s <= high:
        raise InputError("generic_rock.vs30", f"{vs30_m_s:g} m/s", f"[{low:g}, {high:g}] m/s")
    share = scipy.optimize.brentq(lambda x: _mixed(x).vs30_m_s - vs30_m_s, -0.3, 1.05, xtol=1e-9)
    return _mixed(float(share))


def site_term(
    frequency_hz: Float[np.ndarray, " frequency"], carried: Profile, site: Profile, kappa_s: float
) -> Float[np.ndarray, " frequency"]:
    """Factor on Fourier amplitudes from motion on a simulation's ground to motion at the site.

    The quarter-wavelength method (Joyner, Warrick & Fumal 1981; Boore 2003, doi:10.1007/PL00012553): amplification is
    the root of the ratio of impedances, where a profile counts by its mean down to the depth from which S waves take a
    quarter of a period. The ratio of both profiles' amplifications says what the slow ground adds that the grid does
    not carry; exp(-pi kappa f) (Anderson & Hough 1984) says what it takes.

    Args:
        frequency_hz: 0 or more.
        carried: what the simulation's grid carries.
        site: the profile below the site.
        kappa_s: in s.
    """
    deepest_m = float(carried.depth_m[-1])
    above, below = (_mean_impedance(profile, frequency_hz, deepest_m) for profile in (carried, site))
    ratio = np.sqrt(above / below)
    return np.asarray(ratio * np.exp(-math.pi * kappa_s * frequency_hz))


def _mean_impedance(profile: Profile, frequency_hz: np.ndarray, deepest_m: float) -> np.ndarray:
    """Mean density times mean speed down to where S waves take a quarter of a period, or to the deepest depth."""
    times = profile.travel_time_s(_DEPTHS_M)
    quarter_s = np.minimum(0.25 / np.maximum(frequency_hz, 1e-6), profile.travel_time_s(np.array(deepest_m)))
    density = density_kg_m3(vp_m_s(profile.vs_at(_DEPTHS_M)))
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(_DEPTHS_M))])
    # Mean density is mass over depth and mean speed depth over time: the depth itself drops out.
    return np.asarray(np.interp(np.interp(quarter_s, times, _DEPTHS_M), _DEPTHS_M, mass) / quarter_s)


def _mixed(share: float) -> Profile:
    """Generic rock at a share of 0, very hard rock at 1."""
    rock = _power_laws(_ROCK, np.full(len(_DEPTHS_M), _ROCK_TOP_KM_S))
    top = _HARD_TOP_KM_S + (_HARD[0][1] * _HARD[0][0] ** _HARD[0][2] - _HARD_TOP_KM_S) * _DEPTHS_M / 750.0
    hard = _power_laws(_HARD, top)
    return Profile(_DEPTHS_M, 1000.0 * np.exp((1 - share) * np.log(rock) + share * np.log(hard)))


def _power_laws(laws: tuple[tuple[float, float, float], ...], top_km_s: np.ndarray) -> np.ndarray:
    speeds = top_km_s.copy()
    for from_km, factor, exponent in laws:
        below = 1000.0 * from_km <= _DEPTHS_M
        speeds[below] = factor * (_DEPTHS_M[below] / 1000.0) ** exponent
    return speeds
