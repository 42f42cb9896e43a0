"""The physical measures on motion whose physics is known: P waves of a point source in uniform ground."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from spectremor.core.geology import Geology, make_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data.symmetries import SYMMETRIES
from spectremor.judging import physics

VP, VS = 5100.0, 3000.0
EXTENT_M = (6000.0, 6000.0, 6000.0)
AXIS_M = 250.0 + 500.0 * np.arange(12)
TIME_S = np.arange(128) * 0.02


@pytest.fixture(scope="module")
def geology() -> Geology:
    return make_geology(np.full((8, 8, 8), VS, np.float32), EXTENT_M)


@pytest.fixture(scope="module")
def source() -> Source:
    place = (2000.0, 3500.0, -3000.0)
    return Source.from_angles(position_m=place, strike_deg=20, dip_deg=50, rake_deg=60, moment_nm=1e16)


def far_field(geology: Geology, source: Source, early_s: float = 0.0) -> xr.DataArray:
    """P waves far from a point source: along the ray, with the moment tensor's radiation, falling as 1 / R."""
    x, y = np.meshgrid(AXIS_M, AXIS_M, indexing="ij")
    ray = np.stack([x, y, np.zeros_like(x)], axis=-1) - np.array(source.position_m)
    distance = np.linalg.norm(ray, axis=-1)
    ray /= distance[..., None]
    strength = np.einsum("xyi,ij,xyj->xy", ray, source.tensor_nm, ray) / distance
    late = TIME_S - (distance / VP - early_s)[..., None]
    pulse = np.where(late > 0, late * np.exp(-late / 0.1), 0.0)
    field = 1e-12 * np.moveaxis(ray, -1, 0)[..., None] * (strength[..., None] * pulse)
    return make_wavefield(field.astype(np.float32), x_m=AXIS_M, y_m=AXIS_M, time_s=TIME_S, source=source)


def test_nothing_moves_before_the_p_wave(geology: Geology, source: Source) -> None:
    on_time = physics.motion_before_p(far_field(geology, source), geology, source, margin_s=0.05)
    assert np.nanmax(on_time) < 1e-6
    early = physics.motion_before_p(far_field(geology, source, early_s=0.2), geology, source, margin_s=0.05)
    assert np.nanmedian(early) > 0.5
    assert np.nanmax(physics.motion_before_p(far_field(geology, source, early_s=0.2), geology, source)) < 1e-6


@pytest.mark.parametrize("number", range(8))
def test_an_equivariant_prediction_has_no_symmetry_error(geology: Geology, source: Source, number: int) -> None:
    assert physics.symmetry_error(far_field, geology, source, SYMMETRIES[number]) < 1e-4
    if number:
        # One that takes every source for the first one is found out.
        stuck = physics.symmetry_error(lambda g, _: far_field(g, source), geology, source, SYMMETRIES[number])
        assert stuck > 0.5


def test_linearity_in_the_moment(geology: Geology, source: Source) -> None:
    other = Source.from_angles(position_m=source.position_m, strike_deg=200, dip_deg=80, rake_deg=-10, moment_nm=2e16)
    assert physics.moment_error(far_field, geology, source, 0.01) < 1e-5
    assert physics.superposition_error(far_field, geology, source, other) < 1e-5

    def saturated(ground: Geology, event: Source) -> xr.DataArray:
        field = far_field(ground, event)
        return field.copy(data=np.tanh(field.values / np.abs(field.values).max()))

    assert physics.moment_error(saturated, geology, source) > 0.5
    assert physics.superposition_error(saturated, geology, source, other) > 0.05


def test_decay_and_pattern(geology: Geology, source: Source) -> None:
    explosion = dataclasses.replace(source, moment_tensor_nm=(1e16, 1e16, 1e16, 0.0, 0.0, 0.0))
    field = far_field(geology, explosion)
    x, y = np.meshgrid(AXIS_M, AXIS_M, indexing="ij")
    horizontal = np.hypot(x - 2000.0, y - 3500.0)
    # Turned into the vertical everywhere alike, what is left of an explosion is its 1 / R.
    upright = field.copy(data=field.values / (horizontal / np.sqrt(horizontal**2 + 3000.0**2))[..., None])
    found = physics.decay(upright, explosion)
    assert found.slope == pytest.approx(-1.0, abs=0.02)
    assert np.abs(found.rest).max() < 0.05
    true = physics.decay(far_field(geology, source), source)
    louder = physics.decay(3 * far_field(geology, source), source)
    assert louder.level - true.level == pytest.approx(np.log(3), abs=1e-5)
    assert physics.pattern_correlation(louder, true) == pytest.approx(1.0, abs=1e-5)
    turned = dataclasses.replace(source, moment_tensor_nm=(0.0, 0.0, 0.0, 1e16, 0.0, 0.0))
    assert physics.pattern_correlation(physics.decay(far_field(geology, turned), source), true) < 0.6
