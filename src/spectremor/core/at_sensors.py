"""Traces at selected sensors of a wavefield on a grid."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def at_sensors(
    field: Float[np.ndarray, "*lead 3 x y time"], sensors: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "*lead k 3 time"]:
    """Traces at selected sensors of a wavefield; sensors are numbered from 0, y runs fastest."""
    flat = field.reshape(*field.shape[:-3], -1, field.shape[-1])
    return np.moveaxis(flat[..., sensors, :], -3, -2)
