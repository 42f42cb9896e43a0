"""miniSEED, StationXML and ASDF, read back by the libraries that everybody uses."""

from __future__ import annotations

import csv
import errno
import io
import shutil
import threading
from pathlib import Path

import numpy as np
import obspy
import pyasdf
import pytest

from spectremor.core.errors import InputError
from spectremor.exchange import waveform_files
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.quantities import as_quantity
from spectremor.exchange.stations import channel_code
from spectremor.exchange.tables import write_traces
from spectremor.exchange.traces import to_stream
from spectremor.exchange.waveform_files import write_asdf, write_mseed

WHEN = "2024-03-05T06:07:08.5Z"


def test_stream_says_what_where_and_when(field, place):
    stream = to_stream(field, quantity="acceleration", place=place, origin_time=WHEN)
    assert len(stream) == 2 * 3 * 4 * 3
    assert len({trace.id for trace in stream}) == len(stream)
    trace = stream.select(id="SY.S0203.01.BNN")[0]
    assert trace.stats.starttime == obspy.UTCDateTime("2024-03-05T06:07:08.5") + 0.98
    assert trace.stats.delta == 0.02
    assert trace.stats.spectremor.units == "m/s2"
    assert (trace.stats.spectremor.x_m, trace.stats.spectremor.y_m) == (1350.0, 1350.0)
    lon, lat = place.to_lonlat(np.array(1350.0), np.array(1350.0))
    assert trace.stats.coordinates.longitude == pytest.approx(float(lon), abs=1e-12)
    assert trace.stats.coordinates.latitude == pytest.approx(float(lat), abs=1e-12)
    expected = as_quantity(field, "acceleration").sel(component="N").isel(realization=1, x=2, y=3)
    np.testing.assert_array_equal(trace.data, expected.values)


def test_stream_without_a_place_has_local_coordinates_in_km(field):
    trace = to_stream(field.isel(realization=0))[0]
    assert trace.id == "SY.S0000.00.BHE"
    assert (trace.stats.coordinates.x, trace.stats.coordinates.y) == (0.15, 0.45)


def test_mseed_round_trip(tmp_path, field, place):
    written = write_mseed(field, tmp_path / "out.mseed", place=place, origin_time=WHEN)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    stream = obspy.read(tmp_path / "out.mseed", format="MSEED")
    inventory = obspy.read_inventory(tmp_path / "out.stations.xml", format="STATIONXML")
    assert len(stream) == 72
    start = obspy.UTCDateTime("2024-03-05T06:07:08.5") + 0.98
    for trace in stream:
        assert (trace.stats.starttime, trace.stats.delta, trace.stats.npts) == (start, 0.02, 200)
        assert trace.data.dtype == np.float32
        i, j, r = int(trace.stats.station[1:3]), int(trace.stats.station[3:]), int(trace.stats.location)
        expected = field.isel(realization=r, x=i, y=j).sel(component=trace.stats.channel[-1])
        np.testing.assert_array_equal(trace.data, expected.values)
        where = inventory.get_coordinates(trace.id, start)
        x, y = place.to_local(np.array(where["longitude"]), np.array(where["latitude"]))
        np.testing.assert_allclose([float(x), float(y)], [field.x[i], field.y[j]], atol=1e-3)
    with (tmp_path / "out.sensors.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert (rows[5]["station"], float(rows[5]["x_m"]), float(rows[5]["y_m"])) == ("S0101", 750.0, 750.0)


def test_response_of_a_channel_is_one(field, place):
    stream = to_stream(field, place=place, origin_time=WHEN)
    inventory = to_inventory(field, place, origin_time=WHEN)
    trace = stream[7]
    corrected = trace.copy().remove_response(
        inventory, output="VEL", water_level=None, zero_mean=False, taper=False, pre_filt=None
    )
    # The response at 0 Hz is not defined, so the mean goes.
    np.testing.assert_allclose(corrected.data - corrected.data.mean(), trace.data - trace.data.mean(), atol=1e-7)


def test_orientation_follows_the_grid(field):
    utm = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs="EPSG:32632")
    north = float(utm.north_azimuth_deg(field.x.values[:1], field.y.values[:1])[0])
    assert 0.3 < abs(north) < 0.5
    channels = {c.code[-1]: c for c in to_inventory(field.isel(realization=[0]), utm)[0][0]}
    assert channels["N"].azimuth == pytest.approx(north % 360)
    assert channels["E"].azimuth == pytest.approx(90 + north)
    assert (channels["Z"].azimuth, channels["Z"].dip) == (0, -90)


