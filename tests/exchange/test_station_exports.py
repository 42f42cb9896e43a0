"""Wavefields at a list of stations in every export: names, positions and depths travel."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.georeference import Georeference
from spectremor.core.recording import Stations
from spectremor.core.wavefield import make_station_wavefield
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.station_lists import read_stations
from spectremor.exchange.stations import station_codes
from spectremor.exchange.tables import write_intensities, write_traces
from spectremor.exchange.traces import to_stream
from spectremor.exchange.waveform_files import write_asdf, write_mseed

PLACE = Georeference(longitude_deg=13.26, latitude_deg=42.29)
NAMES = ("IV.AQU", "NORTH", "a, long name")


@pytest.fixture
def field():
    x = np.array([1200.0, 3400.0, 2500.0])
    stations = Stations(NAMES, x, x[::-1], np.array([0.0, 0.0, -150.0]))
    values = np.random.default_rng(0).normal(size=(2, 3, 3, 120))
    return make_station_wavefield(values, stations=stations, time_s=np.arange(120) / 50, band_hz=(0.0, 5.0))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_codes():
    assert station_codes(NAMES) == ["AQU", "NORTH", "N0002"]
    # Two networks' stations of one code, small letters, a number that is taken.
    assert station_codes(["IV.AQU", "XX.AQU", "abc", "N0000"]) == ["N0001", "N0002", "ABC", "N0000"]
    many = station_codes([f"site {n}" for n in range(3)] + ["N0001"])
    assert len(set(many)) == 4


def test_streams_and_files(field, tmp_path):
    stream = to_stream(field, place=PLACE)
    assert len(stream) == 2 * 3 * 3
    (trace,) = stream.select(id="SY.AQU.01.BHN")
    np.testing.assert_array_equal(trace.data, field.values[1, 1, 0])
    deep = stream.select(id="SY.N0002.00.BHZ")[0].stats
    assert deep.spectremor.name == "a, long name"
    assert deep.coordinates.elevation == -150.0
    _, table, *_ = write_mseed(field, tmp_path / "field.mseed", place=PLACE)
    found = rows(table)
    assert [row["name"] for row in found] == list(NAMES)
    assert [row["station"] for row in found] == ["AQU", "NORTH", "N0002"]
    assert float(found[2]["z_m"]) == -150.0
    (asdf,) = write_asdf(field, tmp_path / "field.h5", PLACE)
    assert asdf.stat().st_size > 10_000


def test_station_xml_keeps_names_and_depths(field, tmp_path):
    inventory = to_inventory(field, PLACE)
    sites = {station.code: station for station in inventory[0]}
    assert sites["N0002"].site.name.startswith("a, long name: 150.000 m deep")
    assert sites["N0002"].channels[0].depth == 150.0
    inventory.write(str(tmp_path / "stations.xml"), format="STATIONXML")
    again = read_stations(tmp_path / "stations.xml", PLACE)
    assert again.z_m.tolist() == [0.0, 0.0, -150.0]
    assert again.x_m == pytest.approx([1200.0, 3400.0, 2500.0], abs=0.1)


def test_tables(field, tmp_path):
    (path,) = write_intensities(field, tmp_path / "measures.csv", periods_s=(0.5,))
    found = rows(path)
    assert [row["station"] for row in found] == [*NAMES, *NAMES]
    assert float(found[3]["pgv_rotd50_m_s"]) > 0
    traces, sensors = write_traces(field, tmp_path / "traces.csv")
    header = traces.read_text().splitlines()[0].split(",")
    assert len(header) == 1 + 2 * 3 * 3
    assert header[1].startswith("SY.IV_AQU.00.")
    assert header[7].startswith("SY.a__long_name.00.")
    values = np.loadtxt(traces, delimiter=",", skiprows=1)
    np.testing.assert_allclose(values[:, 8], field.values[0, 1, 2], rtol=1e-5, atol=1e-6)
    assert rows(sensors)[0]["name"] == "IV.AQU"


def test_openquake_sites_are_in_the_order_of_the_stations(field, tmp_path):
    motion, sites = write_openquake(field, tmp_path / "gmf.csv", PLACE, periods_s=(0.5,))
    lon, lat = PLACE.to_lonlat(field["x"].values, field["y"].values)
    assert [float(row["lon"]) for row in rows(sites)] == pytest.approx(lon.tolist(), abs=1e-6)
    assert [float(row["lat"]) for row in rows(sites)] == pytest.approx(lat.tolist(), abs=1e-6)
    assert len(rows(motion)) == 6
