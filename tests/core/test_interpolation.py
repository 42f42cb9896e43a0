"""What is written out in place of scipy.ndimage gives what scipy.ndimage gives."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter

from spectremor.core.interpolation import between_nodes
from spectremor.simulation.reach import _highest_within
from spectremor.surrogate.ray_theory import _smoothed


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    points=st.sampled_from([(1,), (7,), (2, 3)]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_linear_interpolation(shape: tuple[int, ...], points: tuple[int, ...], dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 2, shape).astype(dtype)
    # Inside, on nodes, and outside on either side.
    at = [np.where(rng.random(points) < 0.3, rng.integers(0, n, points), rng.uniform(-2, n + 1, points)) for n in shape]
    found = between_nodes(values, at)
    assert (found.dtype, found.shape) == (dtype, points)
    expected = map_coordinates(values, np.reshape(at, (len(shape), -1)), order=1, mode="nearest").reshape(points)
    np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == np.float32 else 1e-14)


def test_at_a_node_its_own_value_counts() -> None:
    values = np.random.default_rng(0).standard_normal((3, 4))
    x, y = np.meshgrid(np.arange(3.0), np.arange(4.0), indexing="ij")
    np.testing.assert_array_equal(between_nodes(values, [x, y]), values)


@pytest.mark.parametrize("reach", [[1, 1, 1], [2, 1, 3], [1, 9, 2]])
def test_the_highest_value_around(reach: list[int]) -> None:
    values = np.random.default_rng(0).standard_normal((7, 5, 6))
    before = values.copy()
    expected = maximum_filter(values, size=[2 * r + 1 for r in reach], mode="nearest")
    np.testing.assert_array_equal(_highest_within(values, reach), expected)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("smoothing_m", [30.0, 300.0, 2000.0])
def test_smoothed_slowness(smoothing_m: float) -> None:
    extent_m, shape = (9600.0, 4800.0, 6000.0), (17, 13, 11)
    vs = np.random.default_rng(0).uniform(500, 3500, shape)
    nodes = [smoothing_m / (side / (n - 1)) for side, n in zip(extent_m, shape, strict=True)]
    expected = 1 / gaussian_filter(1 / vs, nodes, mode="nearest")
    np.testing.assert_allclose(_smoothed(vs, smoothing_m, extent_m), expected, rtol=1e-13)
