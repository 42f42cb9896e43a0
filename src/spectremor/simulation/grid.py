"""The finite-difference grid laid over a geology, and the medium on it.

Arrays run over (x, y, depth), depth fastest and pointing down: the short strips of the absorbing layer, slow to
compute along the fastest axis, are then only at the bottom. The staggered grid is deepwave's: normal stresses sit at
integer nodes, each velocity component half a cell further along its own axis, each shear stress half a cell along both
of its axes.

- Horizontally the integer nodes are at i h, i = -MARGIN .. n + MARGIN: both edges of the domain are nodes, and the
  absorbing layer starts beyond them.
- The free surface lies just below the plane of vertical velocities between the last vacuum cell and the first solid
  one, by the shift d that `free_surface` derives, so the solid integer nodes are at depths (k + 1/2 - d) h.
- Below the deepest cell that differs from a uniform bottom, and below the source, nothing scatters waves back: there
  the grid ends and the absorbing layer begins.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.staggered_grid import DIFFERENCE_WEIGHTS, seen_wavenumber
from spectremor.simulation.free_surface import FreeSurface, free_surface
from spectremor.simulation.medium import ELASTIC, Medium, averaged_medium
from spectremor.simulation.memory import check_grid_memory, check_ground_memory

#: Axes of every array on the grid.
AXES = ("x", "y", "down")
#: Nodes around the domain before the absorbing layer.
MARGIN = 2
#: Half-width in nodes of the interpolation kernels, where there is room.
KERNEL = 4
#: Cells of vacuum above the free surface.
VACUUM = 1
#: Cells of the absorbing layer.
PML_CELLS = 8
#: Phase error of a shear wave along an axis at which the usable band ends; share of the slowest cells that is ignored.
PHASE_ERROR = 0.02
SLOW_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Grid:
    """Positions of the nodes: spacing in m, cells along x and y in the domain, solid layers simulated.

    Attributes:
        spacing_m: the same along the three axes.
        cells: (nx, ny) cells across the domain, or across the part of it that is simulated.
        layers: number of simulated solid layers, counted from the surface.
        order: order of accuracy in space.
        first: cells of the domain before the simulated part, along x and y.
    """

    spacing_m: float
    cells: tuple[int, int]
    layers: int
    order: int
    first: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Integer nodes along (x, y, depth), vacuum and margins included, absorbing layer not."""
        nx, ny = self.cells
        return nx + 1 + 2 * MARGIN, ny + 1 + 2 * MARGIN, self.layers + VACUUM

    def index(self, position_m: tuple[float, float, float]) -> tuple[float, float, float]:
        """Fractional integer-node indices (x, y, depth) of a position (x, y, z) in m."""
        x, y, z = (p / self.spacing_m for p in position_m)
        first_x, first_y = self.first
        return x - first_x + MARGIN, y - first_y + MARGIN, VACUUM - 0.5 + self.surface.shift_cells - z

    @property
    def surface(self) -> FreeSurface:
        """The scheme's free surface."""
        return free_surface(self.order)

    @property
    def critical_courant(self) -> float:
        """Largest stable sqrt(3) c dt / h of leapfrog stepping: 1 / sum|w|, w the difference weights."""
        return 1 / sum(abs(w) for w in DIFFERENCE_WEIGHTS[self.order])

    def critical_time_step_s(self, speed_m_s: float) -> float:
        """Largest stable time step in s."""
        return float(self.critical_courant * self.spacing_m / (np.sqrt(3.0) * speed_m_s))

    def highest_frequency_hz(self, vs_m_s: Float[np.ndarray, "x y depth"]) -> float:
        """Highest frequency in Hz at which waves of the lowest shear speeds have a phase error of `PHASE_ERROR`."""
        slow = float(np.quantile(vs_m_s, SLOW_SHARE))
        return slow / (points_per_wavelength(self.order) * self.spacing_m)


@dataclasses.dataclass(frozen=True)
class GridPart:
    """The part of the domain that a grid covers.

    Attributes:
        first: cells of the domain before the part, along x and y.
        cells: cells of the part along x and y.
        layers: largest number of solid layers.
    """

    first: tuple[int, int]
    cells: tuple[int, int]
    layers: int


