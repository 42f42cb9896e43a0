"""A simulation on a coarse grid as a stage 1: slower than a network, accurate at frequencies that the grid carries."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import xarray as xr
from jaxtyping import Float32
from pydantic import Field

from spectremor.core.domain_config import DomainConfig
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange


class SimulationConfig(pydantic.BaseModel):
    """Config of a coarse simulation.

    Attributes:
        domain: sensors, sample times and trained range as a file writes them: see `recording` and `trained_range`.
        grid_spacing_m: spacing of its grid.
        order: order of accuracy in space.
        lowpass_hz: corner of the traces' low-pass.
        solver_version: version of the solver; the next stage was trained on its simulations.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    domain: DomainConfig = DomainConfig()
    grid_spacing_m: Annotated[float, Field(ge=50, le=10_000)] = 300.0
    order: Literal[2, 4, 6, 8] = 8
    lowpass_hz: Annotated[float, Field(gt=0, le=1000)] = 5.0
    solver_version: Annotated[int, Field(ge=1, le=10_000)]

    @property
    def recording(self) -> Recording:
        """Where and when the simulation records."""
        return self.domain.recording(self.lowpass_hz)

    @property
    def trained_range(self) -> TrainedRange:
        """The events whose simulations the next stage was trained on."""
        return self.domain.trained_range()

    @pydantic.model_validator(mode="after")
    def _can_be_recorded(self) -> SimulationConfig:
        _ = self.recording
        return self

    def check_speed(self, geology: Geology) -> None:
        """Refuse ground so slow that the grid has less than two points per shear wavelength anywhere.

        Raises:
            InputError: names the speed that is needed.
        """
        needed, fastest = 2 * self.grid_spacing_m * self.lowpass_hz, float(geology.vs_m_s.max())
        if fastest < needed:
            allowed = f"{needed:g} m/s or more somewhere: the model simulates on a grid of {self.grid_spacing_m:g} m"
            raise InputError("geology", f"Vs of {fastest:g} m/s at most", allowed)


class CoarseSimulation:
    """A coarse simulation as a stage 1; implements `Stage1`.

    Args:
        config: config of the simulation.
    """

    #: A simulation is right at any.
    any_rise_time = True

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        """Name of the stage in words."""
        return f"simulation at {self.config.grid_spacing_m:g} m"

    @property
    def recording(self) -> Recording:
        """Where and when the stage predicts motion."""
        return self.config.recording

    @property
    def spacing_m(self) -> float:
        """Spacing of the simulation's grid."""
        return self.config.grid_spacing_m

    def predict(self, geology: Geology, source: Source) -> xr.DataArray:
        """The wavefield of one event.

        Args:
            geology: a geology of the model's size.
            source: a source inside the model's trained range, of any rise time.

        Returns:
            DataArray `velocity`, dims (component, x, y, time), m/s; `band_high_hz` is the highest frequency that the
            grid carries accurately.

        Raises:
            InputError: a geology of another size or extent, a source outside the model's trained range, or no solver.
        """
        self.config.trained_range.check_event(geology, source, any_rise_time=True)
        return self.record(geology, source, self.recording)

    def record(self, geology: Geology, earthquake: Source | Rupture, recording: Recording) -> xr.DataArray:
        """The wavefield of an earthquake in ground of any extent, at any sensors and sample times.

        Args:
            geology: a geology whose sides the grid's spacing divides.
            earthquake: a point or a rupture, of any rise time.
            recording: where and when motion is recorded.

        Returns:
            DataArray `velocity`, dims (component, x, y, time) or (component, station, time), m/s.

        Raises:
            InputError: an earthquake outside the ground, sides that the spacing does not divide, or no solver.
        """
        from spectremor.simulation.elastic import simulate_many
        from spectremor.simulation.settings import SimulationSettings

        self.config.check_speed(geology)
        settings = SimulationSettings(
            grid_spacing_m=self.config.grid_spacing_m,
            order=self.config.order,
            solver_version=self.config.solver_version,
        )
        with warnings.catch_warnings():
            # The warnings are about frequencies that the grid does not carry, which the next stage adds.
            warnings.simplefilter("ignore", InputWarning)
            return simulate_many([geology], [earthquake], recording, settings)[0]

    def predict_arrays(
        self, geologies: Sequence[Geology], sources: Sequence[Source]
    ) -> Float32[np.ndarray, "b 3 sx sy time"]:
        """Velocities in m/s of several events, one by one.

        Raises:
            InputError: another number of sources, or as `predict`.
        """
        if len(geologies) != len(sources):
            raise InputError("sources", f"{len(sources)} for {len(geologies)} geologies", "as many as geologies")
        events = zip(geologies, sources, strict=True)
        return np.stack([self.velocity(geology, source) for geology, source in events])

    def velocity(self, geology: Geology, source: Source) -> Float32[np.ndarray, "3 sx sy time"]:
        """Velocities in m/s of one event, as plain values."""
        return self.predict(geology, source).values.astype(np.float32)

    def velocity_at(
        self, geology: Geology, source: Source, recording: Recording
    ) -> Float32[np.ndarray, "3 *sensors time"]:
        """Velocities in m/s of one event where and when it is recorded, as plain values; raises as `record`."""
        return self.record(geology, source, recording).values.astype(np.float32)

    def parts(self) -> tuple[SimulationConfig, dict[str, Any]]:
        """Config and tensors to save: there are no tensors."""
        return self.config, {}

    @classmethod
    def from_parts(cls, config: SimulationConfig, tensors: Mapping[str, Any]) -> CoarseSimulation:
        """Rebuild a stage from the result of `parts`.

        Raises:
            InputError: a version of the solver that is no longer available, or tensors, which a simulation has none of.
        """
        if tensors:
            raise InputError("simulation weights", f"tensor {sorted(tensors)[0][:80]}", "none")
        from spectremor.simulation.settings import check_solver_version

        # The next stage was trained on simulations of this version.
        check_solver_version("simulation.solver_version", config.solver_version)
        return cls(config)
