"""Shared by the physics tests: runs below the public function, with receivers and forces anywhere in the ground."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse

from spectremor.core.source import Source
from spectremor.simulation.grid import AXES, KERNEL, Grid
from spectremor.simulation.kernels import slope_weights, stencil, value_weights
from spectremor.simulation.medium import Medium
from spectremor.simulation.point_source import Forces
from spectremor.simulation.point_source import forces as moment_forces
from spectremor.simulation.propagator import ShotSetup, propagate, stability_speed_m_s
from spectremor.simulation.settings import STABLE_SHARE
from spectremor.simulation.surface import SurfaceReceivers
from spectremor.simulation.time_axis import run_samples, time_operator


def point_weights(grid: Grid, position_m, axis: str, slope_along: str | None = None):
    """Nodes and weights of one velocity component's value (or slope per m, in grid axes) at (x, y, z)."""
    at = list(grid.index(tuple(position_m)))
    at[AXES.index(axis)] -= 0.5
    at = np.round(at, 9)
    factors = [(slope_weights if AXES[a] == slope_along else value_weights)(at[a], KERNEL) for a in range(3)]
    nodes = np.stack(np.meshgrid(*(stencil(a, KERNEL) for a in at), indexing="ij"), axis=-1).reshape(-1, 3)
    scale = 1.0 if slope_along is None else 1 / grid.spacing_m
    return nodes, np.einsum("i,j,k->ijk", *factors).reshape(-1) * scale


def inside_receivers(grid: Grid, positions_m) -> SurfaceReceivers:
    """Receivers (E, N, Z) at points of the ground: result shape (3, points, 1, time)."""
    nodes, blocks = {}, []
    for axis, sign in zip(AXES, (1, 1, -1), strict=True):
        found, weights = zip(*(point_weights(grid, p, axis) for p in positions_m), strict=True)
        nodes[axis], where = np.unique(np.concatenate(found), axis=0, return_inverse=True)
        rows = np.repeat(np.arange(len(positions_m)), [len(w) for w in weights])
        entries = (sign * np.concatenate(weights), (rows, where.reshape(-1)))
        blocks.append(scipy.sparse.csr_matrix(entries, shape=(len(positions_m), len(nodes[axis]))))
    return SurfaceReceivers(nodes, scipy.sparse.block_diag(blocks, format="csr"), (len(positions_m), 1))


def point_force(grid: Grid, position_m, axis: str) -> dict[str, Forces]:
    """A force of 1 N along a grid axis ("down" included) times the moment function."""
    result = {}
    for name in AXES:
        nodes, weights = point_weights(grid, position_m, name)
        result[name] = Forces(nodes, weights / grid.spacing_m**3 * (name == axis))
    return result


@dataclasses.dataclass(frozen=True)
class Lab:
    """A medium on a grid, and runs in it."""

    grid: Grid
    medium: Medium
    lowpass_hz: float
    sampling_hz: float = 50.0

    @staticmethod
    def uniform(grid: Grid, vs, vp, rho, lowpass_hz) -> Lab:
        shape = (*grid.shape[:2], grid.layers)
        mu = np.full(shape, rho * vs**2)
        medium = Medium(np.full(shape, vs), np.full(shape, rho * vp**2) - 2 * mu, mu, np.full(shape, 1 / rho))
        return Lab(grid, medium, lowpass_hz)

    def run(self, source: Source, receivers: SurfaceReceivers, duration_s: float, forces=None):
        """Times and velocities (3, ...) at the receivers."""
        times = np.arange(round(duration_s * self.sampling_hz)) / self.sampling_hz
        dt = STABLE_SHARE * self.grid.critical_time_step_s(stability_speed_m_s(self.medium))
        n = run_samples(times[-1], dt, self.lowpass_hz)
        forces = moment_forces(source, self.grid) if forces is None else forces
        shot = ShotSetup(self.grid, self.medium, source, forces, receivers, dt, n)
        operator = time_operator(
            times, n, dt, rise_time_s=source.rise_time_s, lowpass_hz=self.lowpass_hz, lowpass_order=4
        )
        return times, receivers(propagate([shot], "cpu")[0]) @ operator.T


@pytest.fixture(scope="session")
def lab() -> type[Lab]:
    return Lab


@pytest.fixture(scope="session")
def tools():
    """The helper functions of this file."""

    @dataclasses.dataclass(frozen=True)
    class Tools:
        point_weights = staticmethod(point_weights)
        inside_receivers = staticmethod(inside_receivers)
        point_force = staticmethod(point_force)

    return Tools


def filtered(spectrum, times, lowpass_hz: float, period_s: float = 100.0):
    """The inverse transform at `times` of spectrum(omega), times the low-pass; spectrum(0) is taken as 0."""
    f = np.arange(1, int(6 * lowpass_hz * period_s)) / period_s
    omega = 2 * np.pi * f
    weights = spectrum(omega) / (1 + (f / lowpass_hz) ** 8)
    return 2 / period_s * (np.exp(1j * np.outer(times, omega)) @ weights).real


@pytest.fixture(scope="session")
def inverse_transform():
    return filtered


def full_space_velocity(omega, offset, source, ground):
    """Velocity spectra (3, frequency) of a moment tensor: Aki & Richards (2002), eq. 4.29, differentiated in time.

    The ground: Vs, Vp in m/s and density in kg/m3.
    """
    (vs, vp, rho), tensor = ground, source.tensor_nm
    r = np.linalg.norm(offset)
    g = offset / r
    ggg = np.einsum("n,p,q->npq", g, g, g)
    d = np.eye(3)
    gd = np.einsum("n,pq->npq", g, d)
    pn, qn = np.einsum("p,nq->npq", g, d), np.einsum("q,np->npq", g, d)
    contract = lambda a: np.einsum("npq,pq->n", a, tensor)[:, None]  # noqa: E731
    near = contract(15 * ggg - 3 * gd - 3 * pn - 3 * qn)
    mid_p = contract(6 * ggg - gd - pn - qn)
    mid_s = contract(6 * ggg - gd - pn - 2 * qn)
    far_p, far_s = contract(ggg), contract(ggg - qn)
    iw = 1j * omega
    rate = 1 / (1 + iw * source.rise_time_s) ** 2  # spectrum of the moment rate
    ta, tb = r / vp, r / vs
    ea, eb = np.exp(-iw * ta), np.exp(-iw * tb)
    # Integral of t exp(-i w t) from ta to tb.
    integral = (ta * ea - tb * eb) / iw + (ea - eb) / iw**2
    k = 1 / (4 * np.pi * rho)
    return (
        k
        * rate
        * (
            near / r**4 * integral
            + mid_p / (vp**2 * r**2) * ea
            - mid_s / (vs**2 * r**2) * eb
            + far_p / (vp**3 * r) * iw * ea
            - far_s / (vs**3 * r) * iw * eb
        )
    )


@pytest.fixture(scope="session")
def stokes_velocity():
    return full_space_velocity


def relative_rms(found, expected) -> float:
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(np.asarray(expected) ** 2)))


@pytest.fixture(scope="session")
def rrmse():
    """Root mean square of the difference over that of the reference."""
    return relative_rms
