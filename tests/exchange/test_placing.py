"""Place and time of an event travel with its wavefields; contradictions are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
import xarray as xr

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.event import Event, event_of
from spectremor.core.wavefield import make_wavefield
from spectremor.data.symmetries import Symmetry
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.quakeml import read_source
from spectremor.exchange.tables import write_intensities, write_traces
from spectremor.exchange.times import parse_time
from spectremor.exchange.traces import to_stream
from spectremor.exchange.waveform_files import write_asdf, write_mseed

DATA = Path(__file__).parent / "data"
CORNER = sp.Georeference(longitude_deg=13.26, latitude_deg=42.29, azimuth_deg=30)
WHEN = obspy.UTCDateTime("2020-05-01T10:20:30Z")


def of_event(field: xr.DataArray, source) -> xr.DataArray:
    return make_wavefield(
        field.values,
        x_m=field.x.values,
        y_m=field.y.values,
        time_s=field.time.values,
        source=source,
        band_hz=(0.0, 5.0),
    )


@pytest.fixture
def recorded(field):
    """A wavefield of an event that was read from a catalogue, in a domain that is turned."""
    return of_event(field, read_source(DATA / "base.xml", CORNER))


def test_a_wavefield_records_its_event(recorded, tmp_path):
    sp.write_wavefield(recorded, tmp_path / "f.nc")
    event = event_of(sp.read_wavefield(tmp_path / "f.nc").attrs)
    assert (event.event_id, event.place) == ("smi:t/e1", CORNER)
    assert parse_time(event.origin_time) == WHEN
    assert "origin smi:t/o1" in event.choice


def test_every_export_takes_the_recorded_place_and_time(recorded, tmp_path):
    stream = to_stream(recorded)
    assert stream[0].stats.starttime == WHEN + 0.98
    x, y = np.array(150.0), np.array(450.0)
    lon, lat = CORNER.to_lonlat(x, y)
    assert (stream[0].stats.coordinates.longitude, stream[0].stats.coordinates.latitude) == (lon, lat)
    inventory = to_inventory(recorded, None)
    assert (inventory[0][0].longitude, inventory[0][0].latitude) == (lon, lat)
    channels = {c.code: c.azimuth for c in inventory[0][0]}
    assert channels == pytest.approx({"BH1": 30, "BH2": 120, "BHZ": 0}, abs=0.1)

    write_mseed(recorded, tmp_path / "f.mseed")
    assert obspy.read(tmp_path / "f.mseed")[0].stats.starttime == WHEN + 0.98
    event = obspy.read_events(tmp_path / "f.event.xml")[0]
    assert event.origins[0].time == WHEN
    assert (event.origins[0].longitude, event.origins[0].latitude) == pytest.approx((13.3037, 42.3413), abs=1e-6)
    assert "event: smi:t/e1" in event.comments[0].text
    # In true axes the tensor is the catalogue's own again.
    assert event.focal_mechanisms[0].moment_tensor.tensor.m_tp == pytest.approx(8.640758e15, rel=1e-6)

    write_asdf(recorded, tmp_path / "f.h5", None)
    write_openquake(recorded, tmp_path / "gmf.csv", None, periods_s=(1.0,))
    write_intensities(recorded, tmp_path / "im.csv", periods_s=(1.0,))
    write_traces(recorded, tmp_path / "t.csv")
    for name in ("im.csv", "t.sensors.csv"):
        assert pd.read_csv(tmp_path / name)["longitude_deg"][0] == pytest.approx(float(lon), abs=1e-7)
    assert pd.read_csv(tmp_path / "gmf.sites.csv")["lon"][0] == pytest.approx(float(lon), abs=1e-6)


def test_saying_the_same_again_is_no_contradiction(recorded):
    stream = to_stream(recorded, place=CORNER, origin_time="2020-05-01 10:20:30")
    assert stream[0].stats.starttime == WHEN + 0.98


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"longitude_deg": 13.27}, "origin.longitude"),
        ({"latitude_deg": 42.3}, "origin.latitude"),
        ({"azimuth_deg": 0.0}, "origin.azimuth"),
        ({"crs": "EPSG:32633"}, "crs"),
    ],
)
def test_another_place_is_refused_by_every_export(recorded, tmp_path, change, named):
    other = dataclasses.replace(CORNER, **change)
    for write in (
        lambda: write_mseed(recorded, tmp_path / "f.mseed", place=other),
        lambda: write_asdf(recorded, tmp_path / "f.h5", other),
        lambda: write_openquake(recorded, tmp_path / "f.csv", other, periods_s=(1.0,)),
        lambda: write_intensities(recorded, tmp_path / "f.csv", place=other, periods_s=(1.0,)),
        lambda: write_traces(recorded, tmp_path / "f.csv", place=other),
    ):
        with pytest.raises(InputError, match="which its event records") as caught:
            write()
        assert caught.value.field == named
    assert list(tmp_path.iterdir()) == []


def test_another_time_is_refused(recorded, tmp_path):
    for write in (write_mseed, lambda *a, **k: write_asdf(*a, None, **k)):
        with pytest.raises(InputError, match=r"origin_time: got 2020-05-02; allowed: 2020-05-01T10:20:30"):
            write(recorded, tmp_path / "f", origin_time="2020-05-02")
    assert list(tmp_path.iterdir()) == []


def test_an_event_without_a_time_is_not_silently_dated(field, tmp_path):
    path = tmp_path / "event.xml"
    path.write_text((DATA / "base.xml").read_text().replace("<time><value>2020-05-01T10:20:30Z</value></time>", ""))
    undated = of_event(field, read_source(path, CORNER))
    with pytest.warns(InputWarning, match=r"origin_time: event smi:t/e1 records none; dated 2000-01-01"):
        assert to_stream(undated)[0].stats.starttime.year == 2000
    assert to_stream(undated, origin_time="2020-05-01")[0].stats.starttime.year == 2020


def test_a_wavefield_without_an_event_is_placed_and_dated_by_the_caller(field, place):
    trace = to_stream(field, place=place, origin_time="2016-08-24 01:36:32")[0]
    assert trace.stats.starttime == obspy.UTCDateTime("2016-08-24T01:36:32Z") + 0.98
    assert event_of(field.attrs) == Event()


def test_a_turned_wavefield_does_not_keep_the_place_that_it_had(recorded):
    turned = Symmetry(1).wavefield(recorded.isel(realization=0), (9600.0, 9600.0, 9600.0))
    assert event_of(turned.attrs) == Event()


def test_the_event_says_nothing_of_the_motion(field):
    source = read_source(DATA / "base.xml", CORNER)
    assert source == dataclasses.replace(source, event=None)


@pytest.mark.parametrize(
    ("attrs", "named"),
    [
        ({"corner_longitude_deg": "east"}, "corner_longitude_deg"),
        ({"corner_latitude_deg": None}, "corner_latitude_deg"),
        ({"corner_longitude_deg": np.array([1.0, 2.0])}, "corner_longitude_deg"),
        ({"corner_latitude_deg": np.nan}, "corner_latitude_deg"),
        ({"corner_azimuth_deg": 1e9}, "origin.azimuth"),
        ({"origin_time": 5}, "origin_time"),
        ({"origin_time": "noon"}, "origin_time"),
        ({"event_id": np.zeros(3)}, "event_id"),
    ],
)
def test_records_that_are_none_are_named(recorded, attrs, named):
    with pytest.raises(InputError) as caught:
        to_stream(recorded.assign_attrs(attrs))
    assert caught.value.field.endswith(named)


@pytest.mark.parametrize(
    "text",
    [
        "2016-08-24 01:36:32",
        "2016-08-24T01:36:32",
        "2016-08-24 01:36:32 UTC",
        "2016/08/24 01:36:32",
        "2016-08-24t01:36:32z",
        "2016-08-24  03:36:32 +02:00",
    ],
)
def test_forms_of_a_date(text):
    assert parse_time(text) == obspy.UTCDateTime(2016, 8, 24, 1, 36, 32)


@pytest.mark.parametrize("text", ["24.08.2016", "2016-08-24 25:00:00", "2016-13-01", "now", ""])
def test_what_is_no_date(text):
    with pytest.raises(InputError, match="origin_time"):
        parse_time(text)


def test_the_georeference_is_public():
    assert sp.Georeference is Georeference
