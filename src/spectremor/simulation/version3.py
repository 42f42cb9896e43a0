"""The medium and the free surface of solver version 3, for weights that were trained on its simulations.

Version 3 evaluated the ground at the integer nodes, let the propagator average between them, and made the first cells
below the surface stiffer to keep the speed of Rayleigh waves, which is wrong for other waves
(`docs/laboratory/validation.md`). Nothing else should use it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.medium import RockProperties, rock_properties
from spectremor.core.source import Source
from spectremor.simulation.free_surface import CHAIN, FreeSurface, node_masses, standing_waves
from spectremor.simulation.grid import KERNEL, MARGIN, Grid, cells_of_domain
from spectremor.simulation.medium import Medium

#: Relative increase of the moduli of the first cells, by order.
TOP_STIFFENING = {2: 0.092, 4: 0.118, 6: 0.128, 8: 0.134}
#: Mass that a topmost vertical velocity moves, in cells of ground.
TOP_MASS = 0.5


class Version3Grid(Grid):
    """A grid with the free surface of version 3."""

    @property
    def surface(self) -> FreeSurface:
        """The scheme's free surface."""
        return version3_surface(self.order)


@functools.cache
def version3_surface(order: int) -> FreeSurface:
    """A surface midway between the surfaces for vertical and for horizontal motion."""
    missing = []
    for motion in ("vertical", "horizontal"):
        rigid = standing_waves(order, motion, TOP_MASS)[1][:, 0]
        missing.append((CHAIN - node_masses(motion, TOP_MASS) @ rigid**2) / 2)
    return FreeSurface(order, float(np.mean(missing)), TOP_MASS)


def lay_version3_grid(geology: Geology, source: Source, spacing_m: float, order: int) -> tuple[Grid, Medium]:
    """As `grid.lay_grid`, for version 3."""
    cells, deepest = cells_of_domain(geology, spacing_m)
    sample = node_sampler(geology, spacing_m, cells, deepest, version3_surface(order).shift_cells)
    sampled = {name: sample(values) for name, values in geology.given.items()}
    layers = min(deepest, _layers_needed(sampled.values(), source, spacing_m))
    rock = rock_properties({name: np.ascontiguousarray(v[..., :layers]) for name, v in sampled.items()})
    return Version3Grid(spacing_m, cells, layers, order), _medium(rock, order)


def node_sampler(
    geology: Geology, spacing_m: float, cells: tuple[int, int], layers: int, shift: float
) -> Callable[[Float[np.ndarray, "x y z"]], Float[np.ndarray, "x y depth"]]:
    """Function from values at the geology's nodes to values on the integer nodes, the first 1/2 - `shift` cells deep.

    Linear between the geology's nodes; its edge values continue outside.
    """
    horizontal = [
        _linear_weights(axis, float(axis[0]) + spacing_m * np.arange(-MARGIN, n + MARGIN + 1))
        for axis, n in zip((geology.x_m, geology.y_m), cells, strict=True)
    ]
    vertical = _linear_weights(geology.z_m, -spacing_m * (np.arange(layers) + 0.5 - shift))

    def sample(values: np.ndarray) -> np.ndarray:
        columns = values.astype(float) @ vertical.T
        return np.asarray(np.einsum("ix,jy,xyk->ijk", *horizontal, columns, optimize=True))

    return sample


def _linear_weights(nodes: np.ndarray, positions: np.ndarray) -> Float[np.ndarray, "positions nodes"]:
    step = (float(nodes[-1]) - float(nodes[0])) / (len(nodes) - 1)
    at = np.clip((positions - float(nodes[0])) / step, 0, len(nodes) - 1)
    left = np.minimum(at.astype(int), len(nodes) - 2)
    weights = np.zeros((len(positions), len(nodes)))
    rows = np.arange(len(positions))
    weights[rows, left] = 1 - (at - left)
    weights[rows, left + 1] += at - left
    return weights


def _layers_needed(properties: Iterable[np.ndarray], source: Source, spacing_m: float) -> int:
    """Layers down to the source, and down to the deepest one in which any of the given properties varies."""

    def scattering(values: np.ndarray) -> int:
        bottom = values[0, 0, -1]
        differs = np.abs(values - bottom).max(axis=(0, 1)) > 1e-6 * bottom
        return int(np.flatnonzero(differs)[-1]) + 1 if differs.any() else 0

    return max(*map(scattering, properties), int(np.ceil(-source.position_m[2] / spacing_m))) + KERNEL + 1


def _medium(rock: RockProperties, order: int) -> Medium:
    mu = rock.density_kg_m3 * rock.vs_m_s**2
    lamb = rock.density_kg_m3 * rock.vp_m_s**2 - 2 * mu

    def stiffened(modulus: np.ndarray) -> np.ndarray:
        top = modulus[..., :1] * (1 + TOP_STIFFENING[order])
        return np.concatenate([top, modulus[..., 1:]], axis=-1)

    return Medium(rock.vs_m_s, stiffened(lamb), stiffened(mu), 1 / rock.density_kg_m3)
