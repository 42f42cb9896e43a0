"""The calls to deepwave (ar4/deepwave, MIT): velocity-stress finite differences, C-PML sides and bottom."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from spectremor.core.source import Source, moment_function
from spectremor.simulation.grid import AXES, PML_CELLS, VACUUM, Grid
from spectremor.simulation.medium import Medium, StaggeredAverages
from spectremor.simulation.point_source import Forces
from spectremor.simulation.progress import listener
from spectremor.simulation.rupture_drive import Drive
from spectremor.simulation.solver import load_deepwave
from spectremor.simulation.surface import SurfaceReceivers

#: Frequency in Hz at which the absorbing layer absorbs best.
PML_HZ = 1.0
#: Largest number of calls of a progress function in a run.
_REPORTS = 200
#: Nodes along each axis and number of steps of the run that measures the pace.
_PACE_NODES, _PACE_STEPS = 64, 6

#: Deepwave's names of the grid's axes, slowest to fastest.
_CHANNELS = dict(zip(AXES, ("z", "y", "x"), strict=True))
_MODELS = ("lamb_pa", "mu_pa", "buoyancy_m3_kg")
_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class ShotSetup:
    """Everything that the run of one shot needs.

    For a rupture, `source` is an equivalent point source, for corrections along paths and for labels, and `drive` holds
    the moment functions of its points. `n_samples` does not count samples before the origin time.
    """

    grid: Grid
    medium: Medium
    source: Source
    forces: dict[str, Forces]
    receivers: SurfaceReceivers
    dt_s: float
    n_samples: int
    drive: Drive | None = None

    @property
    def lead(self) -> int:
        """Samples of the run before the origin time."""
        return 0 if self.drive is None else self.drive.lead


def stability_speed_m_s(medium: Medium) -> float:
    """The speed that sets the largest stable step: from each cell's stiffness and the lightest of its six faces."""
    stiffness = medium.lamb_pa + 2 * medium.mu_pa
    return float(np.sqrt((stiffness / medium.lightest_face_kg_m3()).max()))


def propagate(
    shots: Sequence[ShotSetup], device: str, on_progress: Callable[[float], None] | None = None
) -> list[list[Float[np.ndarray, "_ time"]]]:
    """Run shots of one grid, time step and length together; traces of x, y and down of each.

    Args:
        shots: shots with the same grid, time step and length.
        device: "cpu" or "cuda".
        on_progress: called from time to time with the share of the steps that are done.

    Raises:
        RuntimeError: deepwave changed the time step.
    """
    deepwave = load_deepwave()
    first = shots[0]
    models = [_stack([getattr(shot.medium, name) for shot in shots], device) for name in _MODELS]
    with _quiet(deepwave), _own_parameters(first.grid, [shot.medium.between for shot in shots]), torch.no_grad():
        out = deepwave.elastic(
            *models,
            first.grid.spacing_m,
            first.dt_s,
            sources={_CHANNELS[axis]: _sources(shots, axis, device) for axis in AXES},
            receivers={_CHANNELS[axis]: _receivers(shots, axis, device) for axis in AXES},
            accuracy=first.grid.order,
            pml_width=[*[PML_CELLS] * 4, 0, PML_CELLS],
            pml_freq=PML_HZ,
            courant_number=first.grid.critical_courant * (1 - 1e-9),
            check_output_finite=True,
            **_reporting(first, on_progress or listener()),
        )
    if out.info.step_ratio != 1:
        raise RuntimeError(f"deepwave took {out.info.step_ratio} steps of its own for each step of {first.dt_s:g} s")
    records = [getattr(out, f"receiver_amplitudes_{_CHANNELS[axis]}").cpu().numpy() for axis in AXES]
    return [[r[i] for r in records] for i in range(len(shots))]


