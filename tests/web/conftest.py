"""A page server in a process of its own, a real browser through Playwright, and a studio that needs no model."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data.wavefield_files import write_wavefield
from spectremor.web.app import Page
from spectremor.web.jobs import Job
from spectremor.web.scene import Scene
from spectremor.web.studio import Request, Studio

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
#: Nothing of the browser asks for the internet, and none of it needs rights of its own.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def field() -> xr.DataArray:
    """Two realizations on 8 x 6 sensors; the one at (2, 5) shakes most."""
    rng = np.random.default_rng(5)
    time_s = np.arange(160) / 50
    pulse = np.exp(-(((time_s - 1.5) / 0.25) ** 2)) * np.cos(2 * np.pi * 2 * time_s)
    amplitude = rng.uniform(0.01, 0.05, (2, 3, 8, 6, 1))
    amplitude[:, :, 2, 5] = 0.2
    return make_wavefield(
        amplitude * pulse,
        x_m=150.0 + 1200 * np.arange(8),
        y_m=150.0 + 1800 * np.arange(6),
        time_s=time_s,
        source=START,
        band_hz=(0.0, 5.0),
    )


@pytest.fixture(scope="session")
def field_file(field, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("web") / "field.nc"
    write_wavefield(field, path)
    return path


class FakeStudio(Studio):
    """Answers with what it is told to, and keeps what it was asked for."""

    def __init__(self, answer: Callable[[Request, Job], Scene]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[Request] = []

    def generate(self, request: Request, job: Job) -> Scene:
        self.asked.append(request)
        return self._answer(request, job)


@pytest.fixture
def page_with() -> Callable[..., Page]:
    """Makes a page whose studio answers as it is told."""

    def make(answer=lambda *_: pytest.fail("not asked for"), start: Source = START) -> Page:
        return Page(FakeStudio(answer), start)

    return make


@pytest.fixture(scope="session")
def serving() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Serves a page by the command that a person types: a context that gives its address."""
    return _serving


@pytest.fixture(scope="module")
def page_url(field_file) -> Iterator[str]:
    """A page that shows a field."""
    with _serving("--port", "0", "--field", str(field_file)) as url:
        yield url


@contextlib.contextmanager
def _serving(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "spectremor", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, process.stderr.read()
            yield found.group()
        finally:
            process.terminate()
            process.communicate(timeout=120)


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, headless."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium: scripts/install_browser.sh")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, headless=True)
        yield browser
        browser.close()


class Visit:
    """A tab, and what went wrong in it."""

    def __init__(self, tab) -> None:
        self.tab = tab
        # A busy machine is no failure.
        tab.set_default_timeout(300_000)
        self.problems: list[str] = []
        self.requested: list[str] = []
        tab.on("console", lambda m: m.type == "error" and self.problems.append(m.text))
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("request", lambda request: self.requested.append(request.url))
        tab.on("response", lambda r: r.status >= 400 and self.problems.append(f"{r.status} {r.url}"))

    def open(self, url: str) -> None:
        self.tab.goto(url)
        self.tab.wait_for_function("window.Bokeh?.documents?.[0]?.is_idle")

    def data(self, name: str, column: str) -> list[float]:
        """A column of a data source of the page."""
        return self.tab.evaluate(f"[...Bokeh.documents[0].get_model_by_name('{name}').data['{column}']]")

    def wait_for_data(self, name: str, condition: str) -> None:
        self.tab.wait_for_function(
            f"(() => {{ const data = Bokeh.documents[0].get_model_by_name('{name}')?.data; return {condition} }})()"
        )

    def click_in(self, figure: str, x: float, y: float) -> None:
        """Click on a figure, at a point in the units of its axes."""
        where = self.tab.evaluate(
            f"""(() => {{
              const view = Bokeh.index.find_one_by_id(Bokeh.documents[0].get_model_by_name('{figure}').id)
              view.el.scrollIntoView({{block: 'center'}})
              const box = view.canvas_view.el.getBoundingClientRect()
              return [box.left + view.frame.x_scale.compute({x}), box.top + view.frame.y_scale.compute({y})]
            }})()"""
        )
        self.tab.mouse.click(*where)


@pytest.fixture
def visit(chromium) -> Iterator[Callable[[int], Visit]]:
    """Opens tabs of a given width, each of a visitor of their own."""
    contexts = []

    def begin(width: int) -> Visit:
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}))
        return Visit(contexts[-1].new_page())

    yield begin
    for context in contexts:
        context.close()
