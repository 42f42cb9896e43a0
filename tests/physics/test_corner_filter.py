"""The exact filter from one corner frequency to another, against simulating with the other one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import spectremor as sp
from spectremor.signal.corner import with_rise_time

EXTENT_M = (4800.0, 4800.0, 4800.0)
RISE_TIMES_S = (0.05, 0.1, 0.3)


@pytest.fixture(scope="module")
def motion() -> dict[float, np.ndarray]:
    """By rise time: motion in ground that grows faster downward, with losses."""
    vs = np.broadcast_to(np.linspace(3500.0, 1500.0, 17), (17, 17, 17))
    ground = sp.make_geology(vs, EXTENT_M)
    source = sp.Source.from_angles(
        position_m=(1900.0, 2500.0, -2200.0), strike_deg=48, dip_deg=45, rake_deg=88, mw=4, rise_time_s=0.1
    )
    where = {"sensors_m": (np.array([900.0, 3300.0]), np.array([1500.0, 3900.0])), "duration_s": 5.0}
    return {
        tau: sp.simulate(
            ground, dataclasses.replace(source, rise_time_s=tau), grid_spacing_m=150.0, lowpass_hz=3.5, **where
        ).values
        for tau in RISE_TIMES_S
    }


@pytest.mark.parametrize(("own", "new"), [(0.1, 0.3), (0.3, 0.1), (0.1, 0.05)])
def test_filtering_is_simulating_with_the_other_corner(motion, own, new):
    filtered, simulated = with_rise_time(motion[own], 0.02, own, new), motion[new]
    rms = np.sqrt(np.square(filtered - simulated).mean() / np.square(simulated).mean())
    assert rms < 0.01
    assert np.abs(motion[own] - simulated).max() > 0.2 * np.abs(simulated).max()
