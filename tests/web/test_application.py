"""What the server answers and what it refuses, asked without a browser."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import re
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import panel as pn
import pytest
import xarray as xr
from bokeh.models import ImportedStyleSheet
from panel.io.application import build_applications
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.websocket import websocket_connect

from spectremor.core.georeference import Georeference
from spectremor.web import application
from spectremor.web.app import Page
from spectremor.web.application import PageApplication
from spectremor.web.downloads import FORMATS, Downloads, ExportRequest
from spectremor.web.hosts import AllowedHosts
from spectremor.web.scene import Scene
from spectremor.web.server import make_application
from spectremor.web.studio import Studio


class Server:
    """A server in this process."""

    def __init__(self, port: int, app: PageApplication) -> None:
        self.port, self.app = port, app

    async def get(self, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
        request = HTTPRequest(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=60,
        )
        return await AsyncHTTPClient(force_instance=True).fetch(request, raise_error=False)

    async def connect(self, token: str = "none", **headers: str):
        request = HTTPRequest(f"ws://127.0.0.1:{self.port}/ws", headers=headers, request_timeout=30)
        return await websocket_connect(request, subprotocols=["bokeh", token])


Ask = Callable[[Server], Awaitable[None]]


@pytest.fixture
def pages() -> list:
    """One entry for every page that was built."""
    return []


@pytest.fixture
def ask(pages) -> Callable[..., None]:
    """Runs a conversation with a server whose pages are as small as can be."""

    def run(talk: Ask, *further: str, make: Callable[[AllowedHosts, Downloads], PageApplication] | None = None) -> None:
        def page() -> pn.pane.HTML:
            pages.append(1)
            return pn.pane.HTML("a page")

        def small(hosts: AllowedHosts, downloads: Downloads) -> PageApplication:
            return PageApplication(build_applications({"/": page})["/"], hosts, downloads)

        async def whole() -> None:
            async with served(make or small, further) as server:
                await talk(server)

        asyncio.run(whole())

    return run


@asynccontextmanager
async def served(make, further: tuple[str, ...]) -> AsyncIterator[Server]:
    socket, port = bind_unused_port()
    app = make(AllowedHosts.of(port, further), Downloads())
    http = HTTPServer(app)
    http.add_socket(socket)
    from tornado.ioloop import IOLoop

    app.initialize(IOLoop.current())
    try:
        yield Server(port, app)
    finally:
        http.stop()
        await http.close_all_connections()


@pytest.mark.parametrize(
    "path",
    [
        "/components/unittest.__main__/a/b/c",
        "/components/this/a/b/c",
        "/metadata",
        "/autoload.js?bokeh-autoload-element=1",
        "/rest/session_info",
        "/liveness",
        "/static/extensions/other/x.js",
        "/static/nothing/x.js",
        "//",
        "/ws/",
        "/index",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_unknown_routes_are_refused_before_anything_is_imported(ask, pages, path):
    async def talk(server: Server) -> None:
        answer = await server.get(path)
        assert answer.code == 404
        assert answer.body == b"nothing is served here\n"

    ask(talk)
    assert "this" not in sys.modules
    assert pages == []


def test_nothing_but_these_routes_is_served(ask):
    async def talk(server: Server) -> None:
        patterns = [rule.matcher.regex.pattern for rule in server.app.wildcard_router.rules]
        assert patterns == [
            "/$",
            "/ws$",
            "/download/([0-9a-f]{32})/([a-z-]+)$",
            r"/favicon\.ico$",
            "/static/extensions/(panel/.*)$",
            "/static/(js/.*)$",
        ]
        for path in ("/", "/favicon.ico", "/static/js/bokeh.min.js", "/static/extensions/panel/panel.min.js"):
            assert (await server.get(path)).code == 200
        for path in ("/static/js/%2e%2e/%2e%2e/server/server.py", "/static/extensions/panel/%2e%2e/pane/base.py"):
            assert (await server.get(path)).code in (403, 404)

    ask(talk)


def test_a_foreign_host_gets_neither_page_nor_connection(ask, pages):
    """Also where host and origin agree, as after DNS rebinding."""

    async def talk(server: Server) -> None:
        foreign = f"evil.example:{server.port}"
        for path in ("/", "/static/js/bokeh.min.js", "/nothing"):
            answer = await server.get(path, Host=foreign)
            assert answer.code == 421
            assert answer.body.count(b"\n") == 1
            assert b"--allow-host" in answer.body
        with pytest.raises(HTTPClientError, match="421"):
            await server.connect(Host=foreign, Origin=f"http://{foreign}")
        with pytest.raises(HTTPClientError, match="403"):
            await server.connect(Origin="http://evil.example")
        with pytest.raises(HTTPClientError, match="403"):
            await server.connect(Origin="null")

    ask(talk)
    assert pages == []


def test_a_host_that_is_allowed_by_name_is_answered(ask):
    async def talk(server: Server) -> None:
        assert (await server.get("/", Host="tunnel.example")).code == 200
        assert (await server.get("/", Host="tunnel.example:9000")).code == 200
        (await server.connect(Host="tunnel.example", Origin="https://tunnel.example")).close()

    ask(talk, "tunnel.example")


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/", {"Sec_Fetch_Dest": "iframe"}, 403),
        ("/", {"Sec_Fetch_Dest": "image", "Sec_Fetch_Site": "cross-site"}, 403),
        ("/", {"Sec_Fetch_Dest": "document", "Sec_Fetch_Site": "cross-site"}, 200),
        ("/static/js/bokeh.min.js", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("/static/js/bokeh.min.js", {"Sec_Fetch_Site": "same-origin"}, 200),
        ("/?bokeh-session-id=known", {}, 403),
        ("/?bokeh-absolute-url=http://evil.example/", {}, 403),
        ("/?theme=dark", {}, 200),
        ("/", {"Origin": "http://evil.example"}, 403),
    ],
)
def test_other_sites_cannot_embed_the_page_or_choose_its_session(ask, path, headers, code):
    async def talk(server: Server) -> None:
        assert (await server.get(path, **headers)).code == code

    ask(talk)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_is_served(ask, method):
    async def talk(server: Server) -> None:
        assert (await server.get("/", method)).code in (405, 501)

    ask(talk)


def test_every_answer_is_careful(ask):
    async def talk(server: Server) -> None:
        for path in ("/", "/nothing", "/static/js/bokeh.min.js", "/favicon.ico"):
            headers = (await server.get(path)).headers
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "Server" not in headers

    ask(talk)


def test_abandoned_page_loads_are_not_built(ask, pages):
    """Ninety visitors come while a page is being built, and go; the next one is served, and nobody else."""

    async def talk(server: Server) -> None:
        page_queue = server.app.page_queue
        await page_queue._turn.acquire()
        gone = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(90)]
        for _, writer in gone:
            writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            await writer.drain()
        while page_queue._waiting < application.MAX_WAITING:
            await asyncio.sleep(0.01)
        for _, writer in gone:
            writer.close()
        page_queue._turn.release()
        while page_queue._waiting:
            await asyncio.sleep(0.01)
        assert (await server.get("/")).code == 200

    ask(talk)
    assert len(pages) == 1


def test_a_full_house_is_said(ask, pages, monkeypatch):
    monkeypatch.setattr(application, "MAX_PAGES", 2)

    async def talk(server: Server) -> None:
        for _ in range(2):
            assert (await server.get("/")).code == 200
        answer = await server.get("/")
        assert answer.code == 503
        assert answer.body.startswith(b"too many pages are open")
        assert answer.headers["Retry-After"]

    ask(talk)
    assert len(pages) == 2


class Shown:
    """A page with something to take along."""

    def __init__(self, export_request: ExportRequest | None) -> None:
        self._export_request = export_request

    def export_request(self) -> ExportRequest | None:
        return self._export_request


def test_downloads(ask, field):
    """Every format; only with the page's own key; what is wrong in one line."""
    place = Georeference(longitude_deg=13.2, latitude_deg=42.3)
    placed, unplaced, empty = (Shown(p) for p in (ExportRequest(field, place=place), ExportRequest(field), None))

    def make(hosts: AllowedHosts, downloads: Downloads) -> PageApplication:
        keys.extend(downloads.add(page) for page in (placed, unplaced, empty))
        return PageApplication(build_applications({"/": lambda: pn.pane.HTML("")})["/"], hosts, downloads)

    keys: list[str] = []

    async def talk(server: Server) -> None:
        for kind in FORMATS:
            answer = await server.get(f"/download/{keys[0]}/{kind}")
            assert answer.code == 200, kind
            assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
            assert len(answer.body) == int(answer.headers["Content-Length"]) > 1000
        refused = await server.get(f"/download/{keys[1]}/asdf")
        assert refused.code == 400
        assert refused.body.decode().startswith("place on Earth: got none")
        for path in (f"{keys[2]}/netcdf", f"{'0' * 32}/netcdf", f"{keys[0]}/nothing"):
            assert (await server.get(f"/download/{path}")).code == 404
        whole = (await server.get(f"/download/{keys[1]}/netcdf")).body
        with xr.open_dataarray(io.BytesIO(whole), engine="h5netcdf") as back:
            xr.testing.assert_equal(back.load(), field)

    ask(talk, make=make)


