"""A page server and a real browser, each in a process of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tornado.websocket
import xarray as xr

from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.data.wavefield_files import write_wavefield


@pytest.fixture(scope="session")
def field() -> xr.DataArray:
    """Two realizations on 8 x 6 sensors; the one at (2, 5) shakes most."""
    rng = np.random.default_rng(5)
    time_s = np.arange(160) / 50
    pulse = np.exp(-(((time_s - 1.5) / 0.25) ** 2)) * np.cos(2 * np.pi * 2 * time_s)
    amplitude = rng.uniform(0.01, 0.05, (2, 3, 8, 6, 1))
    amplitude[:, :, 2, 5] = 0.2
    source = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
    return make_wavefield(
        amplitude * pulse,
        x_m=150.0 + 1200 * np.arange(8),
        y_m=150.0 + 1800 * np.arange(6),
        time_s=time_s,
        source=source,
        band_hz=(0.0, 5.0),
    )


@pytest.fixture(scope="session")
def field_file(field, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("web") / "field.nc"
    write_wavefield(field, path)
    return path


@pytest.fixture(scope="session")
def serving() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Serves a page by the command that a person types: a context that gives its address."""
    return _serving


@pytest.fixture(scope="module")
def page_url(field_file) -> Iterator[str]:
    """A page that shows a field."""
    with _serving("--port", "0", "--field", str(field_file)) as url:
        yield url


@pytest.fixture(scope="session")
def chromium(tmp_path_factory) -> Iterator[str]:
    """A headless browser; yields the address of its debugging protocol."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium: scripts/install_browser.sh")
    profile = tmp_path_factory.mktemp("profile")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1500,900"]
    command = [program, *options, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _debugging_address(profile)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _debugging_address(profile: Path) -> str:
    port_file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if port_file.is_file() and len(lines := port_file.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.1)
    raise TimeoutError("the browser did not start")


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
            process.communicate(timeout=20)


class Tab:
    """One browser tab, driven through the Chrome DevTools protocol."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._number = 0
        self._session: str | None = None
        self.problems: list[str] = []
        self.requested: list[str] = []

    async def open(self, url: str) -> None:
        self._socket = await tornado.websocket.websocket_connect(self._address, max_message_size=2**27)
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)

    async def close(self) -> None:
        self._socket.close()
        # The other side answers, and only then is the connection gone.
        while await self._socket.read_message() is not None:
            pass

    async def call(self, method: str, **params: Any) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.write_message(json.dumps(message))
        while True:
            answer = json.loads(await self._socket.read_message())
            self._note(answer)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    async def evaluate(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, expression: str, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := await self.evaluate(expression):
                return value
            await asyncio.sleep(0.25)
        raise TimeoutError(f"never true in the page: {expression}; problems: {self.problems}")

    async def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot"))["data"]))

    def _note(self, message: dict) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            self.requested.append(message["params"]["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(message["params"]["exceptionDetails"])[:500])
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.problems.append(str(message["params"]["entry"])[:500])


@pytest.fixture
def tab(chromium) -> Tab:
    return Tab(chromium)
