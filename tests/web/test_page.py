"""The page's behaviour, driven in this process with a studio of its own."""

from __future__ import annotations

import asyncio
import html
import io
import shlex

import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document
from bokeh.events import Tap

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.web import uploads
from spectremor.web.app import GROUND_TAB, MOTION_TAB
from spectremor.web.downloads import write_export
from spectremor.web.scene import Scene
from spectremor.web.uploads import read_upload

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)


@pytest.fixture
def page(field, page_with):
    def answer(request, job):
        job.begin("working")
        job.report(0.5)
        if request.seed == 13:
            raise InputError("seed", 13, "luck")
        return Scene.of(field, "generated", field.isel(realization=0) * 0.5)

    return page_with(answer)


def asked(page) -> list:
    return page._studio.asked


def test_numbers_start_at_the_source(page):
    s = page.earthquake.source
    assert s.position_m == pytest.approx(START.position_m)
    np.testing.assert_allclose(s.tensor_nm / s.moment_nm, START.tensor_nm / START.moment_nm, atol=1e-9)
    assert s.mw == pytest.approx(4.9)


def test_empty_page_says_what_to_do(page):
    assert page.hint.visible
    assert not page.view.visible
    assert page.tabs.active == GROUND_TAB


def test_generate_shows_what_was_asked_for(page):
    page.earthquake.numbers["depth"].value = 3.0
    page.model.realizations.value, page.model.seed.value = 2, 7
    asyncio.run(page.generate())
    (request,) = asked(page)
    assert (request.source.position_m[2], request.realizations, request.seed) == (-3000.0, 2, 7)
    assert (request.model, request.product, request.ground.name) == (page._studio.models[0], "draws", "example")
    assert page.sensor == 2 * 6 + 5
    assert page.shown.visible
    assert page.view.visible
    assert page.tabs.active == MOTION_TAB
    assert not page.hint.visible
    assert not page.button.disabled
    assert page.cancel_button.disabled
    assert not page.progress.visible
    labels = [item.label.value for item in page.sensor_figures.response.legend.items]
    assert labels == ["median of 2 draws", "16 to 84%", "stage 1 alone"]


def test_refusal_is_one_line_and_the_old_scene_stays(page, field):
    page.show(Scene.of(field, "kept"))
    page.model.seed.value = 13
    asyncio.run(page.generate())
    assert page.reply.text == "seed: got 13; allowed: luck"
    assert page.scene.title == "kept"
    assert not page.button.disabled


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("x", None, "East (km): got nothing; allowed: a number"), ("dip", 91.0, "source.dip: got 91 degrees")],
)
def test_numbers_that_are_none_are_said_when_asked_for(page, name, value, said):
    page.earthquake.numbers[name].value = value
    assert not page.reply.text
    asyncio.run(page.generate())
    assert asked(page) == []
    assert page.reply.text.startswith(html.escape(said))


@pytest.mark.parametrize("seed", [-5, 99_999_999_999])
def test_a_seed_is_asked_for_as_it_was_typed(page, seed):
    """Neither side of the page moves it into a range of its own."""
    model = page.model.seed.get_root(Document())
    assert (model.low, model.high) == (None, None)
    page.model.seed._process_events({"value": seed})
    asyncio.run(page.generate())
    assert asked(page)[0].seed == seed


def test_choosing_a_sensor_draws_its_traces(page, field):
    page.show(Scene.of(field, "f"))
    page.shown.value = 1
    page.choose_sensor(1400.0, 3600.0)
    assert page.sensor == 1 * 6 + 2
    np.testing.assert_allclose(
        page.sensor_figures.seismograms.lines.data["full_1"],
        field.isel(realization=1, x=1, y=2).sel(component="N") * 100,
        rtol=1e-6,
    )
    assert np.isnan(page.sensor_figures.seismograms.lines.data["stage1_1"]).all()
    assert page.map.chosen.data == {"x": [1.35], "y": [3.75]}
    assert page.sensor_figures.fourier.shades[1].left == pytest.approx(5.0, abs=0.3)
    assert "1.35 km East, 3.75 km North" in page.where.object


