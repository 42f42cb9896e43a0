"""The traces of some sensors of a wavefield on a grid."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def at_sensors(
    field: Float[np.ndarray, "*lead 3 x y time"], sensors: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "*lead k 3 time"]:
    """Traces of some sensors (numbers in x-major order) of a wavefield."""
    flat = field.reshape(*field.shape[:-3], -1, field.shape[-1])
    return np.moveaxis(flat[..., sensors, :], -3, -2)
