"""The server, started by the command that a person types."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from spectremor.web.server import run_until_stopped, start_server


def test_page_is_served(page_url):
    with urllib.request.urlopen(page_url, timeout=30) as answer:
        html = answer.read().decode()
    assert answer.status == 200
    assert "<title>Spectremor" in html
    assert "<h1>Spectremor</h1>" in html


def test_an_address_that_names_a_module_does_not_end_the_process(page_url):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(page_url + "components/unittest.__main__/a/b/c", timeout=30)
    with urllib.request.urlopen(page_url, timeout=30) as answer:
        assert answer.status == 200


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
def test_bad_arguments(arguments, named, here, capsys):
    assert here("serve", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {named}: ")


#: A shell starts background jobs with SIGINT ignored; a terminal does not.
UNDER_A_TERMINAL = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom spectremor.cli import main; main()",
]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("visited", [False, True])
def test_a_signal_ends_it_with_one_line(number, code, visited):
    """Idle, and with a page that is open and connected."""
    command = [*UNDER_A_TERMINAL, "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = re.search(r"http://\S+", line).group()
            if visited:
                asyncio.run(visit_and_signal(url, lambda: process.send_signal(number)))
            else:
                process.send_signal(number)
            said, complained = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, complained, said) == (code, "interrupted\n", "")


class SignalWhenDropped:
    """Asks the process to stop from a destructor, where Python drops every error."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_in_a_destructor_ends_it():
    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        server = start_server(0)
        server.io_loop.add_callback(SignalWhenDropped)
        with pytest.raises(KeyboardInterrupt):
            run_until_stopped(server)
        assert signal.getsignal(signal.SIGTERM) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


async def visit_and_signal(url: str, stop) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:
        token = json.loads(re.search(rb'"token":("[^"]+")', answer.read()).group(1))
    request = HTTPRequest(url.replace("http", "ws") + "ws", headers={"Origin": url.rstrip("/")})
    connection = await websocket_connect(request, subprotocols=["bokeh", token])
    assert await connection.read_message()
    stop()
    # None: the server has closed it.
    while await connection.read_message() is not None:
        pass
    connection.close()


def test_taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "spectremor", "serve", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"--port: got {port}" in done.stderr
