"""Models of the ground in other people's formats: their own values at their own nodes, and every refusal."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.io import netcdf_file

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, make_geology
from spectremor.core.georeference import Georeference
from spectremor.core.units import canonical_unit, check_unit
from spectremor.data.geology_files import read_geology, write_geology
from spectremor.data.grounds import resample
from spectremor.data.grounds.placing import local_grid

FORMATS = Path(os.environ.get("SPECTREMOR_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "formats"
CORNER = Georeference(longitude_deg=13.0, latitude_deg=42.0)
EXTENT = (4000.0, 6000.0, 3000.0)

pytestmark = pytest.mark.filterwarnings("ignore::spectremor.core.errors.InputWarning")


def _file(name: str) -> Path:
    if not (FORMATS / name).exists():
        pytest.skip(f"published data not found: {FORMATS / name} (set SPECTREMOR_SHARED)")
    return FORMATS / name


def _speed(longitude, latitude, depth_m):
    """Linear along each axis: what trilinear interpolation gives back exactly."""
    return 2000 + 900 * (longitude - 13) + 700 * (latitude - 42) + 0.2 * depth_m


def _model(**changes) -> xr.Dataset:
    """A model in longitude, latitude and depth in m, with Vp and density."""
    axes = {
        "longitude": np.linspace(12.9, 13.2, 7),
        "latitude": np.linspace(41.9, 42.2, 5),
        "depth": np.array([0.0, 500.0, 1500.0, 4000.0]),
    } | changes
    vs = _speed(*np.meshgrid(*axes.values(), indexing="ij"))
    dims = tuple(axes)
    data = {"vs": (dims, vs, {"units": "m/s"}), "vp": (dims, 1.8 * vs, {"units": "m/s"})}
    dataset = xr.Dataset(data | {"rho": (dims, 0.5 * vs + 1200, {"units": "kg/m3"})}, coords=axes)
    dataset["depth"].attrs = {"units": "m", "positive": "down"}
    return dataset


def _read(model, corner=CORNER, extent_m=EXTENT, spacing_m=1000.0) -> Geology:
    return read_geology(model, corner=corner, extent_m=extent_m, spacing_m=spacing_m)


def _expected(corner: Georeference = CORNER) -> np.ndarray:
    x, y = np.meshgrid(np.arange(5) * 1000.0, np.arange(7) * 1000.0, indexing="ij")
    longitude, latitude = corner.to_lonlat(x, y)
    return _speed(longitude[..., None], latitude[..., None], np.arange(4)[::-1] * 1000.0)


# What is right


@pytest.mark.parametrize("azimuth", [0.0, 20.0])
def test_a_linear_model_is_met_exactly(azimuth: float) -> None:
    corner = Georeference(longitude_deg=13.0, latitude_deg=42.0, azimuth_deg=azimuth)
    ground = _read(_model(), corner)
    np.testing.assert_allclose(ground.vs_m_s, _expected(corner), rtol=1e-5)
    np.testing.assert_allclose(ground.vp.values, 1.8 * _expected(corner), rtol=1e-5)
    np.testing.assert_allclose(ground.density.values, 0.5 * _expected(corner) + 1200, rtol=1e-5)
    assert ground.z_m.tolist() == [-3000.0, -2000.0, -1000.0, 0.0]
    assert ground.attrs["corner_longitude_deg"] == 13.0


def _as_it_really_comes(model: xr.Dataset, case: str) -> xr.Dataset:
    if case == "another order":
        return model.transpose("depth", "longitude", "latitude")
    if case == "other directions":
        return model.isel(longitude=slice(None, None, -1), depth=slice(None, None, -1))
    if case == "km and km/s":
        model = model.assign({name: model[name] / 1000 for name in ("vs", "vp")})
        model["rho"] = model["rho"] / 1000
        model["vs"].attrs, model["vp"].attrs = {"units": "km.s-1"}, {"units": "kilometers/second"}
        model["rho"].attrs = {"units": "g.cm-3"}
        model = model.assign_coords(depth=model["depth"] / 1000)
        model["depth"].attrs = {"units": "km", "positive": "down"}
        return model
    if case == "elevation":
        model = model.assign_coords(depth=-model["depth"]).rename(depth="elevation")
        model["elevation"].attrs = {"units": "m"}
        return model
    if case == "a turn off":
        return model.assign_coords(longitude=model["longitude"] - 360)
    return model


@pytest.mark.parametrize("form", ["classic", "netcdf4", "xarray"])
@pytest.mark.parametrize(
    "case", ["plain", "another order", "other directions", "km and km/s", "elevation", "a turn off"]
)
def test_orders_directions_units_and_forms_do_not_matter(case: str, form: str, tmp_path: Path) -> None:
    model = _as_it_really_comes(_model(), case)
    if form != "xarray":
        model.to_netcdf(tmp_path / "m.nc", engine="scipy" if form == "classic" else "h5netcdf")
    ground = _read(model if form == "xarray" else tmp_path / "m.nc")
    np.testing.assert_allclose(ground.vs_m_s, _expected(), rtol=1e-5)
    np.testing.assert_allclose(ground.density.values, 0.5 * _expected() + 1200, rtol=1e-5)


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])
@pytest.mark.parametrize("attribute", ["_FillValue", "missing_value"])
def test_marked_values_are_filled_from_below_and_counted(engine: str, attribute: str, tmp_path: Path) -> None:
    model = _model()
    model["vs"][..., 0] = 99999.0
    model["vs"].attrs[attribute] = 99999.0
    encoding = {name: {"_FillValue": None} for name in model.variables if name != "vs" or attribute != "_FillValue"}
    model.to_netcdf(tmp_path / "m.nc", engine=engine, encoding=encoding)
    with pytest.warns(InputWarning, match=r"geology: 25% of the nodes, where the model has no value, take the nearest"):
        ground = _read(tmp_path / "m.nc")
    # The first depth with values is 500 m.
    expected = _expected()
    expected[..., -1] += 0.2 * 500
    np.testing.assert_allclose(ground.vs_m_s, expected, rtol=1e-5)
    assert ground.attrs["filled_share"] == 0.25


def test_scaled_integers(tmp_path: Path) -> None:
    _model().to_netcdf(
        tmp_path / "m.nc",
        engine="h5netcdf",
        encoding={"vs": {"dtype": "int16", "scale_factor": 0.1, "add_offset": 2500.0, "_FillValue": -32768}},
    )
    np.testing.assert_allclose(_read(tmp_path / "m.nc").vs_m_s, _expected(), atol=0.06)


def test_a_node_without_value_outside_the_domain_does_no_harm() -> None:
    model = _model()
    model["vs"][0] = np.nan
    model["vs"][:, 0] = 0.0
    np.testing.assert_allclose(_read(model).vs_m_s, _expected(), rtol=1e-5)


def test_what_lies_above_the_first_depth_is_said() -> None:
    model = _model(depth=np.array([1500.0, 2500.0, 4000.0]))
    with pytest.warns(InputWarning, match="geology: 50% of the nodes lie above the model's first depth"):
        ground = _read(model)
    np.testing.assert_allclose(ground.vs_m_s[..., 3], ground.vs_m_s[..., 2])
    np.testing.assert_allclose(ground.vs_m_s[..., 3], _expected()[..., 3] + 300, rtol=1e-5)


def test_slow_ground_between_nodes_is_said() -> None:
    model = _model(depth=np.array([0.0, 400.0, 500.0, 600.0, 4000.0]))
    model["vs"][..., 2] = 800.0
    with pytest.warns(InputWarning, match=r"the slowest ground is lost: Vs is 800 m/s or more in the model, and 2"):
        ground = _read(model)
    assert ground.attrs["model_slowest_vs_m_s"] == 800.0


def test_local_metres_and_a_map_projection(tmp_path: Path) -> None:
    """The same ground by its own metres, and by a projection's."""
    axes = {"x": np.arange(0.0, 9000, 1000), "y": np.arange(0.0, 9000, 2000), "depth": np.array([0.0, 1000.0, 3000.0])}
    vs = 2000 + 0.1 * axes["x"][:, None, None] - 0.05 * axes["y"][:, None] + 0.3 * axes["depth"]
    model = xr.Dataset({"vs": (tuple(axes), vs, {"units": "m/s"})}, coords=axes)
    for name in axes:
        model[name].attrs["units"] = "m"
    local = _read(model, corner=None)
    np.testing.assert_allclose(local.vs_m_s[:, 0, -1], 2000 + 0.1 * np.arange(5) * 1000)
    corner = Georeference(longitude_deg=13.0, latitude_deg=42.0, crs="EPSG:32633")
    east, north = corner.to_projected(np.array(0.0), np.array(0.0))
    moved = model.assign_coords(x=model["x"] + float(east), y=model["y"] + float(north))
    for name in axes:
        moved[name].attrs["units"] = "m"
    np.testing.assert_allclose(_read(moved, corner).vs_m_s, local.vs_m_s, rtol=1e-6)
    with pytest.raises(InputError, match=r"^corner\.crs: got nothing; allowed: crs, the map projection"):
        _read(moved)
    with pytest.raises(InputError, match=r"^extent_m\.x: got 0 to 4000 m; allowed: within \d+"):
        _read(moved, corner=None)


