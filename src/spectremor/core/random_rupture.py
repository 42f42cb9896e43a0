r"""A random rupture of one plane: its size, its slip, and when and how fast each subfault slips.

Size: Leonard (2010, doi:10.1785/0120090189). The area follows from the moment, M0 = mu C2 A^(3/2), and the width from
the length, W = C1 L^(2/3), but no more than L: C1 = 17.5 m^(1/3) and C2 = 3.8e-5 for dip-slip, 15 m^(1/3) and 3.7e-5
for strike-slip, whose width ends at 19 km. His mu is 33 GPa. (In magnitudes: log10 of the area in km2 is Mw - 4.00 and
Mw - 3.99, as in his update of 2014, doi:10.1785/0120140087.)

Slip: 1 + 0.85 g, and 0 where that is negative; g is a Gaussian field of unit variance with a von Karman
correlation of Hurst exponent 0.75 and lengths of 2 km + L/3 along strike and 1 km + W/3 along dip (Mai & Beroza 2002,
doi:10.1029/2001JB000588, equation 4, for all mechanisms together). Their table 2 gives lengths along dip by mechanism:
0.44 W - 0.39 km for strike-slip, within 0.7 km of 1 km + W/3 for W of 7 to 19 km but 0 at W = 0.9 km, and
0.35 W + 0.58 km for dip-slip, within 0.5 km of it. The coefficient of variation is that of Graves & Pitarka (2010,
doi:10.1785/0120100057). Slip tapers to 0 over the outer 15% of each side by a cosine, and is scaled to the moment with
the rigidity at each subfault.

Start times: along the straight line from the hypocentre, at 0.8 of the local Vs (Graves & Pitarka 2010).

Rise times: proportional to the square root of slip; the slip-weighted mean duration is 1.6e-9 M0^(1/3) s with the
moment in dyn cm (Graves & Pitarka 2010, without their factor for buried reverse faults; later versions of their
generator have 1.45e-9). The moment rate of a subfault has the same variance in time as a triangle of its duration.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import scipy.fft
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.medium import density_kg_m3, vp_m_s
from spectremor.core.rigidity import rock_at
from spectremor.core.seeds import generator
from spectremor.core.source import checked_mw, moment_from_mw

#: Leonard (2010), tables 4 and 5: C1 in m^(1/3), C2; and the width in m at which strike-slip ruptures stop growing.
_DIP_SLIP, _STRIKE_SLIP = (17.5, 3.8e-5), (15.0, 3.7e-5)
_LEONARD_RIGIDITY_PA = 3.3e10
_WIDEST_STRIKE_SLIP_M = 19_000.0
_HURST, _VARIATION, _TAPER = 0.75, 0.85, 0.15
#: Share of the plane's width at either edge in which no hypocentre is drawn.
_EDGE = 0.1
#: Largest number of subfaults of a plane.
_MOST_SUBFAULTS = 100_000
#: Points on the straight line from the hypocentre to a subfault.
_POINTS = 33


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaneSettings:
    """Settings of a random rupture beside its magnitude, hypocentre and angles.

    Attributes:
        spacing_m: largest distance between neighbouring subfaults; None: 1/32 of the plane's length, 100 to 500 m.
        size_m: length along strike and width along dip in m; None: by the scaling relation.
        hypocentre_share: where the hypocentre lies on the plane: its distance along strike from the end at which the
            strike direction begins, over the length, and its distance from the top edge, over the width; None: drawn.
        speed_share: rupture speed over the local Vs.
        vs_m_s: Vs where no geology is given.
    """

    spacing_m: float | None = None
    size_m: tuple[float, float] | None = None
    hypocentre_share: tuple[float, float] | None = None
    speed_share: float = 0.8
    vs_m_s: float = 3500.0

    def __post_init__(self) -> None:
        for name, value in (("spacing_m", self.spacing_m), ("vs_m_s", self.vs_m_s)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"rupture.{name}", value, "a positive number")
        if not 0 < self.speed_share < 2:
            raise InputError("rupture.speed_share", self.speed_share, "above 0 and below 2")
        if self.size_m is not None and not all(math.isfinite(v) and v > 0 for v in self.size_m):
            raise InputError("rupture.size_m", self.size_m, "a positive length and width in m")
        if self.hypocentre_share is not None and not all(0 <= v <= 1 for v in self.hypocentre_share):
            raise InputError("rupture.hypocentre_share", self.hypocentre_share, "two numbers in [0, 1]")


@dataclasses.dataclass(frozen=True)
class Plane:
    """A rupture of a plane, subfault by subfault.

    Attributes:
        position_m: (x, y, z) of the subfaults' centres.
        slip_m: their slip.
        moment_nm: their scalar moments.
        start_s: when they start to slip.
        rise_time_s: tau of their moment functions.
        spacing_m: largest distance between neighbouring centres.
    """

    position_m: Float[np.ndarray, "points 3"]
    slip_m: Float[np.ndarray, " points"]
    moment_nm: Float[np.ndarray, " points"]
    start_s: Float[np.ndarray, " points"]
    rise_time_s: Float[np.ndarray, " points"]
    spacing_m: float


def random_plane(
    mw: float,
    hypocentre_m: Sequence[float],
    angles_deg: tuple[float, float, float],
    seed: int,
    geology: Geology | None,
    settings: PlaneSettings,
) -> Plane:
    """A random rupture of one plane.

    Args:
        mw: moment magnitude.
        hypocentre_m: (x, y, z) in m.
        angles_deg: strike, dip and rake.
        seed: seed of the slip and of the hypocentre's place on the plane.
        geology: the ground, or None.
        settings: size, spacing, place of the hypocentre and rupture speed.

    Raises:
        InputError: a number that is not allowed, or a plane that reaches the surface.
    """
    moment_nm = moment_from_mw(checked_mw(mw))
    hypocentre = _checked_hypocentre(hypocentre_m)
    _check_angles(angles_deg)
    length_m, width_m = settings.size_m or plane_size_m(moment_nm, angles_deg[2])
    along, across = _hypocentre_share(hypocentre, (length_m, width_m), angles_deg[1], seed, settings)
    columns, rows = _subfaults(length_m, width_m, settings.spacing_m)
    along_m = ((np.arange(columns) + 0.5) / columns - along) * length_m
    down_m = ((np.arange(rows) + 0.5) / rows - across) * width_m
    offset_m = np.stack(np.meshgrid(along_m, down_m, indexing="ij"), axis=-1).reshape(-1, 2)
    position_m = hypocentre + offset_m @ _plane_axes(angles_deg[0], angles_deg[1])
    slip = _relative_slip(seed, (columns, rows), (length_m, width_m)).reshape(-1)
    slipping = slip > 0
    position_m, slip = position_m[slipping], slip[slipping]
    weight = slip * _rigidity_pa(geology, position_m, settings)
    moments_nm = weight * (moment_nm / weight.sum())
    area_m2 = length_m * width_m / (columns * rows)
    return Plane(
        position_m=position_m,
        slip_m=slip * (moment_nm / weight.sum()) / area_m2,
        moment_nm=moments_nm,
        start_s=_rupture_times_s(hypocentre, position_m, geology, settings),
        rise_time_s=_rise_times_s(slip, moment_nm),
        spacing_m=max(length_m / columns, width_m / rows),
    )


def plane_size_m(moment_nm: float, rake_deg: float) -> tuple[float, float]:
    """Length along strike and width along dip in m of a rupture with this moment (Leonard 2010).

    Args:
        moment_nm: scalar moment in N m.
        rake_deg: nearer to 0 or 180 degrees than to 90 or -90: strike-slip; else dip-slip.
    """
    strike_slip = abs(math.sin(math.radians(rake_deg))) < math.sin(math.radians(45.0))
    c1, c2 = _STRIKE_SLIP if strike_slip else _DIP_SLIP
    area_m2 = (moment_nm / (_LEONARD_RIGIDITY_PA * c2)) ** (2 / 3)
    length_m = max(math.sqrt(area_m2), (area_m2 / c1) ** 0.6)
    width_m = area_m2 / length_m
    if strike_slip and width_m > _WIDEST_STRIKE_SLIP_M:
        width_m = _WIDEST_STRIKE_SLIP_M
    return area_m2 / width_m, width_m


def _checked_hypocentre(hypocentre_m: Sequence[float]) -> Float[np.ndarray, "3"]:
    try:
        position = np.array([float(v) for v in hypocentre_m])
    except (TypeError, ValueError):
        raise InputError("rupture.hypocentre_m", hypocentre_m, "three numbers in m") from None
    if position.shape != (3,) or not np.isfinite(position).all():
        raise InputError("rupture.hypocentre_m", hypocentre_m, "three finite numbers in m")
    if position[2] >= 0:
        raise InputError("rupture.hypocentre_z", f"{position[2]:g} m", "below the surface: z < 0 m")
    return position


def _check_angles(angles_deg: tuple[float, float, float]) -> None:
    if not all(math.isfinite(a) for a in angles_deg):
        raise InputError("rupture.strike_dip_rake", angles_deg, "3 finite numbers")
    if not 0 < angles_deg[1] <= 90:
        raise InputError("rupture.dip", f"{angles_deg[1]:g} degrees", "(0, 90] degrees")


def _plane_axes(strike_deg: float, dip_deg: float) -> Float[np.ndarray, "2 3"]:
    """Unit vectors (East, North, Up) along strike and down dip; the plane dips to the right of its strike."""
    s, d = math.radians(strike_deg), math.radians(dip_deg)
    along = (math.sin(s), math.cos(s), 0.0)
    down = (math.cos(d) * math.cos(s), -math.cos(d) * math.sin(s), -math.sin(d))
    return np.array([along, down])


def _hypocentre_share(
    hypocentre: np.ndarray, size_m: tuple[float, float], dip_deg: float, seed: int, settings: PlaneSettings
) -> tuple[float, float]:
    """Where the hypocentre lies on the plane, as shares of its length and width.

    A place along the width is drawn only from those that leave the plane below the surface.
    """
    height_m = size_m[1] * math.sin(math.radians(dip_deg))
    depth_m = -float(hypocentre[2])
    if settings.hypocentre_share is not None:
        along, down = settings.hypocentre_share
    else:
        rng = generator(seed, "rupture", "hypocentre")
        highest = min(1 - _EDGE, 0.9 * depth_m / height_m)
        along = float(rng.uniform(_EDGE, 1 - _EDGE))
        down = float(rng.uniform(_EDGE, max(_EDGE, highest)))
    if down * height_m >= depth_m * (1 + 1e-9):
        raise InputError(
            "rupture.hypocentre_z",
            f"{hypocentre[2]:g} m: a plane {size_m[1] / 1000:.3g} km wide reaches the surface",
            f"z < {-down * height_m:.0f} m, or a smaller magnitude",
        )
    return along, down


def _subfaults(length_m: float, width_m: float, spacing_m: float | None) -> tuple[int, int]:
    wanted_m = spacing_m or min(max(length_m / 32, 100.0), 500.0)
    columns, rows = (max(1, math.ceil(side / wanted_m - 1e-9)) for side in (length_m, width_m))
    if columns * rows > _MOST_SUBFAULTS:
        least = math.sqrt(length_m * width_m / _MOST_SUBFAULTS)
        raise InputError("rupture.spacing_m", f"{wanted_m:g} m, {columns * rows} subfaults", f"at least {least:.0f} m")
    return columns, rows


def _relative_slip(seed: int, shape: tuple[int, int], size_m: tuple[float, float]) -> Float[np.ndarray, "along down"]:
    """Slip over its mean before the taper, at the centres of the subfaults."""
    steps = [side / n for side, n in zip(size_m, shape, strict=True)]
    lengths = (2000.0 + size_m[0] / 3, 1000.0 + size_m[1] / 3)
    field = _von_karman_field(generator(seed, "rupture", "slip"), shape, steps, lengths)
    slip = np.maximum(1 + _VARIATION * field, 0.0)
    for axis, n in enumerate(shape):
        # Distance to the nearer edge as a share of the taper.
        edge = np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / (n * _TAPER)
        taper = 0.5 - 0.5 * np.cos(np.pi * np.minimum(edge, 1.0))
        slip = slip * np.expand_dims(taper, 1 - axis)
    return slip if slip.any() else np.ones(shape)


def _von_karman_field(
    rng: np.random.Generator, shape: tuple[int, int], steps_m: list[float], lengths_m: tuple[float, float]
) -> Float[np.ndarray, "along down"]:
    """A Gaussian field of unit variance with the spectrum (1 + (kx ax)^2 + (ky ay)^2)^-(H + 1), by Fourier transform.

    The periodic box is larger than the plane, so that opposite edges are independent.
    """
    box = [
        scipy.fft.next_fast_len(n + math.ceil(3 * length / step))
        for n, length, step in zip(shape, lengths_m, steps_m, strict=True)
    ]
    kx, ky = (2 * np.pi * np.fft.fftfreq(n, step) for n, step in zip(box, steps_m, strict=True))
    squared = (kx[:, None] * lengths_m[0]) ** 2 + (ky * lengths_m[1]) ** 2
    power = (1 + squared) ** -(_HURST + 1)
    power /= power.mean()
    noise = scipy.fft.fft2(rng.standard_normal(box))
    return np.asarray(scipy.fft.ifft2(noise * np.sqrt(power)).real[: shape[0], : shape[1]])


def _rigidity_pa(
    geology: Geology | None, position_m: np.ndarray, settings: PlaneSettings
) -> Float[np.ndarray, " points"]:
    if geology is None:
        vs = np.full(len(position_m), settings.vs_m_s)
        return np.asarray(density_kg_m3(vp_m_s(vs)) * vs**2)
    rock = rock_at(geology, position_m)
    return np.asarray(rock.density_kg_m3 * rock.vs_m_s**2)


def _rupture_times_s(
    hypocentre: np.ndarray, position_m: np.ndarray, geology: Geology | None, settings: PlaneSettings
) -> Float[np.ndarray, " points"]:
    """Start of each point in s: distance from the hypocentre times mean slowness on the line, over `speed_share`."""
    distance_m = np.linalg.norm(position_m - hypocentre, axis=1)
    if geology is None:
        slowness = np.full(len(position_m), 1 / settings.vs_m_s)
    else:
        share = (np.arange(_POINTS) + 0.5) / _POINTS
        lines = hypocentre + share[:, None, None] * (position_m - hypocentre)
        slowness = (1 / rock_at(geology, lines.reshape(-1, 3)).vs_m_s).reshape(_POINTS, -1).mean(axis=0)
    return np.asarray(distance_m * slowness / settings.speed_share)


def _rise_times_s(slip: np.ndarray, moment_nm: float) -> Float[np.ndarray, " points"]:
    mean_duration_s = 1.6e-9 * (moment_nm * 1e7) ** (1 / 3)
    root = np.sqrt(slip)
    duration_s = mean_duration_s * root * slip.sum() / (root * slip).sum()
    # A triangle of duration D has the variance D^2 / 24, the moment rate of a point source 2 tau^2.
    return np.asarray(duration_s / math.sqrt(48.0))
