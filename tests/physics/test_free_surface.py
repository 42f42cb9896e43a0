"""What the scheme's free surface promises: its weights, its depth for either motion, the speed of Rayleigh waves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from spectremor.core.medium import VP_OVER_VS
from spectremor.simulation import free_surface
from spectremor.simulation.free_surface import standing_waves, surface_shift, top_mass

ORDERS = (2, 4, 6, 8)


@pytest.mark.parametrize("motion", ["vertical", "horizontal"])
@pytest.mark.parametrize("order", ORDERS)
def test_weights_give_the_motion_of_the_surface(order, motion):
    numbers, modes = standing_waves(order, motion, top_mass(order))
    used = (numbers > 0) & (numbers <= 2 * np.pi / 6)
    weights = np.array(free_surface.free_surface(order).motion(motion).weights)
    assert weights @ modes[:3, 0] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(weights @ modes[:3, used], 1.0, atol=2e-3)


def test_second_order_needs_no_shift_and_long_stencils_do():
    assert surface_shift(2) == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < surface_shift(4) < surface_shift(6) < surface_shift(8) < 0.11


def test_second_order_keeps_half_a_cell_on_the_surface_and_long_stencils_less():
    assert top_mass(2) == pytest.approx(0.5, abs=1e-9)
    assert 0.5 > top_mass(4) > top_mass(6) > top_mass(8) > 0.4


@pytest.mark.parametrize("order", ORDERS)
def test_waves_reflect_where_the_surface_is(order):
    """Standing waves' antinodes: at one depth for vertical and for horizontal motion."""
    for motion in ("vertical", "horizontal"):
        numbers, modes = standing_waves(order, motion, top_mass(order))
        depths = free_surface._depths(motion)[30:90]
        for mode in range(1, 13):
            basis = np.stack([np.cos(numbers[mode] * depths), np.sin(numbers[mode] * depths)], axis=1)
            cosine, sine = np.linalg.lstsq(basis, modes[30:90, mode], rcond=None)[0]
            antinode = np.arctan(sine / cosine) / numbers[mode]
            assert antinode == pytest.approx(surface_shift(order), abs=2e-3)


def rayleigh_over_vs() -> float:
    def determinant(c):
        return (2 - c * c) ** 2 - 4 * np.sqrt((1 - c * c) * (1 - (c / VP_OVER_VS) ** 2))

    return scipy.optimize.brentq(determinant, 0.7, 0.9999)


def discrete_rayleigh(wavenumber: float, order: int, mass: float) -> float:
    """Speed over Vs of the slowest wave along the surface; wavenumber in radians per cell, exact along x.

    The topmost vertical velocity moves `mass` cells of ground.
    """
    n = free_surface.CHAIN
    vertical, horizontal = (free_surface._difference(order, m) for m in ("vertical", "horizontal"))
    lamb, mu = VP_OVER_VS**2 - 2, 1.0
    # Unknowns: i v_x at the n cells, v_z at the n + 1 planes; strain rates from them.
    along = np.hstack([-wavenumber * np.eye(n), np.zeros((n, n + 1))])
    across = np.hstack([np.zeros((n, n)), vertical])
    shear = np.hstack([horizontal, wavenumber * np.eye(n + 1)[1:-1]])
    stiffness = lamb * (along + across).T @ (along + across) + 2 * mu * (along.T @ along + across.T @ across)
    stiffness += mu * shear.T @ shear
    masses = np.ones(2 * n + 1)
    masses[n] = mass
    # The bottom stands still.
    kept = np.concatenate([np.arange(n - 2), np.arange(n, 2 * n - 1)])
    slowest = scipy.linalg.eigh(
        stiffness[np.ix_(kept, kept)], np.diag(masses[kept]), eigvals_only=True, subset_by_index=[0, 0]
    )
    return float(np.sqrt(slowest[0])) / wavenumber


@pytest.mark.parametrize("order", ORDERS)
def test_rayleigh_waves_keep_their_speed_to_second_order(order):
    numbers = 2 * np.pi / np.array([31.4, 20.9, 14.0, 10.5])
    exact = rayleigh_over_vs()

    def error(mass):
        return np.array([discrete_rayleigh(k, order, mass) / exact - 1 for k in numbers])

    def first_and_second_order(mass):
        return np.linalg.lstsq(np.stack([numbers, numbers**2], axis=1), error(mass), rcond=None)[0]

    first, second = first_and_second_order(top_mass(order))
    assert abs(first) <= 4e-4
    assert abs(second) <= 0.026
    assert np.abs(error(top_mass(order))).max() <= (0.010 if order == 2 else 0.0065)
    # Slower with more mass, faster with less.
    for other in (top_mass(order) - 0.02, top_mass(order) + 0.02):
        assert abs(first_and_second_order(other)[0]) >= 1e-3


@pytest.mark.parametrize("order", ORDERS)
def test_the_lighter_surface_takes_no_smaller_time_step(order):
    """Fastest oscillation of the ground under its surface, against that of the grid's interior."""
    n = free_surface.CHAIN
    weights = np.array(free_surface.DIFFERENCE_WEIGHTS[order])
    vertical, horizontal = (free_surface._difference(order, m) for m in ("vertical", "horizontal"))
    masses = np.ones(2 * n + 1)
    masses[[n, -1]] = top_mass(order)
    limit = 3 * (2 * np.abs(weights).sum() * VP_OVER_VS) ** 2
    for angle in np.linspace(0.3, np.pi, 12):
        seen = np.sqrt(2) * np.abs(2 * weights @ np.sin((np.arange(len(weights)) + 0.5) * angle))
        along = np.hstack([-seen * np.eye(n), np.zeros((n, n + 1))])
        across = np.hstack([np.zeros((n, n)), vertical])
        shear = np.hstack([horizontal, seen * np.eye(n + 1)[1:-1]])
        stiffness = (VP_OVER_VS**2 - 2) * (along + across).T @ (along + across) + shear.T @ shear
        stiffness += 2 * (along.T @ along + across.T @ across)
        fastest = scipy.linalg.eigh(stiffness, np.diag(masses), eigvals_only=True, subset_by_index=[2 * n, 2 * n])
        assert fastest[0] <= limit
