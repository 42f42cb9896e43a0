"""Source time functions of catalogues: the rise time that is as wide at low frequencies."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.source import brune_rise_time_s, moment_function
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.moment_rate import rise_time_of
from spectremor.exchange.quakeml import read_source

DATA = Path(__file__).parent / "data"
CORNER = Georeference(longitude_deg=13.26, latitude_deg=42.29)


def function(kind=None, duration=None, rise=None, decay=None) -> SimpleNamespace:
    return SimpleNamespace(type=kind, duration=duration, rise_time=rise, decay_time=decay)


def tau(*arguments, **options) -> float:
    return rise_time_of(function(*arguments, **options), ours=False).tau_s


def variance(t_s: np.ndarray, rate: np.ndarray) -> float:
    mass = np.trapezoid(rate, t_s)
    centre = np.trapezoid(rate * t_s, t_s) / mass
    return float(np.trapezoid(rate * (t_s - centre) ** 2, t_s) / mass)


@given(st.floats(0.1, 5), st.floats(0, 5), st.floats(0.1, 5))
def test_the_second_moment_in_time_is_that_of_the_catalogue(up, flat, down):
    found = tau("trapezoid", up + flat + down, up, down)
    t_s = np.linspace(0, up + flat + down, 20001)
    theirs = np.interp(t_s, [0, up, up + flat, up + flat + down], [0, 1, 1, 0])
    t_ours = np.linspace(0, 40 * found, 40001)
    ours = np.gradient(moment_function(t_ours, found), t_ours)
    assert variance(t_ours, ours) == pytest.approx(variance(t_s, theirs), rel=1e-3)


def test_closed_forms():
    assert tau("triangle", 2.04, 1.02, 1.02) == pytest.approx(2.04 / math.sqrt(48))
    assert tau("triangle", 3.2) == pytest.approx(3.2 / math.sqrt(48))
    assert tau("triangle", rise=1.0) == pytest.approx(2 / math.sqrt(48))
    assert tau("box car", 3.0) == pytest.approx(3 / math.sqrt(24))
    # A right triangle of base D has variance D^2 / 18.
    assert tau("triangle", 3.0, 3.0) == pytest.approx(3 / 6)


def test_files(tmp_path):
    for name, seconds in (("d1_triangle_usgs", 2.04), ("d3_triangle_no_rise", 3.2)):
        source = read_source(DATA / f"{name}.xml", CORNER)
        assert source.rise_time_s == pytest.approx(seconds / math.sqrt(48))
        assert f"a triangle of {seconds:g} s" in source.event.choice
    assert read_source(DATA / "d1_triangle_usgs.xml", CORNER, rise_time_s=0.1).rise_time_s == 0.1


@pytest.mark.parametrize("kind", ["box car", "boxcar", "Box Car", "box-car"])
def test_names_of_a_box_car(tmp_path, kind):
    text = (DATA / "d3_triangle_no_rise.xml").read_text().replace("<type>triangle", f"<type>{kind}")
    (tmp_path / "e.xml").write_text(text)
    assert read_source(tmp_path / "e.xml", CORNER).rise_time_s == pytest.approx(3.2 / math.sqrt(24))


@pytest.mark.parametrize("kind", ["unknown", None, "trapezoid"])
def test_a_shape_that_is_not_known_is_warned_of_with_both_rise_times(kind):
    with pytest.warns(InputWarning, match=r"3 s; taken for a triangle, .*0\.433 s \(a box car's would be 0\.612 s\)"):
        assert tau(kind, 3.0) == pytest.approx(3 / math.sqrt(48))


def test_an_unknown_shape_in_a_file_is_warned_of(tmp_path):
    text = (DATA / "d1_triangle_usgs.xml").read_text().replace("<type>triangle", "<type>unknown")
    (tmp_path / "e.xml").write_text(text)
    with pytest.warns(InputWarning, match="taken for a triangle"):
        assert read_source(tmp_path / "e.xml", CORNER).rise_time_s == pytest.approx(2.04 / math.sqrt(48))


def test_times_that_contradict_each_other_are_warned_of():
    with pytest.warns(InputWarning, match=r"riseTime 1 s and decayTime 1 s take longer than the duration of 1 s"):
        assert tau("triangle", 1.0, 1.0, 1.0) == pytest.approx(2 / math.sqrt(48))


@pytest.mark.parametrize("nothing", [None, function(), function("triangle"), function("box car", 0.0)])
def test_without_a_duration_nothing_is_known(nothing):
    assert rise_time_of(nothing, ours=False) is None


@pytest.mark.parametrize(
    ("name", "stated", "stress_drop_pa", "words"),
    [
        ("base", {}, 5e6, "for a stress drop of 5 MPa and Vs at the source, no source time function in the file"),
        ("base", {"stress_drop_pa": 2e6}, 2e6, "for a stress drop of 2 MPa and Vs at the source, as asked"),
        ("d1_triangle_usgs", {"stress_drop_pa": 2e6}, 2e6, "for a stress drop of 2 MPa and Vs at the source, as asked"),
    ],
)
def test_brunes_corner_without_a_source_time_function_or_where_a_stress_drop_is_asked_for(
    name, stated, stress_drop_pa, words
):
    source = read_source(DATA / f"{name}.xml", CORNER, **stated)
    assert source.stress_drop_pa == stress_drop_pa
    assert source.rise_time_s == pytest.approx(brune_rise_time_s(source.moment_nm, 3500.0, stress_drop_pa))
    assert f"rise time of Brune's corner frequency {words}" in source.event.choice


def test_a_rise_time_beside_a_stress_drop_is_refused():
    with pytest.raises(InputError, match=r"^source\.stress_drop_pa: got 2e\+06 Pa beside a rise time of 0\.3 s"):
        read_source(DATA / "base.xml", CORNER, rise_time_s=0.3, stress_drop_pa=2e6)


def test_a_negative_duration_is_refused():
    with pytest.raises(InputError, match=r"quakeml\.source_time_function: got duration -2 s"):
        tau("triangle", -2.0)


def test_our_own_files_say_tau_itself():
    assert rise_time_of(function("unknown", 2.5, 0.25), ours=True).tau_s == 0.25
