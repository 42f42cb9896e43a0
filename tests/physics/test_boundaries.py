"""The absorbing sides and bottom, and long runs."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.simulation.elastic import simulate

SPACING = 200.0


def layered(extent, spacing=200.0) -> np.ndarray:
    cells = [round(e / spacing) + 1 for e in extent]
    depth = np.linspace(1, 0, cells[2])
    return np.broadcast_to(2000 + 1500 * depth, cells).copy()


def shake(extent, shift, duration=3.0):
    source = Source.from_angles(
        position_m=(1500 + shift, 1100 + shift, -1300), strike_deg=20, dip_deg=60, rake_deg=50, rise_time_s=0.2
    )
    sensors = (np.array([300.0, 1500, 2700]) + shift, np.array([200.0, 1100, 2100]) + shift)
    geology = make_geology(layered(extent), extent)
    return simulate(
        geology, source, grid_spacing_m=SPACING, duration_s=duration, sensors_m=sensors, lowpass_hz=2.0
    ).values


def test_sides_reflect_at_most_one_percent():
    """The same ground and event in a domain so large that its sides answer only after the window."""
    near = shake((3000.0, 2400.0, 3000.0), 0.0)
    far = shake((11000.0, 10400.0, 3000.0), 4000.0)
    peak = np.abs(far).max(axis=-1, keepdims=True).max(axis=0)
    assert (np.abs(near - far) / peak).max() <= 0.01


@pytest.mark.parametrize("contrast", [False, True], ids=["uniform", "contrast"])
def test_sixty_seconds_neither_drift_nor_grow(contrast):
    extent = (2400.0, 1800.0, 2400.0)
    vs = np.full((9, 7, 9), 4500.0)
    if contrast:
        vs[:, :, 4:] = np.random.default_rng(0).uniform(1500, 4500, (9, 7, 5))
    source = Source.from_angles(position_m=(1500, 1100, -1300), strike_deg=20, dip_deg=60, rake_deg=50)
    field = simulate(
        make_geology(vs, extent),
        source,
        grid_spacing_m=300.0,
        duration_s=60.0,
        sensors_m=(np.array([300.0, 1500.0]), np.array([1100.0])),
        lowpass_hz=1.5,
    ).values
    assert np.abs(field[..., -500:]).max() <= 1e-3 * np.abs(field).max()
