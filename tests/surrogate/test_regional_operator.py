"""An operator along rays that corrects a simulation in ground wider, and for longer, than what it learned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_ray_operators import SMALL

from spectremor.core.geology import make_geology
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.recording import Recording, SensorGrid, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import recorded_wavefield
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.signal.corner import with_rise_time
from spectremor.surrogate.config import check_config
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import make_network
from spectremor.surrogate.regional import RegionalOperator, learned_cubes

SIDE_M = 9600.0
NODES = 17
MOMENT = (2e16, -1e16, -1e16, 6e15, 1.6e16, -4e15)


class MadeUpMotion:
    """Stands in for a simulation: motion that depends on where a sensor is from the source, at any times."""

    spacing_m = 300.0
    any_rise_time = True

    def record(self, _geology, earthquake, recording):
        place_m = np.array(earthquake.position_m).reshape(-1, 3)[0]
        apart = recording.sensors.points_m() - place_m
        phase = apart[:, :2].sum(axis=1)[:, None] / 3000.0 + 2 * np.pi * 1.3 * recording.time_s
        pulse = np.exp(-(((recording.time_s - 3.0) / 0.8) ** 2)) + 0.3 * np.exp(-(((recording.time_s - 9.0) / 2) ** 2))
        motion = 0.01 * pulse * np.stack([np.sin(phase), np.cos(phase), np.sin(2 * phase)])
        motion = motion.reshape(3, *recording.sensors.shape, -1).astype(np.float32)
        return recorded_wavefield(motion, recording, source=None)


@pytest.fixture(scope="module")
def operator() -> RegionalOperator:
    torch.manual_seed(0)
    network = make_network(check_config({**SMALL, "simulation_m": 300.0}))
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    depth = np.broadcast_to(np.linspace(3500, 2000, NODES), (NODES,) * 3)
    motion = MadeUpMotion()
    alone = MifnoSurrogate(
        network.eval(),
        GeologyNormalisation(depth.copy(), np.full((NODES,) * 3, 400.0)),
        lambda *event: motion.record(*event).values,
    )
    return RegionalOperator(alone, motion)


def layered(x_m: float, y_m: float):
    """Ground with Vs that grows with depth, at the learned nodes' distance."""
    counts = [round(side / 600) + 1 for side in (x_m, y_m, SIDE_M)]
    vs = np.broadcast_to(np.linspace(3400, 1900, counts[2]), counts)
    return make_geology(vs.astype(np.float32), (x_m, y_m, SIDE_M))


def source(x_m: float, y_m: float, **more) -> Source:
    return Source(position_m=(x_m, y_m, -5000.0), moment_tensor_nm=MOMENT, **more)


def at(points_m, operator: RegionalOperator, samples: int = 64) -> Recording:
    x_m, y_m = np.array(points_m, dtype=float).T
    stations = Stations(tuple(str(n) for n in range(len(x_m))), x_m, y_m, np.zeros(len(x_m)))
    return dataclasses.replace(operator.recording, sensors=stations, samples=samples)


def added(operator, geology, event, recording):
    """What the operator adds to the motion."""
    return operator.record(geology, event, recording).values - MadeUpMotion().record(geology, event, recording).values


def test_in_its_cube_it_is_the_operator(operator):
    geology, event = layered(SIDE_M, SIDE_M), source(4000.0, 2500.0)
    places_m = np.array([[700.0, 8000.0], [9000.0, 1000.0], [4000.0, 2500.0]])
    found = operator.record(geology, event, at(places_m, operator)).values
    expected = operator.predict_at(geology, event, places_m)
    change = abs(expected - MadeUpMotion().record(geology, event, at(places_m, operator)).values).max()
    assert change > 0.1 * abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-4 * change)
    own = operator.record(geology, event, operator.recording).values
    np.testing.assert_allclose(own, operator.predict(geology, event).values, atol=1e-4 * change)


def test_a_problem_moved_in_wide_ground_is_corrected_alike(operator):
    """To every side of the source, on both sides of where one cube follows another."""
    geology = layered(30_000.0, 24_000.0)
    offsets_m = np.array([[5000, 6000], [5000, -6000], [-5000, 6000], [-5000, -6000], [30, 5000], [-30, 5000]])
    corrections = []
    for x_m, y_m in ((12_000.0, 12_000.0), (15_000.0, 9000.0)):
        recording = at(offsets_m + np.array([x_m, y_m]), operator)
        corrections.append(added(operator, geology, source(x_m, y_m), recording))
    size = abs(corrections[0]).max(axis=(0, 2))
    assert (size > 1e-3 * size.max()).all()
    np.testing.assert_allclose(corrections[1], corrections[0], atol=2e-3 * size.max())
    np.testing.assert_allclose(corrections[0][:, 4], corrections[0][:, 5], atol=0.1 * size.max())


