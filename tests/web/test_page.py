"""The page's behaviour, driven in this process with a generator of its own."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.model.folder import DEFAULT_MODEL
from spectremor.web import uploads
from spectremor.web.app import Page
from spectremor.web.scene import Scene
from spectremor.web.server import Studio
from spectremor.web.uploads import read_upload

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
EXTENT_KM = (9.6, 9.6, 9.6)


@pytest.fixture
def asked() -> list:
    return []


@pytest.fixture
def page(field, asked) -> Page:
    def generate(source, realizations, seed, on_progress):
        asked.append((source, realizations, seed))
        on_progress(0.5)
        if seed == 13:
            raise InputError("seed", 13, "luck")
        return Scene.of(field, "generated", field.isel(realization=0) * 0.5)

    return Page(generate, START, EXTENT_KM)


def test_sliders_start_at_the_source(page):
    s = page.source
    assert s.position_m == pytest.approx(START.position_m)
    np.testing.assert_allclose(s.tensor_nm / s.moment_nm, START.tensor_nm / START.moment_nm, atol=1e-9)
    assert s.mw == pytest.approx(4.9)


def test_empty_page_says_what_to_do(page):
    assert page.hint.visible
    assert not page.view.visible


def test_generate_shows_what_was_asked_for(page, asked):
    page.sliders["depth"].value = 3.0
    page.realizations.value, page.seed.value = 2, 7
    asyncio.run(page.generate())
    source, realizations, seed = asked[0]
    assert (source.position_m[2], realizations, seed) == (-3000.0, 2, 7)
    assert page.sensor == (2, 5)
    assert page.shown.visible
    assert page.view.visible
    assert not page.hint.visible
    assert not page.button.disabled
    assert not page.progress.visible
    labels = [item.label.value for item in page.spectra.legend.items]
    assert labels == ["stage 1 alone", "with diffusion"]


def test_refusal_is_one_line_and_the_old_scene_stays(page, field):
    page.show(Scene.of(field, "kept"))
    page.seed.value = 13
    asyncio.run(page.generate())
    assert page.message.visible
    assert page.message.object == "seed: got 13; allowed: luck"
    assert page.scene.title == "kept"
    assert not page.button.disabled


@pytest.mark.parametrize(("seed", "found"), [(None, "nothing"), (-5, "-5"), (2**63, "9223372036854775808")])
def test_a_seed_that_is_none_is_refused_in_one_line(monkeypatch, seed, found):
    monkeypatch.setattr("spectremor.model.build.load_model", lambda _: pytest.fail("loaded before the seed was read"))
    page = Page(Studio(None).generate, START, EXTENT_KM)
    page.seed.value = seed
    asyncio.run(page.generate())
    assert page.message.visible
    assert page.message.object == f"seed: got {found}; allowed: a whole number, 0 to 2^63 - 1"


@pytest.mark.parametrize("seed", [-5, 99_999_999_999])
def test_a_seed_is_asked_for_as_it_was_typed(page, asked, seed):
    """Neither side of the page moves it into a range of its own."""
    model = page.seed.get_root(Document())
    assert (model.low, model.high) == (None, None)
    page.seed._process_events({"value": seed})
    asyncio.run(page.generate())
    assert asked[0][2] == seed


def test_choosing_a_sensor_draws_its_traces(page, field):
    page.show(Scene.of(field, "f"))
    page.shown.value = 1
    page.choose(1400.0, 3600.0)
    assert page.sensor == (1, 2)
    np.testing.assert_allclose(
        page.seismograms.lines.data["full_N"], field.isel(realization=1, x=1, y=2).sel(component="N") * 100, rtol=1e-6
    )
    assert np.isnan(page.seismograms.lines.data["stage1_N"]).all()
    assert page.map.chosen.data == {"x": [1.35], "y": [3.75]}
    assert page.spectra.beyond.left == 5
    assert "1.35 km East, 3.75 km North" in page.where.object


def test_realizations_go_by_the_fields_own_numbers(page, field):
    page.show(Scene.of(field.assign_coords(realization=[5, 7]), "f"))
    assert page.shown.options == {"5": 0, "7": 1}
    page.shown.value = 1
    np.testing.assert_allclose(page.seismograms.lines.data["full_E"], field[1, 0, 2, 5] * 100, rtol=1e-6)


def test_any_number_of_realizations_takes_one_line(page, field):
    page.show(Scene.of(field.isel(realization=[0] * 60).assign_coords(realization=np.arange(60)), "many"))
    assert len(page.shown.options) == 60
    assert page.shown.get_root(Document()).options[-1] == ("59", "59")


def test_what_is_too_wide_wraps_and_shrinks(page):
    assert page.view.flex_wrap == "wrap"
    assert page.map.figure.sizing_mode == "scale_width"
    for column in page.view:
        assert column.width is None
        assert column.styles["min-width"] == "0"


def test_peak_velocity_is_named(page, field):
    page.show(Scene.of(field, "f"))
    assert "largest norm of the three components" in page.where.object
    assert "norm of E, N, Z" in page.map.figure.title.text


def test_download_is_the_projects_own_file(page, field):
    page.show(Scene.of(field, "f"))
    with xr.open_dataarray(io.BytesIO(page._as_netcdf().getvalue()), engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), field)


def test_upload_round_trip_and_refusals(page, field_file, field, monkeypatch):
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
    assert page.message.visible
    assert "worse.nc" in page.message.object
    assert page.scene.title == "mine.nc"


class FakeModel:
    """Both stages, made of arithmetic."""

    stage1 = SimpleNamespace(name="MIFNO")
    diffusion: object | None = object()

    def predict(self, geology, source):
        time_s = np.arange(50) / 50
        values = np.full((3, 4, 5, 50), source.mw)
        return make_wavefield(values, x_m=np.arange(4.0), y_m=np.arange(5.0), time_s=time_s, source=source)

    def restore(self, stage1, *, realizations, seed, on_progress):
        on_progress(1.0)
        return xr.concat([stage1 + seed + r for r in range(realizations)], "realization").assign_attrs(stage1.attrs)


def test_studio_runs_both_stages_and_loads_the_model_once(monkeypatch):
    loads, shares = [], []
    monkeypatch.setattr("spectremor.model.build.load_model", lambda folder: loads.append(folder) or FakeModel())
    studio = Studio(None)
    for _ in range(2):
        scene = studio.generate(START, 2, 3, shares.append)
    assert [folder.name for folder in loads] == [DEFAULT_MODEL]
    assert shares == [1.0, 1.0]
    np.testing.assert_allclose(scene.field.isel(realization=1), scene.stage1 + 4)
    assert scene.source == START
    monkeypatch.setattr(FakeModel, "diffusion", None)
    assert studio.generate(START, 2, 3, shares.append).title == "MIFNO alone"
