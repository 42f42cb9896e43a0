"""The page in a real browser, from upload to download, at the widths of a desk and of a small laptop."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

WIDTHS = (1440, 900)
#: Every format at the first width, quick ones at the second.
LABELS = {
    1440: ("NetCDF", "miniSEED", "ASDF", "OpenQuake", "CSV, measures", "CSV, seismograms"),
    900: ("NetCDF", "CSV, measures"),
}
#: Which picture of the wavefield the slider stands at.
FRAME_SHOWN = """(() => {
  const slider = Bokeh.documents[0].get_model_by_name('time')
  return Math.round((slider.value - slider.start) / slider.step)
})()"""


def check_fits(visit) -> None:
    """Nothing is wider than the window, and no word of the title is cut off."""
    assert visit.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for box in (visit.tab.locator(name).bounding_box() for name in ("h1", "header p")):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= visit.tab.viewport_size["width"]


def type_in(visit, label: str, text: str) -> None:
    box = visit.tab.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("width", WIDTHS)
def test_from_upload_to_download(serving, tiny_model, visit, tmp_path, width):
    """A person's own ground, a source by click and by number, draws, a station, the wavefield played, every file."""
    own = np.full((32, 32, 32), 2000, "float32")
    own[..., :16] = 3000
    np.save(tmp_path / "mine.npy", own)
    with serving("--port", "0", "--model", str(tiny_model)) as url:
        v = visit(width)
        v.open(url)
        check_fits(v)
        set_up(v, tmp_path)
        look_at_the_motion(v, tmp_path)
        words = take_along(v, tmp_path)
    assert words[:4] == ["spectremor", "generate", "--geology", "mine.npy"]
    assert words[words.index("--source") + 1].split(",")[2] == "-4500"
    assert words[words.index("--realizations") + 1] == "3"
    assert v.problems == []
    assert all(address.startswith((url, "data:", "blob:")) for address in v.requested)


def set_up(v, folder: Path) -> None:
    v.tab.locator("input[type=file]").first.set_input_files(folder / "mine.npy")
    v.tab.get_by_text("Vs 2.00 to 3.00 km/s").wait_for()
    v.click_in("ground", 6.0, 3.0)
    v.wait_for_data("source-ground", "Math.abs(data?.x[0] - 6) < 0.1 && Math.abs(data?.y[0] - 3) < 0.1")
    type_in(v, "Depth (km)", "4.5")
    v.wait_for_data("source-west-east", "data?.y[0] === 4.5")
    type_in(v, "Realizations", "3")
    v.tab.screenshot(path=folder / "ground.png", full_page=True)


def look_at_the_motion(v, folder: Path) -> None:
    v.tab.get_by_role("button", name="Generate").click()
    v.wait_for_data("cells", "data?.value.length === 1024")
    v.wait_for_data("response-draws", "data?.y.length === 3")
    v.click_in("map", 2.0, 8.0)
    v.wait_for_data("chosen", "Math.abs(data?.x[0] - 2) < 0.2 && Math.abs(data?.y[0] - 8) < 0.2")
    before = max(map(abs, v.data("seismograms", "full_0")))
    v.tab.get_by_text("Displacement", exact=True).click()
    v.wait_for_data("seismograms", f"Math.max(...data.full_0.map(Math.abs)) !== {before!r}")
    check_fits(v)
    v.tab.screenshot(path=folder / "motion.png", full_page=True)
    v.tab.get_by_label("The map shows").select_option(label="Wavefield over time, Up")
    v.tab.get_by_role("button", name="Play").click()
    v.tab.wait_for_function("Bokeh.documents[0].get_model_by_name('time').value > 1")
    v.tab.get_by_role("button", name="Pause").click()
    moment = v.tab.evaluate(FRAME_SHOWN)
    assert v.data("cells", "value") == v.data("frames", "value")[1024 * moment : 1024 * (moment + 1)]
    v.tab.screenshot(path=folder / "played.png", full_page=True)