def test_quantities_change_traces_and_units(page, field):
    page.show(Scene.of(field, "f"))
    for quantity, unit in (("acceleration", "m/s²"), ("displacement", "cm"), ("velocity", "cm/s")):
        page.quantity.value = quantity
        assert {panel.yaxis.axis_label for panel in page.sensor_figures.seismograms.figures} == {unit}
        assert page.sensor_figures.fourier.figure.yaxis.axis_label.startswith(quantity)


def test_realizations_go_by_the_fields_own_numbers(page, field):
    page.show(Scene.of(field.assign_coords(realization=[5, 7]), "f"))
    assert page.shown.options == {"5": 0, "7": 1}
    page.shown.value = 1
    np.testing.assert_allclose(page.sensor_figures.seismograms.lines.data["full_0"], field[1, 0, 2, 5] * 100, rtol=1e-6)


def test_any_number_of_realizations_takes_one_line(page, field):
    short = field.isel(time=slice(0, 64), realization=[0] * 60).assign_coords(realization=np.arange(60))
    page.show(Scene.of(short, "many"))
    assert len(page.shown.options) == 60
    assert page.shown.get_root(Document()).options[-1] == ("59", "59")


def test_what_is_too_wide_wraps_and_shrinks(page):
    assert page.view.flex_wrap == "wrap"
    assert page.map.figure.sizing_mode == "scale_width"
    for column in page.view:
        assert column.width is None
        assert column.styles["min-width"] == "0"


def test_every_axis_says_its_unit(page, field):
    page.show(Scene.of(field, "f"))
    figures = [page.map.figure, *page.sensor_figures.seismograms.figures, page.sensor_figures.fourier.figure]
    figures += [page.sensor_figures.response.figure, page.ground_figures.surface.figure]
    figures += [page.ground_figures.west_east.figure, page.ground_figures.south_north.figure]
    for drawn in figures:
        assert drawn.yaxis.axis_label
    for drawn in (figures[0], *figures[3:]):
        assert drawn.xaxis.axis_label.endswith(")")


@pytest.mark.parametrize("shown", ["PGV", "PGA", "PGD", "SA(0.3)", "SA(1.0)"])
def test_the_map_shows_a_measure_and_its_unit(page, field, shown):
    page.show(Scene.of(field, "f"))
    page.map_shows.value = shown
    np.testing.assert_allclose(page.map.cells.data["value"], page.scene.measure(shown, 0), rtol=1e-6)
    assert "RotD50" in page.map.bar.text
    assert page.map.bar.text.endswith(")")
    assert not page.map.slider.visible


def test_the_wavefield_is_played_over_the_map(page, field):
    page.show(Scene.of(field, "f"))
    page.map_shows.value = "frames 1"
    frames = page.map.frames.data["value"].reshape(-1, 48)
    np.testing.assert_allclose(frames, field[0, 1].values.reshape(48, -1).T * 100, rtol=1e-5)
    np.testing.assert_array_equal(page.map.cells.data["value"], frames[0])
    slider = page.map.slider
    assert slider.visible
    assert (slider.start, slider.end) == (0.0, pytest.approx(159 / 50))
    assert round((slider.end - slider.start) / slider.step) + 1 == len(frames)


def test_clicks_place_the_source(page):
    figures = page.ground_figures
    figures.surface.figure._trigger_event(Tap(figures.surface.figure, x=2.0, y=7.123))
    figures.west_east.figure._trigger_event(Tap(figures.west_east.figure, x=3.0, y=6.5))
    assert page.earthquake.position_km == (3.0, 7.12, 6.5)
    figures.south_north.figure._trigger_event(Tap(figures.south_north.figure, x=4.0, y=2.5))
    assert page.earthquake.position_km == (3.0, 4.0, 2.5)
    assert figures.surface.source.data == {"x": [3.0], "y": [4.0]}
    assert figures.south_north.source.data == {"x": [4.0], "y": [2.5]}


def test_sections_pass_through_the_source(page):
    ground, figures = page.ground.ground, page.ground_figures
    page.earthquake.move_to(ground.axes_km[0][4], ground.axes_km[1][20], 3.0)
    (image,) = figures.west_east.image.data["image"]
    np.testing.assert_allclose(image, ground.vs_m_s[:, 20, ::-1].T / 1000, rtol=1e-6)
    (image,) = figures.south_north.image.data["image"]
    np.testing.assert_allclose(image, ground.vs_m_s[4, :, ::-1].T / 1000, rtol=1e-6)
    assert figures.west_east.figure.y_range.start > figures.west_east.figure.y_range.end


