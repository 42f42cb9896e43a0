"""The cost of a run, known before it starts; and the grid for a highest frequency."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.memory import present_bytes
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.simulation.grid import (
    KERNEL,
    PML_CELLS,
    Grid,
    GridPart,
    cells_of_domain,
    layers_of,
    points_per_wavelength,
)
from spectremor.simulation.memory import BYTES_PER_CELL, check_run_memory, run_bytes
from spectremor.simulation.reach import Box, Reach
from spectremor.simulation.settings import STABLE_SHARE, SimulationSettings
from spectremor.simulation.time_axis import end_s, run_samples

#: Points per wavelength of the slowest shear waves at the highest frequency: with as many, simulations in layered
#: ground agree with an independent code (docs/laboratory/validation.md).
POINTS_PER_WAVELENGTH = 6.0
#: Cells around the part of the domain that matters: twice the reach of the interpolation kernels.
_ROOM = 2 * KERNEL
#: Nodes that give a sensor's motion: number along each horizontal axis, and number of layers times components.
_NODES_PER_SENSOR = (2 * KERNEL, 9)
#: Fewest cells across a part of the domain.
_FEWEST_CELLS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A run before it starts.

    Attributes:
        max_frequency_hz: highest frequency for which the grid was chosen.
        slowest_m_s: Vs of the slowest ground in the part of the domain that is simulated.
        spacing_m: spacing of the grid.
        part: part of the domain that is simulated; the part that no wave to a sensor touches within the record is left
            out.
        nodes: nodes of the grid along x, y and depth, absorbing layers included.
        share: share of the domain's cells that is simulated.
        steps: approximate number of time steps.
        memory_bytes: approximate memory of the run.

    Example:
        >>> part = GridPart((0, 0), (100, 80), 60)
        >>> plan = Plan(max_frequency_hz=2.0, slowest_m_s=1200.0, spacing_m=100.0, part=part, nodes=(121, 101, 71),
        ...             share=0.5, steps=1000, memory_bytes=2**30)
        >>> plan.in_words(seconds=600.0).partition(", ")[0]
        'grid of 100 m (6 points per wavelength of 2 Hz at 1200 m/s)'
    """

    max_frequency_hz: float
    slowest_m_s: float
    spacing_m: float
    part: GridPart
    nodes: tuple[int, int, int]
    share: float
    steps: int
    memory_bytes: int

    @property
    def cells(self) -> int:
        """All nodes of the grid."""
        return math.prod(self.nodes)

    @property
    def work(self) -> float:
        """Cells times steps, with which the time of a run grows."""
        return float(self.cells) * self.steps

    def in_words(self, seconds: float) -> str:
        """The plan in one line of text.

        Args:
            seconds: expected time of the run.
        """
        points = self.slowest_m_s / (self.max_frequency_hz * self.spacing_m)
        nodes = f"{' x '.join(map(str, self.nodes))} = {self.cells:.2g} cells"
        return (
            f"grid of {self.spacing_m:.4g} m ({points:.2g} points per wavelength of {self.max_frequency_hz:g} Hz at "
            f"{self.slowest_m_s:.4g} m/s), {nodes}, {self.share:.0%} of the domain, "
            f"{self.steps} steps, {self.memory_bytes / 2**30:.1f} GiB of memory, about {time_in_words(seconds)}"
        )


