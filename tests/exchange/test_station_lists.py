"""Lists of stations in files: what they say, what is refused, and names that travel into the wavefield."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.core.georeference import Georeference
from spectremor.core.recording import Stations
from spectremor.core.source import Source
from spectremor.core.wavefield import recording_of
from spectremor.data.geology_files import write_geology
from spectremor.data.wavefield_files import read_wavefield
from spectremor.exchange.station_lists import read_stations
from spectremor.simulation.elastic import simulate
from spectremor.simulation.sensors import parse_sensors

CORNER = Georeference(longitude_deg=13.0, latitude_deg=42.0, azimuth_deg=10.0)
SOURCE = Source.from_angles(position_m=(1800, 1800, -1800), strike_deg=20, dip_deg=60, rake_deg=50)
QUICK = {"grid_spacing_m": 600.0, "duration_s": 0.5, "sampling_hz": 20.0, "lowpass_hz": 1.0}


def _table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "stations.csv").write_text(text)
    return tmp_path / "stations.csv"


def test_local_positions(tmp_path: Path) -> None:
    found = read_stations(_table(tmp_path, "site;z_m;name;y_m;x_m\nA;0;NORTH;9000;4800\nB;-50;SOUTH;600;4700\n"))
    assert found.names == ("NORTH", "SOUTH")
    np.testing.assert_array_equal(found.points_m(), [[4800, 9000, 0], [4700, 600, -50]])
    below = read_stations(_table(tmp_path, "name,x_m,y_m,depth_m\nA,1,2,30\n"))
    assert below.z_m.tolist() == [-30.0]


@pytest.mark.parametrize("header", ["name,x (km),y [m],depth_km", "NAME,X_KM,y_m,Depth (kilometres)"])
def test_stated_units_are_converted(tmp_path: Path, header: str) -> None:
    found = read_stations(_table(tmp_path, header + "\nA,4.8,9000,0.03\n"))
    np.testing.assert_allclose(found.points_m(), [[4800, 9000, -30]])


def test_an_unknown_unit_of_a_position_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^stations\.header: got 'x \(furlongs\)'; allowed: x in m or km$"):
        read_stations(_table(tmp_path, "name,x (furlongs),y\nA,1,2\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_the_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "stations.csv"
    text = "name,x_m,y_m\nA,1,2\n"
    path.write_bytes(text.encode(encoding) if encoding == "utf-16" else b"\xfe\xff" + text.encode(encoding))
    with pytest.raises(InputError, match="UTF-16 text: save it as UTF-8"):
        read_stations(path)


def test_a_cell_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^stations: got .*field larger than field limit"):
        read_stations(_table(tmp_path, "name,x_m,y_m\n" + "A" * 200_000 + ",1,2\n"))


def test_degrees_are_placed_from_the_corner(tmp_path: Path) -> None:
    longitude, latitude = CORNER.to_lonlat(np.array([100.0, 2000.0]), np.array([3000.0, 50.0]))
    places = np.stack([latitude, longitude], axis=1).tolist()
    rows = "".join(f"S{k},{lat!r},{lon!r}\n" for k, (lat, lon) in enumerate(places))
    found = read_stations(_table(tmp_path, "Station,Latitude,Lon\n" + rows), CORNER)
    np.testing.assert_allclose(found.x_m, [100, 2000], atol=1e-3)
    np.testing.assert_allclose(found.y_m, [3000, 50], atol=1e-3)


def test_elevations_are_not_used_and_that_is_said(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match="stations: elevations are not used"):
        found = read_stations(_table(tmp_path, "name,x_m,y_m,elevation\nA,1,2,730\n"))
    assert found.z_m.tolist() == [0.0]


STATION_XML = """<?xml version="1.0"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1"><Source>test</Source>
<Created>2020-01-01T00:00:00</Created><Network code="IV"><Station code="AQU"><Latitude>42.01</Latitude>
<Longitude>13.02</Longitude><Elevation>0</Elevation><Site><Name>L'Aquila</Name></Site></Station>
<Station code="DEEP"><Latitude>42.02</Latitude><Longitude>13.01</Longitude><Elevation>0</Elevation>
<Site><Name>Borehole</Name></Site><Channel code="HHZ" locationCode=""><Latitude>42.02</Latitude>
<Longitude>13.01</Longitude><Elevation>0</Elevation><Depth>120</Depth></Channel></Station></Network></FDSNStationXML>
"""


def test_station_xml(tmp_path: Path) -> None:
    (tmp_path / "s.xml").write_text(STATION_XML)
    found = read_stations(tmp_path / "s.xml", CORNER)
    assert found.names == ("IV.AQU", "IV.DEEP")
    x, y = CORNER.to_local(np.array([13.02, 13.01]), np.array([42.01, 42.02]))
    np.testing.assert_allclose(found.points_m(), np.stack([x, y, [0.0, -120.0]], axis=1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,lon,lat\nA,42.01,13.01\n",
            r"^stations\.A: got longitude 42\.01, latitude 13\.01, \d{4} km from the corner; "
            r"allowed: longitude 13\.01, latitude 42\.01: they look swapped$",
        ),
        ("name,lon,lat\nA,-120,42\n", r"^stations\.A: got longitude -120, .*; allowed: at most 1000 km$"),
        ("name,lon,lat\nA,42,113\n", r"^stations\.A: got longitude 42, latitude 113; allowed: .*they look swapped$"),
        ("name,lon,lat\nA,13,01,42,01\n", r"^stations\.row 1: got 5 values; allowed: 3, .* not a comma$"),
        (
            "name;lon;lat\nA;13,01;42,01\n",
            r"^stations\.A\.longitude: got '13,01'; allowed: a number with a decimal point$",
        ),
        ("name,x_m,y_m\nA,1,2\nA,3,4\n", r"^stations\.names: got A more than once"),
        ("name,x_m,y_m\nA,1,inf\n", r"^stations\.A\.y: got inf; allowed: a finite number$"),
        ("name,x_m,y_m,z_m\nA,1,2,3\n", r"^stations\.z: got 3 m; allowed: 0 m at the surface, or negative"),
        ("name,x_m,y_m\n,1,2\n", r"^stations\.row 1\.name: got ''; allowed: a name$"),
        ("x_m,y_m\n1,2\n", r"^stations\.header: got x_m, y_m; allowed: name, and"),
        ("name,x_m,y_m,lon,lat\nA,1,2,3,4\n", r"^stations\.header: got"),
        ("name,x_m,x,y_m\nA,1,2,3\n", r"^stations\.header: got two columns of x"),
        ("name,x_m,y_m\n", r"^stations: got .* \(1 lines\)"),
        ("<html></html>", r"^stations: got .*XML of another kind: <html>"),
        ("<html>", r"^stations: got .*damaged XML"),
    ],
)
def test_bad_lists_are_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_stations(_table(tmp_path, text), CORNER)


def test_a_list_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^stations: got .*no\.csv \(no such file\); allowed: a csv file"):
        read_stations(tmp_path / "no.csv")


def test_degrees_need_a_corner(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^corner: got nothing; allowed: longitude and latitude"):
        read_stations(_table(tmp_path, "name,lon,lat\nA,13,42\n"))


def test_names_travel_into_the_wavefield(tmp_path: Path, here: Callable[..., int]) -> None:
    ground = make_geology(np.full((7, 7, 7), 3000.0), (3600.0, 3600.0, 3600.0))
    path = _table(tmp_path, "name,x_m,y_m\nNORTH,1800,3000\nSOUTH,1700,450\n")
    write_geology(ground, tmp_path / "g.nc")
    field = simulate(ground, SOURCE, stations=read_stations(path), **QUICK)
    assert recording_of(field).sensors.names == ("NORTH", "SOUTH")
    bare = simulate(ground, SOURCE, stations_m=(np.array([1800.0, 1700.0]), np.array([3000.0, 450.0])), **QUICK)
    np.testing.assert_array_equal(field.values, bare.values)
    quick = ["--grid-spacing", "600", "--duration", "0.5", "--sampling", "20", "--lowpass", "1"]
    line = ["simulate", "--geology", tmp_path / "g.nc", "--source", "1800,1800,-1800,20,60,50", "--stations", path]
    assert here(*line, *quick, "--out", tmp_path / "f.nc") == 0
    written = read_wavefield(tmp_path / "f.nc")
    assert written["station"].values.tolist() == ["NORTH", "SOUTH"]
    np.testing.assert_array_equal(written.values, field.values)


@pytest.mark.parametrize(
    ("stations", "message"),
    [
        (
            Stations(("A", "FAR"), np.array([0.0, 3601.0]), np.zeros(2), np.zeros(2)),
            r"^stations\.FAR\.x: got 3601 m; allowed: positions in \[0, 3600\] m, inside the domain$",
        ),
        (
            Stations(("A",), np.ones(1), np.ones(1), np.array([-3601.0])),
            r"^stations\.A\.z: got -3601 m; allowed: positions in \[-3600, 0\] m, inside the domain$",
        ),
    ],
)
def test_stations_that_the_ground_does_not_hold(stations: object, message: str) -> None:
    ground = make_geology(np.full((7, 7, 7), 3000.0), (3600.0, 3600.0, 3600.0))
    with pytest.raises(InputError, match=message):
        simulate(ground, SOURCE, stations=stations, **QUICK)


def test_positions_are_no_stations() -> None:
    ground = make_geology(np.full((7, 7, 7), 3000.0), (3600.0, 3600.0, 3600.0))
    pair = (np.ones(1), np.ones(1))
    with pytest.raises(InputError, match=r"^stations: got a tuple; allowed: Stations"):
        parse_sensors(None, pair, None, ground)
    listed = Stations(("A",), np.ones(1), np.ones(1), np.zeros(1))
    for others in ((pair, None), (None, pair)):
        with pytest.raises(InputError, match=r"^stations: got together with (sensors_m|stations_m); allowed: one"):
            parse_sensors(others[0], listed, others[1], ground)
