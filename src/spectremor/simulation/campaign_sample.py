"""One sample of a campaign, made on whichever worker is free."""

from __future__ import annotations

import dataclasses
import math
import resource
import sys
import time
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from spectremor.core.errors import InputWarning
from spectremor.core.geology import make_geology
from spectremor.data.store_variables import station_velocity_name
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
    # The main simulation is stored under None.
    spacings = {None: config.grid_spacing_m} | {spacing: spacing for spacing in config.also_m}
    simulated = {key: _simulate(config, vs, index, spacing, device) for key, spacing in spacings.items()}
    simulating = time.perf_counter() - started
    velocities = {key: one.velocity_m_s for key, one in simulated.items()}
    checksum = StoreWriter(Path(path)).write(index, vs, velocities, _more(config, index, simulated))
    # macOS counts it in bytes, Linux in kB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return SampleDone(index, checksum, simulating, time.perf_counter() - begun, peak)


@dataclasses.dataclass(frozen=True)
class _Simulated:
    """What is kept of one simulation: motion at the grid of sensors and at the stations, and what its grid carried."""

    velocity_m_s: Float32[np.ndarray, "3 x y time"]
    station_velocity_m_s: Float32[np.ndarray, "3 station time"]
    band_high_hz: float


def _more(config: CampaignConfig, index: int, simulated: Mapping[float | None, _Simulated]) -> dict[str, np.ndarray]:
    """What a store of version 2 holds besides the geology and the wavefields on the grid of sensors."""
    layout = config.layout()
    more: dict[str, np.ndarray] = {}
    if layout.version > 1:
        more["band_high_hz"] = np.array([one.band_high_hz for one in simulated.values()])
    if layout.stations is not None:
        more["station_x"], more["station_y"] = config.stations_m(index)
        more |= {station_velocity_name(key): one.station_velocity_m_s for key, one in simulated.items()}
    return more


def _simulate(
    config: CampaignConfig, vs_m_s: Float32[np.ndarray, "gx gy gz"], index: int, spacing_m: float, device: str
) -> _Simulated:
    """One run, which records the grid of sensors and the stations together."""
    from spectremor.simulation.elastic import simulate

    scenario = config.scenario
    axes = scenario.sensors_x.positions_m(), scenario.sensors_y.positions_m()
    if scenario.stations is None:
        where: dict[str, Any] = {"sensors_m": axes}
    else:
        grid = np.meshgrid(*axes, indexing="ij")
        x_m, y_m = (np.append(axis, own) for axis, own in zip(grid, config.stations_m(index), strict=True))
        where = {"stations_m": (x_m, y_m)}
    with warnings.catch_warnings():
        # The command warned once, before the first sample, that a grid does not carry the whole band.
        warnings.simplefilter("ignore", InputWarning)
        field = simulate(
            make_geology(vs_m_s, scenario.geology.extent_m),
            config.source(index),
            grid_spacing_m=spacing_m,
            duration_s=scenario.duration_s,
            **where,
            sampling_hz=scenario.sampling_hz,
            lowpass_hz=scenario.lowpass_hz,
            order=ORDER,
            attenuation=scenario.motion == "attenuated",
            device=device,
        )
    motion = np.ascontiguousarray(field.values, dtype=np.float32).reshape(3, -1, scenario.samples)
    shape = tuple(len(axis) for axis in axes)
    velocity, stations = np.split(motion, [math.prod(shape)], axis=1)
    return _Simulated(velocity.reshape(3, *shape, -1), stations, float(field.attrs["band_high_hz"]))