def test_a_geology_of_the_project_is_brought_onto_another_grid(tmp_path: Path) -> None:
    vs = np.random.default_rng(0).uniform(1200, 4000, (5, 7, 4))
    write_geology(make_geology(vs, EXTENT), tmp_path / "g.nc")
    same = read_geology(tmp_path / "g.nc", extent_m=EXTENT, spacing_m=1000)
    np.testing.assert_allclose(same.vs_m_s, vs, rtol=1e-6)
    finer = read_geology(tmp_path / "g.nc", extent_m=EXTENT, spacing_m=500)
    np.testing.assert_allclose(finer.vs_m_s[::2, ::2, ::2], vs, rtol=1e-6)


@pytest.mark.shared_data
def test_a_published_model_at_its_own_nodes() -> None:
    path = _file("emc_PNW10_S_kmps.nc")
    with netcdf_file(path, "r", mmap=False) as file:
        lon, lat, depth, vs = (file.variables[n].data.copy() for n in ("longitude", "latitude", "depth", "vs"))
    i, j = 20, 60
    for k in (0, 2, 5):
        corner = Georeference(longitude_deg=float(lon[i]), latitude_deg=float(lat[j]))
        ground = read_geology(path, corner=corner, extent_m=(2500.0, 2500.0, 12500.0), spacing_m=2500.0)
        assert ground.vs_m_s[0, 0, -1 - k] == pytest.approx(1000 * vs[k, j, i], rel=1e-4)
        assert -ground.z_m[-1 - k] == 1000 * depth[k]


