"""What is known of each sensor: against formulas in uniform ground, and turned with ground and source in any."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.geology import Geology, make_geology
from spectremor.core.source import Source
from spectremor.data.symmetries import SYMMETRIES
from spectremor.diffusion.surroundings import COLUMN_DEPTHS_M, FEATURES, surroundings_of

EXTENT_M = (4800.0, 4800.0, 4800.0)
SOURCE = Source.from_angles(position_m=(2000.0, 2700.0, -3000.0), strike_deg=30, dip_deg=50, rake_deg=70)
POSITIONS_M = np.array([[600.0, 900.0], [2000.0, 2700.0], [4100.0, 3300.0], [2500.0, 500.0]])


def rough_ground() -> Geology:
    rng = np.random.default_rng(0)
    return make_geology((2500 + 400 * rng.standard_normal((17, 17, 17))).clip(1200, 4000).astype(np.float32), EXTENT_M)


def test_in_uniform_ground_times_and_radiation_are_those_of_straight_rays() -> None:
    found = surroundings_of(make_geology(np.full((17, 17, 17), 3000.0), EXTENT_M), SOURCE, POSITIONS_M)
    offset = np.concatenate([POSITIONS_M, np.zeros((4, 1))], axis=1) - np.array(SOURCE.position_m)
    distance = np.linalg.norm(offset, axis=1)
    away = offset / distance[:, None]
    np.testing.assert_allclose(found.distance_m, distance)
    np.testing.assert_allclose(found.s_time_s, distance / 3000, rtol=0.01)
    np.testing.assert_allclose(found.p_time_s, distance / 5100, rtol=0.01)
    force = away @ SOURCE.tensor_nm / SOURCE.moment_nm
    np.testing.assert_allclose(found.p_radiation + found.s_radiation, force, atol=0.06)
    np.testing.assert_allclose((found.s_radiation * away).sum(axis=1), 0, atol=0.06)
    assert found.vs_column_m_s.shape == (4, len(COLUMN_DEPTHS_M))
    np.testing.assert_allclose(found.vs_column_m_s, 3000.0)
    assert found.features().shape == (4, FEATURES)


@pytest.mark.parametrize("number", [1, 4, 6])
def test_a_turned_event_has_turned_surroundings(number: int) -> None:
    symmetry, ground = SYMMETRIES[number], rough_ground()
    before = surroundings_of(ground, SOURCE, POSITIONS_M)
    places = np.array([symmetry.position((x, y, 0.0), EXTENT_M)[:2] for x, y in POSITIONS_M])
    after = surroundings_of(symmetry.geology(ground), symmetry.source(SOURCE, EXTENT_M), places)
    turned = before.turned(symmetry.matrix)
    # Both lie about their own epicentres alike.
    np.testing.assert_allclose(
        after.positions_m - after.epicentre_m, turned.positions_m - turned.epicentre_m, atol=1e-6
    )
    np.testing.assert_allclose(after.features(), turned.features(), atol=1e-3)
    assert after.reference_m_s == pytest.approx(before.reference_m_s, rel=1e-6)


def test_a_larger_or_an_opposite_moment_changes_level_or_sign_alone() -> None:
    ground = rough_ground()
    before = surroundings_of(ground, SOURCE, POSITIONS_M)
    opposite = Source.from_tensor(
        position_m=SOURCE.position_m, tensor_nm=-4 * SOURCE.tensor_nm, rise_time_s=SOURCE.rise_time_s
    )
    after = surroundings_of(ground, opposite, POSITIONS_M)
    np.testing.assert_allclose(after.features(), before.turned(-np.eye(3)).features(), atol=1e-6)
    np.testing.assert_allclose(after.positions_m, before.turned(-np.eye(3)).positions_m)
    assert after.reference_m_s == pytest.approx(4 * before.reference_m_s)
