"""Regional earthquakes that no model was trained on, from a seed: ground, earthquake, record. Used by `regional.py`.

Grounds of three families, with random heterogeneity of up to 10% laid over each:

- layers: a slow top of 100 to 400 m over three or four layers that grow faster downward;
- gradient: speed grows with the square root of depth;
- basin: a bowl of slow ground in a gradient of rock.

Every other case is a rupture of magnitude 5.0 to 6.2, the others are points of 4.2 to 5.5 with Brune's corner.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np

from spectremor.campaign.perturbation import perturb_geology
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, make_geology
from spectremor.core.rigidity import rock_at
from spectremor.core.rupture import Rupture
from spectremor.core.seeds import generator
from spectremor.core.source import Source, brune_rise_time_s, moment_from_mw

FAMILIES = ("layers", "gradient", "basin")
#: Distance between nodes along East and North, and along depth.
HORIZONTAL_M, VERTICAL_M = 300.0, 100.0
#: Sides and depths: multiples of the coarse and of the fine grid.
SIDES_M, DEPTHS_M = (12_000.0, 15_000.0, 18_000.0, 19_800.0), (9_600.0, 12_000.0)
#: Least distance of an earthquake from the sides, from the bottom and from the surface.
SIDE_M, BOTTOM_M, SURFACE_M = 1500.0, 900.0, 900.0
#: Sensors along each side.
SENSORS = 8
SLOWEST_M_S = 500.0
#: Ruptures that are tried before one lies inside.
_TRIES = 200


@dataclasses.dataclass(frozen=True)
class RegionalCase:
    """One earthquake in one ground.

    Attributes:
        name: of the case.
        family: of the ground.
        geology: the ground.
        earthquake: a point or a rupture.
        duration_s: of the record.
        sensors_m: positions along East and North.
    """

    name: str
    family: str
    geology: Geology
    earthquake: Source | Rupture
    duration_s: float
    sensors_m: tuple[np.ndarray, np.ndarray]


def regional_case(seed: int, number: int, *, share: float = 1.0) -> RegionalCase:
    """A case; `share` shortens its sides, for a rehearsal."""
    rng = generator(seed, "regional", number)
    family = FAMILIES[number % len(FAMILIES)]
    sides = [share * float(rng.choice(SIDES_M)) for _ in range(2)]
    extent_m = (sides[0], sides[1], share * float(rng.choice(DEPTHS_M)))
    geology = _ground(rng, family, extent_m)
    rupture = number % 2 == 1
    earthquake = _rupture(rng, geology) if rupture else _point(rng, geology)
    duration_s = float(rng.uniform(14.0, 20.0)) * (share if share < 1 else 1.0)
    axes = tuple(np.linspace(SIDE_M * share, side - SIDE_M * share, SENSORS) for side in sides)
    return RegionalCase(
        name=f"seed{seed}_case{number}",
        family=family,
        geology=geology,
        earthquake=earthquake,
        duration_s=round(duration_s, 2),
        sensors_m=(axes[0], axes[1]),
    )


def _ground(rng: np.random.Generator, family: str, extent_m: tuple[float, float, float]) -> Geology:
    shape = tuple(
        round(side / step) + 1 for side, step in zip(extent_m, (HORIZONTAL_M,) * 2 + (VERTICAL_M,), strict=True)
    )
    x, y = (np.linspace(0, side, n) for side, n in zip(extent_m[:2], shape[:2], strict=True))
    depth_m = np.linspace(extent_m[2], 0, shape[2])
    if family == "basin":
        vs = _basin(rng, x[:, None, None], y[None, :, None], depth_m)
    else:
        vs = np.broadcast_to({"layers": _layers, "gradient": _gradient}[family](rng, depth_m), shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        rough = perturb_geology(
            make_geology(vs, extent_m),
            seed=int(rng.integers(2**31)),
            coefficient_of_variation=float(rng.uniform(0.0, 0.1)),
            correlation_lengths_m=(float(rng.uniform(1500, 4500)),) * 2 + (float(rng.uniform(500, 1500)),),
        )
        return make_geology(np.clip(rough.vs_m_s, SLOWEST_M_S, 4500.0), extent_m)


def _layers(rng: np.random.Generator, depth_m: np.ndarray) -> np.ndarray:
    count = int(rng.integers(3, 5))
    tops = np.concatenate([[0.0, rng.uniform(100, 400)], np.sort(rng.uniform(600, 0.8 * depth_m[0], count - 1))])
    speeds = np.concatenate([[_slow_top(rng)], np.sort(rng.uniform(1600, 3400, count - 1)), [rng.uniform(3300, 4300)]])
    return speeds[np.searchsorted(tops, depth_m, side="right") - 1]


def _gradient(rng: np.random.Generator, depth_m: np.ndarray) -> np.ndarray:
    top, bottom = _slow_top(rng), rng.uniform(3300, 4300)
    return np.asarray(top + (bottom - top) * np.sqrt(depth_m / depth_m[0]))


def _basin(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    rock = rng.uniform(1800, 2400) + (rng.uniform(3300, 4300) - 2400) * np.sqrt(depth_m / depth_m[0])
    middle = [rng.uniform(0.3, 0.7) * float(axis.max()) for axis in (x, y)]
    radii = [rng.uniform(2500, 6000) for _ in range(2)]
    deepest = rng.uniform(400, 1500)
    squared = ((x - middle[0]) / radii[0]) ** 2 + ((y - middle[1]) / radii[1]) ** 2
    floor_m = deepest * np.sqrt(np.clip(1 - squared, 0, None))
    inside = depth_m < floor_m
    slow = _slow_top(rng)
    fill = slow + (1800 - slow) * depth_m / deepest
    return np.where(inside, np.minimum(fill, rock), rock)


def _slow_top(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(SLOWEST_M_S), np.log(1500.0))))


def _angles(rng: np.random.Generator) -> dict[str, float]:
    return {
        "strike_deg": float(rng.uniform(0, 360)),
        "dip_deg": float(rng.uniform(30, 90)),
        "rake_deg": float(rng.uniform(-180, 180)),
    }


def _place(rng: np.random.Generator, geology: Geology, deepest_share: float) -> tuple[float, float, float]:
    x, y = (float(rng.uniform(0.25, 0.75)) * side for side in geology.extent_m[:2])
    return x, y, -float(rng.uniform(3000.0, deepest_share * geology.extent_m[2]))


def _point(rng: np.random.Generator, geology: Geology) -> Source:
    position_m = _place(rng, geology, 0.8)
    moment_nm = moment_from_mw(float(rng.uniform(4.2, 5.5)))
    vs_m_s = float(rock_at(geology, np.array([position_m])).vs_m_s[0])
    rise_time_s = brune_rise_time_s(moment_nm, vs_m_s)
    return Source.from_angles(position_m=position_m, moment_nm=moment_nm, rise_time_s=rise_time_s, **_angles(rng))


def _rupture(rng: np.random.Generator, geology: Geology) -> Rupture:
    """The first of many that lies inside the ground, away from its sides, bottom and surface."""
    low = np.array([SIDE_M, SIDE_M, -geology.extent_m[2] + BOTTOM_M])
    high = np.array([geology.extent_m[0] - SIDE_M, geology.extent_m[1] - SIDE_M, -SURFACE_M])
    for attempt in range(_TRIES):
        largest = 6.2 - 0.8 * attempt / _TRIES
        try:
            rupture = Rupture.from_magnitude(
                mw=float(rng.uniform(5.0, largest)),
                hypocentre_m=_place(rng, geology, 0.7),
                seed=int(rng.integers(2**31)),
                geology=geology,
                **_angles(rng),
            )
        except InputError:
            continue
        if (rupture.position_m >= low).all() and (rupture.position_m <= high).all():
            return rupture
    raise RuntimeError("no rupture fits into this ground")