@pytest.mark.shared_data
def test_published_layers_keep_values_and_travel_time() -> None:
    ground = read_geology(_file("nr02-vs500.fk1d"), extent_m=(9600.0, 9600.0, 9600.0), spacing_m=300.0)
    profile = {name: values[0, 0] for name, values in ground.given.items()}
    at = int(np.argmin(np.abs(ground.z_m + 6000)))
    found = [float(profile[name][at]) for name in ("vp", "vs", "density", "qp", "qs")]
    assert found == pytest.approx([5800.0, 3350.0, 2700.0, 335.0, 167.5], rel=1e-6)
    with pytest.warns(InputWarning, match="geology: 4 of 13 layers are thinner than the spacing of 300 m"):
        read_geology(_file("nr02-vs500.fk1d"), extent_m=(9600.0, 9600.0, 9600.0), spacing_m=300.0)
    thickness = np.full(33, 300.0)
    thickness[[0, -1]] = 150.0
    table = np.loadtxt(_file("nr02-vs500.fk1d"), skiprows=1)
    inside = np.diff(np.clip(np.append(0, np.cumsum(1000 * table[:, 0])), 0, 9600))
    for name, column in (("vs", 2), ("vp", 1)):
        assert (thickness / profile[name]).sum() == pytest.approx((inside / (1000 * table[:, column])).sum(), rel=1e-6)
    lost = (thickness / profile["vs"] / profile["qs"]).sum()
    assert lost == pytest.approx((inside / (1000 * table[:, 2]) / table[:, 5]).sum(), rel=1e-6)


LAYERS = "thickness_m,vs_m_s,vp_m_s,density_kg_m3,qs,qp\n900,1500,2700,2200,150,300\n2100,2500,4300,2500,250,500\n"