def time_in_words(seconds: float) -> str:
    """A time to two digits, in s, min or h."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def make_plan(
    geology: Geology,
    earthquake: Source | Rupture,
    recording: Recording,
    settings: SimulationSettings,
    reach: Reach,
    max_frequency_hz: float,
) -> Plan:
    """The grid for a highest frequency.

    Args:
        geology: the ground.
        earthquake: the earthquake, inside the ground.
        recording: where and when motion is recorded.
        settings: how it is computed; their spacing is ignored.
        reach: reach of the waves from this earthquake to these sensors.
        max_frequency_hz: frequency that the grid must carry in the slowest ground.

    Raises:
        InputError: no frequency, or one whose grid needs too much memory; the message names the highest that fits.
    """
    check_frequency(max_frequency_hz)

    def plan(frequency_hz: float) -> Plan:
        record = recording
        if frequency_hz != max_frequency_hz:
            # A lower low-pass needs a longer run.
            record = dataclasses.replace(recording, lowpass_hz=min(recording.lowpass_hz, frequency_hz))
        return _plan(geology, earthquake, record, settings, reach.box(_run_end_s(record)), frequency_hz)

    finest, present = plan(max_frequency_hz), present_bytes()
    if finest.memory_bytes > present:
        highest_hz = _highest(lambda frequency_hz: plan(frequency_hz).memory_bytes <= present, max_frequency_hz)
        size = f"{finest.cells:.2g} cells, {finest.memory_bytes / 2**30:.3g} GiB of memory"
        allowed = f"at most {highest_hz:g} Hz" if highest_hz else "a smaller domain"
        raise InputError(
            "max_frequency_hz",
            f"{max_frequency_hz:g} Hz, a grid of {finest.spacing_m:.3g} m, {size}",
            f"{allowed}, a shorter record or fewer sensors: this machine has {present / 2**30:.3g} GiB",
        )
    return finest


def check_frequency(max_frequency_hz: float) -> None:
    """Refuse a number that is no positive frequency.

    Raises:
        InputError: names the number.
    """
    if not (math.isfinite(max_frequency_hz) and max_frequency_hz > 0):
        raise InputError("max_frequency_hz", max_frequency_hz, "a positive frequency in Hz")


def _highest(fits: Callable[[float], bool], too_high: float) -> float:
    """About the highest frequency that fits, to two digits; 0 where none does."""
    low, high = 0.0, too_high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    unit = 10.0 ** (math.floor(math.log10(high)) - 1)
    # Spacings that divide the domain come in steps: the next lower frequency may need less memory.
    tens = (unit * count for count in range(math.floor(low / unit + 1e-9), 0, -1))
    return next((round(frequency, 12) for frequency in tens if fits(frequency)), 0.0)


def domain_box(geology: Geology) -> Box:
    """The whole domain."""
    x, y, depth = geology.extent_m
    return Box((0.0, 0.0), (x, y), depth)


def part_box(part: GridPart, spacing_m: float) -> Box:
    """A part of the domain in m."""
    low, high = ([n * spacing_m for n in cells] for cells in (part.first, np.add(part.first, part.cells)))
    return Box((low[0], low[1]), (high[0], high[1]), part.layers * spacing_m)


def _run_end_s(recording: Recording) -> float:
    return float(recording.time_s[-1]) + 2 * end_s(recording.lowpass_hz)


def _plan(
    geology: Geology,
    earthquake: Source | Rupture,
    recording: Recording,
    settings: SimulationSettings,
    box: Box,
    frequency_hz: float,
) -> Plan:
    slowest, fastest = _speeds(geology, box)
    spacing_m = _dividing(slowest / (_points(settings) * frequency_hz), geology.extent_m)
    part = whole_cells(box, spacing_m, geology.extent_m)
    source_m = earthquake.position_m[2] if isinstance(earthquake, Source) else earthquake.deepest_m
    depth_m = -min(source_m, float(recording.sensors.points_m()[:, 2].min()))
    layers = layers_of(geology, depth_m, spacing_m, settings.order, part)
    settings = dataclasses.replace(settings, grid_spacing_m=spacing_m)
    return _plan_on(part, layers, geology, recording, settings, (slowest, fastest), frequency_hz)


def plan_at_spacing(geology: Geology, recording: Recording, settings: SimulationSettings) -> Plan:
    """Upper bound of the cost of a run on the grid of the settings, for any earthquake.

    The run itself leaves out the ground below the deepest part that scatters waves.

    Args:
        geology: the ground.
        recording: where and when motion is recorded.
        settings: how it is computed.

    Raises:
        InputError: a grid that does not fit the domain or the machine's memory.

    Example:
        >>> from spectremor.examples import example_geology
        >>> plan = plan_at_spacing(example_geology(), Recording(), SimulationSettings(grid_spacing_m=300.0))
        >>> 50_000 < plan.cells < 250_000
        True
    """
    cells, layers = cells_of_domain(geology, settings.grid_spacing_m)
    speeds = float(geology.vs_m_s.min()), float(geology.rock.vp_m_s.max())
    carried_hz = speeds[0] / (_points(settings) * settings.grid_spacing_m)
    plan = _plan_on(GridPart((0, 0), cells, layers), layers, geology, recording, settings, speeds, carried_hz)
    dt_s = float(recording.time_s[-1]) / max(plan.steps, 1)
    sizes = {"samples": plan.steps, "traces": 3 * recording.sensors.count, "outputs": recording.samples}
    check_run_memory("duration_s", cells=plan.cells, dt_s=dt_s, **sizes)
    return plan


def _plan_on(
    part: GridPart,
    layers: int,
    geology: Geology,
    recording: Recording,
    settings: SimulationSettings,
    speeds_m_s: tuple[float, float],
    frequency_hz: float,
) -> Plan:
    """The plan of a run on `layers` layers of a part of the domain; `speeds_m_s`: its lowest Vs and highest Vp."""
    slowest, fastest = speeds_m_s
    spacing_m = settings.grid_spacing_m
    grid = Grid(spacing_m, part.cells, layers, settings.order)
    dt_s = settings.time_step_s or STABLE_SHARE * grid.critical_time_step_s(fastest)
    steps = run_samples(float(recording.time_s[-1]), dt_s, recording.lowpass_hz)
    nx, ny, nz = grid.shape
    around = 2 * PML_CELLS + settings.order
    nodes = (nx + around, ny + around, nz + PML_CELLS + settings.order)
    across, others = _NODES_PER_SENSOR
    traces = min(recording.sensors.count * across**2, nx * ny) * others
    cells = [math.ceil(side / spacing_m - 1e-6) for side in geology.extent_m]
    return Plan(
        max_frequency_hz=frequency_hz,
        slowest_m_s=slowest,
        spacing_m=spacing_m,
        part=part,
        nodes=nodes,
        share=part.cells[0] * part.cells[1] * min(layers, cells[2]) / math.prod(cells),
        steps=steps,
        memory_bytes=math.prod(nodes) * BYTES_PER_CELL + run_bytes(steps, traces, recording.samples),
    )


def _points(settings: SimulationSettings) -> float:
    """Points per wavelength of the slowest shear waves on a grid that is chosen here."""
    return max(POINTS_PER_WAVELENGTH, points_per_wavelength(settings.order))


def _speeds(geology: Geology, box: Box) -> tuple[float, float]:
    """The lowest Vs and the highest Vp in a part of the domain, and up to the next nodes around it."""
    ranges = []
    axes = (geology.x_m, geology.y_m, -geology.z_m)
    for axis, low, high in zip(axes, (*box.low_m, 0.0), (*box.high_m, box.depth_m), strict=True):
        step = abs(float(axis[1] - axis[0]))
        (nodes,) = np.nonzero((axis > low - step) & (axis < high + step))
        ranges.append(slice(nodes[0], nodes[-1] + 1))
    inside = tuple(ranges)
    return float(geology.vs_m_s[inside].min()), float(geology.rock.vp_m_s[inside].max())


def _dividing(widest_m: float, extent_m: tuple[float, float, float]) -> float:
    """A spacing of at most `widest_m`: one that divides the three sides, if there is one at most a tenth smaller."""
    widest_m = min(widest_m, min(extent_m) / _FEWEST_CELLS)
    shortest = min(extent_m)
    first = math.ceil(shortest / widest_m - 1e-9)
    for cells in range(first, math.ceil(1.1 * first) + 1):
        spacing_m = shortest / cells
        if all(abs(side / spacing_m - round(side / spacing_m)) < 1e-6 for side in extent_m):
            return spacing_m
    return widest_m


def whole_cells(box: Box, spacing_m: float, extent_m: tuple[float, float, float]) -> GridPart:
    """The cells that a part of the domain touches, and some around it; the last ones may reach out of the domain."""
    last = [math.ceil(side / spacing_m - 1e-6) for side in extent_m]
    low = [max(math.floor(v / spacing_m) - _ROOM, 0) for v in box.low_m]
    high = [min(math.ceil(v / spacing_m) + _ROOM, n) for v, n in zip(box.high_m, last, strict=False)]
    layers = min(math.ceil(box.depth_m / spacing_m) + _ROOM, last[2] + KERNEL + 1)
    return GridPart((low[0], low[1]), (high[0] - low[0], high[1] - low[1]), layers)
