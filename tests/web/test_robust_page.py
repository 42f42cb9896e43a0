"""The page with hostile names, files that could not be drawn, and two things asked for at once."""

from __future__ import annotations

import asyncio
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

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
EXTENT_KM = (9.6, 9.6, 9.6)
TAG = "<img src=x onerror=alert(1)>"


def page_with(generate=lambda *_: pytest.fail("not asked for")) -> Page:
    return Page(generate, START, EXTENT_KM)


def text_shown(page: Page) -> str:
    """What the browser's side is given for the message, as it stands there before it is read as HTML."""
    model = page.message.get_root(Document())
    assert type(model).__name__ == "HTML"
    return html.unescape(model.text)


def test_names_in_files_are_text(tmp_path, field):
    path = tmp_path / "hostile.nc"
    write_wavefield(field, path)
    xr.open_dataarray(path).load().rename(TAG.replace("/", "")).to_netcdf(path, engine="h5netcdf")
    page = page_with()
    asyncio.run(page.open("hostile.nc", path.read_bytes()))
    assert page.message.visible
    shown = text_shown(page)
    assert "<" not in shown
    assert TAG in html.unescape(shown)


@pytest.mark.parametrize("name", [TAG + ".nc", "[a](javascript:alert(1)).nc", "![a](http://evil.example/a.png).nc"])
def test_names_of_files_are_text(name):
    page = page_with()
    asyncio.run(page.open(name, b"not a file"))
    shown = text_shown(page)
    assert "<" not in shown
    assert name in html.unescape(shown)


def test_a_smaller_field_after_another_realization(field):
    page = page_with()
    page.show(Scene.of(field, "large"))
    page.shown.value = 1
    small = field.isel(x=slice(0, 2), y=slice(0, 2))
    page.show(Scene.of(small, "small"))
    assert page.shown.value == 0
    assert len(page.map.cells.data["peak"]) == 4
    ix, iy = page.sensor
    np.testing.assert_allclose(
        page.seismograms.lines.data["full_E"], small.isel(realization=0, component=0, x=ix, y=iy) * 100, rtol=1e-6
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


def test_a_band_below_the_first_frequency_is_drawn(field):
    page = page_with()
    page.show(Scene.of(field.assign_attrs(band_high_hz=0.1), "narrow"))
    assert page.spectra.beyond.left == 0.1
    assert page.spectra.figure.x_range.end > page.spectra.lines.data["frequency"][0]
    assert page.spectra.figure.y_range.end > 0


def test_a_failure_while_drawing_is_said_on_the_page(field, field_file, monkeypatch):
    page = page_with()

    def fail(*_):
        raise InputError("wavefield", "something", "what can be drawn")

    monkeypatch.setattr(page.map, "show", fail)
    asyncio.run(page.open("mine.nc", field_file.read_bytes()))
    assert page.message.visible
    assert "what can be drawn" in page.message.object
    monkeypatch.setattr(page.map, "show", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        page._try_to_show(Scene.of(field, "f"))
    assert page.message.object == "division by zero"


def test_an_upload_during_generation_waits_and_wins(field, field_file):
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


def test_sliders_start_inside_whatever_the_source_says():
    far = Source(position_m=(1e308, -1e308, -1.0), moment_tensor_nm=(1e16, 0, 0, 0, 0, 0))
    page = Page(lambda *_: None, far, EXTENT_KM)
    assert page.source.position_m[0] == pytest.approx(8400)
