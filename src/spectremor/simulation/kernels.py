"""Interpolation between grid nodes: Kaiser-windowed sinc functions (Hicks 2002, doi:10.1190/1.1451454).

The weights reproduce wavenumbers up to half the Nyquist wavenumber and touch 2 r nodes per axis.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float

#: Kaiser parameters b by half-width r for the value and for the derivative (Hicks 2002, table 1, k_max = pi / 2).
VALUE_B = {1: 1.24, 2: 2.94, 3: 4.53, 4: 6.31}
SLOPE_B = {1: 0.0, 2: 3.33, 3: 4.96, 4: 6.42}


def stencil(at: float, half: int) -> np.ndarray:
    """The 2 `half` node indices around a fractional index."""
    return int(np.floor(at)) + np.arange(1 - half, half + 1)


@functools.lru_cache(maxsize=4096)
def value_weights(at: float, half: int = 4) -> Float[np.ndarray, " nodes"]:
    """Weights of the nodes `stencil(at, half)` whose sum is the value at the fractional index `at`."""
    offset = stencil(at, half) - at
    weights = np.sinc(offset) * _kaiser(offset, half, VALUE_B[half])
    return _constant(weights / weights.sum())


@functools.lru_cache(maxsize=4096)
def slope_weights(at: float, half: int = 4) -> Float[np.ndarray, " nodes"]:
    """Weights of the nodes `stencil(at, half)` whose sum is the derivative at `at`, per node spacing."""
    offset = stencil(at, half) - at
    safe = np.where(np.abs(offset) < 1e-9, 1.0, offset)
    slope = np.where(np.abs(offset) < 1e-9, 0.0, -(np.cos(np.pi * safe) - np.sinc(safe)) / safe)
    weights = slope * _kaiser(offset, half, SLOPE_B[half])
    weights -= weights.mean()
    return _constant(weights / (weights @ offset))


def _constant(weights: np.ndarray) -> np.ndarray:
    """The weights as a read-only array, since the cache shares them between callers."""
    weights.flags.writeable = False
    return weights


def _kaiser(offset: np.ndarray, half: int, b: float) -> np.ndarray:
    inside = np.clip(1 - (offset / half) ** 2, 0, None)
    window = np.i0(b * np.sqrt(inside)) / np.i0(b)
    # At a node the stencil reaches `half` nodes to one side only; that outermost node is left out, for symmetry.
    return np.where(np.abs(offset) < half - 1e-9 * (half > 1), window, 0.0)
