"""The interface of a stage 1: all that the rest of the program uses of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float, Float32

from spectremor.core.geology import Geology
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source


@runtime_checkable
class Stage1(Protocol):
    """Anything that predicts a wavefield from a geology and a source."""

    @property
    def name(self) -> str:
        """What it is, in words."""
        ...

    def predict(self, geology: Geology, source: Source) -> xr.DataArray:
        """The wavefield, dims (component, x, y, time), m/s."""
        ...

    def predict_arrays(
        self, geologies: Sequence[Geology], sources: Sequence[Source]
    ) -> Float32[np.ndarray, "b 3 sx sy time"]:
        """Velocities in m/s of several events; an event's bytes do not depend on the others."""
        ...


@runtime_checkable
class AnyGround(Protocol):
    """A stage 1 that takes ground of any extent, and records anywhere and for any time."""

    @property
    def spacing_m(self) -> float:
        """Of the grid that it simulates on."""
        ...

    @property
    def any_rise_time(self) -> bool:
        """Whether `predict` takes sources of any rise time, as `record` does."""
        ...

    def record(self, geology: Geology, earthquake: Source | Rupture, recording: Recording) -> xr.DataArray:
        """The wavefield at the sensors and times of a recording, m/s."""
        ...


@runtime_checkable
class AnySensors(Protocol):
    """A stage 1 of one cube that may predict at any sensors between its own."""

    @property
    def any_sensors(self) -> bool:
        """Whether it does."""
        ...

    def predict_at(
        self, geology: Geology, source: Source, points_m: Float[np.ndarray, "s 2"]
    ) -> Float32[np.ndarray, "3 s time"]:
        """Velocities in m/s at sensors East and North of the corner."""
        ...
