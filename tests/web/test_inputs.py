"""The page takes what the programs take, draws it, and says in one line at the control what it does not take."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import io
import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.io import netcdf_file

from spectremor.core.errors import InputError
from spectremor.core.geology import make_geology
from spectremor.model.folder import read_model_folder
from spectremor.web import uploads
from spectremor.web.choices import ONLY_GRID, ONLY_POINTS
from spectremor.web.ground import GroundGrid
from spectremor.web.model_controls import SIMULATION_ONLY
from spectremor.web.remarks import enable_remark_collection
from spectremor.web.scene import Scene
from spectremor.web.station_controls import GRID
from spectremor.web.studio import Studio
from spectremor.web.uploads import read_ground, read_stations_upload

LAYERS = b"thickness_m,vs_m_s\n1200,1500\n,3000\n"
FK1D = b"3\n0.6 2.6 1.5 2.2 200 100\n0.6 3.5 2.0 2.4 400 200\n0.0 6.0 3.5 2.7 1000 500\n"
STATIONS = b"name,x_m,y_m\nNORTH,1200,2100\nSOUTH,1200,300\nWEST,300,1200\n"
DEGREES = b"name,longitude,latitude\nNORTH,13.0145,42.019\nSOUTH,13.0145,42.0027\n"
STATION_XML = b"""<?xml version="1.0"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1"><Source>test</Source>
<Created>2020-01-01T00:00:00</Created><Network code="IV"><Station code="AQU"><Latitude>42.01</Latitude>
<Longitude>13.02</Longitude><Elevation>0</Elevation><Site><Name>A</Name></Site></Station></Network></FDSNStationXML>
"""
#: The first points of a rupture of the magnitude 5.89 near Whittier, and where it lies.
SRF = Path(__file__).parents[1] / "exchange" / "data" / "ruptures" / "whittier_excerpt.srf"
SRF_CORNER = (-118.06, 33.98)


def specfem(side_m: float = 2400.0) -> bytes:
    """A tomography model of SPECFEM on 3 x 3 x 3 points."""
    axis = np.linspace(0.0, side_m, 3)
    points = np.array([(x, y, z) for z in axis - side_m for y in axis for x in axis])
    vs = 2000 - 0.4 * points[:, 2]
    table = np.column_stack([points, 1.8 * vs, vs, 0.5 * vs + 1200])
    span = [f(table[:, k]) for k in (3, 4, 5) for f in (np.min, np.max)]
    head = [[*table[0, :3], *table[-1, :3]], [side_m / 2] * 3, [3, 3, 3], span]
    return "\n".join(" ".join(f"{v:.10g}" for v in line) for line in [*head, *table]).encode()


def model_in_degrees() -> bytes:
    """A NetCDF file of the classic form with axes of longitude, latitude and depth, as repositories of models have."""
    file = io.BytesIO()
    with netcdf_file(file, "w") as made:
        axes = {
            "longitude": np.linspace(12.9, 13.2, 4),
            "latitude": np.linspace(41.9, 42.2, 4),
            "depth": np.linspace(0.0, 10.0, 5),
        }
        for name, values in axes.items():
            made.createDimension(name, len(values))
            variable = made.createVariable(name, "d", (name,))
            variable[:] = values
            variable.units = "km" if name == "depth" else "degrees"
        vs = made.createVariable("vs", "f", ("depth", "latitude", "longitude"))
        vs[:] = 2.0 + 0.2 * np.arange(5)[:, None, None] + np.zeros((5, 4, 4))
        vs.units = "km/s"
        made.flush()
        return file.getvalue()


#: A neural operator alone, which takes points, and stations in its cube.
OPERATOR = "mifno"


@pytest.fixture
def page(field, page_with):
    return page_with(lambda *_: Scene.of(field, "generated"))


@pytest.fixture
def heard():
    """The process hears remarks, as the server's does."""
    with warnings.catch_warnings():
        enable_remark_collection()
        yield


def small_grid(page, side_km: float = 2.4, spacing_m: float = 300.0) -> None:
    for side in page.ground.sides:
        side.value = side_km
    page.ground.spacing.value = spacing_m


def place(page, longitude: float = 13.0, latitude: float = 42.0) -> None:
    page.place.longitude.value, page.place.latitude.value = longitude, latitude


def asked(page):
    return page._studio.asked[-1]