def test_asdf_round_trip(tmp_path, field, place, source):
    write_asdf(field, tmp_path / "out.h5", place, quantity="displacement", origin_time=WHEN)
    assert [p.name for p in tmp_path.iterdir()] == ["out.h5"]
    expected = as_quantity(field, "displacement")
    with pyasdf.ASDFDataSet(str(tmp_path / "out.h5"), mode="r", mpi=False) as store:
        assert len(store.waveforms.list()) == 12
        station = store.waveforms["SY.S0102"]
        trace = station.synthetic.select(location="01", component="Z")[0]
        assert trace.id == "SY.S0102.01.BXZ"
        assert trace.stats.starttime == obspy.UTCDateTime("2024-03-05T06:07:08.5") + 0.98
        np.testing.assert_array_equal(trace.data, expected.isel(realization=1, x=1, y=2).sel(component="Z").values)
        lon, lat = place.to_lonlat(np.array(750.0), np.array(1050.0))
        assert station.coordinates["longitude"] == pytest.approx(float(lon), abs=1e-9)
        assert station.coordinates["latitude"] == pytest.approx(float(lat), abs=1e-9)
        assert trace.stats.asdf.event_ids == [store.events[0].resource_id]
        assert store.events[0].magnitudes[0].mag == pytest.approx(source.mw)


