"""The server, started by the command that a person types; and the page in a real browser."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.request
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from bokeh.client import pull_session
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from spectremor.data.normalisation import GeologyNormalisation
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.stage import DiffusionStage
from spectremor.model.folder import write_model_folder
from spectremor.surrogate.config import load_preset
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.network import Mifno


def test_page_is_served_with_the_field_in_it(page_url, field):
    with urllib.request.urlopen(page_url, timeout=30) as answer:
        html = answer.read().decode()
    assert answer.status == 200
    assert "<title>Spectremor" in html
    session = pull_session(url=page_url)
    try:
        (cells,) = [
            m.data for m in session.document.models if m.__class__.__name__ == "ColumnDataSource" and "peak" in m.data
        ]
        assert len(cells["peak"]) == field.sizes["x"] * field.sizes["y"]
        assert max(cells["peak"]) > 20
    finally:
        session.close()


def test_only_this_machine_is_listened_to(page_url):
    port = int(page_url.rstrip("/").rsplit(":", 1)[1])
    name = socket.gethostbyname(socket.gethostname())
    if name.startswith("127."):
        name = "::1"
    with pytest.raises(OSError), socket.create_connection((name, port), timeout=5):  # noqa: PT011
        pass


def test_a_page_of_another_origin_gets_no_session(page_url):
    address = page_url.replace("http", "ws") + "ws"
    request = HTTPRequest(address, headers={"Origin": "http://evil.example"})
    with pytest.raises(HTTPClientError, match="403"):
        asyncio.run(websocket_connect_to(request))


async def websocket_connect_to(request: HTTPRequest) -> None:
    await websocket_connect(request)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--port", "70000"), "--port"),
        (("--model", "/no/such/folder"), "--model"),
        (("--field", "/no/such/file.nc"), "wavefield"),
    ],
)
def test_bad_arguments(arguments, named):
    command = [sys.executable, "-m", "spectremor", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {named}: ")


def test_taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "spectremor", "serve", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"--port: got {port}" in done.stderr


@pytest.mark.slow
def test_page_in_a_browser(page_url, tab, tmp_path):
    """Opens, draws, answers a click on the map, and asks nothing of the internet."""

    async def visit() -> tuple[list, list]:
        await tab.open(page_url)
        await tab.wait_for("window.Bokeh?.documents?.[0]?.is_idle")
        chosen = "Bokeh.documents[0].get_model_by_name('chosen').data"
        position = f"JSON.stringify([...{chosen}.x, ...{chosen}.y])"
        before = await tab.evaluate(position)
        x, y = await tab.wait_for(CORNER_OF_MAP)
        await tab.click(x, y)
        after = await tab.wait_for(f"{position} !== {before!r} && {position}")
        await tab.screenshot(tmp_path / "page.png")
        await tab.close()
        return json.loads(before), json.loads(after)

    before, after = asyncio.run(visit())
    assert before == pytest.approx([2.55, 9.15])
    assert after == pytest.approx([8.55, 0.15])
    assert tab.problems == []
    assert tab.requested
    assert all(url.startswith((page_url, "data:", "blob:")) for url in tab.requested)
    assert (tmp_path / "page.png").stat().st_size > 30_000


@pytest.fixture(scope="module")
def untrained_model(tmp_path_factory) -> Path:
    """Both stages at their smallest, with random weights."""
    torch.manual_seed(0)
    config = load_preset("tiny")
    nodes = config.trained_range.nodes
    normalisation = GeologyNormalisation(np.full(nodes, 2500.0), np.full(nodes, 300.0))
    surrogate = MifnoSurrogate(Mifno(config).eval(), normalisation)
    settings = files("spectremor") / "presets" / "ddpm" / "tiny.yaml"
    diffusion = DiffusionStage(DiffusionConfig(**yaml.safe_load(settings.read_text()))).eval()
    folder = tmp_path_factory.mktemp("model") / "untrained"
    parts = {"surrogate": surrogate.parts(), "diffusion": diffusion.parts()}
    write_model_folder(folder, parts=parts, about={}, card="Untrained: for tests.\n")
    return folder


@pytest.mark.slow
def test_generate_in_a_browser(serving, untrained_model, tab, tmp_path):
    """From an empty page, through the button, to three realizations of both stages."""

    async def visit(url: str) -> str:
        await tab.open(url)
        await tab.wait_for("window.Bokeh?.documents?.[0]?.is_idle")
        widgets = "[...Bokeh.documents[0]._all_models.values()]"
        await tab.evaluate(f"void ({widgets}.find(m => m.title === 'Realizations').value = 3)")
        await tab.wait_for(f"void ({FIND_BUTTON}).click() || true")
        drawn = await tab.wait_for(
            f"{widgets}.find(m => m.data?.peak?.length > 0) && {widgets}.find(m => m.type === 'Legend')?.items.length",
            seconds=300,
        )
        await tab.wait_for("Bokeh.documents[0].is_idle")
        await asyncio.sleep(1)
        await tab.screenshot(tmp_path / "generated.png")
        await tab.close()
        return drawn

    with serving("--port", "0", "--model", str(untrained_model)) as url:
        curves = asyncio.run(visit(url))
    assert curves == 2
    assert tab.problems == []
    assert (tmp_path / "generated.png").stat().st_size > 50_000


@pytest.mark.slow
def test_files_are_chosen_in_a_browser(page_url, tab, field_file, tmp_path):
    """The same file twice is shown twice; one that is too large is refused before it is sent, and the page goes on."""
    large = tmp_path / "large.nc"
    with large.open("wb") as file:
        file.truncate(130_000_000)

    async def choose(path: Path) -> None:
        found = await tab.call("Runtime.evaluate", expression=FIND_FILE_INPUT)
        await tab.call("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    async def visit() -> None:
        await tab.open(page_url)
        await tab.wait_for(FIELD_FOR_FILES_IS_READY)
        await tab.evaluate(COUNT_MAPS)
        for path in (field_file, field_file, large, field_file):
            await tab.evaluate("void (window.maps = 0)")
            await choose(path)
            if path == large:
                await tab.wait_for(f"{FILES_TEXT}.includes('Maximum file size is 64 MB')")
            else:
                await tab.wait_for(f"window.maps > 0 && {FILES_TEXT}.includes('Browse')")
        await tab.close()

    asyncio.run(visit())
    assert tab.problems == []


#: The field for files, in a shadow tree too.
FILES_VIEW = "Bokeh.index?.find_one([...Bokeh.documents[0]._all_models.values()].find(m => m.type.endsWith('Dropper')))"
FIND_FILE_INPUT = f"{FILES_VIEW}.shadow_el.querySelector('input[type=file]')"
FILES_TEXT = f"{FILES_VIEW}.shadow_el.querySelector('.filepond--root').innerText"
COUNT_MAPS = """{
  const cells = [...Bokeh.documents[0]._all_models.values()].find(m => m.data?.peak)
  cells.properties.data.change.connect(() => window.maps += 1)
}"""
FIELD_FOR_FILES_IS_READY = f"window.Bokeh?.documents?.[0]?.is_idle && !!{FIND_FILE_INPUT}"

#: The Generate button, which lives in a shadow tree.
FIND_BUTTON = """(() => {
  const search = root => {
    for (const element of root.querySelectorAll('*')) {
      if (element.tagName === 'BUTTON' && element.textContent === 'Generate') return element
      const found = element.shadowRoot && search(element.shadowRoot)
      if (found) return found
    }
  }
  return search(document)
})()"""

#: Where on the screen the sensor at 8.55 km East, 0.15 km North is drawn.
CORNER_OF_MAP = """(() => {
  const view = Bokeh.index.find_one_by_id(Bokeh.documents[0].get_model_by_name('map').id)
  const box = view?.canvas_view?.el?.getBoundingClientRect()
  const frame = view?.frame
  return box && frame ? [box.left + frame.x_scale.compute(8.5), box.top + frame.y_scale.compute(0.2)] : null
})()"""