def _reporting(shot: ShotSetup, on_progress: Callable[[float], None] | None) -> dict[str, Any]:
    if on_progress is None:
        return {}
    steps = shot.lead + shot.n_samples
    return {
        "forward_callback": lambda state: on_progress(state.step / steps),
        "callback_frequency": max(1, steps // _REPORTS),
    }


def measured_pace(order: int, device: str) -> float:
    """Cells times steps per second of a short run in uniform ground, on this machine at its present load.

    Computed from the difference of two runs, so that the fixed cost of a run does not count.
    """
    deepwave = load_deepwave()
    shape = (_PACE_NODES,) * 3
    models = [torch.full(shape, value, device=device) for value in (1e10, 1e10, 4e-4)]
    nodes = torch.full((1, 1, 3), _PACE_NODES // 2, device=device)

    def run_s(steps: int) -> float:
        start = time.perf_counter()
        with _quiet(deepwave), torch.no_grad():
            deepwave.elastic(
                *models,
                100.0,
                2e-3,
                sources={_CHANNELS["x"]: (torch.ones(1, 1, steps, device=device), nodes)},
                receivers={_CHANNELS["x"]: nodes},
                accuracy=order,
                pml_width=[PML_CELLS] * 6,
                pml_freq=PML_HZ,
            )
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    run_s(1)  # loads libraries
    short, long = run_s(1), run_s(1 + _PACE_STEPS)
    cells = math.prod(n + 2 * PML_CELLS + order for n in shape)
    return cells * _PACE_STEPS / max(long - short, 1e-3)


def _stack(solids: list[np.ndarray], device: str) -> torch.Tensor:
    solid = np.stack(solids)
    with_vacuum = np.concatenate([np.zeros_like(solid[..., :VACUUM]), solid], axis=-1)
    return torch.as_tensor(with_vacuum, dtype=torch.float32, device=device)


def _sources(shots: Sequence[ShotSetup], axis: str, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    amplitudes, nodes = [], []
    for shot in shots:
        forces = shot.forces[axis]
        if shot.drive is not None:
            amplitudes.append(forces.weights_n_m3.astype(np.float32) @ shot.drive.moments)
        else:
            moment = moment_function(np.arange(shot.n_samples) * shot.dt_s, shot.source.rise_time_s)
            amplitudes.append(np.outer(forces.weights_n_m3, moment))
        nodes.append(forces.nodes)
    return (
        torch.as_tensor(np.stack(amplitudes), dtype=torch.float32, device=device),
        torch.as_tensor(np.stack(nodes), dtype=torch.long, device=device),
    )


def _receivers(shots: Sequence[ShotSetup], axis: str, device: str) -> torch.Tensor:
    nodes = np.stack([shot.receivers.nodes[axis] for shot in shots])
    return torch.as_tensor(nodes, dtype=torch.long, device=device)


@contextlib.contextmanager
def _quiet(deepwave: Any) -> Iterator[None]:
    """Silence two warnings that do not apply: about the face under vacuum, and cells per wavelength at `PML_HZ`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=deepwave.ZeroWidthFaceWarning)
        warnings.filterwarnings("ignore", message="At least six grid cells per wavelength")
        yield


@contextlib.contextmanager
def _own_parameters(grid: Grid, between: Sequence[StaggeredAverages | None]) -> Iterator[None]:
    """Let deepwave accept the time step of `stability_speed_m_s`, and use our parameters between the integer nodes.

    deepwave 0.1 limits the time step by the stiffest and the lightest cell of the whole model, wherever they are, which
    costs a third of the step in these media: here the step is chosen, and its stability checked, by this package.
    deepwave averages the properties of integer nodes, where `between` has averages of the ground itself. And it gives
    the topmost vertical velocities the mass of half a cell of ground, too much for stencils longer than order 2.
    """
    from deepwave import _staggered_grid as module

    # Untyped, since the replacements take any arguments of deepwave.
    _staggered_grid: Any = module
    # The package's attribute `elastic` is a function, which hides the module of this name.
    elastic: Any = sys.modules["deepwave.elastic"]
    stability_speed, prepare_parameters = _staggered_grid.elastic_stability_speed, elastic.prepare_parameters

    def fastest_speed(*arguments: Any) -> float:
        return float(arguments[3])  # the model's fastest speed

    def with_averages(mu: torch.Tensor, buoyancy: torch.Tensor) -> list[torch.Tensor]:
        parameters = prepare_parameters(mu, buoyancy)
        for shot, averages in enumerate(between):
            if averages is not None:
                _put_averages([p[shot] for p in parameters], averages, grid)
        _lighten_surface(parameters[-1], buoyancy, grid)
        return parameters

    with _lock:
        _staggered_grid.elastic_stability_speed = fastest_speed
        elastic.prepare_parameters = with_averages
        try:
            yield
        finally:
            _staggered_grid.elastic_stability_speed = stability_speed
            elastic.prepare_parameters = prepare_parameters


def _put_averages(parameters: Sequence[torch.Tensor], averages: StaggeredAverages, grid: Grid) -> None:
    """Overwrite deepwave's shear moduli and buoyancies of the solid, absorbing layers included.

    In our axes its planes of shear are (x, y), (x, depth) and (y, depth), and its faces those along x, y and depth. The
    values at the last index along each axis, half a cell past the last integer node, are left as they are.
    """
    side, solid = PML_CELLS + grid.order // 2, grid.order // 2 + VACUUM

    def put(target: torch.Tensor, values: np.ndarray, first: int) -> None:
        fronts = (side, side, first)
        after = [size - front - n for size, front, n in zip(target.shape, fronts, values.shape, strict=True)]
        padded = np.pad(values, [(side, after[0]), (side, after[1]), (0, after[2])], mode="edge")[:-1, :-1, :-1]
        target[:-1, :-1, first:-1] = torch.as_tensor(padded, dtype=target.dtype, device=target.device)

    x, y, down = (1 / density for density in averages.density_kg_m3)
    down[..., 0] *= 2  # the topmost vertical velocities move half a cell of ground
    firsts = (solid, solid, solid, solid, solid, solid - 1)
    for target, values, first in zip(parameters, (*averages.shear_pa, x, y, down), firsts, strict=True):
        put(target, values, first)


def _lighten_surface(buoyancy_down: torch.Tensor, buoyancy: torch.Tensor, grid: Grid) -> None:
    """Give the topmost vertical velocities, which move half a cell of ground, the mass of the grid's surface."""
    vacuum = buoyancy == 0
    # Each lies between a cell and the next deeper one.
    under_vacuum = vacuum[..., :-1] & ~vacuum[..., 1:]
    buoyancy_down[..., :-1][under_vacuum] *= 0.5 / grid.surface.top_mass
