"""Stations of an event: at random places, and in a dense square patch at a random place."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.seeds import generator
from spectremor.data.station_plan import StationPlan


def random_stations_m(
    seed: int, index: int, plan: StationPlan, range_m: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[Float[np.ndarray, " station"], Float[np.ndarray, " station"]]:
    """Stations number `index` under a master seed: the same whenever and wherever they are drawn.

    Args:
        seed: master seed.
        index: number of the event.
        plan: numbers of random stations and of stations in the patch.
        range_m: (lowest, highest) position of all stations along East and along North.

    Returns:
        Their positions along East and North in m, in the order of `StationPlan`.
    """
    places, corner = generator(seed, "stations", index), generator(seed, "patch", index)
    random = [places.uniform(low, high, plan.random) for low, high in range_m]
    steps_m = np.arange(plan.patch) * plan.patch_spacing_m
    sides = [corner.uniform(low, high - plan.patch_side_m) + steps_m for low, high in range_m]
    patch = np.meshgrid(*sides, indexing="ij")
    x_m, y_m = (np.concatenate([r, p.ravel()]) for r, p in zip(random, patch, strict=True))
    return x_m, y_m
