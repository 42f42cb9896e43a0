"""Wavefields whose labels are right and whose values, axes or band cannot be used."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.wavefield import band_of, check_wavefield, make_wavefield


def field() -> xr.DataArray:
    return make_wavefield(
        np.ones((2, 3, 4, 5, 6)),
        x_m=100.0 * np.arange(4),
        y_m=200.0 * np.arange(5),
        time_s=0.02 * np.arange(6),
        band_hz=(0.1, 5.0),
    )


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (lambda f: f.astype(complex), "w"),
        (lambda f: f.astype(int), "w"),
        (lambda f: f.astype(str), "w"),
        (lambda f: f.astype(object), "w"),
        (lambda f: f.isel(x=[]), "w"),
        (lambda f: f.isel(y=[]), "w"),
        (lambda f: f.isel(realization=[]), "w"),
        (lambda f: f.assign_coords(x=list("abcd")), "w.x"),
        (lambda f: f.assign_coords(x=[0, 1, np.nan, 3]), "w.x"),
        (lambda f: f.assign_coords(y=[0, 1, 2, 3, np.inf]), "w.y"),
        (lambda f: f.assign_coords(y=np.arange(5) * 1j), "w.y"),
        (lambda f: f.assign_coords(time=list("abcdef")), "w.time"),
        (lambda f: f.assign_coords(realization=["a", "b"]), "w.realization"),
        (lambda f: f.assign_coords(realization=[0.5, 1.5]), "w.realization"),
        (lambda f: f.assign_coords(realization=[1, 1]), "w.realization"),
        (lambda f: f.assign_attrs(units=np.array([1, 2])), "w.units"),
        (lambda f: f.assign_attrs(band_high_hz="abc"), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_high_hz=[1.0, 5.0]), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_high_hz=[[1.0], [2.0, 5.0]]), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_high_hz=np.complex128(5)), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_high_hz=np.nan), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_high_hz=0.05), "w.attrs.band_high_hz"),
        (lambda f: f.assign_attrs(band_low_hz="abc"), "w.attrs.band_low_hz"),
        (lambda f: f.assign_attrs(band_low_hz=-1.0), "w.attrs.band_high_hz"),
    ],
)
def test_each_damage_is_one_line_with_its_field(damage, name):
    with pytest.raises(InputError) as caught:
        check_wavefield(damage(field()), name="w")
    assert caught.value.field == name
    assert len(str(caught.value)) < 250


def test_bands():
    assert band_of(field()) == (0.1, 5.0)
    assert band_of(field().assign_attrs(band_low_hz=None)) == (0.0, 5.0)
    assert band_of(field().assign_attrs(band_high_hz=np.array([4]))) == (0.1, 4.0)
    assert band_of(field().assign_attrs(band_high_hz=None)) is None


def test_realizations_may_be_any_integers_or_none():
    for numbers in ([7, 3], np.array([0, 1], np.uint8)):
        check_wavefield(field().assign_coords(realization=numbers))
    check_wavefield(field().drop_vars("realization"))
    check_wavefield(field().isel(realization=1))
