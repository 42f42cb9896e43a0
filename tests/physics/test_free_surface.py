"""What the scheme's free surface promises: its weights on standing waves, and the speed of Rayleigh waves."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from spectremor.core.medium import VP_OVER_VS
from spectremor.simulation import free_surface
from spectremor.simulation.free_surface import TOP_STIFFENING, surface_motion, surface_shift

ORDERS = (2, 4, 6, 8)


@pytest.mark.parametrize("motion", ["vertical", "horizontal"])
@pytest.mark.parametrize("order", ORDERS)
def test_weights_give_the_motion_of_the_surface(order, motion):
    numbers, modes = free_surface._modes(order, motion)
    used = (numbers > 0) & (numbers <= 2 * np.pi / 6)
    weights = np.array(surface_motion(order, motion).weights)
    assert weights @ modes[:3, 0] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(weights @ modes[:3, used], 1.0, atol=2e-3)


def test_second_order_needs_no_shift_and_long_stencils_do():
    assert surface_shift(2) == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < surface_shift(4) < surface_shift(6) < surface_shift(8) < 0.1


@pytest.mark.parametrize("order", ORDERS)
def test_waves_reflect_where_the_surface_is(order):
    """Standing waves' antinodes: above and below the mean by at most 0.03 cells."""
    for motion in ("vertical", "horizontal"):
        numbers, modes = free_surface._modes(order, motion)
        depths = free_surface._depths(motion)[30:90]
        for mode in range(1, 13):
            basis = np.stack([np.cos(numbers[mode] * depths), np.sin(numbers[mode] * depths)], axis=1)
            cosine, sine = np.linalg.lstsq(basis, modes[30:90, mode], rcond=None)[0]
            antinode = np.arctan(sine / cosine) / numbers[mode]
            assert antinode == pytest.approx(surface_shift(order), abs=0.03)


def rayleigh_over_vs() -> float:
    def determinant(c):
        return (2 - c * c) ** 2 - 4 * np.sqrt((1 - c * c) * (1 - (c / VP_OVER_VS) ** 2))

    return scipy.optimize.brentq(determinant, 0.7, 0.9999)


def discrete_rayleigh(wavenumber: float, order: int, stiffening: float) -> float:
    """Speed over Vs of the slowest wave along the surface; wavenumber in radians per cell, exact along x."""
    n = free_surface.CHAIN
    vertical, horizontal = (free_surface._difference(order, m) for m in ("vertical", "horizontal"))
    lamb, mu = np.full(n, VP_OVER_VS**2 - 2), np.ones(n)
    lamb[0] *= 1 + stiffening
    mu[0] *= 1 + stiffening
    # Unknowns: i v_x at the n cells, v_z at the n + 1 planes; strain rates from them.
    along = np.hstack([-wavenumber * np.eye(n), np.zeros((n, n + 1))])
    across = np.hstack([np.zeros((n, n)), vertical])
    shear = np.hstack([horizontal, wavenumber * np.eye(n + 1)[1:-1]])
    harmonic = 2 / (1 / mu[1:] + 1 / mu[:-1])
    stiffness = ((along + across).T * lamb) @ (along + across) + 2 * (along.T * mu) @ along
    stiffness += 2 * (across.T * mu) @ across + (shear.T * harmonic) @ shear
    mass = np.diag(np.concatenate([np.ones(n), free_surface._masses("vertical")]))
    # The bottom stands still.
    kept = np.concatenate([np.arange(n - 2), np.arange(n, 2 * n - 1)])
    slowest = scipy.linalg.eigh(
        stiffness[np.ix_(kept, kept)], mass[np.ix_(kept, kept)], eigvals_only=True, subset_by_index=[0, 0]
    )
    return float(np.sqrt(slowest[0])) / wavenumber


@pytest.mark.parametrize("order", ORDERS)
def test_rayleigh_waves_keep_their_speed(order):
    numbers = 2 * np.pi / np.array([31.4, 20.9, 14.0, 10.5])
    exact = rayleigh_over_vs()

    def error(stiffening):
        return np.array([discrete_rayleigh(k, order, stiffening) / exact - 1 for k in numbers])

    chosen = TOP_STIFFENING[order]
    assert np.abs(error(chosen)).max() <= 0.003
    for other in (0.0, chosen - 0.02, chosen + 0.02):
        assert np.sum(error(other) ** 2) > np.sum(error(chosen) ** 2)
