"""Distances and nearest sensors, against scipy's."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from spectremor.diffusion import distances


def layout(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "grid":
        return rng.integers(0, 8, (count, 2)) * 300.0
    if kind == "line":
        return np.stack([rng.uniform(0, 9600, count), np.full(count, 4000.0)], axis=1)
    if kind == "clusters":
        return rng.choice(rng.uniform(0, 1e5, (3, 2)), count) + rng.normal(0, 10, (count, 2))
    return rng.uniform(0, 9600, (count, 2)) + 5e6


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    kinds=st.tuples(*2 * [st.sampled_from(["grid", "line", "clusters", "random"])]),
    places=st.integers(1, 150),
    among=st.integers(1, 150),
    count=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_nearest_are_those_of_all_distances_the_first_of_equals(
    kinds: tuple[str, str], places: int, among: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    places_m, among_m = layout(kinds[0], places, rng), layout(kinds[1], among, rng)
    apart_m = distances.distances_m(places_m, among_m)
    np.testing.assert_allclose(apart_m, cdist(places_m, among_m), rtol=1e-14)
    distance, number = distances.nearest(places_m, among_m, count)
    found = min(count, among)
    expected = np.argsort(apart_m, axis=1, kind="stable")[:, :found]
    np.testing.assert_array_equal(number[:, :found], expected)
    np.testing.assert_array_equal(distance[:, :found], np.take_along_axis(apart_m, expected, axis=1))
    assert (number[:, found:] == among).all()
    assert np.isinf(distance[:, found:]).all()


@pytest.mark.parametrize("kind", ["grid", "random", "clusters"])
def test_of_many_sensors_they_are_as_near_as_those_of_a_tree(kind: str) -> None:
    places_m = layout(kind, 3000, np.random.default_rng(0))
    distance, _ = distances.nearest(places_m, places_m, 10)
    np.testing.assert_allclose(distance, cKDTree(places_m).query(places_m, k=10)[0], rtol=1e-14)


def test_of_no_place_nothing_is_near() -> None:
    distance, number = distances.nearest(np.zeros((0, 2)), np.zeros((3, 2)), 2)
    assert distance.shape == number.shape == (0, 2)
