"""The server of the page, which listens on this machine only."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.interrupts import asked_to_stop
from spectremor.web.ground import Ground
from spectremor.web.hosts import HOST, AllowedHosts
from spectremor.web.scene import Scene
from spectremor.web.studio import Studio

if TYPE_CHECKING:
    from spectremor.model.folder import ModelFolder

#: Time in s that cancelled tasks get to clean up.
_CLEAN_UP_S = 5.0
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
        port: port to listen on; 0 takes a free one.
        model: a model that is offered first, before those that ship; None: the default model. Weights are read on
            first use.
        ground: a geology that is offered first, before the example.
        first: the wavefield that every visitor sees first.
        allow_hosts: host names besides this machine's own that requests may use, such as those of tunnels.
        open_browser: open the page in the default browser.

    Returns:
        The bokeh server: `.port`, `.io_loop`, `.stop()`; `run_until_stopped` runs it.

    Raises:
        InputError: the port is taken or not allowed, or a name is not a host name.
        MissingExtraError: panel is not installed.
    """
    need("panel", "web")
    from bokeh.server.server import BaseServer
    from bokeh.server.util import bind_sockets
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop

    # Check the names before the port is taken.
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
    """Answer requests until a signal asks to stop, then cancel all work without error messages.

    The signal stops the event loop, and is raised again when all has ended, for the caller's own handler. Raised
    straight away, its KeyboardInterrupt could be lost in a destructor that runs just then, and the server would go on.
    (Bokeh's own loop would handle signals itself, with a line of output and exit code 0.)

    Args:
        server: result of `start_server`.

    Raises:
        KeyboardInterrupt: on Ctrl-C, or on other signals if the caller turns them into it.
    """
    loop = server.io_loop
    server.start()
    with asked_to_stop(lambda: loop.asyncio_loop.call_soon_threadsafe(loop.stop)) as asked:
        try:
            loop.start()
        finally:
            server.stop()
            _end_tasks(loop.asyncio_loop)
    if asked.number is not None:
        signal.raise_signal(asked.number)


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that still run, and let them clean up; their errors are dropped."""
    loop.set_exception_handler(lambda _loop, _context: None)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_CLEAN_UP_S))


def make_application(studio: Studio, first: Scene | None, hosts: AllowedHosts) -> Any:
    """The tornado application that shows a studio's page to each visitor.

    Args:
        studio: shared by all visitors.
        first: the wavefield that every visitor sees first.
        hosts: the hosts that requests may name.
    """
    import panel as pn
    from panel.io.application import build_applications
    from panel.io.resources import LOCAL_DIST

    from spectremor.examples import example_source
    from spectremor.web.app import Page
    from spectremor.web.application import PageApplication
    from spectremor.web.downloads import Downloads
    from spectremor.web.sensor_motion import SensorMotion

    downloads = Downloads()
    if first is not None:
        # Computed once for all visitors.
        SensorMotion.of(first, first.strongest_sensor(), "velocity")
    start = first.source if first is not None and first.source is not None else example_source()

    def page() -> Any:
        document = pn.state.curdoc
        if document is not None:
            # Panel sets this when the page is requested, but not when a slow browser's session has expired and is made
            # again for its connection. Without it, styles would be loaded from another host, or not at all.
            document.template_variables["dist_url"] = LOCAL_DIST
        visitor_page = Page(studio, start, first, downloads=downloads)
        if document is not None:
            # When a visitor leaves, the work for the page is cancelled.
            pn.state.on_session_destroyed(lambda _context: visitor_page.leave())
        return visitor_page.layout()

    return PageApplication(build_applications({"/": page}, title=TITLE)["/"], hosts, downloads, studio.cancel_all)
