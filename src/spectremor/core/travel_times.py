"""First-arrival times from a source through a 3D medium, and the rays that they define.

Times solve the eikonal equation |grad T| = 1 / v by fast marching (scikit-fmm, second order; Sethian 1996), with two
corrections that make a coarse grid good enough near the source:

- the front starts not from a point but from an isochrone, found from the mean slowness on straight lines;
- the same march through a uniform medium has a known answer; its ratio to the numerical one, which is the relative
  error of the scheme along each direction, multiplies the times of the real medium.
"""

from __future__ import annotations

import numpy as np
import skfmm
from jaxtyping import Float

from spectremor.core.interpolation import between_nodes

#: Steps of the marching grid from the source to the isochrone that the front starts from.
START_STEPS = 3.0
#: Marching steps within which a straight line may be the fastest path that the grid resolves.
STRAIGHT_STEPS = 8.0


def travel_times(
    velocity_m_s: Float[np.ndarray, "x y z"],
    source_m: tuple[float, float, float],
    extent_m: tuple[float, float, float],
    *,
    refinement: int = 2,
) -> Float[np.ndarray, "x y z"]:
    """First-arrival time at each node of a grid spread evenly over the domain.

    Args:
        velocity_m_s: wave speed at the nodes, z upward (index 0 is the deepest).
        source_m: (x, y, z) in m with z <= 0, inside the domain.
        extent_m: size of the domain along x, y and depth.
        refinement: marching steps per grid step (the medium between nodes is linear).

    Returns:
        Times in s, float64.
    """
    nodes = np.asarray(velocity_m_s, dtype=float)
    velocity = _refined(nodes, refinement)
    steps = _steps(velocity.shape, extent_m)
    offset = _offsets(velocity.shape, source_m, extent_m)
    distance = np.sqrt(sum(o**2 for o in offset))
    speed = float(interpolate(velocity, np.array([source_m]), extent_m)[0])

    straight = distance / speed
    near = distance < STRAIGHT_STEPS * max(steps)
    straight[near] = distance[near] * _mean_slowness(velocity, np.array(source_m), near, offset, extent_m)
    ball = START_STEPS * max(steps)
    start = ball / speed
    marched = np.asarray(skfmm.travel_time((straight - start) * speed, velocity, dx=steps, order=2))
    uniform = np.asarray(skfmm.travel_time(distance - ball, np.ones_like(velocity), dx=steps, order=2))

    beyond = distance - ball
    ratio = np.where(beyond > 0.5 * ball, beyond / np.maximum(uniform, 1e-9), 1.0)
    times = np.where(straight > start, start + marched * ratio, straight)
    # A straight line is a path too, so never faster than the first arrival.
    times[near] = np.minimum(times[near], straight[near])
    return np.asarray(times[::refinement, ::refinement, ::refinement])


def interpolate(
    field: Float[np.ndarray, "x y z"], points_m: Float[np.ndarray, "n 3"], extent_m: tuple[float, float, float]
) -> Float[np.ndarray, " n"]:
    """Trilinear interpolation of a nodal field at points in m (z <= 0); constant beyond the edges."""
    steps = _steps(field.shape, extent_m)
    return between_nodes(field, list(_indices(points_m, steps, extent_m).T))


def _steps(shape: tuple[int, ...], extent_m: tuple[float, float, float]) -> tuple[float, float, float]:
    return extent_m[0] / (shape[0] - 1), extent_m[1] / (shape[1] - 1), extent_m[2] / (shape[2] - 1)


def _offsets(
    shape: tuple[int, ...], source_m: tuple[float, float, float], extent_m: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position of each node relative to the source, as three broadcastable arrays."""
    x = np.linspace(0, extent_m[0], shape[0]) - source_m[0]
    y = np.linspace(0, extent_m[1], shape[1]) - source_m[1]
    z = np.linspace(-extent_m[2], 0, shape[2]) - source_m[2]
    return x[:, None, None], y[None, :, None], z[None, None, :]


def _indices(
    points_m: np.ndarray, steps: tuple[float, float, float], extent_m: tuple[float, float, float]
) -> np.ndarray:
    return np.asarray((points_m + np.array([0.0, 0.0, extent_m[2]])) / np.array(steps))


def _mean_slowness(
    velocity: np.ndarray,
    source: np.ndarray,
    near: np.ndarray,
    offset: tuple[np.ndarray, np.ndarray, np.ndarray],
    extent_m: tuple[float, float, float],
) -> np.ndarray:
    """Mean slowness on the straight line from the source to each near node (Simpson's rule)."""
    to = np.stack([np.broadcast_to(o, near.shape)[near] for o in offset], axis=-1)
    weights = np.array([1, 4, 2, 4, 2, 4, 2, 4, 1]) / 24.0
    along = np.linspace(0, 1, len(weights))
    points = source + along[:, None, None] * to
    speeds = interpolate(velocity, points.reshape(-1, 3), extent_m).reshape(len(weights), -1)
    return np.asarray(weights @ (1.0 / speeds))


def _refined(field: np.ndarray, refinement: int) -> np.ndarray:
    """Linear interpolation to `refinement` steps per grid step."""
    if refinement == 1:
        return field
    axes = [np.arange((n - 1) * refinement + 1) / refinement for n in field.shape]
    for axis, positions in enumerate(axes):
        low = np.minimum(positions.astype(int), field.shape[axis] - 2)
        part = (positions - low).reshape([-1 if a == axis else 1 for a in range(3)])
        field = np.take(field, low, axis) * (1 - part) + np.take(field, low + 1, axis) * part
    return field
