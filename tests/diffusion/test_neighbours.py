"""Neighbours by distance in metres, whatever the layout and the order of the sensors."""

from __future__ import annotations

import numpy as np
import pytest
from field_cases import random_positions, surroundings

from spectremor.diffusion.config import FieldConfig
from spectremor.diffusion.neighbours import Neighbours, neighbours_of

CONFIG = FieldConfig(neighbours=4, reach_m=1500.0, observed_neighbours=2, observed_reach_m=4000.0)


def found(positions_m: np.ndarray, observed: np.ndarray | None = None, config: FieldConfig = CONFIG) -> Neighbours:
    count = len(positions_m)
    where = np.zeros(count, dtype=bool) if observed is None else observed
    return neighbours_of(surroundings(positions_m), np.linspace(-1, 0, count), where, config)


def weights_by_sensor(near: Neighbours, count: int) -> np.ndarray:
    """Weight of each sensor for each other one."""
    table = np.zeros((count, count))
    np.add.at(table, (np.arange(count)[:, None], near.index), near.weight)
    return table


def test_the_nearest_in_metres_are_taken_and_nothing_beyond_the_reach() -> None:
    positions = random_positions(30)
    near = found(positions)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    for sensor in range(30):
        heard = near.index[sensor][near.weight[sensor] > 0]
        assert sensor not in heard
        assert len(np.unique(heard)) == len(heard)
        order = np.argsort(distance[sensor])[1:5]
        assert set(heard) <= set(order)
        assert (distance[sensor, heard] < 1500.0).all()
        # The nearest of all counts, where it is in reach.
        if distance[sensor, order[0]] < 1500.0:
            assert order[0] in heard
    assert (near.weight.sum(axis=1) < 1).all()


def test_another_order_of_the_sensors_changes_nothing_but_the_order() -> None:
    positions = random_positions(25)
    shuffled = np.random.default_rng(3).permutation(25)
    before = weights_by_sensor(found(positions), 25)
    after = weights_by_sensor(found(positions[shuffled]), 25)
    np.testing.assert_allclose(after, before[np.ix_(shuffled, shuffled)], rtol=1e-6)


@pytest.mark.parametrize("turn", [np.diag([-1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])])
def test_of_sensors_equally_far_none_is_preferred(turn: np.ndarray) -> None:
    x, y = np.meshgrid(np.arange(5), np.arange(5), indexing="ij")
    grid = np.stack([x.ravel(), y.ravel()], axis=1) * 300.0
    # Five neighbours: on a grid four are equally near, and the next four.
    config = CONFIG.model_copy(update={"neighbours": 5})
    turned = (grid - 600.0) @ turn.T + 600.0
    numbers = [int(np.argmin(np.abs(grid - place).sum(axis=1))) for place in turned]
    before = weights_by_sensor(found(grid, config=config), 25)
    after = weights_by_sensor(found(turned, config=config), 25)
    np.testing.assert_allclose(after, before, rtol=1e-6)
    np.testing.assert_allclose(before[np.ix_(numbers, numbers)], before, atol=1e-6)


def test_a_single_sensor_two_at_one_place_and_fewer_than_asked_for() -> None:
    alone = found(np.array([[100.0, 200.0]]))
    assert (alone.index == 0).all()
    assert (alone.weight == 0).all()
    assert np.isfinite(alone.features).all()
    three = found(np.array([[0.0, 0.0], [0.0, 0.0], [200.0, 0.0]]))
    assert np.isfinite(three.weight).all()
    assert np.isfinite(three.features).all()
    table = weights_by_sensor(three, 3)
    assert table[0, 1] > 0
    assert table[2, 0] > 0
    assert table[0, 0] == table[2, 2] == 0


def test_sensors_with_a_recording_are_heard_of_farther_away() -> None:
    positions = np.array(
        [[0.0, 0.0], [100.0, 0.0], [200.0, 0.0], [300.0, 0.0], [400.0, 0.0], [500.0, 0.0], [3000.0, 0.0]]
    )
    observed = np.zeros(7, dtype=bool)
    observed[6] = True
    near = found(positions, observed)
    assert near.index.shape == (7, 6)
    told = near.index[0, 4:][near.weight[0, 4:] > 0]
    assert told.tolist() == [6]
    assert near.features[0, 4, -1] == 1.0
    # A sensor is not its own neighbour.
    assert (near.weight[6, 4:] == 0).all()
    assert found(positions).index.shape == (7, 4)
