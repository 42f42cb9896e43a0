"""Serve the page on this machine alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.web.ground import Ground
from spectremor.web.hosts import HOST, AllowedHosts
from spectremor.web.scene import Scene
from spectremor.web.studio import Studio

if TYPE_CHECKING:
    from spectremor.model.folder import ModelFolder

#: Time in s that cancelled tasks get to clean up.
_LONGEST_END_S = 5.0
TITLE = "Spectremor: earthquake ground motion"


def start_server(
    port: int,
    *,
    model: ModelFolder | None = None,
    ground: Ground | None = None,
    first: Scene | None = None,
    allow_hosts: Sequence[str] = (),
    open_browser: bool = False,
) -> Any:
    """Start the page's server, listening on localhost only.

    Args:
        port: 0 takes a free one.
        model: the first choice, beside those that ship; None: the default one. Weights are read on first use.
        ground: a geology beside the example, and the first choice.
        first: what every visitor sees first.
        allow_hosts: names, beside this machine's own, by which the page may be asked for: those of tunnels.
        open_browser: open the page in the default browser.

    Returns:
        The bokeh server: `.port`, `.io_loop`, `.stop()`; `run_until_stopped` runs it.

    Raises:
        InputError: a port that is taken or not allowed, or a name that is none.
        MissingExtraError: panel is not installed.
    """
    need("panel", "web")
    from bokeh.server.server import BaseServer
    from bokeh.server.util import bind_sockets
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop

    # Before a port is taken.
    AllowedHosts.of(port, allow_hosts)
    studio = Studio(model, ground)
    try:
        sockets, port = bind_sockets(HOST, port)
    except OSError as error:
        raise InputError("--port", f"{port} ({error.strerror or error})", "a free port, 1024 to 65535") from None
    application = make_application(studio, first, AllowedHosts.of(port, allow_hosts))
    http = HTTPServer(application, max_body_size=2**16, max_buffer_size=2**26)
    http.add_sockets(sockets)
    server = BaseServer(IOLoop.current(), application, http)
    if open_browser:
        server.io_loop.add_callback(server.show, "/")
    return server


def run_until_stopped(server: Any) -> None:
    """Answer requests until the process is told to stop, then end quietly whatever is going on.

    Bokeh's own loop answers SIGTERM and Ctrl-C itself, with a line of its own and exit code 0; here they reach the
    caller.

    Args:
        server: of `start_server`.

    Raises:
        KeyboardInterrupt: of Ctrl-C, and of whatever else the caller makes of signals.
    """
    loop = server.io_loop
    server.start()
    try:
        loop.start()
    finally:
        server.stop()
        _end_tasks(loop.asyncio_loop)


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that still run, and let them clean up; their errors are dropped."""
    loop.set_exception_handler(lambda _loop, _context: None)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_LONGEST_END_S))


def make_application(studio: Studio, first: Scene | None, hosts: AllowedHosts) -> Any:
    """The tornado application that shows a studio's page to each visitor.

    Args:
        studio: shared by all visitors.
        first: what every visitor sees first.
        hosts: by which the page may be asked for.
    """
    import panel as pn
    from panel.io.application import build_applications
    from panel.io.resources import LOCAL_DIST

    from spectremor.examples import example_source
    from spectremor.web.app import Page
    from spectremor.web.application import PageApplication
    from spectremor.web.downloads import Shelf
    from spectremor.web.station import Station

    shelf = Shelf()
    if first is not None:
        # Once, and not for each visitor anew.
        Station.of(first, first.strongest_point(), "velocity")
    start = first.source if first is not None and first.source is not None else example_source()

    def page() -> Any:
        document = pn.state.curdoc
        if document is not None:
            # Panel says so itself where the page is asked for; not where a browser was so slow that its session was
            # forgotten, and is made anew for its connection. Styles would then come from another host, or not at all.
            document.template_variables["dist_url"] = LOCAL_DIST
        visitor = Page(studio, start, first, shelf=shelf)
        if document is not None:
            # Who leaves wants nothing computed any more.
            pn.state.on_session_destroyed(lambda _context: visitor.leave())
        return visitor.layout()

    return PageApplication(build_applications({"/": page}, title=TITLE)["/"], hosts, shelf, studio.cancel_all)
