"""A part of a wavefield goes by the names of the whole, in every export."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import obspy
import pandas as pd
import pyasdf
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.wavefield import make_wavefield
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.stations import stations_of
from spectremor.exchange.tables import write_intensities, write_traces
from spectremor.exchange.traces import to_stream
from spectremor.exchange.waveform_files import write_asdf, write_mseed

PERIODS = (0.3, 1.0)
NAMES = {"S0200", "S0203"}


@pytest.fixture
def part(field):
    """Realization 1 as a scalar, one sensor along x and two along y."""
    return field.isel(realization=1, x=[2], y=[0, 3])


@pytest.fixture
def same_part(field):
    return field.isel(realization=[1], x=[2], y=[0, 3])


def test_streams_and_stations(part, same_part, place):
    ids = [trace.id for trace in to_stream(part)]
    assert ids == [trace.id for trace in to_stream(same_part)]
    assert set(ids) == {f"SY.{name}.01.BH{c}" for name in NAMES for c in "ENZ"}
    assert [trace.stats.spectremor.realization for trace in to_stream(part)] == [1] * 6
    inventory = to_inventory(part, place)
    assert {station.code for station in inventory[0]} == NAMES
    assert {channel.location_code for channel in inventory[0][0]} == {"01"}


def test_miniseed_and_its_companions(tmp_path, part, same_part, place):
    write_mseed(part, tmp_path / "one.mseed", place=place)
    write_mseed(same_part, tmp_path / "other.mseed", place=place)
    for end in ("mseed", "sensors.csv", "stations.xml"):
        assert (tmp_path / f"one.{end}").read_bytes() == (tmp_path / f"other.{end}").read_bytes()
    assert {trace.stats.station for trace in obspy.read(tmp_path / "one.mseed")} == NAMES
    assert set(pd.read_csv(tmp_path / "one.sensors.csv")["station"]) == NAMES


def test_asdf(tmp_path, part, place):
    write_asdf(part, tmp_path / "part.h5", place)
    with pyasdf.ASDFDataSet(str(tmp_path / "part.h5"), mode="r", mpi=False) as store:
        assert set(store.waveforms.list()) == {f"SY.{name}" for name in NAMES}
        assert store.waveforms["SY.S0203"].synthetic[0].stats.location == "01"
        assert store.waveforms["SY.S0203"].StationXML[0][0].code == "S0203"


def test_tables(tmp_path, field, part, place):
    write_traces(part, tmp_path / "traces.csv")
    columns = {column.split(" ")[0] for column in pd.read_csv(tmp_path / "traces.csv")} - {"time_s"}
    assert columns == {f"SY.{name}.01.BH{c}" for name in NAMES for c in "ENZ"}
    assert set(pd.read_csv(tmp_path / "traces.sensors.csv")["station"]) == NAMES
    write_intensities(part, tmp_path / "part.csv", periods_s=PERIODS)
    write_intensities(field, tmp_path / "whole.csv", periods_s=PERIODS)
    whole = pd.read_csv(tmp_path / "whole.csv")
    chosen = whole[(whole["realization"] == 1) & whole["station"].isin(NAMES)].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "part.csv"), chosen)


def test_openquakes_events_go_by_the_number_of_the_realization(tmp_path, field, part, place):
    write_openquake(part, tmp_path / "part.csv", place, periods_s=PERIODS)
    write_openquake(field, tmp_path / "whole.csv", place, periods_s=PERIODS)
    found, whole = pd.read_csv(tmp_path / "part.csv"), pd.read_csv(tmp_path / "whole.csv")
    assert found["event_id"].tolist() == [1, 1]
    expected = whole[(whole["event_id"] == 1) & whole["site_id"].isin([8, 11])]
    np.testing.assert_allclose(found["gmv_PGA"], expected["gmv_PGA"])
    sites, all_sites = pd.read_csv(tmp_path / "part.sites.csv"), pd.read_csv(tmp_path / "whole.sites.csv")
    np.testing.assert_allclose(sites["lon"], all_sites["lon"][[8, 11]])


@pytest.mark.parametrize("chosen", [{"x": [2], "y": [0, 3]}, {"x": [2, 0]}, {"y": [3, 1, 0]}])
def test_openquakes_sites_go_by_the_names_of_the_whole(tmp_path, field, place, chosen):
    """The same name has the same motion at the same place, in whatever row a part has it."""
    tables = {}
    for name, waves in (("whole", field), ("part", field.isel(chosen))):
        write_openquake(waves, tmp_path / f"{name}.csv", place, periods_s=PERIODS)
        sites = pd.read_csv(tmp_path / f"{name}.sites.csv")
        # The engine joins the tables by site_id, which must be the row.
        assert sites["site_id"].tolist() == list(range(len(sites)))
        motion = pd.read_csv(tmp_path / f"{name}.csv").merge(sites, on=["site_id", "custom_site_id"], validate="m:1")
        tables[name] = motion.drop(columns="site_id").set_index(["event_id", "custom_site_id"]).sort_index()
    part = tables["part"]
    assert set(part.index.get_level_values(1)) == {s.code for s in stations_of(field.isel(chosen))}
    pd.testing.assert_frame_equal(part, tables["whole"].loc[part.index])


def test_a_file_keeps_the_names_of_a_part(tmp_path, part):
    sp.write_wavefield(part, tmp_path / "part.nc")
    back = sp.read_wavefield(tmp_path / "part.nc")
    assert {trace.id for trace in to_stream(back)} == {trace.id for trace in to_stream(part)}


def test_parts_are_called_the_same_however_they_are_taken(field):
    for part in (field.isel(x=[2, 0]), field[..., ::-1, :, :].isel(x=[0, 2]), field.sel(x=[1350.0, 150.0])):
        found = {(s.code, s.x_m) for s in stations_of(part)}
        assert found == {(s.code, s.x_m) for s in stations_of(field) if s.x_m != 750.0}


def test_names_do_not_depend_on_how_many_sensors_there_are():
    x_m = 10.0 * np.arange(1296)
    long = make_wavefield(np.zeros((3, 1296, 1, 2)), x_m=x_m, y_m=np.zeros(1), time_s=np.array([0.0, 0.1]))
    codes = [s.code for s in stations_of(long)]
    assert len(set(codes)) == 1296
    assert (codes[0], codes[12], codes[99], codes[100], codes[360], codes[1295]) == (
        ("S0000", "S1200", "S9900", "S0A00", "SA000", "SZZ00")
    )
    assert [s.code for s in stations_of(long.isel(x=[12, 100, 1295]))] == ["S1200", "S0A00", "SZZ00"]


def test_a_field_that_does_not_number_its_sensors_goes_by_their_order(field):
    plain = field.drop_vars(["x_number", "y_number"])
    assert [s.code for s in stations_of(plain)] == [s.code for s in stations_of(field)]


@pytest.mark.parametrize("numbers", [[0, 0, 1], [-1, 0, 1], [0.0, 1.0, 2.0], [0, 1, 1296]])
def test_numbers_that_are_none(field, numbers):
    with pytest.raises(InputError, match="field"):
        stations_of(field.assign_coords(x_number=("x", numbers)))


@pytest.mark.parametrize("number", [1.5, "first"])
def test_a_realizations_number_that_is_none(field, number):
    bad = field.isel(realization=0, drop=True).assign_coords(realization=number)
    with pytest.raises(InputError, match=r"field\.realization"):
        to_stream(bad)


def test_asdf_and_stationxml_are_the_same_bytes_again(tmp_path, field, place):
    for name in ("one", "two"):
        write_asdf(field, tmp_path / f"{name}.h5", place)
        write_mseed(field, tmp_path / f"{name}.mseed", place=place)
    for end in ("h5", "mseed", "stations.xml", "event.xml"):
        assert (tmp_path / f"one.{end}").read_bytes() == (tmp_path / f"two.{end}").read_bytes(), end


@pytest.mark.slow
def test_asdf_is_the_same_bytes_from_another_process(tmp_path, field, place):
    """The order of Python's sets of text changes from process to process."""
    sp.write_wavefield(field, tmp_path / "field.nc")
    for name, seed in (("one", "1"), ("two", "2")):
        command = [sys.executable, "-m", "spectremor", "export", "field.nc", "--format", "asdf", "--out", f"{name}.h5"]
        origin = ["--origin-lon", "5.7", "--origin-lat", "43.5"]
        subprocess.run([*command, *origin], check=True, cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": seed})
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
