"""What was trained on simulations of solver version 3 gets them as they were."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.simulation.elastic import simulate_many
from spectremor.simulation.grid import lay_grid
from spectremor.simulation.settings import SOLVER_VERSION, SimulationSettings
from spectremor.simulation.version3 import TOP_STIFFENING, lay_version3_grid, node_sampler, version3_surface

EXTENT_M = (3600.0, 3000.0, 2400.0)
SENSORS = SensorGrid(np.array([700.0, 2300.0]), np.array([600.0, 1500.0, 2500.0]))
RECORDING = Recording(sensors=SENSORS, samples=20, sampling_hz=12.5, lowpass_hz=4.0)
#: Velocities in um/s that version 3 gave, when it was the solver's version: components of the sensors at x = 2300 m, at
#: samples 8 to 13 of 12.5 a second.
WHAT_IT_GAVE_UM_S = [
    [
        [-121242.453, -80629.102, 107486.32, 212473.094, 105749.445, 6483.036],
        [-30852.664, 245788.484, 204355.469, -42107.543, -75941.625, -3828.444],
        [44719.754, 106127.266, 84618.469, -12827.38, -63128.867, -47310.434],
    ],
    [
        [27564.449, 105031.984, 177083.156, 39022.754, -96787.844, -86926.648],
        [111539.57, 420163.438, 158757.141, -138635.438, -125105.383, -69348.18],
        [64491.586, 107879.875, 25135.502, -91717.422, -72100.383, -36778.516],
    ],
    [
        [-26123.514, -52823.738, -124027.75, -72390.875, 32585.65, 74165.148],
        [16855.094, -200096.234, -179623.656, -6410.519, 58806.977, 68470.508],
        [217993.422, -36472.312, -239275.016, -69900.148, 13379.812, -33341.652],
    ],
]


def event():
    vs = np.random.default_rng(3).uniform(1800, 3600, (7, 6, 5))
    source = Source.from_angles(
        position_m=(1300, 1700, -1400), strike_deg=20, dip_deg=60, rake_deg=-30, moment_nm=1e16, rise_time_s=0.1
    )
    return make_geology(vs, EXTENT_M), source


def velocities_um_s(solver_version: int):
    geology, source = event()
    settings = SimulationSettings(grid_spacing_m=200.0, solver_version=solver_version)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        (field,) = simulate_many([geology], [source], RECORDING, settings)
    assert field.attrs["solver_version"] == solver_version
    return 1e6 * field.values[:, 1, :, 8:14].astype(float)


def test_version_3_gives_what_it_gave():
    np.testing.assert_allclose(velocities_um_s(3), WHAT_IT_GAVE_UM_S, atol=4.0)


def test_the_present_version_gives_something_else():
    change = velocities_um_s(SOLVER_VERSION) - np.array(WHAT_IT_GAVE_UM_S)
    assert 0.01 < np.sqrt(np.mean(change**2) / np.mean(np.square(WHAT_IT_GAVE_UM_S))) < 0.3


@pytest.mark.parametrize("order", [2, 8])
def test_its_first_cells_are_stiffer_and_its_ground_is_read_at_points(order):
    geology, source = event()
    grid, medium = lay_version3_grid(geology, source, 200.0, order)
    _, averaged = lay_grid(geology, source, 200.0, order)
    assert medium.between is None
    assert averaged.between is not None
    stiffness = medium.mu_pa * medium.buoyancy_m3_kg / medium.vs_m_s**2
    np.testing.assert_allclose(stiffness[..., 0], 1 + TOP_STIFFENING[order])
    np.testing.assert_allclose(stiffness[..., 1:], 1.0)
    assert grid.surface == version3_surface(order)
    assert grid.surface.top_mass == 0.5


def test_uneven_axes_are_not_swapped():
    extent_m = (3000.0, 2400.0, 3000.0)
    vs = np.random.default_rng(0).uniform(2000, 4000, (6, 5, 7))
    sampled = node_sampler(make_geology(vs, extent_m), 600.0, (5, 4), 5, 0.0)(vs)
    assert sampled.shape == (10, 9, 5)
    # Nodes of the grid and of the geology coincide along x and y; depth 300 m is 0.6 of a geology cell below the top.
    np.testing.assert_allclose(sampled[2:-2, 2:-2, 0], 0.4 * vs[..., -1] + 0.6 * vs[..., -2], rtol=1e-5)
    np.testing.assert_allclose(sampled[0, 2:-2], sampled[2, 2:-2])


def test_other_versions_are_refused():
    with pytest.raises(InputError, match="solver_version: got 2; allowed: 3 or 4"):
        SimulationSettings(solver_version=2)
