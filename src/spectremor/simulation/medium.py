"""The medium on the grid: averages of the ground over volumes of one cell, around every node of the staggered grid.

Values of the ground at the nodes alone do not show where between two nodes an interface lies. Averages over a volume of
one cell keep its effect on waves longer than a cell (Moczo et al. 2002, doi:10.1785/0120010167): the arithmetic mean of
the density, which moves as one mass, and the harmonic mean of a modulus, because strains of parts in a row under one
stress add up. Each node has its own volume: normal stresses at integer nodes, shear stresses on edges, velocities on
faces. A shear stress deforms the ground in a plane; along the third axis, the parts of the volume share one strain, and
there the mean of the modulus is arithmetic (in flat layers these are the exact moduli of long waves, Backus 1962,
doi:10.1029/JZ067i011p04427).

The ground is linear between the geology's nodes. Its speeds are averaged exactly over parts of a cell: halves along
each axis, or less where the geology's nodes are closer; moduli and densities over the parts of each volume.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.medium import RockProperties

#: Largest number of parts of cells that are averaged at a time.
_PIECE = 2**20
#: Largest number of parts of half a cell along an axis.
_MOST_PARTS = 8
#: The properties of a geology that affect elastic waves.
ELASTIC = ("vs", "vp", "density")
#: Axes (x, y, depth) of the planes of shear stresses.
SHEAR_PLANES = ((0, 1), (0, 2), (1, 2))


@dataclasses.dataclass(frozen=True)
class StaggeredAverages:
    """Averages around the staggered nodes, which lie between the integer ones.

    Attributes:
        shear_pa: shear moduli on the edges, in the planes (x, y), (x, depth) and (y, depth), each half a cell after the
            integer node of its index.
        density_kg_m3: densities on the faces along x and y, half a cell after the integer node, and along depth, half a
            cell before it: the first face is the surface, and has the density of the half-cell below.
    """

    shear_pa: tuple[Float[np.ndarray, "x y depth"], ...]
    density_kg_m3: tuple[Float[np.ndarray, "x y depth"], ...]


@dataclasses.dataclass(frozen=True)
class Medium:
    """The solid on the integer nodes of a grid, arrays (x, y, depth) in SI units.

    Attributes:
        vs_m_s: S-wave velocity.
        lamb_pa: Lame's first modulus.
        mu_pa: shear modulus.
        buoyancy_m3_kg: one over the density.
        between: averages around the staggered nodes; None: the propagator averages over integer nodes.
    """

    vs_m_s: Float[np.ndarray, "x y depth"]
    lamb_pa: Float[np.ndarray, "x y depth"]
    mu_pa: Float[np.ndarray, "x y depth"]
    buoyancy_m3_kg: Float[np.ndarray, "x y depth"]
    between: StaggeredAverages | None = None

    def lightest_face_kg_m3(self) -> Float[np.ndarray, "x y depth"]:
        """The lowest density on the six faces of each cell."""
        density = 1 / self.buoyancy_m3_kg
        if self.between is None:
            faces = [(density + _neighbour(density, axis, step)) / 2 for axis in range(3) for step in (-1, 1)]
        else:
            near = self.between.density_kg_m3
            faces = [*near, *(_neighbour(near[axis], axis, step) for axis, step in enumerate((-1, -1, 1)))]
        return np.asarray(np.minimum.reduce(faces))


def _neighbour(values: np.ndarray, axis: int, step: int) -> np.ndarray:
    """The next value along an axis (`step` 1) or the previous one (-1); the outermost values are repeated."""
    count = values.shape[axis]
    return values.take(np.clip(np.arange(count) + step, 0, count - 1), axis)


def averaged_medium(
    geology: Geology, first_m: tuple[float, float, float], counts: tuple[int, int, int], spacing_m: float
) -> Medium:
    """Averages over volumes of one cell.

    Args:
        geology: the ground; values at its edge continue outside.
        first_m: position (x, y, depth) of the grid's first integer node, from the geology's south-west corner.
        counts: integer nodes along each axis.
        spacing_m: spacing of the grid.
    """
    nodes_m = (geology.x_m - geology.x_m[0], geology.y_m - geology.y_m[0], -geology.z_m[::-1])
    parts = tuple(_parts_of_half(step_m, spacing_m) for step_m in geology.spacing_m)
    along_x, along_y, along_depth = (
        mean_weights(nodes, first + spacing_m * (np.arange((2 * n + 1) * p + 1) / p - 1) / 2)
        for nodes, first, n, p in zip(nodes_m, first_m, counts, parts, strict=True)
    )
    elastic = dataclasses.replace(geology, given={n: v for n, v in geology.given.items() if n in ELASTIC})

    def averages(rows: slice) -> list[np.ndarray]:
        def sample(values: np.ndarray) -> np.ndarray:
            layers = np.einsum("ix,jy,xyz->ijz", along_x[rows], along_y, values, optimize=True)
            return np.asarray(layers[..., ::-1] @ along_depth.T)

        return _averages(elastic.rock_at(sample), counts[1:], parts)

    slabs = map(averages, _slabs(counts, parts))
    joined = [np.concatenate(values) for values in zip(*slabs, strict=True)]
    vs, lamb, mu, buoyancy = joined[:4]
    return Medium(vs, lamb, mu, buoyancy, StaggeredAverages(tuple(joined[4:7]), tuple(joined[7:])))


def _parts_of_half(step_m: float, spacing_m: float) -> int:
    return min(_MOST_PARTS, math.ceil(spacing_m / 2 / step_m - 1e-6))


def _slabs(counts: tuple[int, int, int], parts: tuple[int, ...]) -> Iterator[slice]:
    """Slices along x: the parts of the cells of a few integer nodes at a time, and of the half-cell after the last."""
    across = (2 * counts[1] + 1) * parts[1] * (2 * counts[2] + 1) * parts[2]
    thick = max(1, _PIECE // (2 * parts[0] * across))
    starts = range(0, counts[0], thick)
    return (slice(2 * parts[0] * i, parts[0] * (2 * min(i + thick, counts[0]) + 1)) for i in starts)


def _averages(rock: RockProperties, counts: tuple[int, ...], parts: tuple[int, ...]) -> list[np.ndarray]:
    """All arrays of a medium, in the order of its attributes, from the properties of parts of cells."""
    density = rock.density_kg_m3
    shape = (len(density) // parts[0] // 2, *counts)
    softness = 1 / (density * rock.vs_m_s**2)

    def along(values: np.ndarray, axis: int, start: int) -> np.ndarray:
        """Means over cells along an axis, the first beginning `start` half-cells after the first part."""
        size = 2 * parts[axis]
        indices = start * parts[axis] + size * np.arange(shape[axis])
        return np.asarray(sum(values.take(indices + i, axis) for i in range(size)) / size)

    def cells(values: np.ndarray, *staggered: int) -> np.ndarray:
        """Means over the volumes of cells, half a cell further along the given axes."""
        for axis in range(3):
            values = along(values, axis, int(axis in staggered))
        return values

    def edge(plane: tuple[int, int]) -> np.ndarray:
        values = softness
        for axis in plane:
            values = along(values, axis, 1)
        (third,) = {0, 1, 2} - set(plane)
        return along(1 / values, third, 0)

    shear, mass = 1 / cells(softness), cells(density)
    lamb = 1 / cells(1 / (density * rock.vp_m_s**2)) - 2 * shear
    # Above the surface, the half-cell below it is repeated.
    half = parts[2]
    from_surface = np.concatenate([density[..., :half], density[..., :-half]], axis=-1)
    faces = [cells(density, 0), cells(density, 1), cells(from_surface)]
    return [np.sqrt(shear / mass), lamb, shear, 1 / mass, *map(edge, SHEAR_PLANES), *faces]


def mean_weights(nodes: Float[np.ndarray, " n"], edges: Float[np.ndarray, " m"]) -> Float[np.ndarray, "intervals n"]:
    """Weights of values at evenly spaced nodes whose sum is the mean between two edges.

    Linear between the nodes, constant outside.
    """
    integrals = _integral_weights(nodes, edges)
    return np.asarray(np.diff(integrals, axis=0) / np.diff(edges)[:, None])


def _integral_weights(nodes: np.ndarray, positions: np.ndarray) -> Float[np.ndarray, "positions nodes"]:
    """Weights whose sum is the integral from the first node to a position."""
    last = len(nodes) - 1
    step = (float(nodes[-1]) - float(nodes[0])) / last
    at = (positions - float(nodes[0])) / step
    inside = np.clip(at, 0, last)
    left = np.minimum(inside.astype(int), last - 1)
    share, rows = inside - left, np.arange(len(positions))
    # Whole intervals before `left`: each of its two ends counts half.
    weights = (np.arange(last + 1) < left[:, None]).astype(float)
    weights[:, 0] -= 0.5 * (left > 0)
    weights[rows, left] += 0.5 * (left > 0) + share - share**2 / 2
    weights[rows, left + 1] += share**2 / 2
    weights[:, 0] += np.minimum(at, 0)
    weights[:, -1] += np.maximum(at - last, 0)
    return weights * step
