"""Projections that would misplace or mirror the sensors are refused."""

from __future__ import annotations

import pytest

from spectremor.core.errors import InputError
from spectremor.exchange.georeference import Georeference


@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [
        ("EPSG:32632", 8.5, 47.0),  # UTM
        ("EPSG:2154", 5.7, 43.5),  # Lambert conformal
        ("EPSG:3035", 10.0, 52.0),  # Lambert equal area
        ("EPSG:5514", 15.0, 50.0),  # Krovak, East and North
        ("EPSG:2443", 130.0, 33.0),  # its first axis is North
        ("EPSG:32661", 0.0, 89.9),  # polar, axes that both point South
        ("EPSG:3857", 5.0, 0.0),
    ],
)
def test_true_grids(crs, lon, lat):
    assert Georeference(longitude_deg=lon, latitude_deg=lat, crs=crs).crs == crs


@pytest.mark.parametrize(
    ("crs", "lon", "lat", "found"),
    [
        ("EPSG:3857", 5.0, 60.0, "1 km East is 501 m, 1 km North 500 m"),
        ("EPSG:3395", 0.0, 70.0, "1 km East is 343 m"),
        ("EPSG:32632", 30.0, 47.0, "1 km East is 970 m"),
        ("ESRI:54009", 100.0, 60.0, "46 degrees apart"),
        ("EPSG:5513", 15.0, 50.0, "counts westwards"),
        ("EPSG:2065", 15.0, 50.0, "counts westwards"),
        ("EPSG:2053", 29.0, -27.0, "counts westwards"),
        ("+proj=utm +zone=32 +axis=nwu +units=m +type=crs", 8.5, 47.0, "westwards"),
        ("+proj=utm +zone=32 +axis=esu +units=m +type=crs", 8.5, 47.0, "270 degrees apart"),
    ],
)
def test_grids_that_misplace_or_mirror(crs, lon, lat, found):
    with pytest.raises(InputError) as caught:
        Georeference(longitude_deg=lon, latitude_deg=lat, crs=crs)
    assert caught.value.field == "crs"
    assert crs in str(caught.value)
    assert found in str(caught.value)
