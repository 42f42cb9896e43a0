"""The memory that a campaign's workers need, compared before the work with the memory that they have."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.campaign.config import CampaignConfig
from spectremor.campaign.sample import ORDER
from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.medium import vp_m_s
from spectremor.core.memory import present_bytes
from spectremor.simulation.free_surface import TOP_NODES
from spectremor.simulation.grid import AXES, Grid, cells_across
from spectremor.simulation.memory import run_bytes
from spectremor.simulation.settings import STABLE_SHARE
from spectremor.simulation.time_axis import run_samples

#: Bytes for Python, torch and dask, and bytes per grid node for the solver's fields, absorbing layers included.
_BASE_BYTES = 900 << 20
_BYTES_PER_NODE = 300
_EXTRA_NODES = 40
#: Additional bytes for CUDA's libraries and its buffers on the host.
_CUDA_BYTES = 3 << 30
#: Factor by which the speed that sets the time step may exceed Vp, since it combines stiffness and lightest face.
_SPEED_MARGIN = 1.15


def worker_memory_bytes(config: CampaignConfig, device: str = "cpu") -> int:
    """The memory limit of one worker: that of a simulation on the finest grid, with a margin."""
    nodes = 1.0
    for extent in config.scenario.geology.extent_m:
        nodes *= extent / config.grid_spacing_m + _EXTRA_NODES
    cuda_bytes = _CUDA_BYTES if device == "cuda" else 0
    return int(_BASE_BYTES + _BYTES_PER_NODE * nodes) + _run_bytes(config) + cuda_bytes


def _run_bytes(config: CampaignConfig) -> int:
    """The memory that grows with a run's length, on the finest grid and in the fastest ground.

    It is that of traces at all nodes near the surface, and at the sensors and stations.
    """
    scenario = config.scenario
    nx, ny, _ = (cells_across(extent, config.grid_spacing_m) for extent in scenario.geology.extent_m)
    grid = Grid(config.grid_spacing_m, (nx, ny), 1, ORDER)
    fastest = _SPEED_MARGIN * float(vp_m_s(np.array(scenario.geology.vs_range_m_s[1])))
    dt_s = STABLE_SHARE * grid.critical_time_step_s(fastest)
    recorded = len(AXES) * TOP_NODES * grid.shape[0] * grid.shape[1]
    sensors = scenario.sensors_x.count * scenario.sensors_y.count
    stations = 0 if scenario.stations is None else scenario.stations.count
    traces = recorded + len(COMPONENTS) * (sensors + stations)
    return run_bytes(run_samples(scenario.duration_s, dt_s, scenario.lowpass_hz), traces, scenario.samples)


def check_machine(workers: int, needed_bytes: int) -> None:
    """Refuse more workers than fit into this machine's memory.

    Raises:
        InputError: names the number that fits.
    """
    present = present_bytes()
    if workers * needed_bytes > present:
        found = f"{workers} of {needed_bytes / 1e9:.1f} GB each"
        raise InputError(
            "workers", found, f"at most {present // needed_bytes} in this machine's {present / 1e9:.0f} GB"
        )


def check_workers(client: Any, needed_bytes: int) -> None:
    """Refuse a running cluster in which a worker has less memory for each of its threads than a sample needs.

    Raises:
        InputError: names the worker.
    """
    for address, worker in client.scheduler_info(n_workers=-1)["workers"].items():
        limit, threads = worker["memory_limit"], max(1, worker["nthreads"])
        # 0 or None: the worker has no limit.
        if limit and limit / threads < needed_bytes:
            found = f"worker {address} with {limit / threads / 1e9:.1f} GB per thread"
            raise InputError("scheduler", found, f"at least {needed_bytes / 1e9:.1f} GB for this grid")


def check_job(memory_bytes: int, cores: int, needed_bytes: int) -> None:
    """Refuse a SLURM job with too little memory for one sample per core.

    Raises:
        InputError: names the memory that is enough.
    """
    if memory_bytes < cores * needed_bytes:
        found = f"{memory_bytes / 1e9:.1f} GB for {cores} cores"
        raise InputError("slurm.memory", found, f"at least {cores * needed_bytes / 1e9:.1f} GB for this grid")
