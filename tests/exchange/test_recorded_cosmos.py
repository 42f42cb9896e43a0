"""Corrected motion in COSMOS format: a real record, written in it as its description and published files have it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.exchange.recorded_stations import Channel, RecordedStation
from spectremor.exchange.recorded_v2 import read_v2

LA_HABRA = Path(__file__).parent / "data" / "recordings" / "la_habra"
QUANTITIES = {"acceleration": (1, 4), "velocity": (2, 5), "displacement": (3, 6)}


@pytest.fixture(scope="module")
def station() -> RecordedStation:
    """CI.WLT of La Habra 2014, from a V2 file of another format."""
    return read_v2(LA_HABRA / "CIWLT.V2")


def series(station: RecordedStation, channel: Channel, quantity: str = "velocity", **other: str) -> str:
    kind, unit = QUANTITIES[quantity]
    start = datetime.fromtimestamp(channel.start_s, UTC)
    whole, real = np.full(100, -999), np.full(100, -999.0)
    whole[[0, 1, 2, 3, 10]] = 2, kind, unit, 120, 5
    whole[39:45] = start.year, start.timetuple().tm_yday, start.month, start.day, start.hour, start.minute
    whole[53] = 400 if channel.dip_deg < 0 else 401 if channel.dip_deg > 0 else round(channel.azimuth_deg) or 360
    real[[0, 1, 29]] = station.latitude_deg, station.longitude_deg, start.second + 1e-6 * start.microsecond
    real[[33, 53, 56, 61]] = channel.step_s, *channel.band_hz, 1000 * channel.step_s
    values = 100 * channel.velocity_m_s
    text = [f"Corrected {quantity:<12}   (Format v01.20 with 13 text lines) Src: a record", *["" for _ in range(12)]]
    text[4] = "Statn No: 05-    0  Code:CI-WLT  SCSN Hacienda Heights"
    text[7] = f"Rcrd start time: {start:%m/%d/%Y, %H:%M}:{start:%S}.{start.microsecond // 1000:03d} UTC (Q=5)"
    lines = [
        *text,
        " 100 Integer-header values follow on  10 lines, Format= (10I8)",
        *("".join(f"{v:8d}" for v in row) for row in whole.reshape(10, 10)),
        " 100 Real-header values follow on  17 lines, Format= (6F13.6)",
        *("".join(f"{v:13.6f}" for v in real[k : k + 6]) for k in range(0, 100, 6)),
        '   2 Comment line(s) follow, each starting with a "|":',
        "| Sensor: one",
        other.get("scnl", "|<SCNL>WLT.HNE.CI.-- <AUTH> 2024/06/03 20:04:02.480962"),
        f"{len(values):8d} {quantity:<12} pts, approx  301 secs, units=cm/sec (05), Format=(8F12.6)",
        *("".join(f"{v:12.6f}" for v in values[k : k + 8]) for k in range(0, len(values), 8)),
        f"End-of-data for Chan  1 {quantity}",
    ]
    return "\n".join(lines) + "\n"


def folder(tmp_path: Path, **files: str) -> Path:
    path = tmp_path / "records"
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.V2c").write_text(text)
    shutil.copy(LA_HABRA / "event.json", path)
    return path


def test_one_file_with_all_quantities_is_the_record_of_another_format(station, tmp_path):
    text = "".join(series(station, c, quantity) for c in station.channels for quantity in QUANTITIES)
    found, expected = sp.read_recordings(folder(tmp_path, all=text)), sp.read_recordings(LA_HABRA)
    assert found.station.values.tolist() == ["CI.WLT"]
    np.testing.assert_allclose(found.values, expected.values, atol=1e-7)
    np.testing.assert_allclose(found.time, expected.time)
    assert {k: found.attrs[k] for k in ("band_low_hz", "band_high_hz", "event_id")} == {
        k: expected.attrs[k] for k in ("band_low_hz", "band_high_hz", "event_id")
    }


def test_a_file_for_each_channel(station, tmp_path):
    files = {f"chan{k}": series(station, channel, scnl="|") for k, channel in enumerate(station.channels)}
    found = sp.read_recordings(folder(tmp_path, **files))
    assert found.station.values.tolist() == ["CI.WLT"]
    np.testing.assert_allclose(found.values, sp.read_recordings(LA_HABRA).values, atol=1e-7)


def test_a_station_of_accelerations_or_of_two_channels_is_told(station, tmp_path):
    first, second, third = station.channels
    text = series(station, first) + series(station, second) + series(station, third, "acceleration")
    with (
        pytest.warns(InputWarning, match=r"CI\.WLT is left out: velocities of 2 channels, not of three"),
        pytest.raises(InputError, match="no record of three components"),
    ):
        sp.read_recordings(folder(tmp_path, two=text))


def test_seconds_are_those_with_a_part_of_a_second(station, tmp_path):
    """Published files exist whose header has the whole seconds alone."""
    text = "".join(series(station, c) for c in station.channels)
    whole = text.replace("09:34.000", "09:34.695")
    assert whole != text
    later = sp.read_recordings(folder(tmp_path, a=whole), window_s=(1.0, 20.0), sampling_hz=50.0)
    (tmp_path / "b").mkdir()
    expected = sp.read_recordings(folder(tmp_path / "b", a=text), window_s=(0.305, 19.305), sampling_hz=1000.0)
    on_time = expected.sel(time=later.time.values - 0.695, method="nearest")
    np.testing.assert_allclose(later.values, on_time.values, atol=2e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Format=(8F12.6)", "Format=(8F12.6) ", None),
        ("(8F12.6)", "(8F20.6)", "fewer than the"),
        ("End-of-data for Chan  1 velocity\n", "End-of-data\nsomething else\n", "something else"),
        ("Comment line", "Line", "a series without a line of comments"),
        ("Integer-header values follow on  10 lines, Format= (10I8)", "numbers", "a line without a count"),
        ("       2       2       5     120", "       2       2       4     120", "velocities in unit 4"),
        ("09:34.000", "09:37.500", r"a start at 34 s and at 37\.5 s of the minute"),
        ("Code:CI-WLT", "", None),
    ],
)
def test_what_is_no_whole_file_is_refused(station, tmp_path, old, new, message):
    text = "".join(series(station, c) for c in station.channels)
    assert old in text
    path = folder(tmp_path, a=text.replace(old, new, 1))
    if message is None:
        assert sp.read_recordings(path).sizes["station"] == 1
        return
    with pytest.raises(InputError, match=message):
        sp.read_recordings(path)


def test_a_file_that_is_cut_off_is_refused(station, tmp_path):
    text = series(station, station.channels[0])
    for share in (0.01, 0.02, 0.5):
        (tmp_path / str(share)).mkdir()
        with pytest.raises(InputError, match=r"recordings\.a\.V2c"):
            sp.read_recordings(folder(tmp_path / str(share), a=text[: int(share * len(text))]))


def test_no_code_of_the_station_is_refused(station, tmp_path):
    text = series(station, station.channels[0], scnl="|").replace("Code:CI-WLT", "")
    with pytest.raises(InputError, match="no code of the station"):
        sp.read_recordings(folder(tmp_path, a=text))


def test_a_blank_in_the_start_time_of_the_other_format(tmp_path):
    """As the records of Ferndale 2022 have it: 10:34: 1.0."""
    path = tmp_path / "records"
    shutil.copytree(LA_HABRA, path)
    text = (path / "CIWLT.V2").read_text(encoding="latin-1")
    assert "04:09:34.0 UTC" in text
    (path / "CIWLT.V2").write_text(text.replace("04:09:34.0 UTC", "04:09: 4.0 UTC"), encoding="latin-1")
    earlier, expected = sp.read_recordings(path), sp.read_recordings(LA_HABRA)
    np.testing.assert_allclose(earlier.time + 30, expected.time)
