"""The beachball of a moment tensor: lower hemisphere, equal-area projection, compressional quadrants dark."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def beachball(tensor_enu: Float[np.ndarray, "3 3"], pixels: int = 160) -> Float[np.ndarray, "pixels pixels"]:
    """Sign of the far-field P wave over the lower focal hemisphere (Aki & Richards 2002, section 4.3).

    Args:
        tensor_enu: moment tensor in (East, North, Up).
        pixels: size of the image.

    Returns:
        Image with rows from South to North and columns from West to East: 1 where the first motion is away
        from the source, 0 where it is towards it, NaN outside the circle.
    """
    axis = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    east, north = np.meshgrid(axis, axis, indexing="xy")
    radius = np.hypot(east, north)
    inside = radius <= 1
    # Equal area (Schmidt net): radius = sqrt(2) sin(takeoff / 2), takeoff measured from straight down.
    takeoff = 2 * np.arcsin(np.minimum(radius, 1) / np.sqrt(2))
    horizontal = np.sin(takeoff) / np.maximum(radius, 1e-12)
    ray = np.stack([east * horizontal, north * horizontal, -np.cos(takeoff)])
    amplitude = np.einsum("ihw,ij,jhw->hw", ray, tensor_enu, ray)
    return np.where(inside, (amplitude > 0).astype(float), np.nan)
