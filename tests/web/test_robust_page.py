"""The page with hostile names, files that could not be drawn, and two things asked for at once."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import threading

import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.data.wavefield_files import write_wavefield
from spectremor.web.app import Page
from spectremor.web.scene import Scene
from spectremor.web.studio import Studio

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
TAG = "<img src=x onerror=alert(1)>"


def text_shown(page: Page) -> str:
    """What the browser's side is given for the message, as it stands there before it is read as HTML."""
    model = page.opened.pane.get_root(Document())
    assert type(model).__name__ == "HTML"
    return html.unescape(model.text)


def test_names_in_files_are_text(tmp_path, field, page_with):
    path = tmp_path / "hostile.nc"
    write_wavefield(field, path)
    xr.open_dataarray(path).load().rename(TAG.replace("/", "")).to_netcdf(path, engine="h5netcdf")
    page = page_with()
    asyncio.run(page.open("hostile.nc", path.read_bytes()))
    assert page.opened.text
    shown = text_shown(page)
    assert "<" not in shown
    assert TAG in html.unescape(shown)


@pytest.mark.parametrize("name", [TAG + ".nc", "[a](javascript:alert(1)).nc", "![a](http://evil.example/a.png).nc"])
def test_names_of_files_are_text(name, page_with):
    page = page_with()
    asyncio.run(page.open(name, b"not a file"))
    shown = text_shown(page)
    assert "<" not in shown
    assert name in html.unescape(shown)


def test_a_smaller_field_after_another_realization(field, page_with):
    page = page_with()
    page.show(Scene.of(field, "large"))
    page.shown.value = 1
    small = field.isel(x=slice(0, 2), y=slice(0, 2))
    page.show(Scene.of(small, "small"))
    assert page.shown.value == 0
    assert len(page.map.cells.data["value"]) == 4
    ix, iy = divmod(page.sensor, 2)
    np.testing.assert_allclose(
        page.sensor_figures.seismograms.lines.data["full_0"],
        small.isel(realization=0, component=0, x=ix, y=iy) * 100,
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: f.attrs.pop("source_moment_tensor_nm"), "wavefield.attrs.source_moment_tensor_nm"),
        (lambda f: f.attrs.update(source_rise_time_s=-1.0), "source.rise_time_s"),
        (lambda f: f.attrs.update(band_high_hz="abc"), "wavefield.attrs.band_high_hz"),
        (lambda f: f.attrs.update(band_high_hz=[1.0, 2.0]), "wavefield.attrs.band_high_hz"),
    ],
)
def test_a_scene_is_refused_before_it_is_drawn(field, damage, named):
    bad = field.copy()
    damage(bad)
    with pytest.raises(InputError) as caught:
        Scene.of(bad, "bad")
    assert caught.value.field == named


def test_no_sensors_and_complex_velocities_are_refused(field):
    for bad in (field.isel(x=[]), field.astype(complex)):
        with pytest.raises(InputError, match="wavefield"):
            Scene.of(bad, "bad")


def test_a_band_below_the_first_frequency_is_drawn(field, page_with):
    page = page_with()
    page.show(Scene.of(field.assign_attrs(band_high_hz=0.1), "narrow"))
    for plot in (page.sensor_figures.fourier, page.sensor_figures.response):
        assert plot.figure.x_range.end > plot.figure.x_range.start
        assert plot.figure.y_range.end > plot.figure.y_range.start > 0


def test_a_failure_while_drawing_is_said_on_the_page(field, field_file, monkeypatch, page_with):
    page = page_with()

    def fail(*_):
        raise InputError("wavefield", "something", "what can be drawn")

    monkeypatch.setattr(page.map, "show", fail)
    asyncio.run(page.open("mine.nc", field_file.read_bytes()))
    assert "what can be drawn" in page.opened.text
    monkeypatch.setattr(page.map, "show", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        page._try_to_show(Scene.of(field, "f"), page.reply)
    assert page.reply.text == "division by zero"


def test_an_upload_during_generation_waits_and_wins(field, field_file, page_with):
    """The button stays locked until both are done, and what was asked for last is shown."""
    started, release = threading.Event(), threading.Event()

    def generate(*_):
        started.set()
        assert release.wait(30)
        return Scene.of(field, "generated")

    page = page_with(generate)
    order = []
    show = page.show
    page.show = lambda scene: (order.append(scene.title), show(scene))

    async def both() -> None:
        first = asyncio.create_task(page.generate())
        await asyncio.to_thread(started.wait, 30)
        second = asyncio.create_task(page.open("mine.nc", field_file.read_bytes()))
        await asyncio.sleep(0.2)
        assert page.button.disabled
        assert page.upload.disabled
        assert order == []
        release.set()
        await first
        assert page.button.disabled
        await second

    asyncio.run(both())
    assert order == ["generated", "mine.nc"]
    assert page.scene.title == "mine.nc"
    assert not page.button.disabled
    assert not page.upload.disabled
    assert not page.progress.visible


def test_a_source_far_outside_is_shown_as_it_is(page_with):
    """The studio refuses it in one line; the page does not move it."""
    far = Source(position_m=(1e308, -1e308, -1.0), moment_tensor_nm=(1e16, 0, 0, 0, 0, 0))
    page = page_with(start=far)
    assert page.earthquake.source.position_m[0] == pytest.approx(1e308)
    page._studio._answer = Studio().generate
    asyncio.run(page.generate())
    assert page.reply.text.startswith("source.x: got 1e+308 m")


def test_a_job_is_cancelled_and_the_old_scene_stays(field, page_with):
    started = threading.Event()

    def answer(_request, job):
        started.set()
        while True:
            job.report(0.1)
            threading.Event().wait(0.01)

    page = page_with(answer)
    page.show(Scene.of(field, "kept"))

    async def visit() -> None:
        work = asyncio.create_task(page.generate())
        await asyncio.to_thread(started.wait, 30)
        assert not page.cancel_button.disabled
        page.cancel()
        await work

    asyncio.run(visit())
    assert page.scene.title == "kept"
    assert not page.reply.text
    assert not page.button.disabled
    assert page.cancel_button.disabled


def test_two_visitors_of_one_studio_see_their_own_results(field, page_with):
    first = page_with(lambda request, _job: Scene.of(field * request.source.mw, "generated"))
    second = type(first)(first._studio, START)
    first.earthquake.numbers["mw"].value, second.earthquake.numbers["mw"].value = 4.0, 5.0
    second.ground.add(dataclasses.replace(second.ground.ground, name="second's"))

    async def both() -> None:
        await asyncio.gather(first.generate(), second.generate())

    asyncio.run(both())
    for page, mw in ((first, 4.0), (second, 5.0)):
        np.testing.assert_allclose(page.scene.field, field * mw, rtol=1e-6)
        assert page.export_request().field is page.scene.field
    assert "second's" in second.ground.choice.options
    assert "second's" not in first.ground.choice.options