def take_along(v, folder: Path) -> list[str]:
    """Every file; returns the words of the command line."""
    downloads = []
    v.tab.on("download", lambda download: downloads.append(download))
    v.tab.get_by_text("Files and command").click()
    type_in(v, "Longitude (°)", "13.2")
    type_in(v, "Latitude (°)", "42.3")
    for count, label in enumerate(LABELS[v.tab.viewport_size["width"]], 1):
        v.tab.get_by_role("link", name=label, exact=True).click()
        while len(downloads) < count:
            v.tab.wait_for_timeout(100)
        assert downloads[-1].path().stat().st_size > 10_000, label
    names = [download.suggested_filename for download in downloads]
    assert names[0] == "wavefield.nc"
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in names)
    check_fits(v)
    v.tab.screenshot(path=folder / "files.png", full_page=True)
    return shlex.split(v.tab.locator("pre").inner_text())


def test_a_field_is_shown_and_a_click_chooses_a_sensor(page_url, visit):
    """It opens, draws, answers a click on the map, and asks nothing of the internet."""
    v = visit(1440)
    v.open(page_url)
    v.wait_for_data("chosen", "data?.x.length")
    assert (v.data("chosen", "x"), v.data("chosen", "y")) == ([2.55], [9.15])
    v.click_in("map", 8.5, 0.2)
    v.wait_for_data("chosen", "Math.abs(data.x[0] - 8.55) < 1e-6 && Math.abs(data.y[0] - 0.15) < 1e-6")
    assert v.problems == []
    assert all(address.startswith((page_url, "data:", "blob:")) for address in v.requested)


def test_files_are_chosen_one_after_another(page_url, visit, field_file, tmp_path):
    """The same file twice is shown twice; one that is too large is refused before it is sent, and the page goes on."""
    large = tmp_path / "large.nc"
    with large.open("wb") as file:
        file.truncate(130_000_000)
    v = visit(1440)
    v.open(page_url)
    v.wait_for_data("cells", "data?.value.length")
    v.tab.evaluate(
        """(() => {
          window.maps = 0
          const cells = Bokeh.documents[0].get_model_by_name('cells')
          cells.properties.data.change.connect(() => window.maps += 1)
        })()"""
    )
    for path in (field_file, field_file, large, field_file):
        v.tab.evaluate("void (window.maps = 0)")
        v.tab.locator("input[type=file]").last.set_input_files(path)
        if path == large:
            v.tab.get_by_text("Maximum file size is 64 MB", exact=True).wait_for()
        else:
            v.tab.wait_for_function("window.maps > 0")
            v.tab.get_by_text("Browse").last.wait_for()
    assert v.problems == []


def test_two_visitors_see_their_own(page_url, visit, field_file):
    """One chooses another sensor and another quantity; nothing changes for the other."""
    first, second = visit(1440), visit(900)
    for v in (first, second):
        v.open(page_url)
        v.wait_for_data("chosen", "data?.x.length")
    seen = second.data("seismograms", "full_0")
    first.click_in("map", 8.5, 0.2)
    first.wait_for_data("chosen", "Math.abs(data.x[0] - 8.55) < 1e-6")
    assert second.data("chosen", "x") == [2.55]
    assert second.data("seismograms", "full_0") == seen
    assert first.data("seismograms", "full_0") != seen


def test_work_is_cancelled(serving, visit, tiny_model):
    """While it computes the page says what it does and answers; Cancel ends it."""
    with serving("--port", "0", "--model", str(tiny_model)) as url:
        v = visit(1440)
        v.open(url)
        type_in(v, "Realizations", "20")
        v.tab.get_by_role("button", name="Generate").click()
        v.tab.get_by_text(re.compile("loading the model|stage [12]")).wait_for()
        type_in(v, "Depth (km)", "4.5")
        v.wait_for_data("source-west-east", "data?.y[0] === 4.5")
        v.tab.get_by_role("button", name="Cancel").click()
        v.tab.wait_for_function(
            "![...Bokeh.documents[0]._all_models.values()].find(m => m.label === 'Generate').disabled"
        )
        assert v.data("cells", "value") == []
    assert v.problems == []
