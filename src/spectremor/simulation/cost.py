"""What a simulation costs, told before it runs."""

from __future__ import annotations

import dataclasses
import math

from spectremor.core.geology import Geology
from spectremor.core.medium import vp_m_s
from spectremor.core.recording import Recording
from spectremor.simulation.grid import PML_CELLS, Grid, cells_of_domain
from spectremor.simulation.memory import BYTES_PER_CELL, check_run_memory, run_bytes
from spectremor.simulation.settings import STABLE_SHARE, SimulationSettings
from spectremor.simulation.time_axis import run_samples


@dataclasses.dataclass(frozen=True)
class RunCost:
    """What a run takes at most: the ground below everything that scatters waves is left out of it.

    Attributes:
        cells: of the grid, absorbing layers included.
        steps: in time.
        memory_bytes: of the grid, the traces and the output.
    """

    cells: int
    steps: int
    memory_bytes: int

    @property
    def cell_steps(self) -> int:
        """Cells times steps, with which the time of a run grows."""
        return self.cells * self.steps


def run_cost(geology: Geology, recording: Recording, settings: SimulationSettings) -> RunCost:
    """What the simulation of one point source costs at most.

    Args:
        geology: the ground.
        recording: where and when motion is recorded.
        settings: how it is computed.

    Raises:
        InputError: a grid that does not fit the domain or the machine's memory.

    Example:
        >>> from spectremor.examples import example_geology
        >>> cost = run_cost(example_geology(), Recording(), SimulationSettings(grid_spacing_m=300.0))
        >>> 50_000 < cost.cells < 200_000
        True
    """
    cells, layers = cells_of_domain(geology, settings.grid_spacing_m)
    grid = Grid(settings.grid_spacing_m, cells, layers, settings.order)
    dt_s = settings.time_step_s or STABLE_SHARE * grid.critical_time_step_s(_fastest_m_s(geology))
    last_s = (recording.samples - 1) / recording.sampling_hz
    steps = run_samples(last_s, dt_s, recording.lowpass_hz)
    nx, ny, nz = grid.shape
    count = (nx + 2 * PML_CELLS) * (ny + 2 * PML_CELLS) * (nz + PML_CELLS)
    traces = 3 * recording.sensors.count
    sizes = {"samples": steps, "traces": traces, "outputs": recording.samples}
    check_run_memory("duration_s", cells=math.prod(grid.shape), dt_s=dt_s, **sizes)
    return RunCost(count, steps, count * BYTES_PER_CELL + run_bytes(**sizes))


def _fastest_m_s(geology: Geology) -> float:
    """The fastest P waves, known or by the law that follows from Vs."""
    known = geology.given.get("vp")
    return float(vp_m_s(geology.vs_m_s).max() if known is None else known.max())
