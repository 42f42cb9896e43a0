"""Motion recorded at a list of stations: the grid's own numbers where positions coincide, and in between."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.recording import SensorGrid, Stations
from spectremor.core.source import Source
from spectremor.simulation.elastic import simulate
from spectremor.simulation.grid import Grid
from spectremor.simulation.medium import Medium
from spectremor.simulation.surface import surface_receivers

EXTENT = (3000.0, 2400.0, 2400.0)
SOURCE = Source.from_angles(position_m=(1400, 1100, -900), strike_deg=20, dip_deg=60, rake_deg=50)
X, Y = np.array([300.0, 790.0, 1500.0, 3000.0]), np.array([0.0, 450.0, 1237.5])
GRID = Grid(150.0, (20, 16), 12, 8)


def ground():
    vs = np.random.default_rng(0).uniform(1500, 2600, (6, 5, 7)).astype(np.float32)
    return make_geology(vs, EXTENT)


def listed(x_m, y_m, z_m=None) -> Stations:
    return Stations(tuple(map(str, range(len(x_m)))), x_m, y_m, np.zeros_like(x_m) if z_m is None else z_m)


def receivers(sensors):
    """On a grid over uneven ground."""
    vs = np.random.default_rng(3).uniform(1500, 2600, (*GRID.shape[:2], GRID.layers))
    vp = vs * np.random.default_rng(4).uniform(1.5, 2.5, vs.shape)
    medium = Medium(vs, 2000 * (vp**2 - 2 * vs**2), 2000 * vs**2, np.full_like(vs, 1 / 2000))
    return surface_receivers(sensors, GRID, medium)


def test_the_same_weights_as_a_grid():
    x, y = (v.ravel() for v in np.meshgrid(X, Y, indexing="ij"))
    grid, stations = receivers(SensorGrid(X, Y)), receivers(listed(x, y))
    assert (grid.shape, stations.shape) == ((4, 3), (12,))
    for axis in grid.nodes:
        np.testing.assert_array_equal(grid.nodes[axis], stations.nodes[axis])
    np.testing.assert_allclose(grid.combine.toarray(), stations.combine.toarray(), atol=1e-7)


def test_in_any_order_and_number():
    """Not a product of axes: each station has its own pair of positions."""
    x, y = np.array([1500.0, 300.0, 1500.0]), np.array([450.0, 1237.5, 1237.5])
    alone = [receivers(SensorGrid(x[[k]], y[[k]])) for k in range(3)]
    together = receivers(listed(x, y))
    rng = np.random.default_rng(1)
    planes = {axis: rng.normal(size=(*GRID.shape, 5)) for axis in together.nodes}

    def record(found):
        return found([planes[axis][tuple(nodes.T)] for axis, nodes in found.nodes.items()])

    expected = np.concatenate([record(r).reshape(3, 1, 5) for r in alone], axis=1)
    np.testing.assert_allclose(record(together), expected, atol=1e-5)


def test_one_run_gives_the_grid_and_more():
    settings = {"grid_spacing_m": 150.0, "duration_s": 1.2, "lowpass_hz": 3.0}
    grid = simulate(ground(), SOURCE, sensors_m=(X, Y), **settings)
    x, y = (v.ravel() for v in np.meshgrid(X, Y, indexing="ij"))
    more = (np.append(x, [1111.0, 2000.5]), np.append(y, [333.0, 2222.0]))
    stations = simulate(ground(), SOURCE, stations_m=more, **settings)
    assert stations.dims == ("component", "station", "time")
    np.testing.assert_array_equal(stations["x"].values, more[0])
    np.testing.assert_array_equal(stations["y"].values, more[1])
    assert stations.attrs == grid.attrs
    peak = float(np.abs(grid).max())
    # Attenuation interpolates between levels that reach as far as the latest of all sensors needs.
    np.testing.assert_allclose(stations.values[:, :12].reshape(grid.shape), grid.values, atol=2e-3 * peak)
    elastic = [
        simulate(ground(), SOURCE, attenuation=False, **where, **settings).values
        for where in ({"sensors_m": (X, Y)}, {"stations_m": more})
    ]
    np.testing.assert_allclose(elastic[1][:, :12].reshape(grid.shape), elastic[0], atol=1e-6 * peak)
    single = simulate(ground(), SOURCE, attenuation=False, sensors_m=(more[0][-2:-1], more[1][-2:-1]), **settings)
    np.testing.assert_allclose(elastic[1][:, 12], single.values[:, 0, 0], atol=1e-6 * peak)
    assert np.abs(elastic[1][:, 13]).max() > 0


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"stations_m": (X, Y)}, "stations_m: got 4 and 3 positions"),
        ({"stations_m": (X + 100, X)}, r"stations_m\.x: got 3100 m"),
        ({"stations_m": (Y, Y + 1200)}, r"stations_m\.y: got 2437\.5 m"),
        ({"stations_m": (X[:0], X[:0])}, r"stations_m\.x: got no position"),
        ({"stations_m": (Y, Y), "sensors_m": (X, Y)}, "stations_m: got together with sensors_m"),
    ],
)
def test_lists_that_are_refused(where, message):
    with pytest.raises(InputError, match=message):
        simulate(ground(), SOURCE, grid_spacing_m=150.0, duration_s=1.2, lowpass_hz=3.0, **where)
