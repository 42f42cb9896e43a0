"""The finite-difference grid laid over a geology, and the medium on it.

Arrays run over (x, y, depth), depth fastest and pointing down: the short strips of the absorbing layer, slow to
compute along the fastest axis, are then only at the bottom. The staggered grid is deepwave's: normal stresses sit at
integer nodes, each velocity component half a cell further along its own axis, each shear stress half a cell along both
of its axes.

- Horizontally the integer nodes are at i h, i = -MARGIN .. n + MARGIN: both edges of the domain are nodes, and the
  absorbing layer starts beyond them.
- The free surface lies just below the plane of vertical velocities between the last vacuum cell and the first solid
  one, by the shift d that `free_surface` derives, so the solid integer nodes are at depths (k + 1/2 - d) h.
- Below the deepest cell that differs from a uniform bottom, and below the source, nothing scatters back: the grid
  ends there, and the absorbing layer begins.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.medium import RockProperties, rock_properties
from spectremor.core.source import Source
from spectremor.simulation.free_surface import DIFFERENCE_WEIGHTS, surface_shift
from spectremor.simulation.memory import check_grid_memory, check_ground_memory

#: Axes of every array on the grid.
AXES = ("x", "y", "down")
#: Nodes around the domain before the absorbing layer.
MARGIN = 2
#: Half-width in nodes of the interpolation kernels, where there is room.
KERNEL = 4
#: Cells of vacuum above the free surface.
VACUUM = 1
#: Phase error of a shear wave along an axis at which the usable band ends, and the share of slower cells ignored.
PHASE_ERROR = 0.02
SLOW_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Grid:
    """Positions of the nodes: spacing in m, cells along x and y in the domain, solid layers simulated.

    Attributes:
        spacing_m: the same along the three axes.
        cells: (nx, ny) cells across the domain.
        layers: solid layers simulated, counted from the surface.
        order: order of accuracy in space.
    """

    spacing_m: float
    cells: tuple[int, int]
    layers: int
    order: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Integer nodes along (x, y, depth), vacuum and margins included, absorbing layer not."""
        nx, ny = self.cells
        return nx + 1 + 2 * MARGIN, ny + 1 + 2 * MARGIN, self.layers + VACUUM

    def index(self, position_m: tuple[float, float, float]) -> tuple[float, float, float]:
        """Fractional integer-node indices (x, y, depth) of a position (x, y, z) in m."""
        x, y, z = (p / self.spacing_m for p in position_m)
        return x + MARGIN, y + MARGIN, VACUUM - 0.5 + surface_shift(self.order) - z

    @property
    def critical_courant(self) -> float:
        """Largest stable sqrt(3) c dt / h of leapfrog stepping: 1 / sum|w|, w the difference weights."""
        return 1 / sum(abs(w) for w in DIFFERENCE_WEIGHTS[self.order])

    def critical_time_step_s(self, speed_m_s: float) -> float:
        """Largest stable time step in s."""
        return float(self.critical_courant * self.spacing_m / (np.sqrt(3.0) * speed_m_s))

    def highest_frequency_hz(self, vs_m_s: Float[np.ndarray, "x y depth"]) -> float:
        """Highest frequency in Hz at which the slow end of the shear speeds errs by at most `PHASE_ERROR`."""
        slow = float(np.quantile(vs_m_s, SLOW_SHARE))
        return slow / (points_per_wavelength(self.order) * self.spacing_m)


@dataclasses.dataclass(frozen=True)
class Medium:
    """The solid on the integer nodes of a grid, arrays (x, y, depth) in SI units."""

    vs_m_s: Float[np.ndarray, "x y depth"]
    lamb_pa: Float[np.ndarray, "x y depth"]
    mu_pa: Float[np.ndarray, "x y depth"]
    buoyancy_m3_kg: Float[np.ndarray, "x y depth"]


@functools.cache
def points_per_wavelength(order: int, phase_error: float = PHASE_ERROR) -> float:
    """Points per wavelength at which the difference operator's wavenumber is short by `phase_error`."""
    kh = np.linspace(1e-3, np.pi, 4000)
    weights = DIFFERENCE_WEIGHTS[order]
    seen = sum(2 * w * np.sin((q + 0.5) * kh) for q, w in enumerate(weights))
    return float(2 * np.pi / kh[np.argmax(seen < (1 - phase_error) * kh)])


