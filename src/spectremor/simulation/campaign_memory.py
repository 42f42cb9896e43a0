"""The memory that a campaign's workers need, stated before the work and held against what they have."""

from __future__ import annotations

import os
from typing import Any

from spectremor.core.errors import InputError
from spectremor.simulation.campaign_config import CampaignConfig

#: What Python, torch and dask hold, and per grid node the solver's fields and absorbing layers.
_BASE_BYTES = 900 << 20
_BYTES_PER_NODE = 300
_EXTRA_NODES = 40


def worker_memory_bytes(config: CampaignConfig) -> int:
    """The memory that one worker is allowed: what a simulation on the finest grid needs, and some."""
    nodes = 1.0
    for extent in config.scenario.geology.extent_m:
        nodes *= extent / config.grid_spacing_m + _EXTRA_NODES
    return int(_BASE_BYTES + _BYTES_PER_NODE * nodes)


def check_machine(workers: int, needed_bytes: int) -> None:
    """Refuse more workers than this machine's memory holds.

    Raises:
        InputError: names how many fit.
    """
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
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
