"""Rays through a field of travel times: from a sensor down the steepest descent of time to the source."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.interpolation import between_nodes

#: Rays stop, and straight lines begin, this far from the source (in grid steps).
_CAPTURE_STEPS = 1.0


def departures(
    gradient: Float[np.ndarray, "nx ny nz 3"],
    sensors: Float[np.ndarray, "n 3"],
    origin: Float[np.ndarray, " 3"],
    steps: Float[np.ndarray, " 3"],
    extent_m: tuple[float, float, float],
) -> Float[np.ndarray, "n 3"]:
    """Unit directions in which the rays to the sensors leave the source: steepest descent of the time.

    Args:
        gradient: gradient of the squared travel time at the nodes; unlike the time, its square is smooth at the source.
        sensors: positions in m, z negative below the surface.
        origin: position of the source in m.
        steps: distances between nodes along x, y and z, in m.
        extent_m: size of the domain.
    """
    points = sensors.copy()
    stride, capture = float(steps.min()), _CAPTURE_STEPS * float(steps.max())
    low, high = np.array([0.0, 0.0, -extent_m[2]]), np.array([extent_m[0], extent_m[1], 0.0])
    farthest = float(np.linalg.norm(sensors - origin, axis=1).max())
    moving = np.linalg.norm(points - origin, axis=1) > capture
    for _ in range(int(1.5 * farthest / stride)):
        if not moving.any():
            break
        slope = trilinear(gradient, points[moving], steps, extent_m)
        move = stride * slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
        points[moving] = np.clip(points[moving] - move, low, high)
        moving &= np.linalg.norm(points - origin, axis=1) > capture
    direction = points - origin
    lengths = np.linalg.norm(direction, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, direction / np.maximum(lengths, 1e-6), [0.0, 0.0, 1.0])


def trilinear(
    field: Float[np.ndarray, "nx ny nz c"],
    points: Float[np.ndarray, "n 3"],
    steps: Float[np.ndarray, " 3"],
    extent_m: tuple[float, float, float],
) -> Float[np.ndarray, "n c"]:
    """Trilinear interpolation of a vector field at points (in m, z negative below the surface) inside the domain."""
    return between_nodes(field, list(((points + np.array([0.0, 0.0, extent_m[2]])) / steps).T))
