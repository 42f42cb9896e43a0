"""The sensors that exchange signals: the nearest ones by distance in metres, whatever the layout.

No list of sensors has an order here. A neighbour's weight falls to nothing at a reach, which is no farther than the
first sensor that is left out: of several that are equally far none is preferred to another.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from spectremor.diffusion.config import JUDGED_TOGETHER, FieldConfig
from spectremor.diffusion.distances import nearest
from spectremor.diffusion.surroundings import Surroundings

#: Numbers that describe each pair of neighbours.
PAIR_FEATURES = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The neighbours of each sensor: first the nearest ones, then the nearest ones of those with a recording.

    Attributes:
        index: of each neighbour among the sensors; the sensor itself where there is none.
        weight: of each neighbour, 0 where there is none; they add up to less than one among the nearest ones, and
            among those with a recording.
        features: numbers that describe each pair.
    """

    index: Int[np.ndarray, "s k"]
    weight: Float32[np.ndarray, "s k"]
    features: Float32[np.ndarray, "s k f"]


def neighbours_of(
    sensors: Surroundings,
    log_amplitude: Float[np.ndarray, " s"],
    observed: Bool[np.ndarray, " s"],
    config: FieldConfig,
) -> Neighbours:
    """The neighbours of each sensor of a field.

    Args:
        sensors: of one event.
        log_amplitude: of each sensor, log10 over the event's reference.
        observed: which sensors have a recording.
        config: how many neighbours, and how far.
    """
    everywhere = np.arange(len(sensors))
    count = max(config.neighbours, JUDGED_TOGETHER)
    parts = [_nearest(sensors.positions_m, everywhere, count, config.reach_m)]
    if observed.any() and config.observed_neighbours:
        recorded = np.flatnonzero(observed)
        parts.append(_nearest(sensors.positions_m, recorded, config.observed_neighbours, config.observed_reach_m))
    index, weight = (np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True))
    features = _pair_features(sensors, index, log_amplitude, observed)
    return Neighbours(index=index, weight=weight.astype(np.float32), features=features)


def _nearest(
    positions_m: Float[np.ndarray, "s 2"], among: Int[np.ndarray, " m"], count: int, reach_m: float
) -> tuple[Int[np.ndarray, "s k"], Float[np.ndarray, "s k"]]:
    """The nearest of some sensors to each sensor, itself left out, and their weights."""
    own = np.arange(len(positions_m))[:, None]
    # One more for the sensor itself, and one that tells how far the reach may be.
    distance, place = nearest(positions_m, positions_m[among], count + 2)
    index = np.append(among, -1)[place]
    distance = np.where((index == own) | (index < 0), np.inf, distance)
    order = np.argsort(distance, axis=1, kind="stable")
    distance, index = np.take_along_axis(distance, order, axis=1), np.take_along_axis(index, order, axis=1)
    reach = np.maximum(np.minimum(reach_m, distance[:, count : count + 1]), 1e-3)
    distance, index = distance[:, :count], index[:, :count]
    weight = np.maximum(0.0, 1.0 - (np.minimum(distance, 2 * reach) / reach) ** 2)
    weight /= weight.sum(axis=1, keepdims=True) + 0.1
    return np.where(np.isfinite(distance), index, own), weight


def _pair_features(
    sensors: Surroundings, index: np.ndarray, log_amplitude: np.ndarray, observed: np.ndarray
) -> Float32[np.ndarray, "s k f"]:
    offset = sensors.positions_m[index] - sensors.positions_m[:, None]
    distance = np.linalg.norm(offset, axis=2)
    toward = offset / np.maximum(distance, 1e-6)[..., None]
    away = sensors.positions_m - sensors.epicentre_m
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    radial = (toward * away[:, None]).sum(axis=2)
    transverse = toward[..., 1] * away[:, None, 0] - toward[..., 0] * away[:, None, 1]
    later_s = sensors.s_time_s[index] - sensors.s_time_s[:, None]
    surface = np.log(sensors.vs_column_m_s[:, 0])
    columns = [
        np.log10((distance + 30.0) / 300.0),
        *(np.exp(-distance / length_m) for length_m in (150.0, 500.0, 2000.0)),
        toward[..., 0],
        toward[..., 1],
        radial,
        transverse,
        np.clip(later_s / 0.2, -3.0, 3.0),
        log_amplitude[index] - log_amplitude[:, None],
        3.0 * (surface[index] - surface[:, None]),
        observed[index].astype(float),
    ]
    return np.stack(columns, axis=2).astype(np.float32)