def test_rays_longer_than_learned_and_later_motion_are_left_to_the_simulation(operator):
    geology, event = layered(30_000.0, 24_000.0), source(12_000.0, 12_000.0)
    near, fading, far = [15_000.0, 12_000.0], [19_800.0, 12_000.0], [20_500.0, 12_000.0]
    short = added(operator, geology, event, at([near, fading, far], operator))
    long = added(operator, geology, event, at([near, fading, far], operator, samples=160))
    assert not short[:, 2].any()
    assert 0 < abs(short[:, 1]).max() < abs(short[:, 0]).max()
    assert not long[:, :, 64:].any()
    np.testing.assert_allclose(long[:, :, :58], short[:, :, :58], atol=1e-6 * abs(short).max())
    assert abs(long[:, 0, 63]).max() <= 1e-6 * abs(short).max()


def test_a_source_deeper_than_learned_is_left_to_the_simulation(operator):
    deep = make_geology(np.full((17, 17, 26), 2500.0, np.float32), (SIDE_M, SIDE_M, 15_000.0))
    event = Source(position_m=(4000.0, 2500.0, -12_000.0), moment_tensor_nm=MOMENT)
    assert not added(operator, deep, event, at([[5000.0, 5000.0]], operator)).any()


def test_a_rupture_is_left_to_the_simulation(operator):
    geology = layered(SIDE_M, SIDE_M)
    places_m = np.array([[4000.0, 2500.0, -5000.0], [4300.0, 2500.0, -5000.0]])
    rates = RiseTimes(np.full(2, 0.1))
    rupture = Rupture(position_m=places_m, tensors=np.tile(MOMENT, (2, 1)), start_s=np.array([0.0, 0.1]), rates=rates)
    assert not added(operator, geology, rupture, at([[5000.0, 5000.0]], operator)).any()


def test_the_correction_has_the_sources_own_corner(operator):
    geology, slow_s = layered(SIDE_M, SIDE_M), 0.3
    recording = at([[5000.0, 5000.0]], operator)
    # The made-up motion is the same for any rise time; that of the learned one, as its exact filter gives it.
    given = MadeUpMotion().record(geology, source(4000.0, 2500.0), recording).values
    learned = with_rise_time(given, 0.1, slow_s, 0.1)
    correct = operator.correct_at(geology, source(4000.0, 2500.0), np.array([[5000.0, 5000.0]]), learned) - learned
    found = added(operator, geology, source(4000.0, 2500.0, rise_time_s=slow_s), recording)
    expected = with_rise_time(correct, 0.1, 0.1, slow_s)
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


sides = st.floats(5000.0, 40_000.0)
shares = st.floats(0.0, 1.0)


@given(sides, sides, shares, shares, st.lists(st.tuples(shares, shares), min_size=1, max_size=20))
def test_cubes_hold_the_source_as_learned_and_every_sensor_once(x_side, y_side, x_share, y_share, places):
    trained = TrainedRange()
    geology = make_geology(np.full((3, 3, 3), 2500.0, np.float32), (x_side, y_side, SIDE_M))
    # As near to the sides as was learned, as regions are checked for.
    at_m = [1200 + share * (side - 2400) for side, share in ((x_side, x_share), (y_side, y_share))]
    places_m = np.array(places) * (x_side, y_side)
    cubes = list(learned_cubes(trained, geology, (*at_m, -5000.0), places_m))
    numbers = np.concatenate([cube.sensors for cube in cubes]) if cubes else np.zeros(0, dtype=int)
    assert len(np.unique(numbers)) == len(numbers)
    apart = np.abs(places_m - at_m)
    wide = np.array([x_side, y_side]) > SIDE_M
    reached = ((apart < 8400 - 1e-6) | ~wide).all(axis=1)
    assert set(numbers) >= set(np.flatnonzero(reached))
    for cube in cubes:
        local = np.array(cube.local_m((*at_m, -5000.0)))
        assert (local[:2] >= 1200 - 1e-6).all()
        assert (local[:2] <= 8400 + 1e-6).all()
        inside = places_m[cube.sensors] - cube.corner_m
        assert (inside >= -1e-6).all()
        assert (inside <= SIDE_M + 1e-6).all()
        full = ((apart[cube.sensors] <= 7200) | ~wide).all(axis=1)
        assert (cube.weight[full] == 1).all()


def test_a_grid_of_sensors_is_taken_as_stations_are(operator):
    geology, event = layered(15_000.0, 12_000.0), source(6000.0, 6000.0)
    axes = np.array([3000.0, 6500.0]), np.array([2000.0, 7000.0, 9000.0])
    grid = dataclasses.replace(operator.recording, sensors=SensorGrid(*axes))
    places_m = [[x, y] for x in axes[0] for y in axes[1]]
    one = operator.record(geology, event, grid).values
    other = operator.record(geology, event, at(places_m, operator)).values
    assert one.shape == (3, 2, 3, 64)
    np.testing.assert_allclose(one.reshape(3, 6, 64), other, atol=1e-5 * abs(other).max())
