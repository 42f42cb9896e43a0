"""The ground along the straight line from the source to each sensor."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.interpolation import between_nodes
from spectremor.core.medium import RockProperties
from spectremor.core.source import Source

#: Points on each straight line.
POINTS = 65

#: Positions along East and North in m, and heights where sensors lie below the surface; one of each for every sensor.
SensorPositions = tuple[np.ndarray, ...]
#: Length in m of paths that would be shorter: of sensors at the source.
_SHORTEST_M = 1.0


@dataclasses.dataclass(frozen=True)
class StraightPaths:
    """Straight lines to the sensors, cut into `POINTS` equal pieces with a point in the middle of each.

    Attributes:
        rock: properties of the ground at the points, arrays (*sensors, point).
        piece_m: length of the pieces of each line.
        direction: direction of each line, a unit vector (East, North, up).
    """

    rock: RockProperties
    piece_m: Float[np.ndarray, "*sensors 1"]
    direction: Float[np.ndarray, "*sensors 3"]

    def integral(self, integrand: Float[np.ndarray, "*sensors point"]) -> Float[np.ndarray, "*sensors 1"]:
        """Integral along each line of a function with the given values at the points."""
        return np.asarray(np.sum(integrand, axis=-1, keepdims=True) * self.piece_m)


def straight_paths(geology: Geology, source: Source, sensors_m: SensorPositions) -> StraightPaths:
    """The lines from the source to the sensors."""
    x, y, *heights = sensors_m
    ends = np.stack([x, y, *(heights or [np.zeros_like(x)])], axis=-1)
    start = np.array(source.position_m)
    share = (np.arange(POINTS) + 0.5) / POINTS
    points = start + share[:, None] * (ends - start)[..., None, :]
    axes = (geology.x_m, geology.y_m, geology.z_m)
    node_numbers = [np.interp(points[..., k], axis, np.arange(len(axis))) for k, axis in enumerate(axes)]
    rock = geology.rock_at(lambda values: between_nodes(values.astype(float), node_numbers))
    length_m = np.maximum(np.linalg.norm(ends - start, axis=-1), _SHORTEST_M)[..., None]
    return StraightPaths(rock, length_m / POINTS, (ends - start) / length_m)
