"""A moment tensor as forces on the velocity nodes of the grid.

The equivalent body force of a point source is f_i = -M_ij(t) d/dx_j delta(x - x_s) (Aki & Richards 2002, eq. 3.21).
The delta function and its slope become the band-limited weights of `kernels`, on each velocity component's own nodes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.simulation.grid import AXES, KERNEL, VACUUM, Grid
from spectremor.simulation.kernels import slope_weights, stencil, value_weights

#: Signs from (East, North, Up) to the grid's axes, of which the third points down.
_SIGN = (1.0, 1.0, -1.0)


@dataclasses.dataclass(frozen=True)
class Forces:
    """Force densities per unit moment function, on nodes of one velocity component.

    Attributes:
        nodes: integer nodes (x, y, depth), shape (points, 3).
        weights_n_m3: force density in N/m3 at each node when the moment function is 1; for a rupture a matrix, with a
            row for each node and a column for each point of the rupture.
    """

    nodes: Int[np.ndarray, "points 3"]
    weights_n_m3: Float[np.ndarray, " points"] | scipy.sparse.csr_matrix


def check_position(source: Source, geology: Geology, spacing_m: float) -> None:
    """Refuse a source outside the domain, in its absorbing layer, or less than one cell below the surface.

    Raises:
        InputError: names the coordinate and its range.
    """
    source.check_inside(geology.extent_m)
    if -source.position_m[2] < spacing_m:
        raise InputError(
            "source.z", f"{source.position_m[2]:g} m", f"at least one grid cell deep: z <= {-spacing_m:g} m"
        )


def forces(source: Source, grid: Grid) -> dict[str, Forces]:
    """The forces along "x", "y" and "down" that are equivalent to the source."""
    return _point_forces(source.position_m, source.tensor_nm, grid)


def rupture_forces(rupture: Rupture, grid: Grid) -> dict[str, Forces]:
    """The forces along "x", "y" and "down" that are equivalent to a rupture; its points share nodes."""
    six = rupture.moment_tensor_nm
    tensors = six[:, [0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(-1, 3, 3)
    places = [(float(x), float(y), float(z)) for x, y, z in rupture.position_m]
    points = [_point_forces(place, tensor, grid) for place, tensor in zip(places, tensors, strict=True)]
    return {name: _shared([point[name] for point in points]) for name in AXES}


def check_rupture(rupture: Rupture, geology: Geology, spacing_m: float) -> None:
    """As `check_position`, for every point of a rupture.

    Raises:
        InputError: names the coordinate and its range.
    """
    rupture.check_inside(geology.extent_m)
    highest = float(rupture.position_m[:, 2].max())
    if -highest < spacing_m:
        raise InputError("rupture.z", f"{highest:g} m", f"at least one grid cell deep: z <= {-spacing_m:g} m")


def _shared(points: list[Forces]) -> Forces:
    """Forces of several points on the union of their nodes."""
    every = np.concatenate([point.nodes for point in points])
    # Nodes as single numbers in the same order: for thousands of points, sorting rows would take most of the time.
    low = every.min(axis=0)
    box = tuple(every.max(axis=0) - low + 1)
    numbers, row = np.unique(np.ravel_multi_index(tuple((every - low).T), box), return_inverse=True)
    nodes = np.stack(np.unravel_index(numbers, box), axis=1) + low
    column = np.repeat(np.arange(len(points)), [len(point.nodes) for point in points])
    weights = np.concatenate([point.weights_n_m3 for point in points])
    shape = (len(nodes), len(points))
    return Forces(nodes, scipy.sparse.csr_matrix((weights, (row.reshape(-1), column)), shape=shape))


def _point_forces(
    position_m: tuple[float, float, float], tensor_nm: Float[np.ndarray, "3 3"], grid: Grid
) -> dict[str, Forces]:
    at = grid.index(position_m)
    tensor = tensor_nm * np.outer(_SIGN, _SIGN)
    half = [_half_width(a, n) for a, n in zip(at[:2], grid.shape[:2], strict=True)]
    # Shallow sources take a narrower kernel along depth, which ends below the surface.
    half.append(int(min(KERNEL, np.floor(at[2] - VACUUM + 1))))
    return {name: _component(i, at, tensor[i], half, grid.spacing_m) for i, name in enumerate(AXES)}


def _half_width(at: float, nodes: int) -> int:
    # Staggered nodes set both limits: relative to them a position is half a cell lower, and they are one fewer.
    return int(min(KERNEL, np.floor(at - 0.5) + 1, nodes - 2 - np.floor(at - 0.5)))


def _component(i: int, at: tuple[float, float, float], row: np.ndarray, half: list[int], spacing_m: float) -> Forces:
    staggered = [a - 0.5 * (axis == i) for axis, a in enumerate(at)]
    value = [value_weights(a, h) for a, h in zip(staggered, half, strict=True)]
    slope = [slope_weights(a, h) for a, h in zip(staggered, half, strict=True)]
    total = np.zeros([len(v) for v in value])
    for j in range(3):
        factors = [slope[a] if a == j else value[a] for a in range(3)]
        total += row[j] * np.einsum("i,j,k->ijk", *factors)
    axes = [stencil(a, h) for a, h in zip(staggered, half, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    weights = total.reshape(-1) / spacing_m**4
    # Vertical forces may act on the surface; no force acts in the vacuum.
    solid = nodes[:, 2] >= (VACUUM - 1 if AXES[i] == "down" else VACUUM)
    return Forces(nodes, np.where(solid, weights, 0.0))
