"""The corner frequency of a source: from its moment, its stress drop and the ground around it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.corner import in_ground
from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source, moment_from_mw
from spectremor.core.wavefield import source_of

PLACE = {"position_m": (2400.0, 1800.0, -2400.0), "strike_deg": 48, "dip_deg": 45, "rake_deg": 88}


def ground():
    """Vs grows from 1500 m/s at the surface to 3500 m/s at the bottom: 2500 m/s at the source."""
    vs = np.broadcast_to(np.linspace(3500.0, 1500.0, 9), (5, 5, 9))
    return make_geology(vs, (4800.0, 3600.0, 4800.0))


def corner_hz(source: Source) -> float:
    return 1 / (2 * math.pi * source.rise_time_s)


@pytest.mark.parametrize(("more", "stress_drop_pa"), [({}, 5e6), ({"stress_drop_pa": 2e7}, 2e7)])
@pytest.mark.parametrize("size", [{"mw": 4.2}, {"moment_nm": moment_from_mw(4.2)}])
def test_brune_with_vs_at_the_source(size, more, stress_drop_pa):
    resolved = in_ground(Source.from_angles(**PLACE, **size, **more), ground())
    expected = 0.49 * 2500.0 * (stress_drop_pa / moment_from_mw(4.2)) ** (1 / 3)
    assert corner_hz(resolved) == pytest.approx(expected, rel=1e-5)
    assert in_ground(resolved, ground()) is resolved


@pytest.mark.parametrize(
    ("stated", "rise_time_s"),
    [
        ({"mw": 4.2, "rise_time_s": 0.3}, 0.3),
        ({"mw": 4.2, "convention": "hemew"}, 0.1),
        ({"mw": 4.2, "convention": "hemew", "rise_time_s": 0.2}, 0.2),
        ({}, 0.1),
    ],
)
def test_a_stated_rise_time_and_the_published_convention_are_final(stated, rise_time_s):
    source = Source.from_angles(**PLACE, **stated)
    assert source.rise_time_s == rise_time_s
    assert in_ground(source, ground()) is source


@pytest.mark.parametrize(("stated", "stress_drop_pa"), [({}, 5e6), ({"stress_drop_pa": 2e7}, 2e7)])
def test_a_tensor_has_brunes_corner_too(stated, stress_drop_pa):
    angles = Source.from_angles(**PLACE, mw=4.2, stress_drop_pa=stress_drop_pa)
    tensor = Source.from_tensor(position_m=angles.position_m, tensor_nm=angles.tensor_nm, **stated)
    assert corner_hz(in_ground(tensor, ground())) == pytest.approx(corner_hz(in_ground(angles, ground())))


def test_a_stated_rise_time_of_a_tensor_is_final():
    tensor = Source.from_angles(**PLACE, mw=4.2).tensor_nm
    source = Source.from_tensor(position_m=PLACE["position_m"], tensor_nm=tensor, rise_time_s=0.3)
    assert in_ground(source, ground()) is source
    with pytest.raises(InputError, match=r"got 5e\+06 Pa beside a rise time of 0\.3 s; allowed: one of"):
        Source.from_tensor(position_m=PLACE["position_m"], tensor_nm=tensor, rise_time_s=0.3, stress_drop_pa=5e6)


def test_a_copy_with_another_rise_time_states_it():
    copy = dataclasses.replace(Source.from_angles(**PLACE, mw=4.2), rise_time_s=1.0)
    assert in_ground(copy, ground()).rise_time_s == 1.0


def test_a_rupture_has_its_own_rise_times():
    rupture = Rupture.from_source(Source.from_angles(**PLACE, mw=4.2, rise_time_s=0.3))
    assert in_ground(rupture, ground()) is rupture


def test_simulate_resolves_it():
    run = {"grid_spacing_m": 600.0, "duration_s": 1.0, "sampling_hz": 10.0, "lowpass_hz": 0.8}
    run["sensors_m"] = (np.array([1200.0]), np.array([600.0, 2400.0]))
    source = Source.from_angles(**PLACE, mw=4.2)
    resolved = in_ground(source, ground())
    found = sp.simulate(ground(), source, **run)
    assert found.identical(sp.simulate(ground(), resolved, **run))
    assert source_of(found).rise_time_s == pytest.approx(resolved.rise_time_s)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"stress_drop_pa": 5.0}, r"^source\.stress_drop_pa: got 5 Pa; allowed: 1e3 to 1e10 Pa \(5 MPa is 5e6 Pa\)$"),
        ({"stress_drop_pa": 5e6, "rise_time_s": 0.1}, r"got 5e\+06 Pa beside a rise time of 0\.1 s; allowed: one of"),
        ({"stress_drop_pa": 5e6, "convention": "hemew"}, r"got 5e\+06 Pa beside the convention hemew, which is 0\.1 s"),
        ({"rise_time_s": 0.0}, r"^source\.rise_time_s: got 0\.0; allowed: a positive number of seconds$"),
    ],
)
def test_what_is_refused(stated, message):
    with pytest.raises(InputError, match=message):
        Source.from_angles(**PLACE, mw=4.2, **stated)
