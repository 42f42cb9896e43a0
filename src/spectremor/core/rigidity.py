"""The rigidity of the ground, which turns slip into moment: density times Vs squared."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.medium import RockProperties
from spectremor.core.travel_times import interpolate

#: Range of allowed rigidities: from soft mud to more than any rock of the mantle.
RIGIDITY_PA = (1e7, 1e12)


def rock_at(geology: Geology, position_m: Float[np.ndarray, "points 3"]) -> RockProperties:
    """Properties of the ground at points in m, linear between its nodes; the edge values continue outside."""
    corner = np.array([geology.x_m[0], geology.y_m[0], 0.0])
    return geology.rock_at(lambda values: interpolate(values, position_m - corner, geology.extent_m))


def rigidity_at(geology: Geology, position_m: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    """Rigidity of the ground in Pa at points in m."""
    rock = rock_at(geology, position_m)
    return np.asarray(rock.density_kg_m3 * rock.vs_m_s**2)


def checked_rigidity(rigidity_pa: float) -> float:
    """The rigidity in Pa.

    Raises:
        InputError: a rigidity that no rock has, for example a value in GPa.
    """
    if not (math.isfinite(rigidity_pa) and RIGIDITY_PA[0] <= rigidity_pa <= RIGIDITY_PA[1]):
        raise InputError("rigidity_pa", rigidity_pa, "1e7 to 1e12 Pa (30 GPa is 3e10 Pa)")
    return float(rigidity_pa)
