"""Earthquakes from catalogues on the command line: which one, where, when, and what of the file was taken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obspy
import pytest
import xarray as xr

import spectremor as sp
from spectremor.core.rigidity import rock_at
from spectremor.core.source import brune_rise_time_s
from spectremor.core.wavefield import source_of
from spectremor.data.geology_files import write_geology
from spectremor.data.wavefield_files import read_wavefield, write_wavefield
from spectremor.examples import example_geology
from spectremor.exchange import Georeference, read_source

DATA = Path(__file__).parents[1] / "exchange" / "data"
PLACE = ("--origin-lon", 13.26, "--origin-lat", 42.29)
COARSE = ("--grid-spacing", 300, "--duration", 0.5, "--lowpass", 1)


@pytest.fixture(scope="module")
def geology(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("ground") / "geology.nc"
    write_geology(example_geology(), path)
    return path


@pytest.fixture
def simulate(here, geology) -> Callable[..., int]:
    return lambda *arguments: here("simulate", "--geology", geology, *COARSE, *arguments)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    """A wavefield of the event, at the same place."""
    place = Georeference(longitude_deg=13.26, latitude_deg=42.29)
    source = read_source(DATA / "base.xml", place)
    path = tmp_path_factory.mktemp("field") / "field.nc"
    write_wavefield(sp.simulate(example_geology(), source, grid_spacing_m=300, duration_s=0.5, lowpass_hz=1), path)
    return path


def test_what_was_taken_is_said_and_travels_to_the_export(simulate, here, tmp_path, capsys):
    out = tmp_path / "field.nc4"
    assert simulate("--event", DATA / "base.xml", *PLACE, "--azimuth", 30, "--out", out) == 0
    assert "event smi:t/e1: origin smi:t/o1; mechanism smi:t/fm1; tensor of 2.818e+16" in capsys.readouterr().out
    assert here("export", out, "--format", "mseed", "--out", tmp_path / "f.mseed") == 0
    trace = obspy.read(tmp_path / "f.mseed")[0]
    assert trace.stats.starttime == obspy.UTCDateTime("2020-05-01T10:20:30Z")
    origin = obspy.read_events(tmp_path / "f.event.xml")[0].origins[0]
    assert (origin.longitude, origin.latitude) == pytest.approx((13.3037, 42.3413), abs=1e-6)
    assert (tmp_path / "f.stations.xml").is_file()


@pytest.mark.parametrize(
    ("file", "options", "stress_drop_pa", "words"),
    [
        ("base", (), 5e6, "for a stress drop of 5 MPa and Vs at the source, no source time function in the file"),
        ("base", ("--stress-drop", "2e7"), 2e7, "for a stress drop of 20 MPa and Vs at the source, as asked"),
        ("d1_triangle_usgs", ("--stress-drop", "2e7"), 2e7, "for a stress drop of 20 MPa and Vs at the source"),
        ("d1_triangle_usgs", (), None, "as wide at low frequencies as a triangle of 2.04 s"),
    ],
)
def test_the_corner_frequency_of_an_event(simulate, tmp_path, capsys, file, options, stress_drop_pa, words):
    assert simulate("--event", DATA / f"{file}.xml", *PLACE, *options, "--out", tmp_path / "field.nc") == 0
    assert words in capsys.readouterr().out
    source = source_of(read_wavefield(tmp_path / "field.nc"))
    vs_m_s = float(rock_at(example_geology(), np.array([source.position_m])).vs_m_s[0])
    expected = 2.04 / np.sqrt(48)
    if stress_drop_pa is not None:
        expected = brune_rise_time_s(source.moment_nm, vs_m_s, stress_drop_pa)
    assert source.rise_time_s == pytest.approx(expected, rel=1e-5)


def test_a_rise_time_beside_a_stress_drop_is_refused(simulate, tmp_path, capsys):
    both = ("--stress-drop", 5e6, "--rise-time", 0.2)
    assert simulate("--event", DATA / "base.xml", *PLACE, *both, "--out", tmp_path / "field.nc") == 2
    line = "error: --stress-drop: got 5e+06 Pa beside a rise time of 0.2 s; allowed: one of the two"
    assert capsys.readouterr().err.splitlines() == [line]
    assert not list(tmp_path.iterdir())


def test_the_main_job_records_the_event_too(here, geology, tiny_model, tmp_path):
    arguments = ("--geology", geology, "--event", DATA / "base.xml", *PLACE, "--model", tiny_model)
    assert here("generate", *arguments, "--realizations", 2, "--out", tmp_path / "f.nc") == 0
    with xr.open_dataarray(tmp_path / "f.nc") as field:
        assert field.attrs["event_id"] == "smi:t/e1"
        assert field.attrs["origin_time"] == "2020-05-01T10:20:30.000000Z"
        assert (field.attrs["corner_longitude_deg"], field.attrs["corner_latitude_deg"]) == (13.26, 42.29)
        assert field.attrs["corner_azimuth_deg"] == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--origin-lon", 13.3, "--origin-lat", 42.29),
            "error: --origin-lon: got 13.3 degrees; allowed: 13.26",
        ),
        ((*PLACE, "--azimuth", 5), "error: --azimuth: got 5 degrees; allowed: 0 degrees"),
        ((*PLACE, "--crs", "EPSG:32633"), "error: --crs: got EPSG:32633; allowed: none"),
        (
            ("--origin-time", "2020-05-01 10:20:33"),
            "error: --origin-time: got 2020-05-01 10:20:33; allowed: 2020",
        ),
    ],
)
def test_options_that_contradict_the_field_are_refused(simulated, here, tmp_path, capsys, options, line):
    out = Path(shutil.copy(simulated, tmp_path / "field.nc"))
    assert here("export", out, "--format", "mseed", "--out", tmp_path / "f.mseed", *options) == 2
    (found,) = capsys.readouterr().err.splitlines()[-1:]
    assert found.startswith(line)
    assert [p.name for p in tmp_path.iterdir()] == ["field.nc"]
    assert here("export", out, "--format", "asdf", "--out", tmp_path / "f.h5", *PLACE) == 0


def test_a_companion_of_a_recorded_place_is_checked_before_anything_is_written(simulate, here, tmp_path, capsys):
    out = tmp_path / "field.nc"
    assert simulate("--event", DATA / "base.xml", *PLACE, "--out", out) == 0
    (tmp_path / "f.stations.xml").mkdir()
    assert here("export", out, "--format", "mseed", "--out", tmp_path / "f.mseed") == 2
    assert "f.stations.xml" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.stations.xml", "field.nc"]


def test_one_of_several_events_is_chosen(simulate, tmp_path, capsys):
    arguments = ("--event", DATA / "e1_two_events.xml", *PLACE, "--out", tmp_path / "f.nc")
    assert simulate(*arguments) == 2
    line = "error: --event-id: got none chosen of 2; allowed: 0 to 1, or an id: smi:t/e1, smi:t/e2"
    assert capsys.readouterr().err.splitlines() == [line]
    assert simulate(*arguments, "--event-id", "smi:t/e4") == 2
    assert "--event-id: got smi:t/e4" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert simulate(*arguments, "--event-id", "smi:t/e1") == 0
    with xr.open_dataarray(tmp_path / "f.nc") as field:
        assert field.attrs["event_id"] == "smi:t/e1"


@pytest.mark.parametrize("option", [("--event-id", "smi:t/e1"), ("--azimuth", 5)])
def test_options_of_events_say_nothing_beside_a_source(simulate, tmp_path, capsys, option):
    assert simulate("--source", "3600,5700,-5400,35,50,75", "--out", tmp_path / "f.nc", *option) == 2
    assert capsys.readouterr().err.startswith(f"error: {option[0]}: got {option[1]}")


@pytest.mark.parametrize("size", [("--moment", "1"), ("--moment", "2.47e23"), ("--mw", "9.57"), ("--mw", "-6")])
def test_every_size_has_the_same_bounds(simulate, tmp_path, capsys, size):
    assert simulate("--source", "3600,5700,-5400,35,50,75", *size, "--out", tmp_path / "f.nc") == 2
    assert "9.5" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "typed",
    [
        ("3600,5700,-5400,35,50,75",),
        ("3600 5700 -5400 35 50 75",),
        (" 3600, 5700, -5400, 35, 50, 75 ",),
        ("3600", "5700", "-5400", "35", "50", "75"),
        ("3600,", "5700,", "-5400,", "35,", "50,", "75"),
    ],
)
def test_a_source_with_blanks(simulate, tmp_path, typed):
    assert simulate("--source", *typed, "--mw", 4.9, "--out", tmp_path / "f.nc") == 0
    with xr.open_dataarray(tmp_path / "f.nc") as field:
        np.testing.assert_array_equal(source_of(field).position_m, (3600, 5700, -5400))


@pytest.mark.parametrize("typed", ["3600,,5700,-5400,35,50,75", "3600;5700;-5400;35;50;75", "3600 5700 -5400 35 50"])
def test_a_source_that_is_none(simulate, tmp_path, capsys, typed):
    assert simulate("--source", typed, "--out", tmp_path / "f.nc") == 2
    assert "--source: got" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_endings_in_capitals(here, geology, tiny_model, tmp_path):
    arguments = ("--geology", geology, "--source", "3600,5700,-5400,35,50,75", "--model", tiny_model)
    assert here("generate", *arguments, "--out", tmp_path / "F.NC", "--figure", tmp_path / "F.PNG") == 0
    assert (tmp_path / "F.PNG").read_bytes().startswith(b"\x89PNG")
    ground = tmp_path / "G.NC4"
    ground.write_bytes(geology.read_bytes())
    assert here("generate", "--geology", ground, *arguments[2:], "--stage1-only", "--out", tmp_path / "s.nc4") == 0