@pytest.mark.parametrize(
    "text",
    [
        LAYERS + ",3500,6000,2700,350,700\n",
        LAYERS + "0,3500,6000,2700,350,700\n",
        "# from a borehole\n" + LAYERS.replace(",", ";") + "0;3500;6000;2700;350;700\n",
        "depth (km),Vs (km/s),Vp [km/s],rho (g/cm3),Qs,Qp\n0,1.5,2.7,2.2,150,300\n0.9,2.5,4.3,2.5,250,500\n"
        "3,3.5,6,2.7,350,700\n",
        "qp,qs,rho_g_cm3,vp_km_s,vs_km_s,top_m\n300,150,2.2,2.7,1.5,0\n500,250,2.5,4.3,2.5,900\n700,350,2.7,6,3.5,3000\n",
    ],
)
def test_layers_by_any_header(text: str, tmp_path: Path) -> None:
    (tmp_path / "layers.csv").write_text(text)
    ground = read_geology(tmp_path / "layers.csv", extent_m=(1200.0, 1200.0, 4800.0), spacing_m=600.0)
    # Cells meet the first interface, 900 m; the one at 3000 m is in the middle of a cell.
    for name, values in (("vs", (1500, 2500, 3500)), ("density", (2200, 2500, 2700)), ("qp", (300, 500, 700))):
        column = ground.given[name][0, 0]
        np.testing.assert_allclose(column[[-1, -2, -3, -4, -5, -7, -8, -9]], np.repeat(values, (2, 3, 3)), rtol=1e-6)
    assert ground.vs_m_s[0, 0, -6] == pytest.approx(2 / (1 / 2500 + 1 / 3500))
    assert float(ground.density[0, 0, -6]) == pytest.approx(2600)


def test_layers_that_end_above_the_bottom_are_said(tmp_path: Path) -> None:
    (tmp_path / "layers.csv").write_text("thickness_m,vs_m_s\n600,1500\n1200,3000\n")
    with pytest.warns(InputWarning, match=r"50% of the nodes lie below the model's last layer"):
        read_geology(tmp_path / "layers.csv", extent_m=(600.0, 600.0, 4200.0), spacing_m=600.0)


def _xyz(path: Path, *, sign: float = 1.0, scale: float = 1.0, rows=None, header=None) -> Path:
    x, y, z = np.arange(3) * 3000.0, np.arange(4) * 3000.0, np.arange(-4000.0, 1, 1000)
    points = np.array([(a, b, c) for c in z for b in y for a in x])
    vs = 2000 + 0.1 * points[:, 0] + 0.05 * points[:, 1] - 0.3 * points[:, 2]
    table = np.column_stack([points * [1, 1, sign], 1.8 * vs * scale, vs * scale, 0.5 * vs + 1200])
    table = table if rows is None else rows(table)
    span = [table[:, k + 3].min() if e == 0 else table[:, k + 3].max() for k in range(3) for e in (0, 1)]
    lines = [[*table[0, :3], *table[-1, :3]], [3000.0, 3000.0, 1000.0 * sign], [3, 4, 5], span]
    lines = lines if header is None else header(lines)
    text = "# made by a test\n" + "\n".join(" ".join(f"{v:.10g}" for v in line) for line in lines)
    path.write_text(text + "\n" + "\n".join(" ".join(f"{v:.10g}" for v in row) for row in table) + "\n")
    return path


def test_specfem_tomography(tmp_path: Path) -> None:
    ground = _read(_xyz(tmp_path / "tomography_model.xyz"), corner=None)
    x, y, z = np.meshgrid(ground.x_m, ground.y_m, ground.z_m, indexing="ij")
    np.testing.assert_allclose(ground.vs_m_s, 2000 + 0.1 * x + 0.05 * y - 0.3 * z, rtol=1e-5)
    np.testing.assert_allclose(ground.vp.values, 1.8 * ground.vs_m_s, rtol=1e-5)


# What is refused


def _set(model: xr.Dataset, name: str, **attrs) -> xr.Dataset:
    model[name].attrs |= attrs
    return model


def _without(model: xr.Dataset, name: str, attribute: str) -> xr.Dataset:
    del model[name].attrs[attribute]
    return model


