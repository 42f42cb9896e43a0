"""How a simulation is computed: the grid, the scheme, the device."""

from __future__ import annotations

import dataclasses

from spectremor.core.errors import InputError
from spectremor.core.staggered_grid import DIFFERENCE_WEIGHTS

#: To be raised by every change that alters results.
SOLVER_VERSION = 4
#: Versions that can be computed; 3 is kept for weights that were trained on its simulations.
SOLVER_VERSIONS = (3, SOLVER_VERSION)
#: Default time step as a share of the largest stable one.
STABLE_SHARE = 0.95
#: Shots in one call to the propagator: a processor core gains nothing from more than one.
DEFAULT_BATCH = {"cpu": 1, "cuda": 8}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """How a simulation is computed.

    Attributes:
        grid_spacing_m: must divide the three sides of the domain.
        order: order of accuracy in space: 2, 4, 6 or 8.
        time_step_s: time step of the run; None: 95% of the largest stable one.
        attenuation: whether waves lose energy.
        remove_dispersion: whether the delay of waves on the grid is removed along their paths; version 3 never does.
        device: "cpu" or "cuda".
        solver_version: the present one, or 3 for weights that were trained on its simulations.

    Raises:
        InputError: another order or version, or a device that is unknown or that this machine lacks.
    """

    grid_spacing_m: float = 150.0
    order: int = 8
    time_step_s: float | None = None
    attenuation: bool = True
    remove_dispersion: bool = True
    device: str = "cpu"
    solver_version: int = SOLVER_VERSION

    def __post_init__(self) -> None:
        if self.order not in DIFFERENCE_WEIGHTS:
            raise InputError("order", self.order, f"one of {', '.join(map(str, DIFFERENCE_WEIGHTS))}")
        check_device(self.device)
        check_solver_version("solver_version", self.solver_version)

    @property
    def removes_dispersion(self) -> bool:
        """Whether dispersion is removed, by these settings and the solver's version."""
        return self.remove_dispersion and self.solver_version > 3


def check_solver_version(field: str, solver_version: int) -> None:
    """Refuse a version whose simulations this program cannot compute.

    Raises:
        InputError: names the versions that it can compute.
    """
    if solver_version not in SOLVER_VERSIONS:
        raise InputError(field, solver_version, " or ".join(map(str, SOLVER_VERSIONS)))


def check_device(device: str, *, field: str = "device", elsewhere: bool = False) -> None:
    """Refuse a device that is unknown, or that this machine lacks.

    Args:
        device: "cpu" or "cuda".
        field: name of the input in an error message.
        elsewhere: whether the device is that of another machine, which cannot be checked here.

    Raises:
        InputError: names the devices that there are.
    """
    if device not in DEFAULT_BATCH:
        raise InputError(field, device, "cpu or cuda")
    if device == "cpu" or elsewhere:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError(field, device, "cpu: this machine has no usable CUDA device")
