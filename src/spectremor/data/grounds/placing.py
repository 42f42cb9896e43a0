"""The local grid onto which a foreign model is resampled: where its corner lies, its extent and its spacing."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.georeference import Georeference
from spectremor.data.hdf5 import MAX_NUMBERS

#: Relative deviation allowed between an extent and a whole number of spacings: 309.677 m stands for 9600 m / 31.
_WHOLE = 1e-3
#: A domain with all sides shorter than this, in m, gives a warning: sizes may have been meant in km.
_AS_IF_KM = 100.0
#: Largest number of nodes of a geology: half of the numbers that an array in a file may have.
MOST_NODES = MAX_NUMBERS // 2


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LocalGrid:
    """Nodes of the geology that is made from a model, edges included.

    Attributes:
        corner: where x = 0, y = 0 lies on Earth, and how far the axes are turned; None where it is not given.
        x_m: positions along the local x axis in m, from 0.
        y_m: positions along the local y axis in m, from 0.
        z_m: heights in m, from the bottom up to 0.
    """

    corner: Georeference | None
    x_m: Float[np.ndarray, " x"]
    y_m: Float[np.ndarray, " y"]
    z_m: Float[np.ndarray, " z"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of nodes along x, y and z."""
        return len(self.x_m), len(self.y_m), len(self.z_m)

    @property
    def spacing_m(self) -> tuple[float, float, float]:
        """Distance between nodes along x, y and z, in m."""
        x, y, z = (float(axis[1] - axis[0]) for axis in (self.x_m, self.y_m, self.z_m))
        return x, y, z


def local_grid(corner: object, extent_m: Sequence[float] | None, spacing_m: float | None) -> LocalGrid:
    """The grid with a given corner, extent and spacing.

    Args:
        corner: a Georeference, or None.
        extent_m: size along x, y and depth, in m.
        spacing_m: distance between nodes in m, along all three.

    Raises:
        InputError: no extent or spacing, a spacing that does not divide the extent, or too many nodes.
    """
    if corner is not None and not isinstance(corner, Georeference):
        allowed = "a Georeference(longitude_deg=..., latitude_deg=..., azimuth_deg=0)"
        raise InputError("corner", f"a {type(corner).__name__}", allowed)
    if extent_m is None:
        raise InputError("extent_m", "nothing", "the domain's size along x, y and depth in m, e.g. (9600, 9600, 9600)")
    if spacing_m is None:
        raise InputError("spacing_m", "nothing", "the distance between nodes in m, e.g. 300")
    sides = _sides(extent_m)
    if not (isinstance(spacing_m, (int, float, np.number)) and 0 < spacing_m <= min(sides) * (1 + _WHOLE)):
        raise InputError("spacing_m", spacing_m, f"(0, {min(sides):g}] m, no more than the shortest side")
    steps = [side / float(spacing_m) for side in sides]
    if math.prod(step + 1 for step in steps) > MOST_NODES:
        found = " x ".join(f"{step + 1:.0f}" for step in steps)
        raise InputError("spacing_m", f"{spacing_m:g} m, {found} nodes", f"at most {MOST_NODES} nodes")
    for side, step in zip(sides, steps, strict=True):
        if abs(step - round(step)) > _WHOLE * step:
            raise InputError("spacing_m", f"{spacing_m:g} m", f"a part of {side:g} m, e.g. {side / round(step):.6g} m")
    nx, ny, nz = (round(step) + 1 for step in steps)
    return LocalGrid(
        corner=corner,
        x_m=np.linspace(0.0, sides[0], nx),
        y_m=np.linspace(0.0, sides[1], ny),
        z_m=np.linspace(-sides[2], 0.0, nz),
    )


def _sides(extent_m: Sequence[float]) -> tuple[float, float, float]:
    try:
        x, y, z = (float(side) for side in extent_m)
    except (TypeError, ValueError):
        raise InputError("extent_m", extent_m, "three sizes in m: along x, y and depth") from None
    if not all(math.isfinite(side) and side > 0 for side in (x, y, z)):
        raise InputError("extent_m", extent_m, "three sizes above 0 m: along x, y and depth")
    if max(x, y, z) < _AS_IF_KM:
        warnings.warn(f"extent_m: {x:g} x {y:g} x {z:g} m (sizes in km? they are in m)", InputWarning, stacklevel=2)
    return x, y, z