@pytest.mark.parametrize(
    ("change", "options", "named"),
    [
        ({"units": "cm/s"}, {}, "field.units"),
        ({}, {"origin_time": "yesterday"}, "origin_time"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, field, place, change, options, named):
    bad = field.assign_attrs(**change)
    with pytest.raises(InputError) as caught:
        write_mseed(bad, tmp_path / "out.mseed", place=place, **options)
    assert caught.value.field == named
    assert list(tmp_path.iterdir()) == []


def test_missing_values_are_refused(tmp_path, field, place):
    bad = field.copy(deep=True)
    bad.values[1, 2, 0, 3, 17] = np.nan
    with pytest.raises(InputError, match="1 NaN or infinite"):
        write_mseed(bad, tmp_path / "out.mseed", place=place)
    with pytest.raises(InputError, match="1 NaN or infinite"):
        write_asdf(bad, tmp_path / "out.h5", place)
    assert list(tmp_path.iterdir()) == []


def test_asdf_needs_a_place(tmp_path, field):
    with pytest.raises(InputError, match="origin"):
        write_asdf(field, tmp_path / "out.h5", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sampling_hz", "letter"), [(250, "C"), (200, "H"), (80, "H"), (50, "B"), (10, "B"), (5, "M"), (1, "L")]
)
def test_band_letter_follows_the_sampling_rate(sampling_hz, letter):
    assert channel_code("E", "velocity", sampling_hz) == letter + "HE"


@pytest.mark.parametrize(("quantity", "units"), [("acceleration", "M/S**2"), ("displacement", "M")])
def test_channels_state_the_units_of_their_traces(field, place, quantity, units):
    channel = to_inventory(field, place, quantity=quantity)[0][0][0]
    assert channel.code == to_stream(field, quantity=quantity)[0].stats.channel
    assert channel.response.instrument_sensitivity.input_units == units


def test_an_interruption_cannot_reach_obspys_callback(tmp_path, field, monkeypatch):
    """It writes from a C callback, which swallows what is raised in it, and interruptions are raised in one thread."""
    write, threads = obspy.Stream.write, []

    def watched(self, target, *args, **options):
        threads.append(threading.current_thread())
        assert isinstance(target, io.BytesIO)
        write(self, target, *args, **options)

    monkeypatch.setattr(obspy.Stream, "write", watched)
    write_mseed(field, tmp_path / "out.mseed")
    assert threads
    assert threading.main_thread() not in threads


def test_a_full_disk_is_one_error_and_no_file(tmp_path, field, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_mseed(field, tmp_path / "out.mseed")
    assert list(tmp_path.iterdir()) == []


def test_no_room_is_one_error_and_no_file(tmp_path, field, place, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=field.nbytes))
    with pytest.raises(OSError, match="No space left"):
        write_asdf(field, tmp_path / "out.h5", place)
    assert list(tmp_path.iterdir()) == []


def test_an_asdf_file_takes_no_more_room_than_is_asked_for(tmp_path, field, place):
    stream = to_stream(field, place=place)
    write_asdf(field, tmp_path / "out.h5", place)
    asked = sum(trace.data.nbytes + waveform_files._ASDF_TRACE_BYTES for trace in stream) + waveform_files._ASDF_BYTES
    assert (tmp_path / "out.h5").stat().st_size < asked


def test_products_say_what_made_them(tmp_path, field, place):
    made = field.assign_attrs(model="1a2b3c", stage="2", seed=4, sampling_steps=8)
    words = "synthetic ground motion; model: 1a2b3c, stage: 2, sampling steps: 8, seed: 4; usable band 0 to 5 Hz"
    write_mseed(made, tmp_path / "out.mseed", place=place)
    inventory = obspy.read_inventory(tmp_path / "out.stations.xml")
    assert inventory[0].comments[0].value == words
    event = obspy.read_events(tmp_path / "out.event.xml")[0]
    assert (event.comments[0].text, event.event_descriptions[0].text) == (words, "synthetic earthquake")
    write_asdf(made, tmp_path / "out.h5", place)
    with pyasdf.ASDFDataSet(str(tmp_path / "out.h5"), mode="r", mpi=False) as store:
        assert store.events[0].comments[0].text == words


def test_channels_begin_with_their_data(field, place):
    channel = to_inventory(field, place, origin_time=WHEN)[0][0][0]
    assert channel.start_date == obspy.UTCDateTime("2024-03-05T06:07:08.5") + 0.98


def test_horizontals_far_from_north_and_east_are_numbered(tmp_path, field):
    turned = Georeference(longitude_deg=15.0, latitude_deg=50.0, crs="EPSG:5514")
    inventory = to_inventory(field, turned)
    assert abs(float(turned.north_azimuth_deg(np.array(0.0), np.array(0.0)))) > 5
    assert {c.code for c in inventory[0][0]} == {"BH1", "BH2", "BHZ"}
    for trace in to_stream(field.isel(realization=[0]), place=turned)[:3]:
        azimuth = inventory.get_orientation(trace.id, inventory[0].start_date)["azimuth"]
        axis = {"1": 0, "2": 90, "Z": 0}[trace.stats.channel[-1]]
        assert trace.stats.channel == "BHZ" or 5 < abs((azimuth - axis + 180) % 360 - 180) < 15
    write_traces(field, tmp_path / "t.csv", place=turned)
    assert ".BH2 (m/s)" in (tmp_path / "t.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("when", ["1356-10-18", "0900-01-01", "3000-01-01", "9999-12-31T23:59:59"])
def test_dates_that_not_every_format_can_write(tmp_path, field, when):
    with pytest.raises(InputError, match=r"origin_time: got .*; allowed: a date from 1678 to 2261"):
        write_mseed(field, tmp_path / "out.mseed", origin_time=when)
    assert list(tmp_path.iterdir()) == []
