"""Foreign models of the ground as their readers return them: on the model's grid, or as layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float

#: Horizontal axes of a grid: longitude and latitude, or metres, either of a map projection or from the corner.
Frame = Literal["geographic", "metres"]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GriddedGround:
    """A model on the grid of its file, in SI units; NaN where it has no value.

    Attributes:
        name: the file, as messages name it.
        frame: whether `x` and `y` are longitudes and latitudes in degrees (WGS84), or metres.
        x: positions along the first horizontal axis, increasing.
        y: positions along the second horizontal axis, increasing.
        depth_m: depths in m below the model's zero level, increasing; negative above this level.
        properties: `vs`, and any of `vp`, `density`, `qs`, `qp`, by name.
    """

    name: str
    frame: Frame
    x: Float[np.ndarray, " x"]
    y: Float[np.ndarray, " y"]
    depth_m: Float[np.ndarray, " depth"]
    properties: Mapping[str, Float[np.ndarray, "x y depth"]]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LayeredGround:
    """Layers of constant properties from the surface down; the last one has no lower end.

    Attributes:
        name: the file, as messages name it.
        top_m: depth of each layer's top in m, increasing from 0.
        bottom_m: depth down to which the file describes the ground; infinite where it ends with a half-space.
        properties: `vs`, and any of `vp`, `density`, `qs`, `qp`, by name, in SI units.
    """

    name: str
    top_m: Float[np.ndarray, " layer"]
    bottom_m: float
    properties: Mapping[str, Float[np.ndarray, " layer"]]


Ground = GriddedGround | LayeredGround
