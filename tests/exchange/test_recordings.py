"""Recorded motion: real excerpts, instruments made through ObsPy whose motion is known, and what is refused."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.wavefield import check_wavefield, make_wavefield
from spectremor.data.hdf5 import open_hdf5
from spectremor.exchange.recorded_stations import Channel, RecordedStation
from spectremor.exchange.waveform_files import write_asdf, write_mseed

obspy = pytest.importorskip("obspy")

DATA = Path(__file__).parent / "data" / "recordings"
ORIGIN = "2020-01-01T00:00:00Z"
CORNER = sp.Georeference(longitude_deg=13.0, latitude_deg=42.0)
SECONDS, RATE_HZ = 60.0, 100.0
#: A pulse of 1 Hz motion: nothing below 0.1 Hz, nothing at the ends.
TIME_S = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
PULSE = np.exp(-(((TIME_S - 30) / 2.0) ** 2)) * np.sin(2 * np.pi * TIME_S)
#: East, North, up in m/s.
MOTION = np.stack([0.02 * PULSE, -0.01 * PULSE, 0.005 * PULSE])
GAIN = 4e5


def inventory(azimuths_deg=(90.0, 0.0, 0.0), dips_deg=(0.0, 0.0, -90.0), unit="M/S", station="AAA", **place):
    from obspy.core.inventory import Channel as Described
    from obspy.core.inventory import Inventory, Network, Response, Station

    channels = []
    for letter, azimuth, dip in zip("ENZ", azimuths_deg, dips_deg, strict=True):
        response = Response.from_paz([], [-100 + 0j], GAIN, normalization_factor=100.0, input_units="M/S")
        response.instrument_sensitivity.input_units = unit
        channels.append(
            Described(
                f"HH{letter}",
                "",
                latitude=place.get("latitude", 42.01),
                longitude=place.get("longitude", 13.01),
                elevation=0.0,
                depth=0.0,
                azimuth=azimuth,
                dip=dip,
                sample_rate=RATE_HZ,
                response=response,
            )
        )
    where = {"latitude": place.get("latitude", 42.01), "longitude": place.get("longitude", 13.01), "elevation": 0.0}
    return Inventory(networks=[Network("XX", stations=[Station(station, channels=channels, **where)])], source="test")


def counts(inventory, motion=MOTION, station="AAA", start=ORIGIN, rate_hz=RATE_HZ):
    """What the instruments make of a motion: the response in the frequency domain, as `remove_response` undoes it."""
    stream = obspy.Stream()
    for k, letter in enumerate("ENZ"):
        channel = inventory[0][0][k]
        azimuth, dip = np.radians(channel.azimuth), np.radians(channel.dip)
        direction = np.array([np.cos(dip) * np.sin(azimuth), np.cos(dip) * np.cos(azimuth), -np.sin(dip)])
        along = direction @ motion
        samples = 2 * len(along)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response, _ = channel.response.get_evalresp_response(1 / rate_hz, samples, output="VEL")
        counted = np.fft.irfft(np.fft.rfft(along, samples) * response, samples)[: len(along)]
        header = {"network": "XX", "station": station, "channel": f"HH{letter}", "sampling_rate": rate_hz}
        stream.append(obspy.Trace(counted, header=header | {"starttime": obspy.UTCDateTime(start)}))
    return stream


def folder_of(tmp_path, *pairs) -> Path:
    folder = tmp_path / "records"
    folder.mkdir(exist_ok=True)
    for k, (stream, described) in enumerate(pairs):
        stream.write(str(folder / f"w{k}.mseed"), format="MSEED")
        if described is not None:
            described.write(str(folder / f"s{k}.xml"), format="STATIONXML")
    return folder


def read(folder, **options):
    return sp.read_recordings(folder, CORNER, origin_time=ORIGIN, **options)


def test_the_response_goes_out_and_the_motion_comes_back(tmp_path):
    described = inventory()
    field = check_wavefield(read(folder_of(tmp_path, (counts(described), described))))
    assert field.dims == ("component", "station", "time")
    assert field.station.values.tolist() == ["XX.AAA"]
    np.testing.assert_allclose(field.sel(station="XX.AAA").values, MOTION, atol=3e-4 * 0.02)
    x_m, y_m = CORNER.to_local(np.array(13.01), np.array(42.01))
    np.testing.assert_allclose([field.x[0], field.y[0]], [x_m, y_m])
    assert field.attrs["origin_time"].startswith("2020-01-01")
    assert field.attrs["corner_longitude_deg"] == 13.0
    assert field.attrs["band_low_hz"] == 0.1


def test_channels_in_any_direction_are_turned(tmp_path):
    described = inventory(azimuths_deg=(30.0, 300.0, 0.0), dips_deg=(0.0, 0.0, 90.0))
    field = read(folder_of(tmp_path, (counts(described), described)))
    np.testing.assert_allclose(field.values[:, 0], MOTION, atol=3e-4 * 0.02)


def test_a_turned_domain_has_its_own_axes(tmp_path):
    described = inventory(longitude=13.0, latitude=42.0)
    folder = folder_of(tmp_path, (counts(described), described))
    turned = sp.Georeference(longitude_deg=13.0, latitude_deg=42.0, azimuth_deg=90.0)
    field = sp.read_recordings(folder, turned, origin_time=ORIGIN)
    # y points East, x South.
    np.testing.assert_allclose(field.values[0, 0], -MOTION[1], atol=1e-5)
    np.testing.assert_allclose(field.values[1, 0], MOTION[0], atol=1e-5)


def test_times_count_from_the_origin_on_whole_samples(tmp_path):
    described = inventory()
    folder = folder_of(tmp_path, (counts(described, start="2020-01-01T00:00:05.003Z"), described))
    field = read(folder, sampling_hz=50.0)
    time_s = field.time.values
    np.testing.assert_allclose(time_s * 50, np.round(time_s * 50), atol=1e-9)
    assert time_s[0] == pytest.approx(5.02)
    expected = np.interp(time_s, TIME_S + 5.003, MOTION[0])
    np.testing.assert_allclose(field.values[0, 0], expected, atol=5e-5)
    assert field.attrs["band_high_hz"] == pytest.approx(20.0)


def test_stations_share_their_common_times_and_a_short_one_is_told(tmp_path):
    one, other = inventory(), inventory(station="BBB", longitude=13.05)
    late = counts(other, station="BBB", start="2020-01-01T00:00:35Z").slice(endtime=obspy.UTCDateTime(ORIGIN) + 55)
    folder = folder_of(tmp_path, (counts(one), one), (late, other))
    with pytest.warns(InputWarning, match=r"XX.BBB .* has 35.00 to 55.00 s"):
        field = read(folder)
    assert field.station.values.tolist() == ["XX.AAA", "XX.BBB"]
    np.testing.assert_allclose(field.time.values[[0, -1]], [35.0, 55.0])
    with pytest.warns(InputWarning, match="XX.BBB is left out: it recorded from 35"):
        assert read(folder, window_s=(10.0, 50.0)).station.values.tolist() == ["XX.AAA"]


def test_records_without_common_times_are_refused(tmp_path):
    one, other = inventory(), inventory(station="BBB")
    later = counts(other, station="BBB", start="2020-01-01T00:02:00Z")
    folder = folder_of(tmp_path, (counts(one), one), (later, other))
    with pytest.raises(InputError, match=r"XX.AAA 0.00 to .*XX.BBB 120.00 to .*records with times in common"):
        read(folder)


def test_gaps_and_missing_channels_leave_a_station_out(tmp_path):
    one, other = inventory(), inventory(station="BBB")
    whole = counts(other, station="BBB")
    broken = whole.slice(endtime=obspy.UTCDateTime(ORIGIN) + 20) + whole.slice(obspy.UTCDateTime(ORIGIN) + 25)
    folder = folder_of(tmp_path, (counts(one), one), (broken, other))
    with pytest.warns(InputWarning, match="XX.BBB is left out: .HHE has a gap"):
        assert read(folder).station.values.tolist() == ["XX.AAA"]
    alone = folder_of(tmp_path / "other", (counts(one)[:2], one)) if (tmp_path / "other").mkdir() is None else None
    with pytest.warns(InputWarning, match="2 channels, not 3"), pytest.raises(InputError, match="three components"):
        read(alone)


def test_pieces_without_a_gap_are_one_record(tmp_path):
    described = inventory()
    whole = counts(described)
    middle = obspy.UTCDateTime(ORIGIN) + 20
    pieces = whole.slice(endtime=middle) + whole.slice(middle + 1 / RATE_HZ)
    field = read(folder_of(tmp_path, (pieces, described)))
    np.testing.assert_allclose(field.values[:, 0], MOTION, atol=3e-4 * 0.02)


def test_a_clipped_record_is_told(tmp_path):
    described = inventory()
    stream = counts(described)
    for trace in stream:
        limit = 0.6 * np.abs(trace.data).max()
        trace.data = np.clip(trace.data, -limit, limit)
    with pytest.warns(InputWarning, match="looks clipped"):
        read(folder_of(tmp_path, (stream, described)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "PA"}, "a response to pa"),
        ({"azimuths_deg": (90.0, 30.0, 0.0)}, "HHE and HHN 60 degrees apart; allowed: 90 degrees"),
    ],
)
def test_instruments_that_cannot_be(tmp_path, change, message):
    described = inventory(**change)
    with pytest.raises(InputError, match=message):
        read(folder_of(tmp_path, (counts(inventory()), described)))


def test_no_stationxml_no_response_and_no_numbers_are_refused(tmp_path):
    described = inventory()
    with pytest.raises(InputError, match=r"XX.AAA..HHE: got no metadata"):
        read(folder_of(tmp_path, (counts(described), None)))
    for channel in described[0][0]:
        channel.response = None
    with pytest.raises(InputError, match="no response"):
        read(folder_of(tmp_path, (counts(inventory()), described)))
    stream = counts(inventory())
    stream[1].data[77] = np.nan
    with pytest.raises(InputError, match="1 NaN or infinite samples"):
        read(folder_of(tmp_path, (stream, inventory())))


def test_folders_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("Corrected nothing")
    (tmp_path / "plain.txt").write_text("words")
    with pytest.raises(InputError, match=r"0 channels"):
        read(tmp_path)
    (tmp_path / "notes.txt").unlink()
    with pytest.raises(InputError, match="no record of three components"):
        read(tmp_path)


def test_an_origin_time_and_a_corner_come_from_somewhere(tmp_path):
    described = inventory()
    folder = folder_of(tmp_path, (counts(described), described))
    with pytest.raises(InputError, match=r"no event.json or QuakeML"):
        sp.read_recordings(folder)
    (folder / "event.json").write_text('{"id": "a", "time": "2020-01-01T00:00:00", "longitude": 13, "latitude": 42}')
    assert sp.read_recordings(folder).attrs["corner_latitude_deg"] == 42.0
    (folder / "event.json").write_text('{"id": "a", "time": "yesterday", "longitude": 13, "latitude": 42}')
    with pytest.raises(InputError, match="a date and time"):
        sp.read_recordings(folder)
    (folder / "event.json").write_text("[]")
    with pytest.raises(InputError, match="no event"):
        sp.read_recordings(folder)


def test_choices_out_of_range(tmp_path):
    for options in ({"sampling_hz": 0.0}, {"window_s": (3.0, 1.0)}, {"lowest_hz": 2.0}):
        with pytest.raises(InputError, match=next(iter(options))):
            read(tmp_path, **options)


@pytest.mark.parametrize("form", ["asdf", "mseed"])
def test_what_the_project_exports_is_read_back(tmp_path, form):
    pytest.importorskip("pyasdf")
    source = sp.Source.from_angles(
        position_m=(0, 0, -5000), strike_deg=10, dip_deg=40, rake_deg=90, mw=4.5, rise_time_s=0.1
    )
    values = np.stack([MOTION, 2 * MOTION], axis=1)[:, :, None, ::2]
    field = make_wavefield(
        values, x_m=np.array([0.0, 500.0]), y_m=np.array([0.0]), time_s=TIME_S[::2], source=source, band_hz=(0, 5)
    )
    if form == "asdf":
        write_asdf(field, tmp_path / "field.h5", CORNER, origin_time=ORIGIN)
    else:
        write_mseed(field, tmp_path / "field.mseed", place=CORNER, origin_time=ORIGIN)
    # The event in the file is that of the source; its time is the origin's.
    again = sp.read_recordings(tmp_path, CORNER, origin_time=ORIGIN)
    np.testing.assert_allclose(again.x.values, [0.0, 500.0], atol=0.1)
    np.testing.assert_allclose(again.values, values[:, :, 0], atol=2e-4 * 0.04)


def test_la_habra_as_the_network_processed_it():
    """The file says: peaks of 6.863 and, on the other components, 8.1 cm/s; 9.1 km from the epicentre."""
    field = sp.read_recordings(DATA / "la_habra")
    assert field.station.values.tolist() == ["CI.WLT"]
    peaks = 100 * np.abs(field.values[:, 0]).max(axis=-1)
    np.testing.assert_allclose(peaks[:2], [6.863, 8.1], rtol=0.015)
    assert np.hypot(field.x[0], field.y[0]) == pytest.approx(9100, abs=30)
    # 14.680 s after a start 8.17 s before the origin.
    assert field.time.values[np.abs(field.values[0, 0]).argmax()] == pytest.approx(14.68 - 8.17, abs=0.02)
    assert (field.attrs["band_low_hz"], field.attrs["band_high_hz"]) == (0.1, 20.0)


def test_pleasant_hill_is_counts_over_the_gain_integrated_and_turned():
    """The channels are called E and N, and point to N 105 E and N 15 E."""
    field = sp.read_recordings(DATA / "pleasant_hill")
    assert field.station.values.tolist() == ["BK.BRIB"]
    described = {c.code: c for c in obspy.read_inventory(str(DATA / "pleasant_hill" / "BK.BRIB.xml"))[0][0]}
    assert [described[f"HN{letter}"].azimuth for letter in "EN"] == [105.0, 15.0]
    velocity = []
    for letter in "ENZ":
        trace = obspy.read(str(DATA / "pleasant_hill" / f"BK.BRIB.01.HN{letter}.mseed"))[0]
        trace.data = trace.data / described[f"HN{letter}"].response.instrument_sensitivity.value
        trace.detrend("demean").filter("highpass", freq=0.1, corners=4, zerophase=True).integrate()
        velocity.append(trace.data)
    turn = np.radians(15.0)
    east = np.cos(turn) * velocity[0] + np.sin(turn) * velocity[1]
    north = np.cos(turn) * velocity[1] - np.sin(turn) * velocity[0]
    for ours, theirs in zip(field.values[:, 0], (east, north, velocity[2]), strict=True):
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.05)
        # The delay of the digital filters, a few samples, goes out with the response too.
        shifted = [np.corrcoef(ours[500 - k : 3000 - k], theirs[500:3000])[0, 1] for k in range(10)]
        assert max(shifted) > 0.98


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("in cm/sec.", "in furlongs", "velocities in furlongs"),
        ("Chan  2: 360 Deg", "Chan  2: 120 Deg", "degrees apart"),
        ("Chan  3:  Up", "Chan  3:  Side", "degrees, Up or Down"),
        ("Start time:", "Began:", "a start time"),
        ("34.009N", "34.009", "latitude and longitude"),
        ("  1500 points of veloc", "  9500 points of veloc", "fewer than the 9500"),
        ("points of veloc", "points of nothing", "without velocities"),
        ("(8f10.7)", "(8f9999999999.7)", "width: got 9999999999"),
        ("(8f10.7)", "(99999999999f10.7)", "columns: got 99999999999"),
        ("  1500 points of veloc", "  9999999 points of veloc", "fewer than the 9999999"),
        ("  1500 points of veloc", "  " + "9" * 5000 + " points of veloc", "points: got 9999"),
        ("at  .020 sec, in cm", "at  .0.2 sec, in cm", r"step: got \.0\.2"),
        ("at  .020 sec, in cm", "at  0.0 sec, in cm", "step: got 0"),
        ("3/29/14", "3/" + "2" * 5000 + "/14", "start time: got 2222"),
    ],
)
def test_damaged_v2_files_are_refused(tmp_path, old, new, message):
    shutil.copy(DATA / "la_habra" / "event.json", tmp_path)
    text = (DATA / "la_habra" / "CIWLT.V2").read_text(encoding="latin-1")
    assert old in text
    (tmp_path / "CIWLT.V2").write_text(text.replace(old, new), encoding="latin-1")
    with pytest.raises(InputError, match=message):
        sp.read_recordings(tmp_path)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"id": "a", "time": 1e999}', '{"type": "Feature", "id": "a"}', "3"]
)
def test_events_that_are_none(tmp_path, content):
    (tmp_path / "event.json").write_text(content)
    with pytest.raises(InputError, match=r"no event"):
        read(tmp_path)


def test_an_event_of_a_time_that_no_calendar_holds(tmp_path):
    content = '{"type": "Feature", "id": "a", "geometry": {"coordinates": [1, 2]}, "properties": {"time": 1e21}}'
    (tmp_path / "event.json").write_text(content)
    with pytest.raises(InputError, match=r"no event"):
        read(tmp_path)


def crafted_asdf(path: Path, kind: str) -> None:
    """An ASDF file of the project with something in a group that nobody should unpack or follow."""
    pytest.importorskip("pyasdf")
    axis = np.array([0.0])
    field = make_wavefield(np.ones((3, 1, 1, 50)), x_m=axis, y_m=axis, time_s=0.02 * np.arange(50), band_hz=(0, 5))
    write_asdf(field, path, CORNER, origin_time=ORIGIN)
    with h5py.File(path, "a") as file:
        station = file["Waveforms"]["SY.S0000"]
        if kind == "bomb":
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((1 << 20,))
            for _ in range(3):
                plist.set_deflate(9)
            space = h5py.h5s.create_simple((1 << 27,))
            name = b"SY.S0000.01.BHE__2020-01-01T00:00:00__2020-01-01T00:00:01__synthetic"
            h5py.h5d.create(station.id, name, h5py.h5t.NATIVE_FLOAT, space, plist)
        elif kind == "declared":
            name = "SY.S0000.01.BHE__2020-01-01T00:00:00__2020-01-01T00:00:01__synthetic"
            station.create_dataset(name, (1 << 28,), "f8", chunks=(1 << 16,), compression="gzip")
        elif kind == "virtual":
            station.create_virtual_dataset("other", h5py.VirtualLayout((4,), "f8"))
        elif kind == "soft link":
            station["other"] = h5py.SoftLink("/Waveforms")
        else:
            station["other"] = h5py.ExternalLink("/etc/passwd", "/x")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bomb", "filters deflate, deflate, deflate"),
        ("declared", "MB in memory"),
        ("virtual", "data stored outside the file"),
        ("soft link", r"recordings\.Waveforms|a link"),
        ("external link", "a link"),
    ],
)
def test_what_lies_in_an_asdf_files_groups_is_judged_before_it_is_read(tmp_path, kind, message):
    crafted_asdf(tmp_path / "a.h5", kind)
    with pytest.raises(InputError, match=message):
        read(tmp_path)


def test_groups_that_hold_themselves_are_looked_at_once(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/values"] = np.arange(3.0)
        file["group/again"] = file["group"]
        file["group/values again"] = file["group/values"]
    with open_hdf5(tmp_path / "a.h5", field="file", groups=True) as file:
        assert set(file["group"]) == {"again", "values", "values again"}


def test_damaged_miniseed_is_refused(tmp_path):
    (tmp_path / "a.mseed").write_bytes(b"000001D " + b"\x00" * 100)
    with pytest.raises(InputError, match=r"a\.mseed"):
        read(tmp_path)


def test_a_station_takes_nothing_but_numbers():
    def channel(code, azimuth, dip, values):
        return Channel(
            code=code,
            azimuth_deg=azimuth,
            dip_deg=dip,
            velocity_m_s=values,
            start_s=0.0,
            step_s=0.01,
            band_hz=(0.1, 40.0),
        )

    values = np.zeros(50)
    bad = values.copy()
    bad[3] = np.inf
    with pytest.raises(InputError, match=r"recordings.A.N: got 1 NaN"):
        RecordedStation(
            name="A",
            longitude_deg=0.0,
            latitude_deg=0.0,
            depth_m=0.0,
            channels=(channel("E", 90.0, 0.0, values), channel("N", 0.0, 0.0, bad), channel("Z", 0.0, -90.0, values)),
        )
