"""The memory that a simulation needs, compared with that of the machine before anything large is made."""

from __future__ import annotations

from spectremor.core.errors import InputError
from spectremor.core.memory import present_bytes

#: Bytes per cell of the grid: velocities, stresses, memory variables of the absorbing layer, and the medium.
BYTES_PER_CELL = 200
#: Bytes per sample and trace of a run (float32), and per sample and output time: the time operator, its float32 copy.
BYTES_PER_TRACE, BYTES_PER_OUTPUT = 4, 12


def run_bytes(samples: int, traces: int, outputs: int) -> int:
    """Bytes that grow with a run's length: its traces, and the operator from its samples to the output times."""
    return samples * (BYTES_PER_TRACE * traces + BYTES_PER_OUTPUT * outputs)


def check_grid_memory(cells: int, spacing_m: float) -> None:
    """Refuse a grid that this machine's memory does not hold.

    Raises:
        InputError: names the spacing that fits.
    """
    needed, present = cells * BYTES_PER_CELL, present_bytes()
    if needed > present:
        coarser = spacing_m * (needed / present) ** (1 / 3)
        raise InputError(
            "grid_spacing_m",
            f"{spacing_m:g} m, {cells:.2g} cells, {needed / 2**30:.0f} GiB of memory",
            f"at least {coarser:.3g} m: this machine has {present / 2**30:.0f} GiB",
        )


def check_ground_memory(nodes: tuple[int, int, int], properties: int, cells: tuple[int, int], layers: int) -> None:
    """Refuse ground whose interpolation onto the grid this machine's memory does not hold.

    A geology may have millions of nodes along one axis; the interpolation then needs far more than the grid.

    Args:
        nodes: nodes of the geology along x, y, z.
        properties: number of properties given at each node.
        cells: cells of the grid along x and y.
        layers: layers of the grid.

    Raises:
        InputError: names the nodes and the memory.
    """
    nx, ny, nz = nodes
    cx, cy = cells
    weights = cx * nx + cy * ny + layers * nz
    between = nx * ny * layers + max(cx * ny, nx * cy) * layers
    # One property at a time is interpolated; the results are kept.
    needed = 8 * (nx * ny * nz + weights + between + (1 + properties) * cx * cy * layers)
    present = present_bytes()
    if needed > present:
        raise InputError(
            "geology",
            f"{nx} x {ny} x {nz} nodes, {needed / 2**30:.3g} GiB of memory on a grid of {cx} x {cy} x {layers} cells",
            f"fewer nodes or a coarser grid: this machine has {present / 2**30:.3g} GiB",
        )


def check_run_memory(field: str, *, cells: int, dt_s: float, samples: int, traces: int, outputs: int) -> None:
    """Refuse a run whose grid, traces and time operator this machine's memory does not hold together.

    Args:
        field: name of the input in an error message.
        cells: number of cells of the grid.
        dt_s: time step of the run.
        samples: number of samples of the run.
        traces: number of recorded traces and of traces of forces.
        outputs: number of output times.

    Raises:
        InputError: names the run and its memory.
    """
    needed, present = cells * BYTES_PER_CELL + run_bytes(samples, traces, outputs), present_bytes()
    if needed > present:
        raise InputError(
            field,
            f"{samples} steps of {dt_s:.3g} s, {outputs} output times, {needed / 2**30:.3g} GiB of memory",
            f"a shorter run or longer steps: this machine has {present / 2**30:.3g} GiB",
        )
