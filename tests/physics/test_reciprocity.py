"""Reciprocity: exchange source and receiver, and the motion stays."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from spectremor.core.medium import density_kg_m3
from spectremor.core.source import Source
from spectremor.simulation.grid import AXES, Grid
from spectremor.simulation.medium import Medium
from spectremor.simulation.surface import SurfaceReceivers

SPACING, CELLS, LAYERS = 150.0, (16, 12), 14
INSIDE, DEEPER = (830.0, 700.0, -910.0), (1490.0, 1010.0, -1240.0)


def bumpy(lab):
    rng = np.random.default_rng(5)
    grid = Grid(SPACING, CELLS, LAYERS, 8)
    vs = np.kron(rng.uniform(1800, 3200, (7, 6, 5)), np.ones((3, 3, 3)))[: grid.shape[0], : grid.shape[1], :LAYERS]
    rho = density_kg_m3(1.7 * vs)
    mu = rho * vs**2
    return lab(grid, Medium(vs, rho * (1.7 * vs) ** 2 - 2 * mu, mu, 1 / rho), 3.0)


def a_source(position=INSIDE, six=(1e15, 0, 0, 0, 0, 0)) -> Source:
    return Source(position_m=position, moment_tensor_nm=six)


def test_force_and_motion_exchange(lab, tools, rrmse):
    ground = bumpy(lab)
    for axis_a, axis_b in (("x", "down"), ("y", "x")):
        sign = {"x": 1, "y": 1, "down": -1}
        there = ground.run(
            a_source(),
            tools.inside_receivers(ground.grid, [DEEPER]),
            2.0,
            tools.point_force(ground.grid, INSIDE, axis_a),
        )[1][AXES.index(axis_b), 0, 0]
        back = ground.run(
            a_source(),
            tools.inside_receivers(ground.grid, [INSIDE]),
            2.0,
            tools.point_force(ground.grid, DEEPER, axis_b),
        )[1][AXES.index(axis_a), 0, 0]
        assert rrmse(there * sign[axis_b], back * sign[axis_a]) <= 1e-3


def test_moment_tensor_motion_is_strain_of_the_reverse_force(lab, tools, rrmse):
    """v_n(B; M at A) = sum of M_pq d v_p / d x_q at A for a unit force n at B (Aki & Richards 2002, eq. 3.20)."""
    ground = bumpy(lab)
    source = a_source(six=(1e15, -2e15, 5e14, 7e14, -1.1e15, 3e14))
    motion = ground.run(source, tools.inside_receivers(ground.grid, [DEEPER]), 2.0)[1][0, 0, 0]
    back = ground.run(source, _strain(ground.grid, source, tools), 2.0, tools.point_force(ground.grid, DEEPER, "x"))[1]
    assert rrmse(back[0, 0, 0], motion) <= 1e-3


def _strain(grid: Grid, source: Source, tools) -> SurfaceReceivers:
    tensor = source.tensor_nm * np.outer((1, 1, -1), (1, 1, -1))
    nodes, rows = {}, []
    for p, axis in enumerate(AXES):
        weights = 0
        for q, along in enumerate(AXES):
            nodes[axis], w = tools.point_weights(grid, source.position_m, axis, slope_along=along)
            weights = weights + tensor[p, q] * w
        rows.append(weights)
    total = np.concatenate(rows)[None]
    combine = scipy.sparse.csr_matrix(np.concatenate([total, 0 * total, 0 * total]))
    return SurfaceReceivers(nodes, combine, (1, 1))
