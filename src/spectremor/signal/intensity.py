"""Ground-motion intensity measures of single traces, batched: velocity in m/s in, SI units out."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from spectremor.signal.calculus import derivative, integral

STANDARD_GRAVITY_M_S2 = 9.80665


def peak_acceleration(velocity: Float[np.ndarray, "*batch time"], dt_s: float) -> Float[np.ndarray, "*batch"]:
    """PGA in m/s2."""
    return np.asarray(np.abs(derivative(velocity, dt_s)).max(axis=-1))


def peak_velocity(velocity: Float[np.ndarray, "*batch time"]) -> Float[np.ndarray, "*batch"]:
    """PGV in m/s."""
    return np.asarray(np.abs(velocity).max(axis=-1))


def peak_norm(motion: Float[np.ndarray, "*batch component time"]) -> Float[np.ndarray, "*batch"]:
    """Largest norm over time of all components together, in the motion's unit; computed in double precision."""
    return np.asarray(np.sqrt((motion.astype(np.float64) ** 2).sum(axis=-2)).max(axis=-1))


def peak_displacement(velocity: Float[np.ndarray, "*batch time"], dt_s: float) -> Float[np.ndarray, "*batch"]:
    """PGD in m, the ground being at rest at the first sample."""
    return np.asarray(np.abs(integral(velocity, dt_s)).max(axis=-1))


def arias_intensity(velocity: Float[np.ndarray, "*batch time"], dt_s: float) -> Float[np.ndarray, "*batch"]:
    """Arias intensity in m/s: pi / (2 g) times the integral of squared acceleration (Arias 1970)."""
    acceleration = derivative(velocity, dt_s)
    return np.asarray(math.pi / (2 * STANDARD_GRAVITY_M_S2) * np.trapezoid(acceleration**2, dx=dt_s, axis=-1))


def cumulative_absolute_velocity(
    velocity: Float[np.ndarray, "*batch time"], dt_s: float
) -> Float[np.ndarray, "*batch"]:
    """CAV in m/s: the integral of the modulus of acceleration (EPRI 1988)."""
    return np.asarray(np.trapezoid(np.abs(derivative(velocity, dt_s)), dx=dt_s, axis=-1))


def significant_duration(
    velocity: Float[np.ndarray, "*batch time"], dt_s: float, low: float = 0.05, high: float = 0.95
) -> Float[np.ndarray, "*batch"]:
    """Time in s between 5% and 95% of the Arias intensity (Trifunac & Brady 1975); NaN for a trace at rest.

    A record cut before the motion ends gives a lower bound.
    """
    return _significant_duration(derivative(velocity, dt_s) ** 2, dt_s, low, high)


def horizontal_duration(
    horizontal: Float[np.ndarray, "*batch two time"], dt_s: float, low: float = 0.05, high: float = 0.95
) -> Float[np.ndarray, "*batch"]:
    """As `significant_duration`, for the sum of the Arias intensities of both horizontal components.

    The sum does not depend on the directions of the two components.
    """
    return _significant_duration((derivative(horizontal, dt_s) ** 2).sum(axis=-2), dt_s, low, high)


def _significant_duration(
    power: Float[np.ndarray, "*batch time"], dt_s: float, low: float, high: float
) -> Float[np.ndarray, "*batch"]:
    """Time in s between two shares of the integral of the power."""
    steps = 0.5 * (power[..., 1:] + power[..., :-1])
    build_up = np.concatenate([np.zeros((*steps.shape[:-1], 1)), np.cumsum(steps, axis=-1)], axis=-1)
    total = build_up[..., -1:]
    share = np.divide(build_up, total, out=np.full_like(build_up, np.nan), where=total > 0)
    return np.asarray((_crossing(share, high) - _crossing(share, low)) * dt_s)


def _crossing(share: np.ndarray, level: float) -> np.ndarray:
    """Interpolated sample number at which a growing curve first reaches `level`."""
    after = np.argmax(share >= level, axis=-1)
    before = np.maximum(after - 1, 0)
    top = np.take_along_axis(share, after[..., None], axis=-1)[..., 0]
    bottom = np.take_along_axis(share, before[..., None], axis=-1)[..., 0]
    rise = top - bottom
    inside = np.divide(level - bottom, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.where(np.isnan(top), np.nan, before + inside)
