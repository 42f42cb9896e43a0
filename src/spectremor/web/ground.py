"""The grounds that the page offers, each with a name and a path for the command line."""

from __future__ import annotations

import dataclasses
import functools
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.georeference import Georeference
from spectremor.examples import example_geology

EXAMPLE = "example"
#: Largest number of nodes along an axis that a figure shows; if there are more, some are left out evenly.
MOST_SHOWN = 400


@dataclasses.dataclass(frozen=True)
class GroundGrid:
    """The grid onto which a velocity model of another program is interpolated.

    Attributes:
        extent_m: size along x, y and depth.
        spacing_m: distance between nodes.
        corner: location of its corner on Earth; None if the model does not need it.
    """

    extent_m: tuple[float, float, float]
    spacing_m: float
    corner: Georeference | None = None


@dataclasses.dataclass(frozen=True)
class Ground:
    """A geology with its name and file.

    Attributes:
        geology: the geology.
        name: name of its file, or of the example.
        path: path of the file for the command line.
        index: number of the geology in the file; None if the file holds one.
        grid: grid onto which the file was interpolated; None if it was read as it is.
    """

    geology: Geology
    name: str
    path: str
    index: int | None = None
    grid: GroundGrid | None = None

    @property
    def label(self) -> str:
        """Its name on the page."""
        return self.name if self.index is None else f"{self.name} ({self.index})"

    @property
    def place(self) -> Georeference | None:
        """Location of its corner on Earth, if it is known."""
        return None if self.grid is None else self.grid.corner

    @functools.cached_property
    def vs_range_km_s(self) -> tuple[float, float]:
        """Lowest and highest S-wave velocity in km/s."""
        vs = self.geology.vs_m_s
        return float(vs.min()) / 1000, float(vs.max()) / 1000

    @property
    def _shown(self) -> tuple[slice, slice, slice]:
        """Which nodes along each axis are shown; the surface is among them."""
        nx, ny, nz = self.geology.shape
        x, y, z = (max(1, -(-nodes // MOST_SHOWN)) for nodes in (nx, ny, nz))
        return slice(None, None, x), slice(None, None, y), slice((nz - 1) % z, None, z)

    @property
    def vs_m_s(self) -> Float[np.ndarray, "x y z"]:
        """S-wave velocity in m/s at the nodes that are shown, without a copy of the data."""
        return self.geology.vs_m_s[self._shown]

    @property
    def axes_km(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the nodes that are shown in km: East, North, height (negative below the surface)."""
        ground, (x, y, z) = self.geology, self._shown
        return ground.x_m[x] / 1000, ground.y_m[y] / 1000, ground.z_m[z] / 1000

    @property
    def extent_km(self) -> tuple[float, float, float]:
        """Size along East, North and depth in km."""
        lx, ly, lz = self.geology.extent_m
        return lx / 1000, ly / 1000, lz / 1000


def example_ground() -> Ground:
    """The geology that ships with the package."""
    return Ground(example_geology(), EXAMPLE, str(Path(str(files("spectremor.examples"))) / "geology.nc"))
