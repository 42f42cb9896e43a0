"""Geologies: labels, positions, properties, and every refusal with the field named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, as_geology, make_geology

EXTENT = (3000.0, 4000.0, 5000.0)


def flat(shape=(4, 5, 6), vs=2000.0, **properties) -> Geology:
    return make_geology(np.full(shape, vs), EXTENT, **properties)


def rough() -> xr.DataArray:
    """A labelled array whose values differ everywhere."""
    values = np.random.default_rng(0).uniform(1500, 3500, (4, 5, 6)).astype(np.float32)
    return make_geology(values, EXTENT).vs


@given(st.tuples(*[st.integers(2, 7)] * 3), st.tuples(*[st.floats(10, 1e5)] * 3))
def test_nodes_span_the_domain_edges_included(shape, size):
    g = make_geology(np.full(shape, 2000.0), size)
    assert g.vs.dims == ("x", "y", "z")
    assert g.shape == g.vs.shape == shape
    assert g.vs.dtype == g.vs_m_s.dtype == np.float32
    np.testing.assert_allclose(g.extent_m, size, rtol=1e-12)
    np.testing.assert_allclose(g.spacing_m, [s / (n - 1) for s, n in zip(size, shape, strict=True)], rtol=1e-12)
    assert g.x_m[0] == g.y_m[0] == g.z_m[-1] == 0
    assert g.z_m[0] == -size[2]


def test_index_zero_is_the_deepest():
    vs = np.broadcast_to(np.array([4000.0, 3000.0, 2000.0]), (4, 5, 3))
    g = make_geology(vs).vs
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


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 0.0, -5.0, 10_001.0])
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
    "two dims": (lambda g: g.isel(z=0, drop=True), "geology"),
    "other dims": (lambda g: g.rename(x="lon", y="lat"), "geology"),
    "no coordinate": (lambda g: g.drop_vars("y"), "geology.y"),
    "no coordinates": (lambda g: g.drop_vars(["x", "y", "z"]), "geology.x"),
    "decreasing x": (lambda g: g.isel(x=slice(None, None, -1)), "geology.x"),
    "uneven y": (lambda g: g.assign_coords(y=[0.0, 1.0, 2.0, 3.0, 5.0]), "geology.y"),
    "nan in z": (lambda g: g.assign_coords(z=[-5.0, -4.0, np.nan, -2.0, -1.0, 0.0]), "geology.z"),
    "z positive down": (lambda g: g.assign_coords(z=np.linspace(0, 5000, 6)), "geology.z"),
    "positions in km": (lambda g: g.assign_coords(x=g["x"].assign_attrs(units="km")), "geology.x.units"),
    "feet per second": (lambda g: g.assign_attrs(units="ft/s"), "geology.units"),
    "true or false": (lambda g: g > 0, "geology"),
    "P-wave velocity": (lambda g: g.rename("vp"), "geology"),
    "other variables": (lambda g: g.to_dataset().assign(rho=g), "geology"),
    "no labels": (lambda g: g.values, "geology"),
    "table": (lambda g: g.to_series(), "geology"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_refused_with_its_field(name):
    damage, field = DAMAGE[name]
    with pytest.raises(InputError) as caught:
        as_geology(damage(flat().vs))
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_geology_is_not_parsed_again():
    g = flat()
    assert as_geology(g) is g


@pytest.mark.parametrize("order", [("z", "y", "x"), ("y", "x", "z"), ("x", "z", "y")])
def test_axes_are_put_in_order_by_name(order):
    vs = rough()
    for g in (as_geology(vs.transpose(*order)), make_geology(vs.transpose(*order))):
        np.testing.assert_array_equal(g.vs_m_s, vs.values)
        assert g.extent_m == EXTENT


def test_coordinates_say_where_the_nodes_are():
    vs = rough()
    assert make_geology(vs).extent_m == EXTENT
    assert make_geology(vs, EXTENT).extent_m == EXTENT
    with pytest.raises(InputError, match=r"^extent_m: got 9600 x 9600 x 9600 m; allowed: 3000 x 4000 x 5000 m"):
        make_geology(vs, (9600.0, 9600.0, 9600.0))
    assert make_geology(vs.drop_vars(["x", "y", "z"]).transpose("z", "y", "x"), EXTENT).shape == (4, 5, 6)
    with pytest.raises(InputError, match=r"geology\.y"):
        make_geology(vs.drop_vars("y"))


@pytest.mark.parametrize("units", ["m/s", "m s-1", "m s**-1", "meter / second", "metres/second"])
def test_spellings_of_the_unit(units):
    assert as_geology(rough().assign_attrs(units=units)).shape == (4, 5, 6)


@pytest.mark.parametrize(("units", "factor"), [("km/s", "1000"), ("ft/s", "0.3048")])
def test_another_unit_is_refused_with_what_mends_it(units, factor):
    with pytest.raises(InputError, match=rf"^geology\.units: got {units}; allowed: m/s: multiply by {factor}$"):
        make_geology(rough().assign_attrs(units=units))


class Quantity:
    """As those of pint."""

    def __init__(self, magnitude, units):
        self.magnitude, self.units = magnitude, units


def test_a_quantity_says_its_unit():
    vs = rough().values
    np.testing.assert_array_equal(make_geology(Quantity(vs, "meter / second")).vs_m_s, vs)
    with pytest.raises(InputError, match=r"^geology\.units: got kilometer/second; allowed: m/s: multiply by 1000"):
        make_geology(Quantity(vs, "kilometer / second"))


def test_masked_values_are_refused_and_a_mask_of_none_is_not():
    vs = np.ma.masked_less(rough().values, 0)
    np.testing.assert_array_equal(make_geology(vs).vs_m_s, rough().values)
    vs[1, 2, 3] = np.ma.masked
    with pytest.raises(InputError, match=r"^geology: got 1 masked values"):
        make_geology(vs)


def test_a_table_is_refused_with_what_is_taken():
    with pytest.raises(InputError, match=r"DataArray"):
        make_geology(pd.Series(rough().values.ravel(), index=rough().to_series().index))


def test_whole_numbers_are_taken():
    assert as_geology(flat().vs.astype(int)).vs_m_s[0, 0, 0] == 2000


def test_nothing_can_be_changed():
    g = flat()
    values = np.full((4, 5, 6), 2000.0, np.float32)
    with pytest.raises(ValueError, match="read-only"):
        g.vs_m_s[0, 0, 0] = 1.0
    with pytest.raises(AttributeError):
        g.given = {}  # type: ignore[misc]
    kept = make_geology(values, EXTENT)
    values[:] = 3000.0
    assert kept.vs_m_s.max() == 2000


def test_properties_by_law_and_as_given():
    by_law = flat()
    assert list(by_law.dataset.data_vars) == ["vs"]
    assert float(by_law.vp[0, 0, 0]) == pytest.approx(3400)
    assert float(by_law.density[0, 0, 0]) == pytest.approx(2301.4, abs=0.1)
    assert float(by_law.qs[0, 0, 0]) == pytest.approx(200)
    assert float(by_law.qp[0, 0, 0]) == pytest.approx(400)
    full = np.ones(by_law.shape)
    own = flat(vp_m_s=4000 * full, density_kg_m3=2500 * full, qs=50 * full, qp=70 * full)
    assert list(own.dataset.data_vars) == ["vs", "vp", "density", "qs", "qp"]
    found = [float(v.max()) for v in (own.vp, own.density, own.qs, own.qp)]
    assert found == [4000, 2500, 50, 70]
    assert {str(v.attrs["units"]) for v in (own.vp, own.density, own.qs)} == {"m/s", "kg/m3", "1"}
    xr.testing.assert_identical(as_geology(own.dataset).dataset, own.dataset)
    # Density follows Vp, its own or by law.
    assert float(flat(vp_m_s=4000 * full).density.max()) == pytest.approx(2393.3, abs=0.1)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"vp_m_s": 2300.0}, r"^geology\.vp: got 1\.15 times Vs; allowed: at least 1\.2 times Vs, in m/s$"),
        ({"vp_m_s": 3.4}, r"^geology\.vp: got 0\.0017 times Vs"),
        ({"vp_m_s": 25_000.0}, r"^geology\.vp: got up to 25000 m/s"),
        ({"density_kg_m3": 2.5}, r"^geology\.density: got 2\.5 to 2\.5 kg/m3; allowed: 500 to 10000 kg/m3"),
        ({"density_kg_m3": np.nan}, r"^geology\.density: got 120 NaN"),
        ({"qs": 0.0}, r"^geology\.qs: got 0; allowed: quality factors above 0$"),
        ({"qp": -10.0}, r"^geology\.qp: got -10"),
    ],
)
def test_implausible_properties_are_refused(properties, words):
    (name, value), *_ = properties.items()
    with pytest.raises(InputError, match=words):
        flat(**{name: np.full((4, 5, 6), value)})


def test_properties_on_other_nodes_are_refused():
    vs = rough()
    with pytest.raises(InputError, match=r"^geology\.vp: got shape \(4, 5, 5\); allowed: shape \(4, 5, 6\)"):
        flat(vp_m_s=np.full((4, 5, 5), 4000.0))
    with pytest.raises(InputError, match=r"^geology\.vp\.x: got other positions; allowed: those of vs"):
        make_geology(vs, vp_m_s=2 * vs.assign_coords(x=vs["x"] + 10))


def test_what_else_is_known_is_kept():
    assert as_geology(rough().assign_attrs(origin="a survey")).attrs == {"origin": "a survey"}
    assert as_geology(flat(attrs={"origin": "a survey"}).dataset).attrs == {"origin": "a survey"}
