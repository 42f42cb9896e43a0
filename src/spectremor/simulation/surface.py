"""Three components at the same points of the free surface or of the ground below, from nodes of the staggered grid.

The points form a regular grid of sensors at the surface, or are a list of stations anywhere in the domain.

Vertical velocities lie next to the surface, horizontal ones half a cell below. `free_surface` gives the weights of the
three topmost nodes of either, and the term for the slopes that a stress-free surface imposes:
d v_x / d depth = -d v_down / d x and d v_down / d depth = -lambda / (lambda + 2 mu) (d v_x / d x + d v_y / d y).
Deeper than `free_surface.SHALLOW` cells the kernels do not reach the surface: they interpolate along depth as well.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.interpolation import between_nodes
from spectremor.core.recording import SensorGrid, Sensors
from spectremor.simulation.free_surface import SHALLOW, Motion
from spectremor.simulation.grid import AXES, KERNEL, MARGIN, VACUUM, Grid
from spectremor.simulation.kernels import slope_weights, stencil, value_weights
from spectremor.simulation.medium import Medium

Kernel = Callable[[float, int], np.ndarray]
Weights: TypeAlias = scipy.sparse.csr_matrix
#: Function from weights along x and along y to weights (sensors, nodes (x, y)).
Product = Callable[[Weights, Weights], scipy.sparse.coo_matrix]


@dataclasses.dataclass(frozen=True)
class SurfaceReceivers:
    """Nodes to record, and how to combine their traces.

    Attributes:
        nodes: per velocity component ("x", "y", "down") the integer nodes (x, y, depth), shape (points, 3).
        combine: weights (3 sensors, points of x, y and down): components E, N, Z of the sensors.
        shape: numbers of sensors (x, y) of a grid, or number of stations.
    """

    nodes: dict[str, Int[np.ndarray, "points 3"]]
    combine: scipy.sparse.csr_matrix
    shape: tuple[int, ...]

    def __call__(self, traces: Sequence[Float[np.ndarray, "_ time"]]) -> Float[np.ndarray, "3 *sensors time"]:
        """Velocities at the sensors from the recorded traces of x, y and down."""
        return np.asarray(self.combine @ np.concatenate(list(traces))).reshape(3, *self.shape, -1)


@dataclasses.dataclass(frozen=True)
class _Term:
    """A weighted sum over nodes of one velocity component in one layer.

    Weights along x and y, and a factor: one number for all sensors or one for each.
    """

    axis: str
    layer: int
    along_x: scipy.sparse.csr_matrix
    along_y: scipy.sparse.csr_matrix
    factor: float | Float[np.ndarray, " sensors"]


def surface_receivers(sensors: Sensors, grid: Grid, medium: Medium) -> SurfaceReceivers:
    """Receivers at the sensors: at all pairs of a grid's positions along East and North, or at each station.

    Raises:
        InputError: a sensor outside the domain.
    """
    on_grid = isinstance(sensors, SensorGrid)
    x_m, y_m = sensors.x_m, sensors.y_m
    _check_inside("sensors_m" if on_grid else "stations_m", x_m, y_m, grid)
    product = functools.partial(scipy.sparse.kron, format="coo") if on_grid else _row_by_row

    def along(stagger: float, kernel: Kernel) -> list[scipy.sparse.csr_matrix]:
        axes = zip((x_m, y_m), grid.first, grid.shape, strict=False)
        return [_axis_weights(p - f * grid.spacing_m, n, grid.spacing_m, stagger, kernel) for p, f, n in axes]

    x, y = along(0.0, value_weights)
    x_half, y_half = along(0.5, value_weights)
    x_slope, y_slope = along(0.0, slope_weights)
    x_half_slope, y_half_slope = along(0.5, slope_weights)
    depth_m = -sensors.points_m()[:, 2]
    level, upright = (_depth_weights(grid, motion, depth_m) for motion in ("horizontal", "vertical"))
    # The surface imposes slopes at depth 0.
    top_level, top_upright = (_depth_weights(grid, motion, np.zeros(1)) for motion in ("horizontal", "vertical"))

    def weighted(
        along: _DepthWeights, axis: str, along_x: Weights, along_y: Weights, factor: float | np.ndarray
    ) -> list[_Term]:
        return [_Term(axis, layer, along_x, along_y, factor * w) for layer, w in along.layers.items()]

    # Both slopes are per cell, as the kernels give them.
    dilation = -upright.slope * _dilation_share(sensors, grid, medium)
    east = weighted(level, "x", x_half, y, 1.0) + weighted(top_upright, "down", x_slope, y, -level.slope)
    north = weighted(level, "y", x, y_half, 1.0) + weighted(top_upright, "down", x, y_slope, -level.slope)
    down = (
        weighted(upright, "down", x, y, 1.0)
        + weighted(top_level, "x", x_half_slope, y, dilation)
        + weighted(top_level, "y", x, y_half_slope, dilation)
    )
    up = [dataclasses.replace(term, factor=-term.factor) for term in down]
    return _gather([east, north, up], grid, product, sensors.shape)


@dataclasses.dataclass(frozen=True)
class _DepthWeights:
    """Weights along depth, by layer: one number for all sensors or one for each; and slopes, as in `SurfaceMotion`."""

    layers: dict[int, float | Float[np.ndarray, " sensors"]]
    slope: float | Float[np.ndarray, " sensors"]


def _depth_weights(grid: Grid, motion: Motion, depth_m: Float[np.ndarray, " sensors"]) -> _DepthWeights:
    """Weights of the layers of a velocity component that give motion along its direction at the sensors' depths."""
    top = VACUUM - 1 if motion == "vertical" else VACUUM
    if not depth_m.any():
        at_surface = grid.surface.motion(motion)
        return _DepthWeights({top + k: w for k, w in enumerate(at_surface.weights)}, at_surface.slope)
    layers: dict[int, np.ndarray] = {}
    slope = np.zeros(len(depth_m))
    for sensor, depth in enumerate(np.round(depth_m / grid.spacing_m, 9)):
        if depth <= SHALLOW:
            near = grid.surface.motion(motion, float(depth))
            slope[sensor] = near.slope
            numbers, weights = top + np.arange(len(near.weights)), np.array(near.weights)
        else:
            at = grid.index((0.0, 0.0, -depth * grid.spacing_m))[2] - (0.5 if motion == "vertical" else 0.0)
            numbers, weights = stencil(round(at, 9), KERNEL), value_weights(round(at, 9), KERNEL)
        for number, weight in zip(numbers, weights, strict=True):
            layers.setdefault(int(number), np.zeros(len(depth_m)))[sensor] = weight
    return _DepthWeights(dict(sorted(layers.items())), slope)


