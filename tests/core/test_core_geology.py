"""Geologies: labels, positions, and every refusal with the field named."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import check_geology, extent_m, make_geology


def flat(shape=(4, 5, 6), vs=2000.0) -> xr.DataArray:
    return make_geology(np.full(shape, vs), (3000.0, 4000.0, 5000.0))


@given(st.tuples(*[st.integers(2, 7)] * 3), st.tuples(*[st.floats(10, 1e5)] * 3))
def test_nodes_span_the_domain_edges_included(shape, size):
    g = make_geology(np.full(shape, 2000.0), size)
    assert g.dims == ("x", "y", "z")
    assert g.shape == shape
    assert g.dtype == np.float32
    np.testing.assert_allclose(extent_m(g), size, rtol=1e-12)
    assert g.x.values[0] == 0
    assert g.y.values[0] == 0
    assert g.z.values[0] == -size[2]
    assert g.z.values[-1] == 0


def test_index_zero_is_the_deepest():
    vs = np.broadcast_to(np.array([4000.0, 3000.0, 2000.0]), (4, 5, 3))
    g = make_geology(vs)
    assert float(g.sel(z=0.0, x=0, y=0)) == 2000
    assert float(g.sel(z=-9600.0, x=0, y=0)) == 4000


@pytest.mark.parametrize(
    "values",
    [np.zeros((4, 5)), np.full((2, 3, 4), "rock"), np.full((2, 3, 4), 1j), np.full((1, 3, 4), 2000.0)],
    ids=["2D", "text", "complex", "one node along x"],
)
def test_arrays_that_are_no_geology(values):
    with pytest.raises(InputError, match="geology"):
        make_geology(values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -5.0, 10_001.0])
def test_values_that_no_rock_has(bad):
    vs = np.full((3, 4, 5), 2000.0)
    vs[1, 2, 3] = bad
    with pytest.raises(InputError) as caught:
        make_geology(vs)
    assert caught.value.field == "geology"


@pytest.mark.parametrize("unusual", [600.0, 5200.0])
def test_values_outside_the_trained_range_warn(unusual):
    vs = np.full((3, 4, 5), 2000.0)
    vs[1, 2, 3] = unusual
    with pytest.warns(InputWarning, match=f"{unusual:g}"):
        make_geology(vs)


DAMAGE = {
    "order of dims": (lambda g: g.transpose("z", "y", "x"), "geology"),
    "two dims": (lambda g: g.isel(z=0, drop=True), "geology"),
    "no coordinate": (lambda g: g.drop_vars("y"), "geology.y"),
    "decreasing x": (lambda g: g.isel(x=slice(None, None, -1)), "geology.x"),
    "uneven y": (lambda g: g.assign_coords(y=[0.0, 1.0, 2.0, 3.0, 5.0]), "geology.y"),
    "nan in z": (lambda g: g.assign_coords(z=[-5.0, -4.0, np.nan, -2.0, -1.0, 0.0]), "geology.z"),
    "z positive down": (lambda g: g.assign_coords(z=np.linspace(0, 5000, 6)), "geology.z"),
    "whole numbers": (lambda g: g.astype(int), "geology"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_refused_with_its_field(name):
    damage, field = DAMAGE[name]
    with pytest.raises(InputError) as caught:
        check_geology(damage(flat()))
    assert caught.value.field == field


def test_a_good_geology_comes_back_untouched():
    g = flat()
    assert check_geology(g) is g
