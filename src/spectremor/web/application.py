"""The routes of the page's server, which answers allowed hosts only and builds one page at a time.

Panel and Bokeh have routes of their own, among them one that imports any module that an address names. None of them is
used: only the addresses in `PageApplication` are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from bokeh.application.application import Application
from bokeh.embed.bundle import extension_dirs
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.ico_handler import IcoHandler
from bokeh.server.views.multi_root_static_handler import MultiRootStaticHandler
from bokeh.server.views.static_handler import StaticHandler
from panel.io.resources import DIST_DIR
from panel.io.server import DocHandler, WSHandler
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

from spectremor.web.downloads import Downloads
from spectremor.web.hosts import AllowedHosts
from spectremor.web.studio import MAX_PAGES

#: Files are uploaded in pieces of 10 MB, which are a third larger in base64.
MAX_MESSAGE_BYTES = 32 * 2**20
#: Largest number of page loads that wait for their turn.
MAX_WAITING = 16
#: Time after which a page is dropped if its browser never connected or has gone, and interval of checks for it.
_UNUSED_MS, _CHECK_UNUSED_MS = 15_000, 3_000
_SESSION = {"bokeh_websocket_path": "/ws"}

#: All scripts come from this server; Bokeh needs inline scripts and scripts compiled from text.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PageApplication(BokehTornado):  # type: ignore[misc]
    """The tornado application behind the page.

    Args:
        page: makes a document for each visitor.
        hosts: the hosts that a request may name.
        downloads: the pages whose wavefields may be downloaded.
        on_stop: called when the server stops.
    """

    def __init__(
        self, page: Application, hosts: AllowedHosts, downloads: Downloads, on_stop: Callable[[], None] = lambda: None
    ) -> None:
        self.hosts, self._on_stop = hosts, on_stop
        self.page_queue = PageQueue(MAX_WAITING)
        super().__init__(
            {"/": page},
            # Sessions are signed by this server, so nobody else can choose or invent one.
            sign_sessions=True,
            secret_key=os.urandom(32),
            include_headers=[],
            include_cookies=[],
            websocket_max_message_size_bytes=MAX_MESSAGE_BYTES,
            check_unused_sessions_milliseconds=_CHECK_UNUSED_MS,
            unused_session_lifetime_milliseconds=_UNUSED_MS,
            ico_path=str(DIST_DIR / "images" / "favicon.ico"),
            transforms=[_SafeHeaders],
            default_handler_class=Refusal,
            default_handler_args={"status": 404, "reason": "nothing is served here"},
        )
        self.pages = self.applications["/"]
        session = _SESSION | {"application_context": self.pages}
        self.wildcard_router.rules.clear()
        self.wildcard_router.add_rules(
            [
                (r"/", PageHandler, session),
                (r"/ws", SocketHandler, session),
                (r"/download/([0-9a-f]{32})/([a-z-]+)", DownloadHandler, {"downloads": downloads}),
                (r"/favicon\.ico", IcoHandler, {"app": self}),
                (r"/static/extensions/(panel/.*)", MultiRootStaticHandler, {"root": extension_dirs}),
                (r"/static/(js/.*)", StaticHandler),
            ]
        )

    def stop(self, wait: bool = True) -> None:
        """Call `on_stop`, then stop the server."""
        self._on_stop()
        super().stop(wait)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The handler of a request, or `Refusal` if the request is not allowed."""
        refused = self._refusal(request)
        if refused is None:
            return super().find_handler(request, **kwargs)
        status, reason = refused
        return self.get_handler_delegate(request, Refusal, {"status": status, "reason": reason})

    def _refusal(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        """Status and reason if a request is refused before its address is looked at; else None."""
        if not self.hosts.allows(request.headers.get("Host")):
            return 421, "requests for this host name are refused; start with --allow-host NAME to allow it"
        if request.method not in ("GET", "HEAD"):
            return 405, "only GET is served"
        headers = request.headers
        # Checked before anything else reads the origin, which need not be a valid address.
        if not self.hosts.allows_origin(headers.get("Origin")):
            return 403, "only the page itself may request this"
        if request.path == "/" and any(name.startswith("bokeh-") for name in request.arguments):
            # These arguments would choose the session and the place from which scripts are loaded.
            return 403, "bokeh- arguments in the address are not accepted"
        # With these headers a browser says which page makes the request, and for what purpose.
        if request.path == "/":
            if headers.get("Sec-Fetch-Dest", "document") != "document":
                return 403, "the page must not be embedded in another page"
        elif headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return 403, "only the page itself may request this"
        return None


class Refusal(RequestHandler):
    """Answers a request with one line that says why it is refused."""

    def initialize(self, status: int, reason: str) -> None:
        """Store status and reason."""
        self._status, self._reason_text = status, reason

    def prepare(self) -> None:
        """Answer any method with the refusal."""
        self.set_status(self._status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{self._reason_text}\n")


class PageQueue:
    """Lets page loads run one at a time, in the order of their arrival.

    Args:
        most: largest number of page loads that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most, self._waiting = most, 0
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait for one's turn, and yield True; yield False at once if too many wait already."""
        if self._waiting >= self._most:
            yield False
            return
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            # Let the event loop notice which connections were closed meanwhile.
            await asyncio.sleep(0.001)
            yield True
        finally:
            self._turn.release()


class PageHandler(DocHandler):
    """Builds the page when its turn comes, unless the browser has closed the connection by then."""

    gone = False

    def on_connection_close(self) -> None:
        """The browser has closed the connection."""
        self.gone = True
        super().on_connection_close()

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Build a page, or answer that too many pages are open."""
        async with self.application.page_queue.turn() as admitted:
            if self.gone:
                return
            if not admitted or len(list(self.application.pages.sessions)) >= MAX_PAGES:
                self.set_status(503)
                self.set_header("Retry-After", "15")
                self.set_header("Content-Type", "text/plain; charset=utf-8")
                self.finish("too many pages are open; close some, or load this one again in 15 seconds\n")
                return
            await super().get(*args, **kwargs)  # type: ignore[misc]


class SocketHandler(WSHandler):
    """The connection between a page in the browser and its document here."""

    def check_origin(self, origin: str) -> bool:
        """Whether the connection comes from a page of this server."""
        return self.application.hosts.allows_origin(origin)


class DownloadHandler(RequestHandler):
    """Serves a page's wavefield as a file."""

    _CHUNK_BYTES = 2**20

    def initialize(self, downloads: Downloads) -> None:
        """Store the pages whose wavefields may be downloaded."""
        self._downloads = downloads

    async def get(self, key: str, kind: str) -> None:
        """Write the file and send it in pieces, or send an error in one line."""
        async with self._downloads.file(key, kind) as (path, problem):
            if path is None:
                self.set_status(404 if problem is None else 400)
                self.set_header("Content-Type", "text/plain; charset=utf-8")
                self.finish(f"{problem or 'nothing to download: the page is closed, or shows no wavefield'}\n")
                return
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", f'attachment; filename="{path.name}"')
            self.set_header("Content-Length", str(path.stat().st_size))
            self.set_header("Cache-Control", "no-store")
            with path.open("rb") as file:
                while chunk := file.read(self._CHUNK_BYTES):
                    self.write(chunk)
                    await self.flush()


class _SafeHeaders(OutputTransform):
    """Sets the security headers of every answer."""

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: ARG002
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in _HEADERS.items():
            headers[name] = value
        headers.pop("Server", None)
        return status_code, headers, chunk
