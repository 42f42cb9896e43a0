"""Units in every usual spelling; scaled, shifted and missing numbers as their files mean them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import as_geology, make_geology
from spectremor.core.packing import check_unpacked, unpacked
from spectremor.core.units import canonical_unit, check_unit, factor_to
from spectremor.core.wavefield import check_wavefield, make_wavefield
from spectremor.data.geology_files import read_geology
from spectremor.data.wavefield_files import read_wavefield, write_wavefield


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *((text, "m/s") for text in ("m/s", " M / S ", "meters/second", "metres/second", "meter / sec", "m s-1")),
        *(
            (text, "m/s")
            for text in ("m.s-1", "m s^-1", "m s**-1", "m·s⁻¹", "metres per second", "m**1 s**-1", "(m/s)")
        ),
        *((text, "km/s") for text in ("km/s", "Kilometers per second", "km s**-1")),
        *((text, "s") for text in ("s", "Sec", "second", "SECONDS ")),
        *((text, "m") for text in ("m", "Metre", "METERS")),
        ("kg m**-3", "kg/m3"),
        ("g/cm^3", "g/cm3"),
        ("newton*meter", "N m"),
        ("dimensionless", "1"),
        ("°", "degrees"),
        # No units of these kinds, or others that look alike.
        ("mm/s", "mm/s"),
        ("ms-1", "1/ms"),
        ("m/s2", "m/s2"),
        ("seconds since 1970-01-01", "seconds since 1970-01-01"),
        ("furlong", "furlong"),
    ],
)
def test_spellings(text, unit):
    assert canonical_unit(text) == unit


def test_units_are_checked_by_meaning():
    check_unit("geology", "Meters/Second", "m/s")
    check_unit("geology", None, "m/s")
    for other in ("km/s", "m/s2", "ms-1", np.array(["m/s", "m/s"]), 3, "\x1b[31m"):
        with pytest.raises(InputError, match=r"^geology\.units: got "):
            check_unit("geology", other, "m/s")
    assert (factor_to("km", "m"), factor_to("g/cm3", "kg/m3"), factor_to("furlong", "m")) == (1000, 1000, None)


def field() -> xr.DataArray:
    traces = np.random.default_rng(0).normal(size=(3, 4, 5, 9)).astype(np.float32)
    axes = {"x_m": np.arange(4) * 300.0, "y_m": np.arange(5) * 300.0, "time_s": np.arange(9) * 0.02}
    return make_wavefield(traces, **axes)


def test_files_with_units_in_words_are_read(tmp_path):
    wavefield = field()
    for name, units in (("time", "seconds"), ("x", "Metres"), ("y", "meters")):
        wavefield[name].attrs["units"] = units
    wavefield.attrs["units"] = "meters/second"
    write_wavefield(wavefield, tmp_path / "w.nc")
    read = read_wavefield(tmp_path / "w.nc")
    assert read["time"].dtype == np.float64
    np.testing.assert_array_equal(read, wavefield)
    ground = make_geology(np.full((4, 4, 4), 2000.0)).vs
    ground.attrs["units"] = "m s**-1"
    ground.to_netcdf(tmp_path / "g.nc", engine="h5netcdf")
    assert float(read_geology(tmp_path / "g.nc").vs_m_s[0, 0, 0]) == 2000


def raw(values, **attrs) -> xr.DataArray:
    return xr.DataArray(values, dims=("x",), name="vs", attrs={"units": "m/s", **attrs})


def test_scale_shift_and_marks():
    packed = raw(
        np.array([-32768, 0, 100, 250], np.int16), _FillValue=np.int16(-32768), scale_factor=10.0, add_offset=1000.0
    )
    plain = unpacked(packed, field="g")
    np.testing.assert_array_equal(plain, [np.nan, 1000, 2000, 3500])
    assert plain.attrs == {"units": "m/s"}
    # As xarray decodes it.
    decoded = xr.decode_cf(packed.to_dataset())["vs"]
    np.testing.assert_allclose(plain, decoded)


@pytest.mark.parametrize(
    ("attrs", "missing"),
    [
        ({"_FillValue": np.float32(1e20)}, [1]),
        ({"_FillValue": 1e20}, [1]),
        ({"missing_value": np.array([1e20, -999.0])}, [1, 3]),
        ({"missing_value": -999}, [3]),
        ({"valid_min": 0.0}, [3]),
        ({"valid_max": 1e6}, [1]),
        ({"valid_range": np.array([0.0, 1e6])}, [1, 3]),
        ({"_FillValue": np.float32("nan")}, []),
        ({}, []),
    ],
)
def test_missing_values_become_nan_and_are_refused_where_they_were_left(attrs, missing):
    array = raw(np.array([1000.0, 1e20, 2000.0, -999.0], np.float32), **attrs)
    plain = unpacked(array, field="g")
    assert np.flatnonzero(np.isnan(plain.values)).tolist() == missing
    assert plain.dtype == np.float32
    if missing:
        with pytest.raises(InputError, match="call missing"):
            check_unpacked(array, field="g")
    else:
        check_unpacked(array, field="g")


@pytest.mark.parametrize(
    "attrs", [{"scale_factor": "x"}, {"_FillValue": "x"}, {"valid_range": [1]}, {"scale_factor": np.nan}]
)
def test_marks_that_are_none(attrs):
    with pytest.raises(InputError, match=r"^g\."):
        unpacked(raw(np.ones(3, np.int16), **attrs), field="g")


def test_packed_numbers_are_refused_at_public_entrances():
    ground = make_geology(np.full((4, 4, 4), 2000.0)).vs
    ground.attrs["scale_factor"] = 2.0
    for entrance in (as_geology, make_geology):
        with pytest.raises(InputError, match="scale_factor"):
            entrance(ground)
    ground = make_geology(np.full((4, 4, 4), 2000.0)).vs
    ground.attrs["_FillValue"] = 2000.0
    with pytest.raises(InputError, match="64 values that its attributes call missing"):
        make_geology(ground)
    wavefield = field()
    wavefield.attrs["missing_value"] = float(wavefield.values[0, 0, 0, 0])
    with pytest.raises(InputError, match="call missing"):
        check_wavefield(wavefield)
    wavefield = field()
    wavefield["time"].attrs["add_offset"] = 3.0
    with pytest.raises(InputError, match=r"wavefield\.time.*add_offset"):
        check_wavefield(wavefield)


@pytest.mark.parametrize("kind", ["scaled", "holes"])
def test_packed_files(tmp_path, kind):
    ground = make_geology(np.full((4, 4, 4), 2000.0) + np.arange(4) * 100).vs
    if kind == "scaled":
        ground.to_netcdf(
            tmp_path / "g.nc",
            engine="h5netcdf",
            encoding={"vs": {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}},
        )
        np.testing.assert_allclose(read_geology(tmp_path / "g.nc").vs, ground)
        return
    values = ground.values.copy()
    values[1, 2, 3] = np.nan
    ground.copy(data=values).to_netcdf(tmp_path / "g.nc", engine="h5netcdf", encoding={"vs": {"_FillValue": 9999.0}})
    with pytest.raises(InputError, match="1 NaN"):
        read_geology(tmp_path / "g.nc")
