"""A moment tensor in a uniform full space, against the analytic near-, intermediate- and far-field solution."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.recording import Stations
from spectremor.core.source import Source
from spectremor.simulation.grid import Grid, points_per_wavelength
from spectremor.simulation.surface import surface_receivers

GROUND = (2500.0, 4250.0, 2400.0)
VS = GROUND[0]
CENTRE = np.array([2237.0, 2061.0, -3012.0])
OFFSETS = np.array([[700.0, 400.0, 300.0], [-500.0, 800.0, -450.0], [130.0, -850.0, 640.0], [-900.0, -210.0, 80.0]])
SIX = np.eye(6) * 1e15
RISE = 0.1


def field(lab, tools, spacing, order, six, lowpass, duration=1.25):
    cells = (round(4400 / spacing), round(4200 / spacing))
    uniform = lab.uniform(Grid(spacing, cells, round(5600 / spacing), order), *GROUND, lowpass)
    source = Source(position_m=tuple(CENTRE), moment_tensor_nm=tuple(six), rise_time_s=RISE)
    times, velocity = uniform.run(source, tools.inside_receivers(uniform.grid, CENTRE + OFFSETS), duration)
    return source, times, velocity[:, :, 0]


def expected(stokes_velocity, inverse_transform, source, times, lowpass):
    return np.stack(
        [
            [inverse_transform(lambda w: stokes_velocity(w, o, source, GROUND)[n], times, lowpass) for o in OFFSETS]  # noqa: B023
            for n in range(3)
        ]
    )


@pytest.mark.parametrize("six", SIX, ids=["xx", "yy", "zz", "xy", "xz", "yz"])
def test_each_tensor_component_within_two_percent(lab, tools, stokes_velocity, inverse_transform, rrmse, six):
    spacing, lowpass = 100.0, 4.0
    assert VS / (lowpass * spacing) >= 5  # points per shear wavelength at the corner
    source, times, found = field(lab, tools, spacing, 8, six, lowpass)
    assert rrmse(found, expected(stokes_velocity, inverse_transform, source, times, lowpass)) <= 0.02


def test_stations_in_the_ground_within_two_percent(lab, stokes_velocity, inverse_transform, rrmse):
    """Through the receivers that `simulate` uses for stations below the surface."""
    spacing, lowpass = 100.0, 4.0
    cells = (round(4400 / spacing), round(4200 / spacing))
    uniform = lab.uniform(Grid(spacing, cells, round(5600 / spacing), 8), *GROUND, lowpass)
    six = (1e15, -2e15, 1e15, 5e14, -8e14, 3e14)
    source = Source(position_m=tuple(CENTRE), moment_tensor_nm=six, rise_time_s=RISE)
    stations = Stations(tuple("ABCD"), *(CENTRE + OFFSETS).T)
    times, velocity = uniform.run(source, surface_receivers(stations, uniform.grid, uniform.medium), 1.25)
    assert rrmse(velocity, expected(stokes_velocity, inverse_transform, source, times, lowpass)) <= 0.02


def test_joint_refinement_converges(lab, tools, stokes_velocity, inverse_transform, rrmse):
    # Fine enough grids reach a floor near 1%; here differencing errors lead.
    six = (1e15, -2e15, 1e15, 5e14, -8e14, 3e14)
    errors = []
    for spacing in (200.0, 100.0):
        source, times, found = field(lab, tools, spacing, 4, six, 3.0)
        errors.append(rrmse(found, expected(stokes_velocity, inverse_transform, source, times, 3.0)))
    assert np.log2(errors[0] / errors[1]) >= 1.8, errors


def test_points_per_wavelength_fall_with_order():
    assert points_per_wavelength(2) > points_per_wavelength(4) > points_per_wavelength(8) > 2
