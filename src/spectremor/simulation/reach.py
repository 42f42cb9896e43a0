"""The part of the ground that can affect a record of given length: bounds from first arrivals of P waves.

A place can affect a record of length t when a P wave from the source to the place and on to a sensor takes at most t.
Both times come from fast marching (Sethian 1996, doi:10.1073/pnas.93.4.1591; scikit-fmm). Each node of the marching
grid has the highest speed within one step, and marching starts on balls around the source and the sensors, which waves
cross at the highest speed of all. The times are then never later than the true ones, except for the numerical error of
marching; for this only the share `SAFE_SHARE` of a time counts.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import skfmm
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.interpolation import between_nodes
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source

#: Largest and smallest number of nodes of the marching grid along an axis.
MOST_NODES, FEWEST_NODES = 48, 12
#: Share of a marched time that counts: the march is late by up to 2% on such grids, and waves of the highest
#: frequencies run up to 2% ahead of their speed in a leapfrog run.
SAFE_SHARE = 0.95
#: Radius of the balls in diagonals of a marching cell.
_BALL = 1.0


@dataclasses.dataclass(frozen=True)
class Box:
    """A part of the domain in m from its corner: ranges along x and y, and down to a depth."""

    low_m: tuple[float, float]
    high_m: tuple[float, float]
    depth_m: float


@dataclasses.dataclass(frozen=True)
class Reach:
    """Times on the nodes of a marching grid that spans the domain.

    Attributes:
        axes_m: positions of the nodes along x and y, and their depths.
        way_s: earliest arrival at any sensor of a wave from the source over each node.
        must_m: lowest and highest coordinates (x, y, depth) of all positions of the source and the sensors.
    """

    axes_m: tuple[Float[np.ndarray, " _"], ...]
    way_s: Float[np.ndarray, "x y depth"]
    must_m: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]

    def box(self, end_s: float) -> Box:
        """The box that contains every place that can affect records up to a time, and the source and the sensors."""
        low, high = (list(corner) for corner in self.must_m)
        touched = self.way_s <= end_s
        if touched.any():
            for axis, positions in enumerate(self.axes_m):
                others = tuple(a for a in range(3) if a != axis)
                (numbers,) = np.nonzero(touched.any(axis=others))
                # The next node on either side was not reached, but places before it may have been.
                low[axis] = min(low[axis], positions[max(numbers[0] - 1, 0)])
                high[axis] = max(high[axis], positions[min(numbers[-1] + 1, len(positions) - 1)])
        return Box((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), float(high[2]))

    def sides_s(self, box: Box) -> float:
        """Earliest time at which waves from the sides and the bottom of a part of the domain can show at a sensor."""
        faces = [(0, box.low_m[0]), (0, box.high_m[0]), (1, box.low_m[1]), (1, box.high_m[1]), (2, box.depth_m)]
        return min(self._earliest(axis, position) for axis, position in faces)

    def _earliest(self, axis: int, position_m: float) -> float:
        """Earliest time on the plane across an axis at a position; linear between the planes of nodes."""
        nodes = self.axes_m[axis]
        at = float(np.interp(position_m, nodes, np.arange(len(nodes))))
        before = min(int(at), len(nodes) - 2)
        planes = [self.way_s.take(before + k, axis) for k in (0, 1)]
        return float((planes[0] * (1 - at + before) + planes[1] * (at - before)).min())


def wave_reach(geology: Geology, earthquake: Source | Rupture, sensors_m: Float[np.ndarray, "sensors 3"]) -> Reach:
    """Earliest times of waves from an earthquake over every place to the sensors.

    Args:
        geology: the ground.
        earthquake: an earthquake inside the ground.
        sensors_m: positions (x, y, z) of the sensors.
    """
    rupture = Rupture.from_source(earthquake) if isinstance(earthquake, Source) else earthquake
    axes, speed = _marching_grid(geology)
    start, points, ends = (_down(np.asarray(p)) for p in ([rupture.hypocentre_m], rupture.position_m, sensors_m))
    from_start = SAFE_SHARE * _march(axes, speed, start)
    # A wave from a point of the rupture is not earlier than one over the hypocentre, unless the point starts before the
    # P wave from the hypocentre reaches it: all arrivals are then moved earlier by the largest such lead.
    waits = rupture.start_s - rupture.rates.lead_s - _at(axes, from_start, points)
    from_source = np.maximum(from_start + min(0.0, float(waits.min())), 0.0)
    must = np.concatenate([points, ends])
    way = from_source + SAFE_SHARE * _march(axes, speed, ends)
    return Reach(axes, way, (must.min(axis=0), must.max(axis=0)))


def _down(position_m: np.ndarray) -> Float[np.ndarray, "n 3"]:
    """Positions (x, y, depth) from positions (x, y, z)."""
    return position_m * np.array([1.0, 1.0, -1.0])


def _marching_grid(geology: Geology) -> tuple[tuple[np.ndarray, ...], Float[np.ndarray, "x y depth"]]:
    """Positions of the nodes along x, y and depth, and the fastest P-wave speed within a step of each."""
    step_m = max(geology.extent_m) / (MOST_NODES - 1)
    counts = [min(max(math.ceil(side / step_m) + 1, FEWEST_NODES), MOST_NODES) for side in geology.extent_m]
    axes = tuple(np.linspace(0.0, side, n) for side, n in zip(geology.extent_m, counts, strict=True))
    steps = [float(axis[1]) for axis in axes]
    reach = [math.ceil(s / own - 1e-9) for s, own in zip(steps, geology.spacing_m, strict=True)]
    vp = geology.rock.vp_m_s[..., ::-1].astype(float)
    fastest = _highest_within(vp, reach)
    places = [
        np.rint(axis / own).astype(int).clip(0, n - 1)
        for axis, own, n in zip(axes, geology.spacing_m, vp.shape, strict=True)
    ]
    return axes, fastest[np.ix_(*places)]


def _highest_within(values: Float[np.ndarray, "x y depth"], reach: list[int]) -> Float[np.ndarray, "x y depth"]:
    """The highest value within so many nodes along each axis."""
    for axis, nodes in enumerate(reach):
        lines, highest = np.moveaxis(values, axis, 0), np.moveaxis(values.copy(), axis, 0)
        for away in range(1, min(nodes, len(lines) - 1) + 1):
            np.maximum(highest[away:], lines[:-away], out=highest[away:])
            np.maximum(highest[:-away], lines[away:], out=highest[:-away])
        values = np.moveaxis(highest, 0, axis)
    return values


def _march(axes: tuple[np.ndarray, ...], speed: np.ndarray, points: np.ndarray) -> Float[np.ndarray, "x y depth"]:
    """Lower bound of the travel time to each node from that one of the points whose waves arrive first."""
    from scipy.spatial import cKDTree

    steps = [float(axis[1] - axis[0]) for axis in axes]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    # Points outside the domain are refused elsewhere.
    inside = np.clip(points, 0.0, [float(axis[-1]) for axis in axes])
    distance = cKDTree(inside).query(nodes.reshape(-1, 3))[0].reshape(speed.shape)
    ball = _BALL * math.hypot(*steps)
    outside = distance - ball
    if not (outside > 0).any():
        return np.zeros(speed.shape)
    marched = np.asarray(skfmm.travel_time(outside, speed, dx=steps, order=2))
    return np.where(outside > 0, marched + ball / float(speed.max()), 0.0)


def _at(axes: tuple[np.ndarray, ...], values: np.ndarray, points: np.ndarray) -> Float[np.ndarray, " points"]:
    return between_nodes(values, [points[:, k] / float(axis[1]) for k, axis in enumerate(axes)])
