"""One sample of a campaign, made on any free worker."""

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

from spectremor.campaign.config import CampaignConfig
from spectremor.campaign.random_geology import random_geology
from spectremor.core.errors import InputWarning
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording, SensorGrid, Sensors, Stations
from spectremor.data.store_variables import station_velocity_name
from spectremor.data.store_writer import StoreWriter

#: Order of accuracy in space of a campaign's simulations.
ORDER = 8


def simulator_settings() -> dict[str, Any]:
    """The settings of the simulator that a store records."""
    from spectremor.simulation.settings import SOLVER_VERSION

    return {"solver_version": SOLVER_VERSION, "order": ORDER, "deepwave": version("deepwave")}


@dataclasses.dataclass(frozen=True)
class SampleDone:
    """A worker's report about a sample that it has written.

    Attributes:
        index: the sample's id.
        checksum: checksum of its arrays.
        simulating_s: time spent in the simulator.
        peak_memory_bytes: the worker's peak memory so far.
    """

    index: int
    checksum: int
    simulating_s: float
    peak_memory_bytes: int


def make_sample(path: str, config_json: str, device: str, index: int) -> SampleDone:
    """Draw, simulate and write sample `index` of the store at `path`; the caller commits it."""
    config = CampaignConfig.model_validate_json(config_json)
    geology = random_geology(config.seed, index, config.scenario.geology)
    start_s = time.perf_counter()
    # The main simulation is stored under None.
    spacings = {None: config.grid_spacing_m} | {spacing: spacing for spacing in config.also_m}
    simulated = {key: _simulate(config, geology, index, spacing, device) for key, spacing in spacings.items()}
    simulating_s = time.perf_counter() - start_s
    velocities = {key: one.velocity_m_s for key, one in simulated.items()}
    checksum = StoreWriter(Path(path)).write(index, geology.vs_m_s, velocities, _more(config, index, simulated))
    # macOS counts the peak in bytes, Linux in kB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return SampleDone(index, checksum, simulating_s, peak)


@dataclasses.dataclass(frozen=True)
class _Simulated:
    """The results of one simulation: motion at the grid of sensors and at the stations, and the usable band."""

    velocity_m_s: Float32[np.ndarray, "3 x y time"]
    station_velocity_m_s: Float32[np.ndarray, "3 station time"]
    band_high_hz: float


def _more(config: CampaignConfig, index: int, simulated: Mapping[float | None, _Simulated]) -> dict[str, np.ndarray]:
    """The variables of a store of version 2 besides the geology and the wavefields on the grid of sensors."""
    layout = config.layout()
    more: dict[str, np.ndarray] = {}
    if layout.version > 1:
        more["band_high_hz"] = np.array([one.band_high_hz for one in simulated.values()])
    if layout.stations is not None:
        more["station_x"], more["station_y"] = config.stations_m(index)
        more |= {station_velocity_name(key): one.station_velocity_m_s for key, one in simulated.items()}
    return more


def _sensors(config: CampaignConfig, index: int) -> Sensors:
    """The grid of sensors, followed by the sample's stations, where the scenario has any."""
    scenario = config.scenario
    grid = SensorGrid(scenario.sensors_x.positions_m(), scenario.sensors_y.positions_m())
    if scenario.stations is None:
        return grid
    stations_m = config.stations_m(index)
    x_m, y_m = (np.append(axis, more) for axis, more in zip(grid.points_m()[:, :2].T, stations_m, strict=True))
    return Stations(tuple(map(str, range(len(x_m)))), x_m, y_m, np.zeros_like(x_m))


def _simulate(config: CampaignConfig, geology: Geology, index: int, spacing_m: float, device: str) -> _Simulated:
    """One run, which records the grid of sensors and the stations together."""
    from spectremor.simulation.elastic import simulate_many
    from spectremor.simulation.settings import SimulationSettings

    scenario = config.scenario
    axes = scenario.sensors_x.positions_m(), scenario.sensors_y.positions_m()
    recording = Recording(
        sensors=_sensors(config, index),
        samples=scenario.samples,
        sampling_hz=scenario.sampling_hz,
        lowpass_hz=scenario.lowpass_hz,
    )
    # Elastic motion is stored as simulated; the corrections along the waves' paths are applied on reading.
    corrected = scenario.motion == "attenuated"
    settings = SimulationSettings(
        grid_spacing_m=spacing_m, order=ORDER, attenuation=corrected, remove_dispersion=corrected, device=device
    )
    with warnings.catch_warnings():
        # The command has warned once, before the first sample, of grids that do not carry the whole band.
        warnings.simplefilter("ignore", InputWarning)
        (field,) = simulate_many([geology], [config.source(index)], recording, settings)
    motion = np.ascontiguousarray(field.values, dtype=np.float32).reshape(3, -1, scenario.samples)
    shape = tuple(len(axis) for axis in axes)
    velocity, stations = np.split(motion, [math.prod(shape)], axis=1)
    return _Simulated(velocity.reshape(3, *shape, -1), stations, float(field.attrs["band_high_hz"]))
