"""The configuration of a campaign: a scenario (usually a preset), a seed and the grids to simulate on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from spectremor.campaign.random_geology import GeologyRecipe
from spectremor.campaign.random_source import SourceRecipe, random_source
from spectremor.campaign.random_stations import random_stations_m
from spectremor.core.axes import HEMEW_BAND_HZ, HEMEW_SAMPLING_HZ, HEMEW_SENSORS, time_axis_s
from spectremor.core.errors import InputError
from spectremor.core.presets import read_preset
from spectremor.core.source import Source
from spectremor.core.validation import validated
from spectremor.data.station_plan import StationPlan
from spectremor.data.store import Motion
from spectremor.data.store_writer import StoreLayout
from spectremor.simulation.time_axis import HIGHEST_SAMPLING_HZ, LONGEST_S, output_samples


class SensorAxis(BaseModel):
    """Evenly spaced sensors along one horizontal axis."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    count: Annotated[int, Field(ge=2, le=100_000)] = HEMEW_SENSORS
    first_m: float = 150.0
    last_m: float = 9450.0

    def positions_m(self) -> Float[np.ndarray, " n"]:
        """Positions in m."""
        return np.linspace(self.first_m, self.last_m, self.count)


class Scenario(BaseModel):
    """What a campaign simulates, on any grid.

    Attributes:
        geology: recipe of the random geologies.
        source: recipe of the random sources.
        sensors_x: sensors along East.
        sensors_y: sensors along North.
        stations: stations of each event beside the grid of sensors, within its range; None for none.
        motion: kind of the stored traces: attenuated, or elastic, to which attenuation is applied on reading.
        duration_s: length of the stored motion from the origin time.
        sampling_hz: samples per second.
        lowpass_hz: corner of the zero-phase low-pass filter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    geology: GeologyRecipe = GeologyRecipe()
    source: SourceRecipe = SourceRecipe()
    sensors_x: SensorAxis = SensorAxis()
    sensors_y: SensorAxis = SensorAxis()
    stations: StationPlan | None = None
    motion: Motion = "attenuated"
    duration_s: PositiveFloat = 6.4
    sampling_hz: Annotated[float, Field(gt=0, le=HIGHEST_SAMPLING_HZ)] = HEMEW_SAMPLING_HZ
    lowpass_hz: PositiveFloat = HEMEW_BAND_HZ

    @property
    def samples(self) -> int:
        """Number of sample times."""
        return output_samples(self.duration_s, self.sampling_hz)

    def time_s(self) -> Float[np.ndarray, " time"]:
        """Sample times in [0, duration)."""
        return time_axis_s(self.samples, self.sampling_hz)


class CampaignConfig(BaseModel):
    """Everything that determines sample i; a store records it and is continued with the same configuration only.

    Attributes:
        scenario: what is simulated.
        seed: master seed of geologies and sources.
        grid_spacing_m: grid of the main simulations.
        also_m: coarser grids on which each case is simulated too, finest first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    scenario: Scenario = Scenario()
    seed: Annotated[int, Field(ge=0)] = 0
    grid_spacing_m: PositiveFloat = 150.0
    also_m: tuple[PositiveFloat, ...] = ()

    def checked(self) -> CampaignConfig:
        """This configuration, after a check.

        Raises:
            InputError: a spacing in `also_m` that is not coarser or is repeated, or a time axis too short or too long.
        """
        if len(set(self.also_m)) != len(self.also_m) or any(s <= self.grid_spacing_m for s in self.also_m):
            raise InputError("also", list(self.also_m), f"different spacings coarser than {self.grid_spacing_m:g} m")
        if self.scenario.duration_s > LONGEST_S:
            raise InputError("duration_s", f"{self.scenario.duration_s:g} s", f"at most {LONGEST_S:g} s")
        if self.scenario.samples < 2:
            raise InputError("duration_s", self.scenario.duration_s, "at least two samples")
        return self

    def layout(self) -> StoreLayout:
        """Shape of the store."""
        scenario = self.scenario
        return StoreLayout(
            geology_shape=scenario.geology.cells,
            extent_m=scenario.geology.extent_m,
            x_m=scenario.sensors_x.positions_m(),
            y_m=scenario.sensors_y.positions_m(),
            time_s=scenario.time_s(),
            band_high_hz=scenario.lowpass_hz,
            grid_spacing_m=self.grid_spacing_m,
            also_m=self.also_m,
            stations=scenario.stations,
            motion=scenario.motion,
        )

    def source(self, index: int) -> Source:
        """Source of a sample."""
        return random_source(self.seed, index, self.scenario.source)

    def stations_m(self, index: int) -> tuple[Float[np.ndarray, " station"], Float[np.ndarray, " station"]]:
        """Positions of a sample's stations along East and North in m; none where the scenario has none."""
        scenario = self.scenario
        if scenario.stations is None:
            return np.zeros(0), np.zeros(0)
        x, y = ((axis.first_m, axis.last_m) for axis in (scenario.sensors_x, scenario.sensors_y))
        return random_stations_m(self.seed, index, scenario.stations, (x, y))


def load_scenario(preset: str | Path) -> Scenario:
    """A scenario by the name of a preset, or from a YAML file.

    Raises:
        InputError: no such preset or file, or a file that is not YAML, or has unknown keys or invalid values; see
            docs/reference/data_format.md.
    """
    values = read_preset(preset, "campaigns", field="preset")
    return validated(Scenario, values, "preset")