def test_two_visitors_are_kept_apart(ask, field):
    """Each has a session, a document and a key of their own."""
    studio = Studio()

    async def talk(server: Server) -> None:
        tokens, keys = [], []
        for _ in range(2):
            answer = await server.get("/")
            tokens.append(json.loads(re.search(rb'"token":("[^"]+")', answer.body).group(1)))
        sessions = list(server.app.pages.sessions)
        assert len({s.id for s in sessions}) == len(sessions) == len(set(tokens)) == 2
        for session in sessions:
            texts = [m.text for m in session.document.models if "download/" in str(getattr(m, "text", ""))]
            keys.append(re.search(r"download/([0-9a-f]{32})/", str(texts)).group(1))
            shown = session.document.get_model_by_name("cells").data["value"]
            assert len(shown) == field.sizes["x"] * field.sizes["y"]
        assert keys[0] != keys[1]
        for token in tokens:
            (await server.connect(token, Origin=f"http://127.0.0.1:{server.port}")).close()

    scene = Scene.of(field, "a file")
    ask(talk, make=lambda hosts, _downloads: make_application(studio, scene, hosts))


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: evil.example:{port}\r\nX-Forwarded-Host: 127.0.0.1:{port}",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}@evil.example",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:{port}",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:1{port}",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1",
        "GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:{port}",
        "GET / HTTP/1.1\r\nHost: 2130706433:{port}",
        "GET / HTTP/1.1\r\nHost: 0.0.0.0:{port}",
        "GET / HTTP/1.1\r\nHost:",
        "GET / HTTP/1.0",
        "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "GET //evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: 127.0.0.1:{port}",
    ],
)
def test_no_spelling_of_a_foreign_host_gets_a_page(ask, pages, head):
    async def talk(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"{head.format(port=server.port)}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        assert re.match(rb"HTTP/1.[01] (400|403|404|405|421) ", answer)

    ask(talk)
    assert pages == []


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.example",
        "http://u@evil.example:{port}",
        "http://127.0.0.1:{port}@evil.example",
        "http://[",
        "file://",
        "null",
        "chrome-extension://abc",
    ],
)
def test_no_spelling_of_a_foreign_origin_connects(ask, origin):
    async def talk(server: Server) -> None:
        with pytest.raises(HTTPClientError, match="403"):
            await server.connect(Origin=origin.format(port=server.port))

    ask(talk)