def cells_across(extent: float, spacing_m: float) -> int:
    """How many cells of `spacing_m` span `extent` m.

    Raises:
        InputError: they do not span it exactly, or the spacing is no positive number.
    """
    if not (np.isfinite(spacing_m) and 0 < spacing_m <= extent / 4):
        raise InputError("grid_spacing_m", f"{spacing_m:g} m", f"a number in (0, {extent / 4:g}] m")
    cells = round(extent / spacing_m)
    if abs(cells * spacing_m - extent) > 1e-6 * extent:
        near = [extent / n for n in (cells, cells + 1)]
        raise InputError(
            "grid_spacing_m",
            f"{spacing_m:g} m, {extent / spacing_m:.3f} cells across {extent:g} m",
            f"a spacing that divides the domain, such as {near[0]:.6g} or {near[1]:.6g} m",
        )
    return cells


def lay_grid(geology: Geology, source: Source, spacing_m: float, order: int) -> tuple[Grid, Medium]:
    """The grid for a geology and a source, and the medium on its solid nodes.

    Raises:
        InputError: the spacing does not divide the domain, or the domain does not start at (0, 0).
    """
    _check_origin(geology)
    nx, ny, nz = (cells_across(e, spacing_m) for e in geology.extent_m)
    check_grid_memory(nx * ny * nz, spacing_m)
    # Room for the interpolation around a source at the bottom: the deepest values continue below the domain.
    deepest = nz + KERNEL + 1
    check_ground_memory(geology.shape, len(geology.given), (nx + 1 + 2 * MARGIN, ny + 1 + 2 * MARGIN), deepest)
    sample = node_sampler(geology, spacing_m, (nx, ny), deepest, surface_shift(order))
    known = {name: sample(values) for name, values in geology.given.items()}
    layers = min(deepest, _layers_needed(known.values(), source, spacing_m))
    medium = _medium(rock_properties({name: np.ascontiguousarray(v[..., :layers]) for name, v in known.items()}))
    return Grid(spacing_m, (nx, ny), layers, order), medium


def _check_origin(geology: Geology) -> None:
    """Refuse a geology in other coordinates than the source's and the sensors', which count from its corner."""
    for dim, axis, size in zip(("x", "y"), (geology.x_m, geology.y_m), geology.extent_m, strict=False):
        start = float(axis[0])
        if abs(start) > 1e-3 * size:
            allowed = "0 m: positions count from the domain's south-west corner"
            raise InputError(f"geology.{dim}", f"starts at {start:g} m", allowed)


def node_sampler(
    geology: Geology, spacing_m: float, cells: tuple[int, int], layers: int, shift: float
) -> Callable[[Float[np.ndarray, "x y z"]], Float[np.ndarray, "x y depth"]]:
    """From values at the geology's nodes to values on the integer nodes, the first of them 1/2 - `shift` cells deep.

    Linear between the geology's nodes; its edge values continue outside.
    """
    horizontal = [
        _linear_weights(axis, float(axis[0]) + spacing_m * np.arange(-MARGIN, n + MARGIN + 1))
        for axis, n in zip((geology.x_m, geology.y_m), cells, strict=True)
    ]
    vertical = _linear_weights(geology.z_m, -spacing_m * (np.arange(layers) + 0.5 - shift))

    def sample(values: np.ndarray) -> np.ndarray:
        columns = values.astype(float) @ vertical.T
        return np.asarray(np.einsum("ix,jy,xyk->ijk", *horizontal, columns, optimize=True))

    return sample


def _linear_weights(nodes: np.ndarray, positions: np.ndarray) -> Float[np.ndarray, "positions nodes"]:
    step = (float(nodes[-1]) - float(nodes[0])) / (len(nodes) - 1)
    at = np.clip((positions - float(nodes[0])) / step, 0, len(nodes) - 1)
    left = np.minimum(at.astype(int), len(nodes) - 2)
    weights = np.zeros((len(positions), len(nodes)))
    rows = np.arange(len(positions))
    weights[rows, left] = 1 - (at - left)
    weights[rows, left + 1] += at - left
    return weights


def _layers_needed(known: Iterable[np.ndarray], source: Source, spacing_m: float) -> int:
    """Layers down to the source, and down to the deepest one in which any of the known properties varies."""

    def scattering(values: np.ndarray) -> int:
        bottom = values[0, 0, -1]
        differs = np.abs(values - bottom).max(axis=(0, 1)) > 1e-6 * bottom
        return int(np.flatnonzero(differs)[-1]) + 1 if differs.any() else 0

    return max(*map(scattering, known), int(np.ceil(-source.position_m[2] / spacing_m))) + KERNEL + 1


def _medium(rock: RockProperties) -> Medium:
    mu = rock.density_kg_m3 * rock.vs_m_s**2
    return Medium(rock.vs_m_s, rock.density_kg_m3 * rock.vp_m_s**2 - 2 * mu, mu, 1 / rock.density_kg_m3)
