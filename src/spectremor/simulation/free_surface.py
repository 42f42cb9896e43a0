r"""The free surface of finite differences with long stencils that reach into vacuum.

Vacuum cells hold zero stress and zero velocity. Below them the discrete ground is exactly energy-conserving, and far
from the surface its waves are those of a free half-space; but the few nodes under the surface carry a boundary layer:
in a rigid translation of the ground (all discrete stresses zero) the 8th-order scheme's topmost velocity is 0.944 of
the other ones. Four properties follow from the scheme alone, with no constant fitted to anything:

- **where the surface is**: the boundary layer lacks a little mass, and, for horizontal motion, exactly as much
  stiffness along the surface. So waves behave as if the ground ended `surface_shift` cells below the topmost vertical
  velocities (0.100 cells at order 8);
- **how heavy the surface is**: with half a cell of ground on the topmost vertical velocities, vertical motion would
  lack less mass than horizontal motion does (0.046 cells): an extra load of 0.054 cells, which slows Rayleigh waves.
  `top_mass` is the mass without that load (0.440 cells at order 8). Both motions then have the same surface, and the
  remaining error of the surface falls with the square of the spacing;
- **how the surface moves**: weights of the three topmost velocities whose sum is the motion of the surface, exact for
  a rigid translation and least squares for standing waves down to `SHORTEST` points per wavelength;
- **what a slope adds**: the response of those weights to ground whose velocity changes linearly with depth, as a
  stress-free surface requires (d v_x / d z = -d v_z / d x, and d v_z / d z = -lambda / (lambda + 2 mu) div_h v).

Such weights for a few more nodes give the motion a little below the surface, where standing waves of wavenumber k have
cos(k d) of their motion at the surface.

All of this is computed from the modes of a chain: velocities and stresses along depth at horizontal wavenumber zero.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal

import numpy as np
from jaxtyping import Float

from spectremor.core.staggered_grid import DIFFERENCE_WEIGHTS, seen_wavenumber

#: Numbers of nodes: of the chain, at each end left out of a mode's interior, and of the boundary layer solved for.
CHAIN, END, LAYER = 120, 15, 12
#: Number of velocities that give the motion of the surface; points per wavelength of the shortest waves in their fit.
TOP_NODES = 3
SHORTEST = 5.0
#: Depth in cells down to which the boundary layer of the surface is taken into account.
SHALLOW = 6.0

#: Vertical velocities lie on the surface; horizontal ones lie half a cell below.
Motion = Literal["vertical", "horizontal"]
_OTHER: dict[Motion, Motion] = {"vertical": "horizontal", "horizontal": "vertical"}


@dataclasses.dataclass(frozen=True)
class SurfaceMotion:
    """How the motion of the surface, or just below it, along one direction follows from the topmost nodes.

    Attributes:
        weights: weights of the topmost velocities, three of them for the surface itself.
        slope: sum of the weights times the velocity -z of a ground with zero stress, in cells; to be subtracted, times
            the spacing and the derivative that the stress-free surface imposes.
    """

    weights: tuple[float, ...]
    slope: float


@dataclasses.dataclass(frozen=True)
class FreeSurface:
    """The free surface of a scheme.

    Attributes:
        order: order of the scheme's differences in space.
        shift_cells: depth of the surface below the topmost vertical velocities.
        top_mass: mass that a topmost vertical velocity moves, in cells of ground.
    """

    order: int
    shift_cells: float
    top_mass: float

    def motion(self, motion: Motion, depth_cells: float = 0.0) -> SurfaceMotion:
        """Weights and slope for the motion along one direction, at the surface or up to `SHALLOW` cells below it."""
        return _surface_motion(self, motion, depth_cells)


@functools.cache
def free_surface(order: int) -> FreeSurface:
    """The free surface of the scheme of the given order, with the mass of `top_mass`."""
    return FreeSurface(order, surface_shift(order), top_mass(order))


@functools.cache
def surface_shift(order: int) -> float:
    """Depth of the free surface below the topmost vertical velocities, in cells."""
    rigid = _rigid(order, "horizontal")
    return float((CHAIN - rigid @ rigid) / 2)


@functools.cache
def top_mass(order: int) -> float:
    """Mass that a topmost vertical velocity moves, in cells of ground.

    With this mass, vertical motion has the same surface as horizontal motion: `surface_shift` deep.
    """
    rigid = _rigid(order, "vertical")
    inside = rigid[1:-1]
    return float((CHAIN - 2 * surface_shift(order) - inside @ inside) / (rigid[0] ** 2 + rigid[-1] ** 2))


@functools.lru_cache(maxsize=4096)
def _surface_motion(surface: FreeSurface, motion: Motion, depth_cells: float) -> SurfaceMotion:
    nodes = TOP_NODES + (math.ceil(depth_cells) + 1 if depth_cells else 0)
    numbers, modes = standing_waves(surface.order, motion, surface.top_mass)
    used = (numbers > 0) & (numbers <= 2 * np.pi / SHORTEST)
    rigid, waves = modes[:nodes, 0], modes[:nodes, used]
    # Exact for the rigid translation, least squares for waves; long waves, which have most energy, count most.
    importance = 1 / (0.3 + numbers[used]) ** 2
    exact = rigid / (rigid @ rigid)
    free = np.linalg.svd(rigid[None])[2][1:].T
    residual = (np.cos(numbers[used] * depth_cells) - exact @ waves) * importance
    weights = exact + free @ np.linalg.lstsq((free.T @ waves * importance).T, residual, rcond=None)[0]
    # The velocity of the sloping motion at this depth is minus the depth.
    return SurfaceMotion(tuple(weights.tolist()), float(weights @ _sloping(surface, motion)[:nodes]) + depth_cells)


def _sloping(surface: FreeSurface, motion: Motion) -> Float[np.ndarray, " nodes"]:
    """Velocities of a ground without stress whose smooth part is minus the depth below the surface, in cells."""
    difference = _difference(surface.order, motion)[:LAYER]
    other = standing_waves(surface.order, _OTHER[motion], surface.top_mass)[1][:, 0]
    # The cross term at a stress node is the other motion at the same depth.
    cross = other[1 : LAYER + 1] if motion == "horizontal" else other[:LAYER]
    velocities = surface.shift_cells - _depths(motion)
    inner = difference[:, LAYER:] @ velocities[LAYER:]
    velocities[:LAYER] = np.linalg.solve(difference[:, :LAYER], -cross - inner)
    return velocities


def _depths(motion: Motion) -> Float[np.ndarray, " nodes"]:
    return np.arange(CHAIN + 1.0) if motion == "vertical" else np.arange(CHAIN) + 0.5


@functools.cache
def _rigid(order: int, motion: Motion) -> Float[np.ndarray, " nodes"]:
    """Velocities without any stress: 1 inside, and a boundary layer at either surface."""
    difference = _difference(order, motion)
    rigid = np.linalg.svd(difference)[2][-1]
    return np.asarray(rigid / rigid[len(rigid) // 2])


def node_masses(motion: Motion, top: float) -> Float[np.ndarray, " nodes"]:
    """Mass that each velocity moves, in cells of ground."""
    masses = np.ones(len(_depths(motion)))
    if motion == "vertical":
        masses[[0, -1]] = top
    return masses


def _difference(order: int, motion: Motion) -> Float[np.ndarray, "stresses nodes"]:
    """Matrix from velocities to strain rates at the stress nodes inside the ground; velocities outside are zero."""
    depths = _depths(motion)
    stresses = np.arange(CHAIN) + 0.5 if motion == "vertical" else np.arange(1.0, CHAIN)
    matrix = np.zeros((len(stresses), len(depths)))
    for q, weight in enumerate(DIFFERENCE_WEIGHTS[order]):
        for sign in (1, -1):
            column = np.rint(stresses + sign * (q + 0.5) - depths[0]).astype(int)
            inside = (column >= 0) & (column < len(depths))
            matrix[np.flatnonzero(inside), column[inside]] += sign * weight
    return matrix


@functools.cache
def standing_waves(
    order: int, motion: Motion, top: float
) -> tuple[Float[np.ndarray, " modes"], Float[np.ndarray, "nodes modes"]]:
    """Standing waves of the chain: wavenumbers in radians per cell, and velocities of unit amplitude inside.

    The topmost vertical velocities move `top` cells of ground.
    """
    difference = _difference(order, motion)
    # In velocities times the root of their mass, the masses are 1.
    root = np.sqrt(node_masses(motion, top))
    scaled = difference / root
    squared, modes = np.linalg.eigh(scaled.T @ scaled)
    modes /= root[:, None]
    wavenumber = np.linspace(0, np.pi, 20001)
    modified = seen_wavenumber(wavenumber, order)
    rising_count = int(np.argmax(modified)) + 1
    numbers = np.interp(np.sqrt(np.maximum(squared, 0)), modified[:rising_count], wavenumber[:rising_count])
    numbers[0] = 0.0
    depths = _depths(motion)
    inside = slice(END, len(depths) - END)
    for i, k in enumerate(numbers):
        waves = np.stack([np.cos(k * depths[inside]), np.sin(k * depths[inside])], axis=1)
        cosine, sine = np.linalg.lstsq(waves, modes[inside, i], rcond=None)[0]
        modes[:, i] /= np.hypot(cosine, sine) * (np.sign(cosine) or 1.0)
    return numbers, modes