def test_pages_that_were_left_are_forgotten_whole(ask, field, monkeypatch):
    """Session, document, page and wavefield: nothing of ninety visitors stays."""
    made = weakref.WeakSet()

    class Noted(Page):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            made.add(self)

    monkeypatch.setattr("spectremor.web.app.Page", Noted)
    monkeypatch.setattr(application, "_UNUSED_MS", 1)
    monkeypatch.setattr(application, "_CHECK_UNUSED_MS", 60_000)
    scene = Scene.of(field, "a file")

    async def talk(server: Server) -> None:
        for _ in range(3):
            assert (await server.get("/")).code == 200
        assert len(made) == 3
        await asyncio.sleep(0.05)
        await server.app.pages._cleanup_sessions(1)
        assert list(server.app.pages.sessions) == []
        for _ in range(20):
            await asyncio.sleep(0.01)
            gc.collect()
            if not made:
                return
        pytest.fail(f"{len(made)} pages stay")

    ask(talk, make=lambda hosts, _downloads: make_application(Studio(), scene, hosts))


def test_styles_come_from_this_server_also_where_a_slow_browser_lost_its_session():
    """Its page is then made by the connection, and not by a request for the page."""
    made = make_application(Studio(), None, AllowedHosts.of(8750, ()))
    document = made.applications["/"].application.create_document()
    addresses = [str(model.url) for model in document.models if isinstance(model, ImportedStyleSheet)]
    assert len(addresses) > 5
    assert all(address.startswith("static/extensions/panel/") for address in addresses)
