"""One sample of a campaign, made on whichever worker is free."""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from spectremor.core.errors import InputWarning
from spectremor.core.geology import make_geology
from spectremor.data.store_writer import StoreWriter
from spectremor.simulation.campaign_config import CampaignConfig
from spectremor.simulation.random_geology import random_vs_m_s

#: Order of accuracy in space of a campaign's simulations.
ORDER = 8


def simulator_settings() -> dict[str, Any]:
    """What a store records of the simulator that fills it."""
    from spectremor.simulation.elastic import SOLVER_VERSION

    return {"solver_version": SOLVER_VERSION, "order": ORDER, "deepwave": version("deepwave")}


@dataclasses.dataclass(frozen=True)
class SampleDone:
    """What a worker tells about a sample that it has written.

    Attributes:
        index: the sample's id.
        checksum: of its arrays.
        simulating_s: time spent in the simulator.
        working_s: time spent altogether.
        peak_memory_bytes: the most memory that the worker has held so far.
    """

    index: int
    checksum: int
    simulating_s: float
    working_s: float
    peak_memory_bytes: int


def make_sample(path: str, config_json: str, device: str, index: int) -> SampleDone:
    """Draw, simulate and write sample `index` of the store at `path`; the caller commits it."""
    begun = time.perf_counter()
    config = CampaignConfig.model_validate_json(config_json)
    vs = random_vs_m_s(config.seed, index, config.scenario.geology)
    started = time.perf_counter()
    velocities: dict[float | None, np.ndarray] = {None: _simulate(config, vs, index, config.grid_spacing_m, device)}
    velocities |= {spacing: _simulate(config, vs, index, spacing, device) for spacing in config.also_m}
    simulating = time.perf_counter() - started
    checksum = StoreWriter(Path(path)).write(index, vs, velocities)
    # macOS counts it in bytes, Linux in kB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return SampleDone(index, checksum, simulating, time.perf_counter() - begun, peak)


def _simulate(
    config: CampaignConfig, vs_m_s: Float32[np.ndarray, "gx gy gz"], index: int, spacing_m: float, device: str
) -> Float32[np.ndarray, "3 x y time"]:
    from spectremor.simulation.elastic import simulate

    scenario = config.scenario
    with warnings.catch_warnings():
        # The command warned once, before the first sample, that a grid does not carry the whole band.
        warnings.simplefilter("ignore", InputWarning)
        field = simulate(
            make_geology(vs_m_s, scenario.geology.extent_m),
            config.source(index),
            grid_spacing_m=spacing_m,
            duration_s=scenario.duration_s,
            sensors_m=(scenario.sensors_x.positions_m(), scenario.sensors_y.positions_m()),
            sampling_hz=scenario.sampling_hz,
            lowpass_hz=scenario.lowpass_hz,
            order=ORDER,
            device=device,
        )
    return np.ascontiguousarray(field.values, dtype=np.float32)
