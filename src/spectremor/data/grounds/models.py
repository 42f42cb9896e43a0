"""What every reader of a foreign model of the ground gives: a grid of its own, or layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float

#: What the horizontal axes of a grid are: longitude and latitude, a map projection's metres, or metres from the corner.
Frame = Literal["geographic", "metres"]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GriddedGround:
    """A model on a grid of its own, in SI units; NaN where it has no value.

    Attributes:
        name: what messages call it: the file.
        frame: whether `x` and `y` are longitudes and latitudes in degrees (WGS84), or metres.
        x: positions along the first horizontal axis, increasing.
        y: positions along the second one, increasing.
        depth_m: depths in m below the model's zero level, increasing; those above it are negative.
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
        name: what messages call it: the file.
        top_m: depth of each layer's top in m, increasing from 0.
        bottom_m: depth to which the file itself describes the ground; infinite where it ends with a half-space.
        properties: `vs`, and any of `vp`, `density`, `qs`, `qp`, by name, in SI units.
    """

    name: str
    top_m: Float[np.ndarray, " layer"]
    bottom_m: float
    properties: Mapping[str, Float[np.ndarray, " layer"]]


Ground = GriddedGround | LayeredGround