@pytest.mark.parametrize(
    ("name", "content"),
    [("layers.csv", LAYERS), ("site.fk1d", FK1D), ("tomography_model.xyz", specfem())],
)
def test_models_of_the_ground_come_onto_the_grid(page, heard, name, content):
    small_grid(page)
    asyncio.run(page.open_ground(name, content))
    ground = page.ground.ground
    assert ground.name == name
    assert ground.geology.shape == (9, 9, 9)
    assert ground.geology.extent_m == (2400.0, 2400.0, 2400.0)
    assert "2.4 × 2.4 × 2.4 km, 9 × 9 × 9 nodes" in page.ground.about.object
    first, second = page.files_view._text.value.splitlines()
    words = shlex.split(first)
    assert words[:4] == ["spectremor", "geology", "import", name]
    assert words[words.index("--extent") + 1] == "2400,2400,2400"
    assert words[words.index("--spacing") + 1] == "300"
    assert "--origin-lon" not in words
    assert shlex.split(second)[2:4] == ["--geology", words[-1]]


def test_a_model_in_degrees_needs_the_place_and_says_so_at_the_control(page, heard):
    small_grid(page)
    asyncio.run(page.open_ground("model.nc", model_in_degrees()))
    assert page.ground.reply.text.startswith("Corner: got nothing")
    assert not page.reply.text
    assert page.ground.ground.name == "example"
    place(page)
    asyncio.run(page.open_ground("model.nc", model_in_degrees()))
    assert page.ground.ground.geology.shape == (9, 9, 9)
    assert "--origin-lon 13 --origin-lat 42" in page.files_view._text.value.splitlines()[0]


def test_what_a_model_loses_on_the_grid_is_said_at_the_control(page, heard):
    small_grid(page)
    asyncio.run(page.open_ground("thin.csv", b"thickness_m,vs_m_s\n20,300\n,3000\n"))
    assert "Vs is 300 m/s or more in the model" in page.ground.reply.text
    assert "(thin.csv)" in page.ground.reply.text
    assert page.ground.ground.name == "thin.csv"
    asyncio.run(page.open_ground("layers.csv", LAYERS))
    assert "300 m/s" not in page.ground.reply.text


def test_remarks_name_the_file_as_the_person_does(page, heard):
    upside_down = np.linspace(3000, 1000, 32, dtype="f4") * np.ones((32, 32, 1), "f4")
    file = io.BytesIO()
    np.save(file, upside_down[..., ::-1])
    asyncio.run(page.open_ground("<b>turned.npy", file.getvalue()))
    assert "in &lt;b&gt;turned.npy the mean Vs falls" in page.ground.reply.text
    assert "/tmp" not in page.ground.reply.text


@pytest.mark.parametrize(
    ("spacing_m", "said"),
    [(0.5, "Spacing (m): got 0.5 m"), (7.0, "Spacing (m): got 7 m"), (None, "Spacing (m): got nothing; allowed")],
)
def test_grids_that_cannot_be_are_refused_before_the_file_is_read(page, monkeypatch, spacing_m, said):
    monkeypatch.setattr(uploads, "read_geology", lambda *_, **__: pytest.fail("read"))
    small_grid(page, spacing_m=spacing_m)
    asyncio.run(page.open_ground("layers.csv", LAYERS))
    assert page.ground.reply.text.startswith(said)


def test_stations_are_drawn_asked_for_and_named_in_the_command(page):
    asyncio.run(page.open_stations("list.csv", STATIONS))
    np.testing.assert_allclose(page.ground_figures.surface.stations.data["x"], [1.2, 1.2, 0.3])
    np.testing.assert_allclose(page.ground_figures.surface.stations.data["y"], [2.1, 0.3, 1.2])
    assert not page.stations.only_grid.visible
    page.model.model.value = OPERATOR
    assert not page.stations.only_grid.visible
    page.model.model.value = SIMULATION_ONLY
    assert not page.stations.only_grid.visible
    words = shlex.split(page.files_view._text.value)
    assert words[:2] == ["spectremor", "simulate"]
    assert words[words.index("--stations") + 1] == "list.csv"
    assert "--origin-lon" not in words
    asyncio.run(page.generate())
    assert asked(page).stations.stations.names == ("NORTH", "SOUTH", "WEST")
    page.stations.choice.value = GRID
    assert page.ground_figures.surface.stations.data["x"] == []
    assert "--stations" not in page.files_view._text.value


@pytest.mark.parametrize(("name", "content"), [("list.csv", DEGREES), ("list.xml", STATION_XML)])
def test_stations_in_degrees_need_the_place(page, name, content):
    asyncio.run(page.open_stations(name, content))
    assert page.stations.reply.text.startswith("Corner: got nothing")
    assert page.stations.stations is None
    place(page)
    asyncio.run(page.open_stations(name, content))
    assert page.stations.reply.text == ""
    assert 1000 < page.stations.stations.stations.x_m[0] < 2000
    page.model.model.value = SIMULATION_ONLY
    assert "--origin-lon 13 --origin-lat 42" in page.files_view._text.value