def _changed(name: str, change) -> xr.Dataset:
    model = _model()
    model[name] = change(model[name]).assign_attrs(model[name].attrs)
    return model


def _depth(change, **attrs) -> xr.Dataset:
    model = _model()
    model = model.assign_coords(depth=change(model["depth"]))
    model["depth"].attrs = {"units": "m", "positive": "down"} | attrs
    return model


REFUSED = {
    "a depth with minus signs": (
        lambda: _depth(lambda d: -d),
        r"^geology\.depth: got -4000 to 0 m, positive down: above the ground; "
        r"allowed: positive up: ncatted -O -a positive,depth,o,c,up m\.nc$",
    ),
    "an elevation without them": (
        lambda: _set(_model().rename(depth="elevation"), "elevation", positive="up"),
        r"positive up: above the ground; allowed: positive down: ncatted -O -a positive,elevation,o,c,down m\.nc$",
    ),
    "a depth without a unit": (
        lambda: _without(_model(), "depth", "units"),
        r"^geology\.depth\.units: got nothing; allowed: m or km: ncatted -O -a units,depth,o,c,m m\.nc$",
    ),
    "metres called km": (
        lambda: _depth(lambda d: d * 5, units="km"),
        r"^geology\.depth: got up to 20000 km; allowed: m: ncatted -O -a units,depth,o,c,m m\.nc$",
    ),
    "km called metres": (
        lambda: _depth(lambda d: d / 1000),
        r"^extent_m: got 3000 m deep; allowed: at most 4 m deep, .* km for 4$",
    ),
    "km/s called m/s": (
        lambda: _changed("vs", lambda v: v / 1000),
        r"^geology\.vs: got up to 3\.\d+ m/s; allowed: km/s: ncatted -O -a units,vs,o,c,km\.s-1 m\.nc$",
    ),
    "m/s called km/s": (
        lambda: _set(_model(), "vp", units="km/s"),
        r"^geology\.vp: got up to 5\d+.* km/s; allowed: m/s: ncatted -O -a units,vp,o,c,m\.s-1 m\.nc$",
    ),
    "g/cm3 called kg/m3": (
        lambda: _changed("rho", lambda v: v / 1000),
        r"^geology\.density: got up to 2\.\d+ kg/m3; allowed: g/cm3: ncatted",
    ),
    "a speed without a unit": (
        lambda: _without(_model(), "vs", "units"),
        r"^geology\.vs\.units: got nothing; allowed: m/s or km/s: ncatted -O -a units,vs,o,c,m\.s-1 m\.nc$",
    ),
    "a speed in percent": (lambda: _set(_model(), "vs", units="percent"), r"^geology\.vs\.units: got percent"),
    "a mark that is not declared": (
        lambda: _changed("vs", lambda v: v.where(v > 2100, 99999.0)),
        r"^geology\.vs: got values of 99999, as if missing; .*ncatted -O -a missing_value,vs,o,f,99999 m\.nc$",
    ),
    "a negative mark that is not declared": (
        lambda: _changed("vs", lambda v: v.where(v > 2100, -999.0)),
        r"^geology\.vs: got values of -999, as if missing; .*missing_value,vs,o,f,-999 m\.nc$",
    ),
    "water": (
        lambda: _changed("vs", lambda v: v.where(v.depth > 0, 0.0)),
        r"^geology\.vs: got 0 at \([\d.]+, [\d.]+\), 0 m deep, one of \d+ such values; "
        r"allowed: above 0: mark water as missing",
    ),
    "Vp below 1.2 Vs": (
        lambda: _changed("vp", lambda v: v / 1.8 * 1.1),
        r"^geology\.vp: got 1\.1 times Vs; allowed: at least 1\.2 times Vs$",
    ),
    "Q at 0": (
        lambda: _model().assign(Qs=lambda m: (0 * m["vs"]).assign_attrs({"units": "count"})),
        r"^geology\.qs: got 0 at .*; allowed: above 0$",
    ),
    "no values in a column": (
        lambda: _changed("vs", lambda v: v.where(v.longitude < 13.02)),
        r"^geology\.vs: got \d+ columns without any value|^geology\.vs: got \d+ of 35 columns without any value",
    ),
    "no vs": (lambda: _model().rename(vs="dvs"), r"^geology: got variables \[.*'dvs'.*; allowed: one named vs"),
    "unknown axes": (
        lambda: _model().rename(depth="layer"),
        r"^geology: got dims \('longitude', 'latitude', 'layer'\); allowed: an axis each",
    ),
    "an axis that turns back": (
        lambda: _depth(lambda d: d.where(d != 1500, 100.0)),
        r"^geology\.depth: got 4 positions; allowed: two or more that all increase, or all decrease$",
    ),
    "latitudes beyond the pole": (
        lambda: _model(latitude=np.linspace(41.9, 142.2, 5)),
        r"^geology\.latitude: got 41\.9 to 142\.2; allowed: degrees in \[-90, 90\]$",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_models_are_one_line(case: str, tmp_path: Path) -> None:
    make, message = REFUSED[case]
    make().to_netcdf(tmp_path / "m.nc", engine="scipy" if len(case) % 2 else "h5netcdf")
    with pytest.raises(InputError, match=message):
        _read(tmp_path / "m.nc")


PLACES = {
    "no corner": ({"corner": None}, r"^corner: got nothing; allowed: longitude and latitude of the domain's corner"),
    "swapped": (
        {"corner": Georeference(longitude_deg=42.0, latitude_deg=13.0)},
        r"^corner: got longitude 42, latitude 13, \d{4} km from the model; "
        r"allowed: longitude 13, latitude 42: they look swapped$",
    ),
    "elsewhere": (
        {"corner": Georeference(longitude_deg=-120.0, latitude_deg=42.0)},
        r"^corner: got longitude -120, latitude 42, \d+ km from the model; allowed: within longitude 12\.9 to 13\.2, ",
    ),
    "too far": (
        {"extent_m": (4000.0, 90000.0, 3000.0)},
        r"^extent_m: got 4000 x 90000 m: longitude .*; allowed: within longitude 12\.9 to 13\.2, latitude 41\.9 to 42",
    ),
    "too deep": ({"extent_m": (4000.0, 6000.0, 5000.0)}, r"^extent_m: got 5000 m deep; allowed: at most 4000 m deep"),
    "no extent": ({"extent_m": None}, r"^extent_m: got nothing"),
    "no spacing": ({"spacing_m": None}, r"^spacing_m: got nothing"),
    "an odd spacing": ({"spacing_m": 900.0}, r"^spacing_m: got 900 m; allowed: a part of 4000 m, e\.g\. 1000 m$"),
    "a tiny spacing": ({"spacing_m": 0.01}, r"^spacing_m: got 0\.01 m, .* nodes; allowed: at most"),
    "two sides": ({"extent_m": (4000.0, 6000.0)}, r"^extent_m: .*; allowed: three sizes in m"),
    "a negative side": ({"extent_m": (4000.0, -6000.0, 3000.0)}, r"^extent_m: .*; allowed: three sizes above 0 m"),
}


@pytest.mark.parametrize("case", PLACES)
def test_wrong_places_are_one_line(case: str) -> None:
    changes, message = PLACES[case]
    with pytest.raises(InputError, match=message):
        _read(_model(), **changes)


def test_a_corner_is_a_georeference() -> None:
    with pytest.raises(InputError, match=r"^corner: got a tuple; allowed: a Georeference"):
        local_grid((13.0, 42.0), EXTENT, 1000.0)


TABLES = {
    "no header": ("900,1500\n0,2500\n", r"^geology\.header: got numbers in the first line"),
    "no unit": (
        "thickness,vs_m_s\n900,1500\n",
        r"^geology\.thickness\.units: got nothing in 'thickness'; allowed",
    ),
    "another unit": ("thickness (ft),vs_m_s\n900,1500\n", r"^geology\.thickness\.units: got ft; allowed: m or km$"),
    "an unknown column": ("thickness_m,vs_m_s,colour\n1,2,3\n", r"^geology\.header: got a column 'colour'"),
    "a column twice": ("thickness_m,vs_m_s,vs_km_s\n1,2,3\n", r"^geology\.header: got two columns of vs"),
    "no thickness": ("vs_m_s,vp_m_s\n1500,3000\n", r"^geology\.header: got vs_m_s, vp_m_s; allowed: vs, and thickness"),
    "km/s as m/s": ("thickness_m,vs_m_s\n900,1.5\n,3\n", r"^geology\.vs: got up to 3 m/s; allowed: km/s: write"),
    "m/s as km/s": (
        "thickness_m,vs_km_s\n9,1500\n,3000\n",
        r"^geology\.vs: got up to 3000 km/s; allowed: m/s: write",
    ),
    "water": (
        "thickness_m,vs_m_s\n300,0\n,3000\n",
        r"^geology\.vs: got 0 in layer 1, 0 m deep; allowed: above 0",
    ),
    "a negative speed": ("thickness_m,vs_m_s\n300,900\n,-3000\n", r"^geology\.vs: got -3000 in layer 2, 300 m deep"),
    "slow P waves": ("thickness_m,vs_m_s,vp_m_s\n,900,1000\n", r"^geology\.vp: got 1\.11 times Vs in layer 1"),
    "a negative thickness": ("thickness_m,vs_m_s\n-5,900\n,3000\n", r"^geology\.thickness: got -5 m; allowed: above 0"),
    "negative depths": (
        "depth_m,vs_m_s\n0,900\n-300,3000\n",
        r"^geology\.depth: got 0 to -300 m; allowed: positive",
    ),
    "depths in disorder": ("depth_m,vs_m_s\n0,900\n300,1500\n200,3000\n", r"^geology\.depth: got 0, 300, 200 \.\.\. m"),
    "comma decimals": ("thickness_m,vs_m_s\n900,5,1500\n", r"^geology\.row 2: got 3 values; .*with a decimal point"),
    "comma decimals between semicolons": (
        "thickness_m;vs_m_s\n900,5;1500\n",
        r"^geology\.row 2\.thickness: got '900,5'; allowed: a number with a decimal point$",
    ),
    "a word": ("thickness_m,vs_m_s\nten,1500\n", r"^geology\.row 2\.thickness: got 'ten'; allowed: a number$"),
    "NaN": ("thickness_m,vs_m_s\n10,nan\n", r"^geology\.row 2\.vs: got nan; allowed: a finite number$"),
    "no layer": ("thickness_m,vs_m_s\n", r"^geology: got 0 layers"),
    "nothing": ("\n\n", r"^geology: got .* \(no line\)"),
}


@pytest.mark.parametrize("case", TABLES)
def test_wrong_tables_are_one_line(case: str, tmp_path: Path) -> None:
    text, message = TABLES[case]
    (tmp_path / "layers.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_geology(tmp_path / "layers.csv", extent_m=EXTENT, spacing_m=1000.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\n1 3 1.5 2 30 15\n", r"^geology\.layers: got 3, and 1 lines of them"),
        ("1\n1 3 1.5 2 30\n", r"^geology\.row 2: got 5 values; allowed: 6: thickness km"),
        ("1 3 1.5 2 30 15\n", r"^geology: got .*no number of layers"),
        ("1\n1 3000 1500 2 30 15\n", r"^geology\.vp: got up to 3000 km/s; allowed: m/s"),
        ("1\n1 1.5 3 2 30 15\n", r"^geology\.vp: got 0\.5 times Vs in layer 1"),
    ],
)
def test_wrong_fk1d_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "layers.fk1d").write_text(text)
    with pytest.raises(InputError, match=message):
        read_geology(tmp_path / "layers.fk1d", extent_m=EXTENT, spacing_m=1000.0)


