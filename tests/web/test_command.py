"""What the page prints makes, run as it stands, the wavefield that the page shows."""

from __future__ import annotations

import asyncio
import shlex

import numpy as np
import pytest

from spectremor.core.source import Source
from spectremor.data.wavefield_files import read_wavefield
from spectremor.web.app import Page
from spectremor.web.jobs import Job
from spectremor.web.model_controls import SIMULATION_ONLY
from spectremor.web.studio import Studio

#: What the models say of so small an earthquake is not looked at here.
pytestmark = pytest.mark.filterwarnings("ignore::spectremor.core.errors.InputWarning")
START = Source.from_angles(position_m=(1800, 1700, -1800), strike_deg=35, dip_deg=50, rake_deg=75, mw=3.2)
LAYERS = b"thickness_m,vs_m_s\n1200,1500\n,3000\n"
IN_METRES = b"name,x_m,y_m\nNORTH,1200,3300\nSOUTH,1200,300\n"
IN_DEGREES = b"name,longitude,latitude\nNORTH,13.0145,42.019\nSOUTH,13.0145,42.0027\n"
#: Two subfaults in the middle of the ground, nearly two kilometres below the surface.
SRF = b"""1.0
POINTS 2
13.0250 42.0130 1.7 30 60 100000 0.0 0.02
90 10 5 0 0 0 0
10 30 40 20 0
13.0255 42.0130 1.8 30 60 100000 0.1 0.02
90 10 5 0 0 0 0
10 30 40 20 0
"""


@pytest.fixture(scope="module")
def studio():
    """Shared: the models are loaded once."""
    return Studio()


@pytest.fixture
def page(studio, tmp_path, monkeypatch):
    """A page with a small ground of layers; the files that its visitor uploads lie in the folder that they work in."""
    monkeypatch.chdir(tmp_path)
    page = Page(studio, START)
    for side in page.ground.sides:
        side.value = 3.6
    page.ground.spacing.value = 300.0
    page.place.longitude.value, page.place.latitude.value, page.place.azimuth.value = 13.0, 42.0, 10.0

    def bring(opens, name, content):
        (tmp_path / name).write_bytes(content)
        asyncio.run(opens(name, content))

    page.bring = bring
    bring(page.open_ground, "the layers.csv", LAYERS)
    assert page.ground.ground.name == "the layers.csv", page.ground.reply.text
    return page


def run_as_printed(command, here):
    """Run what the page printed, and read what it wrote."""
    lines = command.splitlines()
    if lines[0] == "python - <<'END'":
        assert lines[-1] == "END"
        exec("\n".join(lines[1:-1]), {})
    else:
        for line in lines:
            program, *words = shlex.split(line)
            assert program == "spectremor"
            assert here(*words) == 0
    return read_wavefield("field.nc")


def check_same(made, shown):
    # The page numbers also a single one.
    shown = shown if "realization" in made.dims else shown.squeeze("realization")
    assert made.dims == shown.dims
    assert np.abs(shown).max() > 0
    np.testing.assert_array_equal(made, shown)


@pytest.mark.parametrize(
    ("model", "stations", "rupture"),
    [
        ("simulation", IN_METRES, False),
        ("simulation", IN_DEGREES, True),
        (SIMULATION_ONLY, None, False),
        (SIMULATION_ONLY, IN_METRES, True),
        (SIMULATION_ONLY, IN_DEGREES, True),
    ],
    ids=["model-stations", "model-rupture", "simulation", "simulation-rupture", "simulation-all"],
)
def test_a_command_makes_what_the_page_shows(page, here, model, stations, rupture):
    page.model.model.value = model
    if model == SIMULATION_ONLY:
        page.model.grid_spacing.value, page.model.duration.value = 300.0, 1.5
    else:
        page.model.realizations.value, page.model.seed.value = 2, 3
    if rupture:
        page.bring(page.open_rupture, "event.srf", SRF)
    if stations is not None:
        page.bring(page.open_stations, "list.csv", stations)
    command = page.files_view._text.value
    verb = "simulate" if model == SIMULATION_ONLY else "generate"
    assert command.splitlines()[-1].startswith(f"spectremor {verb} ")
    shown = page._studio.generate(page.request(), Job()).field
    made = run_as_printed(command, here)
    check_same(made, shown)


@pytest.mark.parametrize(("earthquake", "product"), [("random", "draws"), ("point", "mean")])
def test_what_no_command_makes_is_python(page, here, earthquake, product):
    page.earthquake.kind.value, page.model.product.value = earthquake, product
    page.bring(page.open_stations, "list.csv", IN_DEGREES)
    command = page.files_view._text.value
    assert command.startswith("python - <<'END'\n")
    shown = page._studio.generate(page.request(), Job()).field
    check_same(run_as_printed(command, here), shown)
