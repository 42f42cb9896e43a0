"""Motion below the surface: of waves that are known there, and of a run in uniform ground."""

from __future__ import annotations

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.recording import Stations
from spectremor.simulation.free_surface import SHALLOW, free_surface, standing_waves
from spectremor.simulation.grid import Grid
from spectremor.simulation.kernels import stencil, value_weights
from spectremor.simulation.surface import _depth_weights

#: Wavenumbers up to six points per wavelength.
LONGEST = 2 * np.pi / 6


def buried(*depth_m: float, x_m: float = 1700.0, y_m: float = 1300.0) -> Stations:
    z = -np.array(depth_m)
    return Stations(tuple(f"B{n}" for n in range(len(z))), np.full_like(z, x_m), np.full_like(z, y_m), z)


@pytest.mark.parametrize("order", [4, 8])
@pytest.mark.parametrize("motion", ["horizontal", "vertical"])
@pytest.mark.parametrize("depth", [0.25, 1.0, 2.5, 4.1, SHALLOW])
def test_standing_waves_are_cosines_of_depth(order, motion, depth):
    surface = free_surface(order)
    numbers, modes = standing_waves(order, motion, surface.top_mass)
    used = numbers <= LONGEST
    weights = np.array(surface.motion(motion, depth).weights)
    found = weights @ modes[: len(weights), used]
    assert np.abs(found - np.cos(numbers[used] * depth)).max() < 0.02


@pytest.mark.parametrize("motion", ["horizontal", "vertical"])
def test_weights_of_the_boundary_layer_and_kernels_agree(motion):
    """Seven cells below the surface the modes are cosines to the kernels as well: the surface is where it is said."""
    surface, depth = free_surface(8), 7.3
    numbers, modes = standing_waves(8, motion, surface.top_mass)
    used = numbers <= LONGEST
    at = round(depth + surface.shift_cells - (0.5 if motion == "horizontal" else 0.0), 9)
    found = value_weights(at, 4) @ modes[stencil(at, 4)][:, used]
    assert np.abs(found - np.cos(numbers[used] * depth)).max() < 0.02


def test_weights_sum_to_one():
    grid = Grid(100.0, (20, 20), 30, 8)
    depths = np.array([0.0, 40.0, 333.0, 601.0, 1450.0])
    for motion in ("horizontal", "vertical"):
        found = _depth_weights(grid, motion, depths)
        rigid = standing_waves(8, motion, grid.surface.top_mass)[1][:, 0]
        top = 0 if motion == "vertical" else 1
        sums = sum(weights * rigid[layer - top] for layer, weights in found.layers.items())
        assert sums == pytest.approx(np.ones(5), abs=1e-5)
        assert found.slope[-1] == 0


def test_motion_below_the_surface_on_two_grids():
    """A coarser grid agrees with a finer one at the surface and below, down to the depth of the source."""
    ground = sp.make_geology(np.full((5, 5, 5), 2400.0), (3600.0, 3600.0, 3600.0))
    source = sp.Source.from_angles(
        position_m=(2500, 2300, -1500), strike_deg=20, dip_deg=60, rake_deg=50, rise_time_s=0.15
    )
    run = {"duration_s": 1.6, "lowpass_hz": 1.6, "sampling_hz": 25.0, "attenuation": False}
    stations = buried(0.0, 60.0, 170.0, 450.0, 900.0, 1700.0)
    fine, coarse = (sp.simulate(ground, source, grid_spacing_m=h, stations=stations, **run) for h in (112.5, 225.0))
    assert fine["z"].values.tolist() == [0.0, -60.0, -170.0, -450.0, -900.0, -1700.0]
    scale = np.sqrt((fine.values**2).mean(axis=(0, 2)))
    error = np.sqrt(((coarse - fine).values ** 2).mean(axis=(0, 2))) / scale
    assert error.max() < 0.06
    # Motion does change with depth by more than that.
    assert np.abs(np.diff(fine.values, axis=1)).max(axis=(0, 2)).min() > 0.02 * scale.min()


@pytest.mark.parametrize(
    ("depth_m", "message"),
    [
        (3700.0, r"^stations\.B0\.z: got -3700 m; allowed: positions in \[-3600, 0\] m, inside the domain$"),
        (1500.0, r"^stations\.B0: got 0 m from the source; allowed: at least one cell of 300 m$"),
    ],
)
def test_what_is_refused(depth_m, message):
    ground = sp.make_geology(np.full((5, 5, 5), 2400.0), (3600.0, 3600.0, 3600.0))
    source = sp.Source.from_angles(position_m=(1700, 1300, -1500), strike_deg=20, dip_deg=60, rake_deg=50)
    with pytest.raises(InputError, match=message):
        sp.simulate(ground, source, grid_spacing_m=300.0, lowpass_hz=1.0, duration_s=1.0, stations=buried(depth_m))
