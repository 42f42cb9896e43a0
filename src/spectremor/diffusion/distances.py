"""Distances between sensors, and the nearest ones, without scipy.spatial, which takes long to import."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

#: Sensors whose nearest ones are looked for together.
_GROUP = 24


def distances_m(one_m: Float[np.ndarray, "n 2"], other_m: Float[np.ndarray, "m 2"]) -> Float[np.ndarray, "n m"]:
    """Distance of each of some places from each of others, in m; places are East and North in m."""
    x, y = (np.subtract.outer(a, b) for a, b in zip(one_m.T, other_m.T, strict=True))
    x *= x
    y *= y
    x += y
    return np.asarray(np.sqrt(x, out=x))


def nearest(
    places_m: Float[np.ndarray, "n 2"], among_m: Float[np.ndarray, "m 2"], count: int
) -> tuple[Float[np.ndarray, "n count"], Int[np.ndarray, "n count"]]:
    """The nearest of some sensors to each place: by distance, and of those equally far by number.

    Args:
        places_m: East and North.
        among_m: of the sensors, one or more.
        count: how many are wanted.

    Returns:
        Distances in m and numbers of the sensors; where there are fewer, infinity and m.
    """
    distance, number = np.full((len(places_m), count), np.inf), np.full((len(places_m), count), len(among_m))
    found = min(count, len(among_m))
    everywhere, everyone = np.arange(len(places_m)), np.arange(len(among_m))
    for group, candidates in _groups(places_m, among_m, found, everywhere, everyone):
        apart_m = distances_m(places_m[group], among_m[candidates])
        order = np.argsort(apart_m, axis=1, kind="stable")[:, :found]
        distance[group, :found], number[group, :found] = np.take_along_axis(apart_m, order, axis=1), candidates[order]
    return distance, number


def halves(places_m: Float[np.ndarray, "n 2"], group: Int[np.ndarray, " g"]) -> list[Int[np.ndarray, " _"]]:
    """Some of the places, divided across the longer side of the rectangle that they fill."""
    here = places_m[group]
    order = np.argsort(here[:, int(np.argmax(np.ptp(here, axis=0)))], kind="stable")
    return [group[half] for half in np.array_split(order, 2)]


def _groups(
    places_m: Float[np.ndarray, "n 2"],
    among_m: Float[np.ndarray, "m 2"],
    count: int,
    group: Int[np.ndarray, " g"],
    candidates: Int[np.ndarray, " c"],
) -> Iterator[tuple[Int[np.ndarray, " g"], Int[np.ndarray, " c"]]]:
    """Small groups of places that lie together, with all sensors that may be among the `count` nearest of any of them.

    A group that lies within r of its middle, which has `count` sensors within d, has them all within d + r of each of
    its places, and so within d + 2 r of the middle.
    """
    if len(group) == 0:
        return
    middle_m = places_m[group].mean(axis=0, keepdims=True)
    radius_m = distances_m(middle_m, places_m[group]).max()
    from_middle_m = distances_m(middle_m, among_m[candidates])[0]
    enough_m = np.partition(from_middle_m, count - 1)[count - 1] + 2 * radius_m
    # A little more, for rounding.
    candidates = candidates[from_middle_m <= enough_m * (1 + 1e-9)]
    if len(group) <= _GROUP:
        yield group, candidates
        return
    for half in halves(places_m, group):
        yield from _groups(places_m, among_m, count, half, candidates)