def test_download_is_the_projects_own_file(page, field, tmp_path):
    assert page.export_request() is None
    page.show(Scene.of(field, "f"))
    path = write_export(page.export_request(), "netcdf", tmp_path)
    with xr.open_dataarray(io.BytesIO(path.read_bytes()), engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), field)


def test_place_and_time_go_into_files(page, field):
    page.show(Scene.of(field, "f"))
    assert page.export_request().place is None
    page.files_view.longitude.value = 13.2
    with pytest.raises(InputError, match="latitude"):
        page.export_request()
    page.files_view.latitude.value = 42.3
    assert page.export_request().place.latitude_deg == 42.3
    assert page.export_request().origin_time is None
    page.files_view.origin_time.value = "yesterday"
    with pytest.raises(InputError, match="origin_time"):
        page.export_request()


def test_links_wait_for_a_wavefield_and_for_a_place(field, page_with):
    page = page_with()
    page.files_view._key = "a" * 32
    assert "href" not in page.files_view.links.object
    page.show(Scene.of(field, "f"))
    assert "/netcdf" in page.files_view.links.object
    assert "/asdf" not in page.files_view.links.object
    page.files_view.longitude.value, page.files_view.latitude.value = 13.2, 42.3
    assert f"download/{'a' * 32}/asdf" in page.files_view.links.object


def test_the_command_line_follows_the_controls(page):
    page.earthquake.numbers["mw"].value = 5.1
    page.model.realizations.value, page.model.seed.value = 3, 11
    words = shlex.split(page.files_view._text.value)
    assert words[:2] == ["spectremor", "generate"]
    assert words[words.index("--source") + 1] == "3600,5700,-5400,35,50,75"
    assert words[words.index("--mw") + 1] == "5.1"
    assert words[words.index("--realizations") + 1] == "3"
    assert words[words.index("--seed") + 1] == "11"
    page.model.product.value = "stage1"
    assert "--stage1-only" in page.files_view._text.value
    assert page.model.realizations.disabled
    assert "--seed" not in page.files_view._text.value
    page.earthquake.numbers["x"].value = None
    assert page.files_view._text.value.startswith("# East (km)")


def test_upload_round_trip_and_refusals(field_file, field, monkeypatch):
    content = field_file.read_bytes()
    xr.testing.assert_equal(read_upload("mine.nc", content), field)
    for name, data in (("mine.pkl", content), ("mine.nc", b""), ("mine.nc", b"x" * 100), ("mine.nc", content[:3000])):
        with pytest.raises(InputError) as caught:
            read_upload(name, data)
        assert "/tmp" not in str(caught.value)
    monkeypatch.setattr(uploads, "MAX_UPLOAD_MB", 0)
    with pytest.raises(InputError, match="at most 0 MB"):
        read_upload("mine.nc", content)


def test_opened_file_is_shown_or_refused_by_its_own_name(page, field_file):
    asyncio.run(page.open("mine.nc", field_file.read_bytes()))
    assert page.scene.title == "mine.nc"
    asyncio.run(page.open("worse.nc", b"not a file"))
    assert "worse.nc" in page.opened.text
    assert page.scene.title == "mine.nc"


def test_a_ground_of_ones_own(page):
    """It is drawn, asked for by the next request, and named in the command; other visitors do not see it."""
    own = np.full((32, 32, 32), 2000.0, np.float32)
    own[..., :16] = 3000.0
    file = io.BytesIO()
    np.save(file, own)
    asyncio.run(page.open_ground("-my ground.npy", file.getvalue()))
    assert page.ground.ground.name == "-my ground.npy"
    np.testing.assert_allclose(page.ground_figures.surface.image.data["image"][0], 2.0)
    asyncio.run(page.generate())
    np.testing.assert_array_equal(asked(page)[0].ground.geology.vs_m_s, own)
    assert "'./-my ground.npy'" in page.files_view._text.value
    assert [ground.name for ground in page._studio.grounds] == ["example"]
    asyncio.run(page.open_ground("worse.npy", b"not an array"))
    assert "worse.npy" in page.ground.reply.text
    assert page.ground.ground.name == "-my ground.npy"