@functools.cache
def points_per_wavelength(order: int, phase_error: float = PHASE_ERROR) -> float:
    """Points per wavelength at which the difference operator's wavenumber is short by `phase_error`."""
    kh = np.linspace(1e-3, np.pi, 4000)
    return float(2 * np.pi / kh[np.argmax(seen_wavenumber(kh, order) < (1 - phase_error) * kh)])


def cells_across(extent: float, spacing_m: float) -> int:
    """Number of cells of `spacing_m` that span `extent` m.

    Raises:
        InputError: no whole number of cells spans it, or the spacing is no positive number.
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


def lay_grid(
    geology: Geology, source: Source, spacing_m: float, order: int, part: GridPart | None = None
) -> tuple[Grid, Medium]:
    """The grid for a geology and a source, and the medium on it.

    Args:
        geology: the ground.
        source: a source as deep as the grid must reach.
        spacing_m: spacing of the grid.
        order: order of accuracy.
        part: part of the domain; None: all of it, which the spacing must divide.

    Raises:
        InputError: as `cells_of_domain`, or too little memory for the ground on this grid.
    """
    if part is None:
        cells, deepest = cells_of_domain(geology, spacing_m)
        part = GridPart((0, 0), cells, deepest)
    layers = layers_of(geology, -source.position_m[2], spacing_m, order, part)
    grid = Grid(spacing_m, part.cells, layers, order, part.first)
    nx, ny, _ = grid.shape
    check_ground_memory(geology.shape, len(geology.given), (nx, ny), layers)
    first_x, first_y = ((first - MARGIN) * spacing_m for first in part.first)
    first_m = (first_x, first_y, (0.5 - grid.surface.shift_cells) * spacing_m)
    return grid, averaged_medium(geology, first_m, (nx, ny, layers), spacing_m)


def layers_of(geology: Geology, depth_m: float, spacing_m: float, order: int, part: GridPart) -> int:
    """Number of solid layers of a grid that covers a part of the domain and reaches at least to a depth."""
    return min(part.layers, _layers_needed(geology, depth_m, spacing_m, free_surface(order).shift_cells))


def cells_of_domain(geology: Geology, spacing_m: float) -> tuple[tuple[int, int], int]:
    """Numbers of cells along x and y, and largest number of solid layers.

    Raises:
        InputError: the spacing does not divide the domain, or the domain does not start at (0, 0).
    """
    check_origin(geology)
    nx, ny, nz = (cells_across(e, spacing_m) for e in geology.extent_m)
    check_grid_memory(nx * ny * nz, spacing_m)
    # Room for the interpolation around a source at the bottom: the deepest values continue below the domain.
    deepest = nz + KERNEL + 1
    check_ground_memory(geology.shape, len(geology.given), (nx + 1 + 2 * MARGIN, ny + 1 + 2 * MARGIN), deepest)
    return (nx, ny), deepest


def check_origin(geology: Geology) -> None:
    """Refuse a geology that does not start at (0, 0): positions of source and sensors count from its corner."""
    for dim, axis, size in zip(("x", "y"), (geology.x_m, geology.y_m), geology.extent_m, strict=False):
        start = float(axis[0])
        if abs(start) > 1e-3 * size:
            allowed = "0 m: positions count from the domain's south-west corner"
            raise InputError(f"geology.{dim}", f"starts at {start:g} m", allowed)


def _layers_needed(geology: Geology, depth_m: float, spacing_m: float, shift_cells: float) -> int:
    """Layers down to a depth, and down to where the ground is as uniform as at its bottom."""

    def changes_m(values: np.ndarray) -> float:
        """Depth below which a property is constant: that of the node below the deepest one that differs."""
        differs = np.abs(values - values[0, 0, 0]).max(axis=(0, 1)) > 1e-6 * values[0, 0, 0]
        return -float(geology.z_m[max(int(np.argmax(differs)) - 1, 0)]) if differs.any() else 0.0

    deepest_m = max(changes_m(values) for name, values in geology.given.items() if name in ELASTIC)
    scattering = int(np.ceil(deepest_m / spacing_m + shift_cells))
    return max(scattering, int(np.ceil(depth_m / spacing_m))) + KERNEL + 1
