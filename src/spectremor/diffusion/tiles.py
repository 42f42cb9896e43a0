"""A field of many sensors in parts, each with as many sensors around it as reach into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from spectremor.diffusion.config import JUDGED_TOGETHER, FieldConfig
from spectremor.diffusion.distances import halves, nearest

#: Sensors whose motion is computed together, those around them not counted: about a GB.
SENSORS_AT_ONCE = 2048


@dataclasses.dataclass(frozen=True)
class Tile:
    """Some of the sensors, and those around them.

    Attributes:
        sensors: numbers of all of them, in order.
        own: which of these are the tile's; each sensor is that of one tile.
    """

    sensors: Int[np.ndarray, " t"]
    own: Bool[np.ndarray, " t"]


def tiles(
    positions_m: Float[np.ndarray, "s 2"],
    observed: Bool[np.ndarray, " s"],
    config: FieldConfig,
    exchanges: int,
    most: int = SENSORS_AT_ONCE,
) -> Iterator[Tile]:
    """Parts of a field in which each sensor hears what it hears in the whole.

    Args:
        positions_m: East and North of each sensor.
        observed: which sensors have a recording.
        config: how many neighbours a sensor has.
        exchanges: how often sensors hear of their neighbours: what is said that many neighbours away still reaches.
        most: sensors of a tile.
    """
    everywhere = np.arange(len(positions_m))
    if len(positions_m) <= most:
        yield Tile(everywhere, np.ones(len(positions_m), dtype=bool))
        return
    reached = [_nearest(positions_m, everywhere, max(config.neighbours, JUDGED_TOGETHER))]
    if observed.any() and config.observed_neighbours:
        reached.append(_nearest(positions_m, np.flatnonzero(observed), config.observed_neighbours))
    neighbour = np.concatenate(reached, axis=1)
    for own in _split(positions_m, everywhere, most):
        inside = np.zeros(len(positions_m), dtype=bool)
        inside[own] = True
        for _ in range(exchanges):
            inside[neighbour[inside].ravel()] = True
        sensors = np.flatnonzero(inside)
        yield Tile(sensors, np.isin(sensors, own))


def _nearest(positions_m: Float[np.ndarray, "s 2"], among: Int[np.ndarray, " m"], count: int) -> Int[np.ndarray, "s k"]:
    """What the choice of neighbours looks at: the sensor, its neighbours, and one that tells the reach."""
    return np.asarray(among[nearest(positions_m, positions_m[among], min(count + 2, len(among)))[1]])


def _split(
    positions_m: Float[np.ndarray, "s 2"], sensors: Int[np.ndarray, " n"], most: int
) -> Iterator[Int[np.ndarray, " m"]]:
    """Halves of the longer side, and halves of these, until none has more than `most`."""
    if len(sensors) <= most:
        yield sensors
        return
    for half in halves(positions_m, sensors):
        yield from _split(positions_m, half, most)