XYZ = {
    "z counts downward": ({"sign": -1.0}, r"^geology\.z: got .*; allowed: "),
    "km/s": ({"scale": 1e-3}, r"^geology\.vp: got up to \d\.\d+, as if in km/s; allowed: m/s: multiply vp by 1000"),
    "too few points": ({"rows": lambda t: t[:-1]}, r"^geology"),
    "y fastest": (
        {"rows": lambda t: t.reshape(5, 4, 3, 6).transpose(0, 2, 1, 3).reshape(-1, 6)},
        r"^geology\.point 2\.x: got 0 m in .*; allowed: 3000 m, as the header says: x fastest",
    ),
    "another spacing": (
        {"header": lambda h: [h[0], [1000.0, 3000.0, 1000.0], *h[2:]]},
        r"^geology\.spacing\.x: got 1000 m, 3 points from 0 to 6000 m; allowed: 3000 m$",
    ),
    "another range": ({"header": lambda h: [*h[:3], [1, 2, 3, 4, 5, 6]]}, r"^geology\.vp: got .*as the header says$"),
    "a huge number of points": (
        {"header": lambda h: [*h[:2], [30000, 40000, 50000], h[3]]},
        r"^geology\.numbers: got 30000 x 40000 x 50000",
    ),
    "a short header": ({"header": lambda h: [[1.0, 2.0], *h]}, r"^geology\.origin and end: got 2 values"),
}


