"""Averages of the ground over the grid's cells."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from spectremor.core.geology import make_geology
from spectremor.core.medium import density_kg_m3, vp_m_s
from spectremor.core.source import Source
from spectremor.simulation import medium as medium_module
from spectremor.simulation.grid import MARGIN, Grid, lay_grid
from spectremor.simulation.medium import Medium, mean_weights
from spectremor.simulation.propagator import stability_speed_m_s

EXTENT_M = (3000.0, 2400.0, 1800.0)
SPACING_M = 300.0


def laid(vs: np.ndarray, spacing_m: float = SPACING_M) -> tuple[Grid, Medium]:
    source = Source.from_angles(position_m=(1500.0, 1100.0, -1500.0), strike_deg=0, dip_deg=90, rake_deg=0)
    return lay_grid(make_geology(vs, EXTENT_M), source, spacing_m, 8)


def test_mean_weights_are_integrals_of_the_linear_ground():
    nodes, values = np.linspace(10.0, 60.0, 6), np.array([1.0, 2.0, 4.0, 3.0, 3.0, 5.0])
    edges = np.array([-5.0, 4.0, 12.0, 19.0, 33.0, 58.0, 60.0, 71.0])
    means = []
    for low, high in itertools.pairwise(edges):
        fine = low + (np.arange(4000) + 0.5) / 4000 * (high - low)
        means.append(np.interp(fine, nodes, values).mean())
    np.testing.assert_allclose(mean_weights(nodes, edges) @ values, means, rtol=1e-6)


def test_uniform_ground_is_itself_everywhere():
    _, medium = laid(np.full((4, 5, 6), 2000.0))
    density = float(density_kg_m3(np.array(3400.0)))
    np.testing.assert_allclose(medium.vs_m_s, 2000.0)
    np.testing.assert_allclose(medium.lamb_pa + 2 * medium.mu_pa, density * 3400.0**2)
    assert medium.between is not None
    for shear in (medium.mu_pa, *medium.between.shear_pa):
        np.testing.assert_allclose(shear, density * 2000.0**2)
    for mass in (1 / medium.buoyancy_m3_kg, *medium.between.density_kg_m3):
        np.testing.assert_allclose(mass, density)
    assert stability_speed_m_s(medium) == pytest.approx(3400.0)


def brute_force(vs: np.ndarray, centre_m: np.ndarray, plane: tuple[int, ...]) -> tuple[float, float]:
    """Shear modulus and density around a point (x, y, height), from 24 x 24 x 24 points of its cell."""
    geology = make_geology(vs, EXTENT_M)
    axes = (geology.x_m, geology.y_m, geology.z_m)
    at = [c + ((np.arange(24) + 0.5) / 24 - 0.5) * SPACING_M for c in centre_m]
    points = np.stack(np.meshgrid(*at, indexing="ij"), axis=-1)
    points = np.clip(points, [a[0] for a in axes], [a[-1] for a in axes])
    speed = RegularGridInterpolator(axes, geology.vs_m_s.astype(float))(points)
    density = density_kg_m3(vp_m_s(speed))
    if not plane:
        plane = (0, 1, 2)
    modulus = 1 / (1 / (density * speed**2)).mean(axis=plane)
    return float(np.mean(modulus)), float(density.mean())


def test_averages_of_uneven_ground_are_those_of_its_volumes():
    """Every kind of node, with other numbers of nodes along each axis: no axis is taken for another."""
    vs = np.random.default_rng(0).uniform(1500, 3500, (6, 9, 5))
    grid, medium = laid(vs)
    between = medium.between
    assert between is not None
    first_m = np.array([-MARGIN, -MARGIN, 0.5 - grid.surface.shift_cells]) * SPACING_M
    for node in ([5, 4, 2], [7, 9, 0], [3, 6, 3]):
        here = first_m + SPACING_M * np.array(node)

        def at(*shift: float, here: np.ndarray = here) -> np.ndarray:
            x, y, depth = here + SPACING_M * np.array(shift)
            return np.array([x, y, -depth])

        index = tuple(node)
        expected = [brute_force(vs, at(0, 0, 0), ())[0]]
        planes = zip(((0, 1), (0, 2), (1, 2)), ((0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)), strict=True)
        expected += [brute_force(vs, at(*shift), plane)[0] for plane, shift in planes]
        found = [medium.mu_pa[index], *(shear[index] for shear in between.shear_pa)]
        # Half-cells carry their mean speed.
        np.testing.assert_allclose(found, expected, rtol=0.03)
        masses = [brute_force(vs, at(*shift), ())[1] for shift in ((0.5, 0, 0), (0, 0.5, 0), (0, 0, -0.5))]
        found = [mass[index] for mass in between.density_kg_m3]
        below_surface = slice(0, 3 if node[2] else 2)
        np.testing.assert_allclose(found[below_surface], masses[below_surface], rtol=0.003)


def test_flat_layers_have_the_moduli_of_long_waves():
    """One interface in the middle of a cell: stresses across it yield in a row, those along it share the strain."""
    speeds = np.where(np.arange(181) * 10.0 > 1200.0, 1500.0, 3000.0)  # from the bottom up: the slower part is on top
    _, medium = laid(np.broadcast_to(speeds, (3, 3, 181)).copy())
    assert medium.between is not None
    density = density_kg_m3(vp_m_s(np.array([1500.0, 3000.0])))
    soft, stiff = density * np.array([1500.0, 3000.0]) ** 2
    level, upright, _ = (shear[4, 4] for shear in medium.between.shear_pa)
    # The interface is 595 m deep, and cell 2 reaches from 570 to 870 m.
    share = 25.0 / 300.0
    assert level[2] == pytest.approx(share * soft + (1 - share) * stiff, rel=0.02)
    assert medium.mu_pa[4, 4, 2] == pytest.approx(1 / (share / soft + (1 - share) / stiff), rel=0.05)
    # Of vertical planes' shear: the cell from 420 to 720 m.
    share = 175.0 / 300.0
    assert upright[1] == pytest.approx(1 / (share / soft + (1 - share) / stiff), rel=0.05)
    assert medium.between.density_kg_m3[2][4, 4, 2] == pytest.approx(
        share * density[0] + (1 - share) * density[1], rel=0.01
    )


def test_work_in_pieces_gives_the_same(monkeypatch):
    vs = np.random.default_rng(1).uniform(1500, 3500, (4, 5, 6))
    whole = laid(vs)[1]
    monkeypatch.setattr(medium_module, "_PIECE", 1)
    parts = laid(vs)[1]
    np.testing.assert_allclose(parts.lamb_pa, whole.lamb_pa, rtol=1e-12)
    assert parts.between is not None
    assert whole.between is not None
    for mine, other in zip(parts.between.shear_pa, whole.between.shear_pa, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


def test_a_medium_of_layers_only_needs_no_more_layers_than_vary():
    """Uniform below 600 m, and a shallow source: the grid ends below that."""
    vs = np.full((3, 3, 7), 3000.0)
    vs[..., -2:] = 1500.0
    shallow = Source.from_angles(position_m=(1500.0, 1100.0, -400.0), strike_deg=0, dip_deg=90, rake_deg=0)
    grid, medium = lay_grid(make_geology(vs, EXTENT_M), shallow, 100.0, 8)
    assert medium.vs_m_s.shape[2] == grid.layers == 12
    # The ground begins to change 600 m deep; cell 6 reaches from 590 to 690 m.
    np.testing.assert_allclose(medium.vs_m_s[..., 7:], 3000.0)
    assert medium.vs_m_s[..., 6].max() < 2999.0
