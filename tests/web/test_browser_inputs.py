"""Models of the ground, ruptures and stations in a real browser, at the widths of a desk and of a small laptop."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

LAYERS = "thickness_m,vs_m_s\n600,1500\n,3000\n"
STATIONS = "name,x_m,y_m\nNORTH,1200,2100\nSOUTH,1200,300\nWEST,300,1200\n"


def type_in(visit, label: str, text: str) -> None:
    box = visit.tab.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")


def check_fits(visit) -> None:
    assert visit.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def choose_file(visit, number: int, path) -> None:
    """Fields for files, from the top: ground, rupture, stations, wavefield."""
    fields = visit.tab.locator("input[type=file]")
    fields.nth(number).set_input_files(path)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("width", [1440, 900])
def test_own_layers_a_rupture_and_stations_simulated(serving, visit, tmp_path, width):
    (tmp_path / "layers.csv").write_text(LAYERS)
    (tmp_path / "stations.csv").write_text(STATIONS)
    (tmp_path / "degrees.csv").write_text("name,longitude,latitude\nA,13,42\n")
    with serving("--port", "0") as url:
        v = visit(width)
        v.open(url)
        v.tab.screenshot(path=tmp_path / f"first-{width}.png", full_page=True)
        v.tab.get_by_role("button", name="Grid for models of the ground").click()
        v.tab.get_by_role("button", name="Place on Earth").click()
        for label in ("Size East (km)", "Size North (km)", "Size depth (km)"):
            type_in(v, label, "2.4")
        type_in(v, "Spacing (m)", "300")
        choose_file(v, 0, tmp_path / "layers.csv")
        v.tab.get_by_text("9 × 9 × 9 nodes").wait_for()
        choose_file(v, 2, tmp_path / "degrees.csv")
        v.tab.get_by_text("Corner: got nothing").wait_for()
        choose_file(v, 2, tmp_path / "stations.csv")
        v.wait_for_data("stations-ground", "data?.x.length === 3")
        v.tab.get_by_role("button", name="Random rupture").click()
        v.tab.get_by_label("Model", exact=True).select_option(label="mifno")
        v.tab.get_by_role("complementary").get_by_text("This model takes a point source.").wait_for()
        for label, text in (
            ("East (km)", "1.2"),
            ("North (km)", "1.2"),
            ("Depth (km)", "1.2"),
            ("Magnitude Mw", "3.8"),
        ):
            type_in(v, label, text)
        v.wait_for_data("rupture-ground", "data?.x.length > 10")
        v.tab.screenshot(path=tmp_path / f"refused-{width}.png", full_page=True)
        v.tab.get_by_label("Model", exact=True).select_option(label="Simulation only")
        v.tab.get_by_text("Costs at most").wait_for()
        type_in(v, "Grid spacing (m)", "350")
        v.tab.get_by_text("grid_spacing_m: got 350 m").wait_for()
        type_in(v, "Grid spacing (m)", "100")
        type_in(v, "Duration (s)", "4")
        v.tab.get_by_text("Costs at most").wait_for()
        check_fits(v)
        v.tab.screenshot(path=tmp_path / f"ground-{width}.png", full_page=True)
        v.tab.get_by_role("button", name="Generate").click()
        v.wait_for_data("cells", "data?.value.length === 3")
        v.wait_for_data("rupture-map", "data?.x.length > 10")
        v.click_in("map", 1.2, 0.3)
        v.tab.get_by_text("Station SOUTH at 1.20 km East, 0.30 km North.").wait_for()
        check_fits(v)
        v.tab.screenshot(path=tmp_path / f"motion-{width}.png", full_page=True)
        v.tab.get_by_text("Files and command").click()
        command = v.tab.locator("pre").inner_text()
        check_fits(v)
        v.tab.screenshot(path=tmp_path / f"files-{width}.png", full_page=True)
    assert command.startswith("python - <<'END'")
    assert "sp.read_geology('layers.csv', extent_m=(2400, 2400, 2400), spacing_m=300)" in command
    assert "sp.Rupture.from_magnitude(mw=3.8, hypocentre_m=(1200, 1200, -1200)" in command
    assert "sp.read_stations('stations.csv', None)" in command
    assert v.problems == []
    assert all(address.startswith((url, "data:", "blob:")) for address in v.requested)
