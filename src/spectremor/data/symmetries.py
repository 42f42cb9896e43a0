"""The eight symmetries of the square, acting together on geology, source and wavefield.

The wavefield of a turned geology and source is the turned wavefield. This is exact: it gives training data at no cost
and a test of any simulator.
Symmetry number k in 0..7: bit 0 mirrors East, bit 1 mirrors North, bit 2 exchanges East and North (done first).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.axes import geology_axes
from spectremor.core.errors import InputError
from spectremor.core.event import EVENT_ATTRS
from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield

Extent = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Symmetry:
    """One of the eight symmetries; rectangular domains are allowed (an exchange of axes exchanges their sides).

    Attributes:
        number: 0 (no change) to 7.
    """

    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 7:
            raise InputError("symmetry", self.number, "0 to 7")

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """The orthogonal matrix that turns (East, North, Up) vectors."""
        signs = np.diag([-1.0 if self.number & 1 else 1.0, -1.0 if self.number & 2 else 1.0, 1.0])
        return signs @ (np.eye(3)[[1, 0, 2]] if self._exchanges else np.eye(3))

    def after(self, first: Symmetry) -> Symmetry:
        """The symmetry that does `first`, then this one."""
        product = self.matrix @ first.matrix
        return next(s for s in SYMMETRIES if np.array_equal(s.matrix, product))

    @property
    def inverse(self) -> Symmetry:
        """The symmetry that undoes this one."""
        return next(s for s in SYMMETRIES if s.after(self).number == 0)

    def extent(self, extent: Extent) -> Extent:
        """Sides of the turned domain in m."""
        x, y, z = extent
        return (y, x, z) if self._exchanges else extent

    def position(self, position_m: tuple[float, float, float], extent: Extent) -> tuple[float, float, float]:
        """A turned position; `extent` is the domain's before turning."""
        x, y, z = position_m
        sides = self.extent(extent)
        if self._exchanges:
            x, y = y, x
        return sides[0] - x if self.number & 1 else x, sides[1] - y if self.number & 2 else y, z

    def geology(self, geology: Geology) -> Geology:
        """The turned geology, with its corner at (0, 0)."""
        given = {name: self.plane(values, (0, 1)) for name, values in geology.given.items()}
        nx, ny, nz = given["vs"].shape
        x, y, z = geology_axes((nx, ny, nz), self.extent(geology.extent_m))
        return dataclasses.replace(geology, x_m=x, y_m=y, z_m=z, given=given)

    def source(self, source: Source, extent: Extent) -> Source:
        """The turned source (position and moment tensor); `extent` is the domain's before turning."""
        turned = Source.from_tensor(
            position_m=self.position(source.position_m, extent),
            tensor_nm=self.matrix @ source.tensor_nm @ self.matrix.T,
            rise_time_s=source.rise_time_s,
        )
        return dataclasses.replace(turned, stress_drop_pa=source.stress_drop_pa)

    def wavefield(self, field: xr.DataArray, extent: Extent) -> xr.DataArray:
        """The turned wavefield (sensors and components); attributes of the source and its event are left out."""
        x, y = (field["y"].values, field["x"].values) if self._exchanges else (field["x"].values, field["y"].values)
        sides = self.extent(extent)
        other_attrs = {k: v for k, v in field.attrs.items() if not (k.startswith("source_") or k in EVENT_ATTRS)}
        return make_wavefield(
            self.traces(field.values),
            x_m=(sides[0] - x)[::-1] if self.number & 1 else x,
            y_m=(sides[1] - y)[::-1] if self.number & 2 else y,
            time_s=field["time"].values,
            attrs=other_attrs,
        )

    def traces(self, velocity: Float[np.ndarray, "*lead 3 x y time"]) -> Float[np.ndarray, "*lead 3 p q time"]:
        """Turned wavefield values; they are at the same sensors if these lie symmetrically in the domain."""
        turned = self.plane(velocity, (-3, -2))
        east, north, up = np.moveaxis(turned, -4, 0)
        if self._exchanges:
            east, north = north, east
        components = [-east if self.number & 1 else east, -north if self.number & 2 else north, up]
        return np.ascontiguousarray(np.stack(components, axis=-4))

    def plane(self, values: np.ndarray, axes: tuple[int, int]) -> np.ndarray:
        """Values on a horizontal grid, turned; `axes` are those of x and y."""
        if self._exchanges:
            values = np.swapaxes(values, *axes)
        flips = tuple(axis for axis, bit in zip(axes, (1, 2), strict=True) if self.number & bit)
        return np.ascontiguousarray(np.flip(values, flips))

    @property
    def _exchanges(self) -> bool:
        return bool(self.number & 4)


SYMMETRIES: tuple[Symmetry, ...] = tuple(Symmetry(k) for k in range(8))
