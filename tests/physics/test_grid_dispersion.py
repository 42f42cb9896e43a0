"""Pulses on coarse grids, as they are and with the grid's dispersion taken out, against the analytic solution."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from spectremor.core.geology import make_geology
from spectremor.core.source import Source
from spectremor.signal.dispersion import DifferenceScheme, remove_grid_dispersion
from spectremor.simulation.grid import Grid

GROUND = (2500.0, 4250.0, 2400.0)
EXTENT_M = (6000.0, 4800.0, 4800.0)
#: So deep that nothing comes back from the surface in time.
START_M = np.array([1510.0, 2361.0, -4180.0])
OFFSETS_M = np.array([[3000.0, 100.0, 150.0], [2400.0, 900.0, 300.0], [1700.0, -1000.0, 500.0]])
SIX = (1e15, -2e15, 1e15, 5e14, -8e14, 3e14)
LOWPASS_HZ = 3.0


def delayed_and_mended(lab, tools, spacing_m, order):
    """Motion at the offsets in a full space: as simulated, and with the grid's dispersion taken out."""
    cells = (round(EXTENT_M[0] / spacing_m), round(EXTENT_M[1] / spacing_m))
    full_space = lab.uniform(Grid(spacing_m, cells, round(6000 / spacing_m), order), *GROUND, LOWPASS_HZ)
    source = Source(position_m=tuple(START_M), moment_tensor_nm=SIX, rise_time_s=0.1)
    receivers = tools.inside_receivers(full_space.grid, START_M + OFFSETS_M)
    times, motion = full_space.run(source, receivers, 1.9)
    motion = motion[:, :, 0]
    mended = np.empty_like(motion)
    for i, offset in enumerate(OFFSETS_M):
        # The same path with its end on the surface, where the correction has its sensors.
        below = Source(position_m=(*START_M[:2], -offset[2]), moment_tensor_nm=SIX, rise_time_s=0.1)
        geology = make_geology(np.full((2, 2, 2), GROUND[0]), EXTENT_M)
        x, y = (np.array([p]) for p in (START_M + offset)[:2])
        scheme = DifferenceScheme(spacing_m, order)
        one = remove_grid_dispersion(motion[:, i : i + 1], times, geology, below, (x, y), scheme, LOWPASS_HZ)
        mended[:, i] = one[:, 0]
    return source, times, motion, mended


@pytest.mark.parametrize(("spacing_m", "order", "at_most"), [(300.0, 8, 0.11), (200.0, 4, 0.05)])
def test_a_coarse_grids_pulse_is_put_right(
    lab, tools, stokes_velocity, inverse_transform, rrmse, spacing_m, order, at_most
):
    """2.8 and 4.2 points per shear wavelength at the corner of the low-pass, up to 3.6 wavelengths from the source."""
    source, times, delayed, mended = delayed_and_mended(lab, tools, spacing_m, order)
    for i, offset in enumerate(OFFSETS_M):
        spectra = functools.partial(stokes_velocity, offset=offset, source=source, ground=GROUND)
        truth = np.stack([inverse_transform(lambda w: spectra(w)[n], times, LOWPASS_HZ) for n in range(3)])  # noqa: B023
        before, after = rrmse(delayed[:, i], truth), rrmse(mended[:, i], truth)
        assert after <= min(at_most, 0.65 * before), (before, after)
    # The farthest is the one that is late.
    assert rrmse(delayed[:, 0], mended[:, 0]) > 0.1