def _dilation_share(sensors: Sensors, grid: Grid, medium: Medium) -> Float[np.ndarray, " sensors"]:
    """Lambda / (lambda + 2 mu) below each sensor, linear between the topmost nodes."""
    lamb, mu = medium.lamb_pa[..., 0], medium.mu_pa[..., 0]
    at = sensors.points_m()[:, :2].T / grid.spacing_m - np.array(grid.first)[:, None] + MARGIN
    return between_nodes(lamb / (lamb + 2 * mu), list(at))


def _check_inside(field: str, x_m: np.ndarray, y_m: np.ndarray, grid: Grid) -> None:
    for axis, positions, first, cells in zip(("x", "y"), (x_m, y_m), grid.first, grid.cells, strict=True):
        low, high = first * grid.spacing_m, (first + cells) * grid.spacing_m
        outside = [p for p in positions if not low - 1e-6 <= p <= high + 1e-6]
        if outside or len(positions) == 0:
            found = f"{outside[0]:g} m" if outside else "no position"
            raise InputError(f"{field}.{axis}", found, f"positions in [{low:g}, {high:g}] m, inside the domain")


def _axis_weights(
    positions: np.ndarray, n_nodes: int, spacing_m: float, stagger: float, kernel: Kernel
) -> scipy.sparse.csr_matrix:
    """Weights (positions, nodes) along one axis, for nodes that lie `stagger` cells past the integer ones.

    Half a cell past the last node deepwave records nothing. Kernels become narrower towards both ends in the same way.
    """
    at = np.round(np.asarray(positions, dtype=float) / spacing_m + MARGIN - stagger, 9)
    matrix = np.zeros((len(at), n_nodes))
    last = n_nodes - (2 if stagger else 1)
    for row, a in enumerate(at):
        # On a node, a kernel of half-width r reaches r - 1 nodes to either side.
        half = int(min(KERNEL, np.floor(a) + 1, last + 1 - np.ceil(a)))
        # Evenly spaced sensors have the same position within a cell, and so the same cached weights.
        nodes, weights = stencil(a, half), kernel(round(float(a % 1.0), 9), half)
        inside = nodes <= last
        matrix[row, nodes[inside]] = weights[inside]
    matrix[np.abs(matrix) < 1e-12] = 0.0
    return scipy.sparse.csr_matrix(matrix)


