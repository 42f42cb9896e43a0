"""Lamb's problem, a vertical force on a half-space, against the closed form of Pekeris (1955) for lambda = mu."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.recording import SensorGrid
from spectremor.core.source import Source
from spectremor.simulation.grid import AXES, Grid
from spectremor.simulation.medium import Medium
from spectremor.simulation.point_source import Forces
from spectremor.simulation.surface import surface_receivers

VS, RHO = 2500.0, 2400.0
VP = np.sqrt(3.0) * VS
RAYLEIGH = 0.5 * np.sqrt(3 + np.sqrt(3.0))
RISE, LOWPASS_HZ = 0.1, 2.5


def cumulative_pekeris(tau):
    """Integral over tau = Vs t / r of -32 pi mu r w: w the upward motion for a downward step force of 1 N."""
    a, b, c = 3 / 4 + np.sqrt(3) / 4, 0.25, 3 / 4 - np.sqrt(3) / 4
    root = lambda t, s: np.log(t + np.sqrt(np.maximum(t**2 - s, 0)))  # noqa: E731
    rayleigh = lambda t: np.sqrt(3 * np.sqrt(3) + 5) * np.arcsin(np.minimum(t / np.sqrt(a), 1))  # noqa: E731
    first = lambda t: (  # noqa: E731
        6 * t - np.sqrt(3) * root(t, b) - rayleigh(t) + np.sqrt(3 * np.sqrt(3) - 5) * root(t, c)
    )
    second = lambda t: 12 * t - 2 * rayleigh(t)  # noqa: E731
    between = lambda f, low, high: f(np.clip(tau, low, high)) - f(np.array(low))  # noqa: E731
    late = 12 * np.maximum(tau - RAYLEIGH, 0)
    return between(first, 1 / np.sqrt(3), 1.0) + between(second, 1.0, RAYLEIGH) + late


def expected_up(times, distance, inverse_transform):
    """Upward velocity at `times` for a downward force with the moment function of unit size, low-passed."""
    fine = np.arange(0, 60, 5e-4)
    step = np.diff(cumulative_pekeris(np.append(fine, fine[-1] + 5e-4) * VS / distance)) * distance / VS / 5e-4
    motion = -step / (32 * np.pi * RHO * VS**2 * distance)
    # The step settles at its static value: taper it away long after the last output time.
    motion *= np.clip((60 - fine) / 30, 0, 1)

    def spectrum(omega):
        waves = np.stack([np.exp(-1j * w * (fine + 2.5e-4)) @ motion for w in omega]) * 5e-4
        return waves * 1j * omega / (1 + 1j * omega * RISE) ** 2

    return inverse_transform(spectrum, times, LOWPASS_HZ)


def surface_force(grid: Grid, medium: Medium, x_m: float, y_m: float) -> dict[str, Forces]:
    """One newton downward on the surface: spread as the surface's own motion is gathered (reciprocity)."""
    gathered = surface_receivers(SensorGrid(np.array([x_m]), np.array([y_m])), grid, medium)
    row, start, result = -gathered.combine.toarray()[2], 0, {}
    for axis in AXES:
        nodes = gathered.nodes[axis]
        result[axis] = Forces(nodes, row[start : start + len(nodes)].astype(float) / grid.spacing_m**3)
        start += len(nodes)
    return result


# 10 points per shear wavelength at the corner of the low-pass, and 20: the error falls with the spacing's square.
@pytest.mark.parametrize(("order", "spacing", "allowed"), [(8, 100.0, 0.06), (8, 50.0, 0.02), (4, 50.0, 0.025)])
def test_vertical_force_on_a_half_space(lab, rrmse, inverse_transform, order, spacing, allowed):
    grid = Grid(spacing, (round(6000 / spacing), round(3600 / spacing)), round(2400 / spacing), order)
    half_space = lab.uniform(grid, VS, VP, RHO, LOWPASS_HZ)
    x, y = 1550.0, 1780.0
    distances = np.array([1250.0, 2000.0, 2890.0])
    source = Source(position_m=(x, y, -1.0), moment_tensor_nm=(1e16, 1e16, 1e16, 0, 0, 0), rise_time_s=RISE)
    sensors = surface_receivers(SensorGrid(x + distances, np.array([y])), grid, half_space.medium)
    times, velocity = half_space.run(source, sensors, 2.2, surface_force(grid, half_space.medium, x, y))
    for i, distance in enumerate(distances):
        up = expected_up(times, distance, inverse_transform)
        assert rrmse(velocity[2, i, 0], up) <= allowed