def test_files_read_at_two_places_are_not_put_together(page):
    """The command says so too: else the stations would lie elsewhere in the ground than where they are."""
    place(page)
    small_grid(page)
    page.model.model.value = SIMULATION_ONLY
    asyncio.run(page.open_ground("model.nc", model_in_degrees()))
    place(page, latitude=42.001)
    asyncio.run(page.open_stations("list.csv", DEGREES))
    said = "corner: got 13, 42.001 for the stations; allowed: 13, 42, as for the ground"
    assert page.files_view._text.value.startswith(f"# {said}")
    with pytest.raises(InputError, match="for the stations"):
        page.request().place()


def test_a_random_rupture_is_drawn_asked_for_and_written_in_the_command(page):
    page.earthquake.kind.value = "random"
    assert not page.earthquake.only_points.visible
    assert ".generate(geology, earthquake, realizations=4, seed=0)" in page.files_view._text.value
    page.model.model.value = OPERATOR
    assert page.earthquake.only_points.visible
    assert html.unescape(page.earthquake.only_points.object) == ONLY_POINTS
    assert page.files_view._text.value.startswith("# earthquake: got a rupture; allowed: a point source")
    page.model.model.value = SIMULATION_ONLY
    page.earthquake.slip_seed.value = 5
    assert not page.earthquake.only_points.visible
    request = page.request()
    rupture = request.rupture.rupture(page.ground.ground.geology)
    assert rupture.mw == pytest.approx(4.9)
    figures = page.ground_figures
    np.testing.assert_allclose(figures.surface.rupture.data["x"], rupture.position_m[:, 0] / 1000)
    np.testing.assert_allclose(figures.west_east.rupture.data["y"], -rupture.position_m[:, 2] / 1000)
    np.testing.assert_allclose(figures.south_north.rupture.data["x"], rupture.position_m[:, 1] / 1000)
    command = page.files_view._text.value
    assert command.startswith("python - <<'END'\nimport spectremor as sp\n")
    assert "sp.Rupture.from_magnitude(mw=4.9, hypocentre_m=(3600, 5700, -5400), strike_deg=35" in command
    assert "seed=5, geology=geology)" in command
    page.earthquake.kind.value = "point"
    assert len(figures.surface.rupture.data["x"]) == 0


def test_a_rupture_that_reaches_the_surface_is_said_at_its_control(page):
    page.earthquake.kind.value = "random"
    page.earthquake.numbers["mw"].value, page.earthquake.numbers["depth"].value = 6.5, 0.4
    with pytest.raises(InputError, match="rupture"):
        page.request().rupture.rupture(page.ground.ground.geology)

    async def visit() -> None:
        page.earthquake.numbers["mw"].value = 6.6
        await page._rupture_work._task

    asyncio.run(visit())
    assert page.earthquake.reply.text.startswith("rupture.")
    page.earthquake.kind.value = "point"


def test_a_rupture_in_a_file(page):
    asyncio.run(page.open_rupture("event.srf", SRF.read_bytes()))
    assert page.earthquake.reply.text.startswith("Corner: got nothing")
    assert page.earthquake.kind.value == "point"
    place(page, *SRF_CORNER)
    asyncio.run(page.open_rupture("event.srf", SRF.read_bytes()))
    assert page.earthquake.kind.value == "file"
    assert "event.srf" in page.earthquake.about.object
    points_m = page.earthquake.file_rupture.rupture_in_file.position_m
    np.testing.assert_allclose(page.ground_figures.surface.rupture.data["x"], points_m[:, 0] / 1000)
    assert page.ground_figures.surface.source.data["x"] == [
        page.earthquake.file_rupture.rupture_in_file.hypocentre_m[0] / 1000
    ]
    page.model.model.value = SIMULATION_ONLY
    assert "--rupture event.srf --origin-lon -118.06 --origin-lat 33.98" in page.files_view._text.value
    asyncio.run(page.open_rupture("worse.srf", b"1.0\nPOINTS 3\n"))
    assert "srf" in page.earthquake.reply.text
    assert page.earthquake.file_rupture.name == "event.srf"
    page.ground.add(
        dataclasses.replace(page.ground.ground, geology=make_geology(np.full((3, 3, 3), 3e3), (999.0,) * 3))
    )
    assert page.earthquake.reply.text.startswith("rupture.")


def test_an_operator_on_its_own_grid_refuses_ruptures_and_stations_in_one_line(page, tiny_model):
    page._studio._folders["tiny"] = read_model_folder(tiny_model)
    page.model.model.options = [*page._studio.models]
    page.model.model.value = "tiny"
    assert page.stations.only_grid.visible
    assert html.unescape(page.stations.only_grid.object) == ONLY_GRID
    page._studio._answer = lambda request, job: Studio.generate(page._studio, request, job)
    page.earthquake.kind.value = "random"
    asyncio.run(page.generate())
    assert page.reply.text.startswith("earthquake: got a rupture; allowed: a point source")
    page.earthquake.kind.value = "point"
    asyncio.run(page.open_stations("list.csv", STATIONS))
    asyncio.run(page.generate())
    assert page.reply.text.startswith("sensors: got the stations of list.csv")


