"""The memory that a campaign's workers need, stated before the work and held against what they have."""

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

#: What Python, torch and dask hold, and per grid node the solver's fields and absorbing layers.
_BASE_BYTES = 900 << 20
_BYTES_PER_NODE = 300
_EXTRA_NODES = 40
#: What CUDA's libraries and its buffers on the host add.
_CUDA_BYTES = 3 << 30
#: How far a cell's stiffness against its lightest face can raise the speed that sets the time step.
_SPEED_MARGIN = 1.15


def worker_memory_bytes(config: CampaignConfig, device: str = "cpu") -> int:
    """The memory that one worker is allowed: what a simulation on the finest grid needs, and some."""
    nodes = 1.0
    for extent in config.scenario.geology.extent_m:
        nodes *= extent / config.grid_spacing_m + _EXTRA_NODES
    beside = _CUDA_BYTES if device == "cuda" else 0
    return int(_BASE_BYTES + _BYTES_PER_NODE * nodes) + _run_bytes(config) + beside


def _run_bytes(config: CampaignConfig) -> int:
    """What a run's length adds on the finest grid, in the fastest ground.

    Traces of all nodes near the surface, and of the sensors and stations.
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
    """Refuse more workers than this machine's memory holds.

    Raises:
        InputError: names how many fit.
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
        # A limit of 0 or None: the worker knows of none.
        if limit and limit / threads < needed_bytes:
            found = f"worker {address} with {limit / threads / 1e9:.1f} GB per thread"
            raise InputError("scheduler", found, f"at least {needed_bytes / 1e9:.1f} GB for this grid")


def check_job(memory_bytes: int, cores: int, needed_bytes: int) -> None:
    """Refuse a SLURM job whose memory does not hold one sample per core.

    Raises:
        InputError: names the memory that does.
    """
    if memory_bytes < cores * needed_bytes:
        found = f"{memory_bytes / 1e9:.1f} GB for {cores} cores"
        raise InputError("slurm.memory", found, f"at least {cores * needed_bytes / 1e9:.1f} GB for this grid")
