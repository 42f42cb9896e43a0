"""Wavefields: labels, the source that they carry, and every refusal with the field named."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import check_wavefield, make_wavefield, sampling_step_s, source_of

SOURCE = Source.from_angles(position_m=(700, 900, -1100), strike_deg=20, dip_deg=30, rake_deg=40, rise_time_s=0.2)


def field(realizations: int | None = None, **more) -> xr.DataArray:
    lead = () if realizations is None else (realizations,)
    shape = (*lead, 3, 4, 5, 6)
    return make_wavefield(
        np.arange(np.prod(shape), dtype=float).reshape(shape),
        x_m=100.0 * np.arange(4),
        y_m=200.0 * np.arange(5),
        time_s=0.02 * np.arange(6) + 0.98,
        **more,
    )


def test_labels_positions_and_units():
    f = check_wavefield(field(source=SOURCE, band_hz=(0.0, 5.0), attrs={"seed": 3}))
    assert f.dims == ("component", "x", "y", "time")
    assert f.dtype == np.float32
    assert list(f.component.values) == ["E", "N", "Z"]
    assert f.sel(component="N", x=200.0, y=800.0).values[0] == ((1 * 4 + 2) * 5 + 4) * 6
    assert (f.attrs["band_low_hz"], f.attrs["band_high_hz"], f.attrs["seed"]) == (0.0, 5.0, 3)
    assert sampling_step_s(f) == pytest.approx(0.02)


def test_realizations_lead():
    f = check_wavefield(field(2))
    assert f.dims == ("realization", "component", "x", "y", "time")
    assert f.sizes["realization"] == 2


def test_source_survives_netcdf(tmp_path):
    path = tmp_path / "field.nc"
    field(source=SOURCE, band_hz=(0, 5)).to_netcdf(path, engine="h5netcdf")
    with xr.open_dataarray(path, engine="h5netcdf") as back:
        assert source_of(check_wavefield(back)) == SOURCE


def test_no_source_is_none_and_half_a_source_is_refused():
    assert source_of(field()) is None
    for name in ("source_moment_tensor_nm", "source_rise_time_s"):
        f = field(source=SOURCE)
        del f.attrs[name]
        with pytest.raises(InputError, match=name):
            source_of(f)
    f = field(source=SOURCE)
    f.attrs["source_position_m"] = "here"
    with pytest.raises(InputError, match="source_position_m"):
        source_of(f)


def test_shape_must_match_the_axes():
    with pytest.raises(InputError, match=r"wavefield: got shape \(3, 4, 5, 6\)"):
        make_wavefield(np.zeros((3, 4, 5, 6)), x_m=np.arange(5.0), y_m=np.arange(4.0), time_s=np.arange(6.0))


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (lambda f: f.transpose("component", "y", "x", "time"), "w.dims"),
        (lambda f: f.expand_dims("planet"), "w.dims"),
        (lambda f: f.assign_coords(component=["N", "E", "Z"]), "w.component"),
        (lambda f: f.drop_vars("time"), "w.time"),
        (lambda f: f.drop_vars("x"), "w.x"),
        (lambda f: f.assign_attrs(units="cm/s"), "w.units"),
        (lambda f: f.assign_coords(time=[0, 1, 2, 3, 4, 6.0]), "w.time"),
        (lambda f: f.isel(time=[0]), "w.time"),
    ],
)
def test_each_damage_is_refused_with_its_field(damage, name):
    with pytest.raises(InputError) as caught:
        check_wavefield(damage(field()), name="w")
    assert caught.value.field == name


@pytest.mark.parametrize(("axis", "wrong"), [("time", "ms"), ("time", "furlong"), ("x", "km"), ("y", "degrees_north")])
def test_units_of_axes_are_believed(axis, wrong):
    field = field_with_units(axis, wrong)
    with pytest.raises(
        InputError, match=rf"wavefield\.{axis}\.units: got {wrong}; allowed: {'s' if axis == 'time' else 'm'}$"
    ):
        check_wavefield(field)
    for right in ("seconds", "s") if axis == "time" else ("m", "metres", " Meters"):
        check_wavefield(field_with_units(axis, right))


def field_with_units(axis, units):
    field = make_wavefield(np.zeros((3, 2, 2, 4)), x_m=np.arange(2.0), y_m=np.arange(2.0), time_s=np.arange(4.0))
    field[axis].attrs["units"] = units
    return field
