"""Local metres <-> longitude and latitude."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from spectremor.core.errors import InputError
from spectremor.exchange.georeference import Georeference

GEOD = Geod(ellps="WGS84")
origins = st.tuples(st.floats(-179, 179), st.floats(-75, 75))
metres = st.floats(-9600, 9600)


@given(origins, metres, metres, st.floats(-360, 360))
def test_round_trip(origin, x, y, azimuth):
    place = Georeference(longitude_deg=origin[0], latitude_deg=origin[1], azimuth_deg=azimuth)
    lon, lat = place.to_lonlat(np.array(x), np.array(y))
    back = place.to_local(lon, lat)
    np.testing.assert_allclose([float(b) for b in back], [x, y], atol=1e-6)


@given(origins, st.floats(10, 9600), st.floats(0, 360))
def test_distance_and_azimuth_from_the_corner_are_true(origin, distance, azimuth):
    place = Georeference(longitude_deg=origin[0], latitude_deg=origin[1])
    x, y = distance * np.sin(np.radians(azimuth)), distance * np.cos(np.radians(azimuth))
    lon, lat = place.to_lonlat(np.array(x), np.array(y))
    true_lon, true_lat, _ = GEOD.fwd(*origin, azimuth, distance)
    _, _, miss_m = GEOD.inv(float(lon), float(lat), true_lon, true_lat)
    assert miss_m < 1e-3


@given(origins, st.floats(10, 9600), st.floats(-180, 180))
def test_the_y_axis_points_azimuth_degrees_clockwise_from_north_and_x_to_its_right(origin, distance, azimuth):
    place = Georeference(longitude_deg=origin[0], latitude_deg=origin[1], azimuth_deg=azimuth)
    for along, direction in (((0.0, distance), azimuth), ((distance, 0.0), azimuth + 90)):
        lon, lat = place.to_lonlat(*(np.array(v) for v in along))
        true_lon, true_lat, _ = GEOD.fwd(*origin, direction, distance)
        _, _, miss_m = GEOD.inv(float(lon), float(lat), true_lon, true_lat)
        assert miss_m < 1e-3
    found = float(place.north_azimuth_deg(np.array(0.0), np.array(0.0)))
    assert (found - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_a_turned_domain_on_a_grid_adds_its_azimuth_to_the_convergence():
    straight = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs="EPSG:32632")
    turned = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs="EPSG:32632", azimuth_deg=20)
    at = np.array(0.0), np.array(0.0)
    assert float(turned.north_azimuth_deg(*at)) == pytest.approx(float(straight.north_azimuth_deg(*at)) + 20, abs=1e-4)
    x, y = np.array(3000.0), np.array(0.0)
    back = straight.to_local(*turned.to_lonlat(x, y))
    expected = 3000 * np.cos(np.radians(20)), -3000 * np.sin(np.radians(20))
    np.testing.assert_allclose([float(v) for v in back], expected, atol=1e-3)


def test_every_distance_in_the_domain_is_true_to_some_mm():
    place = Georeference(longitude_deg=5.7, latitude_deg=43.5)
    x, y = np.array([150.0, 9450.0]), np.array([9450.0, 150.0])
    lon, lat = place.to_lonlat(x, y)
    _, _, distance_m = GEOD.inv(lon[0], lat[0], lon[1], lat[1])
    assert distance_m == pytest.approx(np.hypot(9300, 9300), abs=0.01)


def test_given_projection_offsets_and_convergence():
    place = Georeference(longitude_deg=8.5, latitude_deg=47.0, crs="EPSG:32632")
    assert [float(v) for v in place.to_local(np.array(8.5), np.array(47.0))] == pytest.approx([0, 0], abs=1e-6)
    # Convergence of a transverse Mercator grid: (lon - lon0) sin(lat).
    azimuth = float(place.north_azimuth_deg(np.array(0.0), np.array(0.0)))
    assert azimuth == pytest.approx((8.5 - 9.0) * np.sin(np.radians(47.0)), abs=1e-3)


def test_east_is_east_and_north_is_north():
    place = Georeference(longitude_deg=5.7, latitude_deg=43.5)
    lon, lat = place.to_lonlat(np.array([1000.0, 0.0]), np.array([0.0, 1000.0]))
    assert lon[0] > 5.7 + 0.01
    assert lat[1] > 43.5 + 0.008
    assert lon[1] == pytest.approx(5.7)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"longitude_deg": 181.0}, "origin.longitude"),
        ({"latitude_deg": float("nan")}, "origin.latitude"),
        ({"azimuth_deg": 361.0}, "origin.azimuth"),
        ({"azimuth_deg": float("nan")}, "origin.azimuth"),
        ({"crs": "EPSG:nothing"}, "crs"),
        ({"crs": "EPSG:4326"}, "crs"),
        ({"crs": "EPSG:2227"}, "crs"),
    ],
)
def test_refusals(change, field):
    with pytest.raises(InputError) as caught:
        Georeference(**({"longitude_deg": 5.0, "latitude_deg": 43.0} | change))
    assert caught.value.field == field