def _row_by_row(along_x: Weights, along_y: Weights) -> scipy.sparse.coo_matrix:
    """Products of each row's weights along x and y: one row for each station."""
    x = along_x.tocoo()
    # Each weight along x is paired with all weights along y of its row, which follow each other in `along_y`.
    partners = np.diff(along_y.indptr)[x.row]
    of_x = np.repeat(np.arange(x.nnz), partners)
    of_y = np.arange(len(of_x)) - np.repeat(np.cumsum(partners) - partners - along_y.indptr[x.row], partners)
    nodes = x.col[of_x] * along_y.shape[1] + along_y.indices[of_y]
    shape = (along_x.shape[0], along_x.shape[1] * along_y.shape[1])
    return scipy.sparse.coo_matrix((x.data[of_x] * along_y.data[of_y], (x.row[of_x], nodes)), shape=shape)


def _gather(components: list[list[_Term]], grid: Grid, product: Product, sensors: tuple[int, ...]) -> SurfaceReceivers:
    columns, nodes = [], {}
    for axis in AXES:
        rows = [_sum([t for t in terms if t.axis == axis], grid, product, math.prod(sensors)) for terms in components]
        matrix = scipy.sparse.vstack(rows, format="csr")
        matrix.eliminate_zeros()
        used, column = np.unique(matrix.indices, return_inverse=True)
        layer, plane = np.divmod(used, grid.shape[0] * grid.shape[1])
        nodes[axis] = np.stack([*np.divmod(plane, grid.shape[1]), layer], axis=1)
        shape = (matrix.shape[0], len(used))
        columns.append(scipy.sparse.csr_matrix((matrix.data, column.reshape(-1), matrix.indptr), shape=shape))
    combine = scipy.sparse.hstack(columns, format="csr").astype(np.float32)
    combine.sort_indices()
    return SurfaceReceivers(nodes, combine, sensors)


def _sum(terms: list[_Term], grid: Grid, product: Product, sensors: int) -> scipy.sparse.csr_matrix:
    """Sum of terms of one velocity component, as weights (sensors, nodes (layer, x, y))."""
    plane_size = grid.shape[0] * grid.shape[1]
    shape = (sensors, grid.shape[2] * plane_size)
    total = scipy.sparse.csr_matrix(shape)
    for term in terms:
        plane = product(term.along_x, term.along_y)
        factor = np.broadcast_to(term.factor, sensors)[plane.row]
        entries = (plane.data * factor, (plane.row, plane.col + term.layer * plane_size))
        total = total + scipy.sparse.csr_matrix(entries, shape=shape)
    return total
