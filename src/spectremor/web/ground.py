"""The grounds that the page offers: each with a name, and the way to it on the command line."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.examples import example_geology

EXAMPLE = "example"


@dataclasses.dataclass(frozen=True)
class Ground:
    """A geology and what a person calls it.

    Attributes:
        geology: what models take.
        name: of its file, or of the example.
        path: of the file, as a person would type it.
        index: which geology of the file; None where it holds one.
    """

    geology: Geology
    name: str
    path: str
    index: int | None = None

    @property
    def label(self) -> str:
        """What the page calls it."""
        return self.name if self.index is None else f"{self.name} ({self.index})"

    @property
    def vs_km_s(self) -> Float[np.ndarray, "x y z"]:
        """S-wave velocity in km/s."""
        return np.asarray(self.geology.vs_m_s, dtype=float) / 1000

    @property
    def axes_km(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the nodes in km: East, North, height (negative below the surface)."""
        ground = self.geology
        return ground.x_m / 1000, ground.y_m / 1000, ground.z_m / 1000

    @property
    def extent_km(self) -> tuple[float, float, float]:
        """Size along East, North and depth in km."""
        lx, ly, lz = self.geology.extent_m
        return lx / 1000, ly / 1000, lz / 1000


def example_ground() -> Ground:
    """The geology that ships with the package."""
    return Ground(example_geology(), EXAMPLE, str(Path(str(files("spectremor.examples"))) / "geology.nc"))