@pytest.mark.parametrize("case", XYZ)
def test_wrong_specfem_files_are_one_line(case: str, tmp_path: Path) -> None:
    changes, message = XYZ[case]
    path = _xyz(tmp_path / "model.xyz", **changes)
    with pytest.raises(InputError, match=message):
        _read(path, corner=None)


def test_a_grid_is_only_for_models(tmp_path: Path) -> None:
    np.save(tmp_path / "g.npy", np.full((4, 4, 4), 2000.0))
    with pytest.raises(InputError, match=r"^spacing_m: got 300; allowed: nothing: .* is read on its own grid$"):
        read_geology(tmp_path / "g.npy", spacing_m=300)
    _model().to_netcdf(tmp_path / "m.nc", engine="scipy")
    with pytest.raises(InputError, match=r"^extent_m: got nothing"):
        read_geology(tmp_path / "m.nc")
    with pytest.raises(InputError, match=r"^index: got 2; allowed: none: .* holds one model$"):
        read_geology(tmp_path / "m.nc", 2)


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])
def test_damaged_files_are_one_line(engine: str, tmp_path: Path) -> None:
    _model().to_netcdf(tmp_path / "m.nc", engine=engine)
    content = (tmp_path / "m.nc").read_bytes()
    for size in (4, 40, len(content) // 2):
        (tmp_path / "m.nc").write_bytes(content[:size])
        with pytest.raises(InputError, match=r"^geology: got .*m\.nc"):
            _read(tmp_path / "m.nc")


def test_nothing_is_said_where_nothing_is_lost() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _read(_model())


@pytest.mark.parametrize("cell", ["( " + " " * 60_000 + "x", "vs" + " " * 60_000 + "x", "vs (m/s" + ")" * 60_000])
def test_endless_names_of_columns_are_refused_at_once(cell: str, tmp_path: Path) -> None:
    """Each once took the square or the cube of its length."""
    path = tmp_path / "layers.csv"
    path.write_text(f"thickness_m,{cell}\n600,1500\n,3000\n")
    with pytest.raises(InputError, match=r"geology\.header: got a column"):
        read_geology(path, extent_m=(1200.0,) * 3, spacing_m=300.0)


def test_units_of_any_length_take_no_longer_than_they_are() -> None:
    assert canonical_unit("m" + " " * 200_000 + "x").startswith("m ")
    with pytest.raises(InputError, match="units"):
        check_unit("vs", "m" + " " * 200_000 + "x", "m/s")


def test_a_grid_that_this_machine_has_no_room_for_is_refused_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "layers.csv"
    path.write_text(LAYERS)
    monkeypatch.setattr(resample, "present_bytes", lambda: 1 << 23)
    assert read_geology(path, extent_m=(6000.0,) * 3, spacing_m=300.0).shape == (21, 21, 21)
    with pytest.raises(InputError, match=r"spacing_m: got 100 m, 61 x 61 x 61 nodes, .* GiB of memory"):
        read_geology(path, extent_m=(6000.0,) * 3, spacing_m=100.0)


def test_sizes_as_if_in_km_are_said(tmp_path: Path) -> None:
    path = tmp_path / "layers.csv"
    path.write_text("thickness_m,vs_m_s\n,3000\n")
    with pytest.warns(InputWarning, match=r"9\.6 x 9\.6 x 9\.6 m \(sizes in km\?"):
        read_geology(path, extent_m=(9.6,) * 3, spacing_m=0.3)