def test_what_a_simulation_costs_is_said_before_it_runs(page):
    page.model.model.value = SIMULATION_ONLY
    assert page.model.about.object.startswith("Costs at most 0.2 million cells")
    assert page.model.about.object.endswith("on this machine.")
    assert not page.model._draws.visible
    assert page.model._run.visible
    page.model.grid_spacing.value = 350.0
    assert page.model.about.object.startswith("grid_spacing_m: got 350 m")
    page.model.grid_spacing.value = 300.0
    page.model.duration.value = 1e6
    assert page.model.about.object.startswith("Duration (s): got 1e+06")
    page.model.duration.value = None
    assert page.model.about.object.startswith("Duration (s): got nothing")
    page.model.model.value = page._studio.models[0]
    assert page.model.about.object.startswith(page._studio.models[0])
    assert page.model._draws.visible


def test_lists_that_are_too_long_or_too_large_are_refused(monkeypatch):
    rows = b"".join(b"s%d,1,%d\n" % (k, k) for k in range(uploads.MAX_STATIONS + 1))
    with pytest.raises(InputError, match=r"stations: got 2001 stations; allowed: at most 2000"):
        read_stations_upload("long.csv", b"name,x_m,y_m\n" + rows, None)
    with pytest.raises(InputError, match=r"upload: got large.csv of 5 MB; allowed: at most 4 MB"):
        read_stations_upload("large.csv", b"#" * (5 << 20), None)


def test_tables_that_no_reader_can_split_are_refused_in_one_line():
    """Python's reader of tables has limits of its own."""
    long = b"n" * 200_000
    with pytest.raises(InputError, match=r"stations: got long.csv \(field larger than field limit"):
        read_stations_upload("long.csv", b"name,x_m,y_m\n" + long + b",1,2\n", None)
    with pytest.raises(InputError, match=r"geology: got long.csv \(field larger than field limit"):
        read_ground(
            "long.csv", b"thickness_m,vs_m_s\n" + long + b",3000\n", GroundGrid((2400.0, 2400.0, 2400.0), 300.0)
        )


def test_what_the_classic_form_of_netcdf_unfolds_to_is_bounded_by_its_header(monkeypatch):
    """Its variables may be the same bytes of the file, over and over; small integers become floats."""
    monkeypatch.setattr(uploads, "MAX_DECOMPRESSED_MB", 1)
    monkeypatch.setattr(uploads, "read_geology", lambda *_, **__: pytest.fail("read"))
    file = io.BytesIO()
    with netcdf_file(file, "w") as made:
        made.createDimension("longitude", 200_000)
        made.createVariable("vs", "b", ("longitude",))[:] = 1
        made.flush()
        content = file.getvalue()
    assert len(content) < 300_000
    with pytest.raises(InputError, match=r"upload: got small.nc that decompresses to 2 MB; allowed: at most 1 MB"):
        read_ground("small.nc", content, None)


def test_own_files_of_one_visitor_are_few(page, heard):
    small_grid(page)
    for number in range(5):
        asyncio.run(page.open_ground(f"{number}.csv", LAYERS))
    assert list(page.ground.choice.options) == ["4.csv", "3.csv", "2.csv", "example"]


@pytest.mark.parametrize(
    "name", ["\x1b]0;owned\x07.csv", "a\nrm -rf b.csv", "<img src=x onerror=alert(1)>.csv", "\u202egpj.csv"]
)
def test_names_move_neither_terminals_nor_pages(page, heard, name):
    """In labels, in refusals and in the command, which people paste into terminals."""
    small_grid(page)
    page.model.model.value = SIMULATION_ONLY
    asyncio.run(page.open_ground(name, LAYERS))
    asyncio.run(page.open_stations(name, STATIONS))
    command = page.files_view._text.value
    assert len(command.splitlines()) == 2
    texts = [command, *page.ground.choice.options, *page.stations.choice.options]
    page.earthquake.kind.value = "random"
    texts += page.files_view._text.value.splitlines()
    asyncio.run(page.open_ground(name, b"nonsense"))
    asyncio.run(page.open_stations(name, b"nonsense"))
    texts += [page.ground.reply.text, page.stations.reply.text]
    assert all(c.isprintable() for text in texts for c in text.replace("\n", ""))
    assert "<" not in page.ground.reply.text.replace("<br>", "")
    assert "<" not in page.stations.reply.text
