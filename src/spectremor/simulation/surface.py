"""Three components at the same points of the free surface, from nodes of the staggered grid.

Vertical velocities lie next to the surface, horizontal ones half a cell below. `free_surface` gives the weights of the
three topmost nodes of either, and what to add for the slopes that a stress-free surface imposes:
d v_x / d depth = -d v_down / d x and d v_down / d depth = -lambda / (lambda + 2 mu) (d v_x / d x + d v_y / d y).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.medium import VP_OVER_VS
from spectremor.simulation.free_surface import TOP_NODES, surface_motion
from spectremor.simulation.grid import AXES, KERNEL, MARGIN, VACUUM, Grid
from spectremor.simulation.kernels import slope_weights, stencil, value_weights

Kernel = Callable[[float, int], np.ndarray]
Weights = scipy.sparse.csr_matrix


@dataclasses.dataclass(frozen=True)
class SurfaceReceivers:
    """Nodes to record, and how to combine their traces.

    Attributes:
        nodes: per velocity component ("x", "y", "down") the integer nodes (x, y, depth), shape (points, 3).
        combine: weights (3 sensors, points of x, y and down): components E, N, Z of sensors (x, y).
        shape: (x, y) sensors.
    """

    nodes: dict[str, Int[np.ndarray, "points 3"]]
    combine: scipy.sparse.csr_matrix
    shape: tuple[int, int]

    def __call__(self, traces: Sequence[Float[np.ndarray, "_ time"]]) -> Float[np.ndarray, "3 x y time"]:
        """Velocities at the sensors from the recorded traces of x, y and down."""
        return np.asarray(self.combine @ np.concatenate(list(traces))).reshape(3, *self.shape, -1)


@dataclasses.dataclass(frozen=True)
class _Term:
    """A weighted sum over nodes of one velocity component in one layer: weights along x and y, and a factor."""

    axis: str
    layer: int
    along_x: scipy.sparse.csr_matrix
    along_y: scipy.sparse.csr_matrix
    factor: float


def surface_receivers(x_m: np.ndarray, y_m: np.ndarray, grid: Grid) -> SurfaceReceivers:
    """Receivers at all pairs of the positions along East and North.

    Raises:
        InputError: a sensor outside the domain.
    """
    _check_inside("x", x_m, grid.cells[0] * grid.spacing_m)
    _check_inside("y", y_m, grid.cells[1] * grid.spacing_m)

    def along(stagger: float, kernel: Kernel) -> list[scipy.sparse.csr_matrix]:
        pairs = zip((x_m, y_m), grid.shape, strict=False)
        return [_axis_weights(p, n, grid.spacing_m, stagger, kernel) for p, n in pairs]

    x, y = along(0.0, value_weights)
    x_half, y_half = along(0.5, value_weights)
    x_slope, y_slope = along(0.0, slope_weights)
    x_half_slope, y_half_slope = along(0.5, slope_weights)
    level, upright = (surface_motion(grid.order, motion) for motion in ("horizontal", "vertical"))

    def surface(axis: str, along_x: Weights, along_y: Weights, factor: float) -> list[_Term]:
        top, weights = (VACUUM - 1, upright.weights) if axis == "down" else (VACUUM, level.weights)
        return [_Term(axis, top + k, along_x, along_y, factor * w) for k, w in enumerate(weights)]

    # Both slopes are per cell, as the kernels give them.
    dilation = -upright.slope * (1 - 2 / VP_OVER_VS**2)
    east = surface("x", x_half, y, 1.0) + surface("down", x_slope, y, -level.slope)
    north = surface("y", x, y_half, 1.0) + surface("down", x, y_slope, -level.slope)
    down = (
        surface("down", x, y, 1.0) + surface("x", x_half_slope, y, dilation) + surface("y", x, y_half_slope, dilation)
    )
    up = [dataclasses.replace(term, factor=-term.factor) for term in down]
    return _gather([east, north, up], grid, (len(x_m), len(y_m)))


def _check_inside(axis: str, positions: np.ndarray, limit: float) -> None:
    outside = [p for p in positions if not -1e-6 <= p <= limit + 1e-6]
    if outside or len(positions) == 0:
        found = f"{outside[0]:g} m" if outside else "no position"
        raise InputError(f"sensors_m.{axis}", found, f"positions in [0, {limit:g}] m, inside the domain")


def _axis_weights(
    positions: np.ndarray, n_nodes: int, spacing_m: float, stagger: float, kernel: Kernel
) -> scipy.sparse.csr_matrix:
    """Weights (positions, nodes) along one axis, for nodes that lie `stagger` cells past the integer ones.

    Half a cell past the last node deepwave records nothing. Kernels narrow towards the ends, towards either alike.
    """
    at = np.round(np.asarray(positions, dtype=float) / spacing_m + MARGIN - stagger, 9)
    matrix = np.zeros((len(at), n_nodes))
    last = n_nodes - (2 if stagger else 1)
    for row, a in enumerate(at):
        # On a node, a kernel of half-width r reaches r - 1 nodes to either side.
        half = int(min(KERNEL, np.floor(a) + 1, last + 1 - np.ceil(a)))
        # Evenly spaced sensors share their place within a cell, and its weights.
        nodes, weights = stencil(a, half), kernel(round(float(a % 1.0), 9), half)
        inside = nodes <= last
        matrix[row, nodes[inside]] = weights[inside]
    matrix[np.abs(matrix) < 1e-12] = 0.0
    return scipy.sparse.csr_matrix(matrix)


def _gather(components: list[list[_Term]], grid: Grid, sensors: tuple[int, int]) -> SurfaceReceivers:
    columns, nodes = [], {}
    for axis in AXES:
        rows = [_sum([t for t in terms if t.axis == axis], grid, sensors) for terms in components]
        matrix = scipy.sparse.vstack(rows, format="csc")
        used = np.flatnonzero(np.diff(matrix.indptr))
        layer, plane = np.divmod(used, grid.shape[0] * grid.shape[1])
        nodes[axis] = np.stack([*np.divmod(plane, grid.shape[1]), layer], axis=1)
        columns.append(matrix[:, used])
    combine = scipy.sparse.hstack(columns, format="csr").astype(np.float32)
    return SurfaceReceivers(nodes, combine, sensors)


def _sum(terms: list[_Term], grid: Grid, sensors: tuple[int, int]) -> scipy.sparse.csr_matrix:
    """Terms of one velocity component as weights (sensors (x, y), nodes (layer, x, y))."""
    plane_size = grid.shape[0] * grid.shape[1]
    shape = (sensors[0] * sensors[1], (VACUUM + TOP_NODES) * plane_size)
    total = scipy.sparse.csr_matrix(shape)
    for term in terms:
        plane = scipy.sparse.kron(term.along_x, term.along_y, format="coo")
        entries = (plane.data * term.factor, (plane.row, plane.col + term.layer * plane_size))
        total = total + scipy.sparse.csr_matrix(entries, shape=shape)
    return total
