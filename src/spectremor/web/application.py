"""What the page's server answers: a short list of routes, to hosts that are allowed, and pages built one at a time.

Panel and Bokeh bring routes of their own, among them one that imports whatever module an address names. None of them is
taken over: an address is answered only if it stands in `PageApplication`.
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

from spectremor.web.downloads import Shelf
from spectremor.web.hosts import AllowedHosts
from spectremor.web.studio import MAX_PAGES

#: Files come in pieces of 10 MB, a third more in base64.
MAX_MESSAGE_BYTES = 32 * 2**20
#: Page loads that wait for their turn.
MAX_WAITING = 16
#: A page whose browser never connected, or is gone, is forgotten after this time.
_UNUSED_MS, _CHECK_UNUSED_MS = 15_000, 3_000
_SESSION = {"bokeh_websocket_path": "/ws"}

#: Scripts are the library's own, some of them in the page and some compiled from text, as Bokeh does.
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
        hosts: that a request may name.
        shelf: the files that visitors may take along.
        on_stop: called when the server stops.
    """

    def __init__(
        self, page: Application, hosts: AllowedHosts, shelf: Shelf, on_stop: Callable[[], None] = lambda: None
    ) -> None:
        self.hosts, self._on_stop = hosts, on_stop
        self.doorway = Doorway(MAX_WAITING)
        super().__init__(
            {"/": page},
            # Sessions are the server's own: nobody else can name one, or make one up.
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
                (r"/download/([0-9a-f]{32})/([a-z-]+)", DownloadHandler, {"shelf": shelf}),
                (r"/favicon\.ico", IcoHandler, {"app": self}),
                (r"/static/extensions/(panel/.*)", MultiRootStaticHandler, {"root": extension_dirs}),
                (r"/static/(js/.*)", StaticHandler),
            ]
        )

    def stop(self, wait: bool = True) -> None:
        """Stop what is going on."""
        self._on_stop()
        super().stop(wait)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The handler of a request; of one that is not for this server, the refusal."""
        refused = self._refusal(request)
        if refused is None:
            return super().find_handler(request, **kwargs)
        status, reason = refused
        return self.get_handler_delegate(request, Refusal, {"status": status, "reason": reason})

    def _refusal(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        """Status and reason, where a request is not answered whatever it asks for."""
        if not self.hosts.allows(request.headers.get("Host")):
            return 421, "this host is not served; start with --allow-host NAME to allow another"
        if request.method not in ("GET", "HEAD"):
            return 405, "only GET is served"
        headers = request.headers
        # Before anything else reads it: an origin may be no address at all.
        if not self.hosts.allows_origin(headers.get("Origin")):
            return 403, "only the page itself may ask for this"
        if request.path == "/" and any(name.startswith("bokeh-") for name in request.arguments):
            # Of pages that are put into other pages: whose session, and from where scripts are loaded.
            return 403, "the page takes no such words in its address"
        # Browsers say of what they fetch whose page asks for it, and for what.
        if request.path == "/":
            if headers.get("Sec-Fetch-Dest", "document") != "document":
                return 403, "the page is not part of another page"
        elif headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return 403, "only the page itself may ask for this"
        return None


class Refusal(RequestHandler):
    """Says in one line why a request is not answered."""

    def initialize(self, status: int, reason: str) -> None:
        """Take what to say."""
        self._status, self._why = status, reason

    def prepare(self) -> None:
        """Answer, whatever the method."""
        self.set_status(self._status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{self._why}\n")


class Doorway:
    """Lets page loads in one after the other, in the order of their coming; those who went away meanwhile are dropped.

    Args:
        most: that may wait at once.
    """

    def __init__(self, most: int) -> None:
        self._most, self._waiting = most, 0
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait for one's turn; False where too many wait already."""
        if self._waiting >= self._most:
            yield False
            return
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            # The event loop sees in between who has gone.
            await asyncio.sleep(0.001)
            yield True
        finally:
            self._turn.release()


class PageHandler(DocHandler):
    """The page itself: built when its turn comes, unless the visitor has gone by then."""

    gone = False

    def on_connection_close(self) -> None:
        """The browser gave up."""
        self.gone = True
        super().on_connection_close()

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Build a page, or say that there is no room."""
        async with self.application.doorway.turn() as admitted:
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
        """Only pages that this server may have served connect."""
        return self.application.hosts.allows_origin(origin)


class DownloadHandler(RequestHandler):
    """A visitor's wavefield as a file."""

    _PIECE_BYTES = 2**20

    def initialize(self, shelf: Shelf) -> None:
        """Take the files to choose from."""
        self._shelf = shelf

    async def get(self, key: str, kind: str) -> None:
        """Make the file and send it in pieces; what is wrong is said in one line."""
        async with self._shelf.file(key, kind) as (path, problem):
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
                while piece := file.read(self._PIECE_BYTES):
                    self.write(piece)
                    await self.flush()


class _SafeHeaders(OutputTransform):
    """Puts the same careful headers on everything that is sent."""

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
