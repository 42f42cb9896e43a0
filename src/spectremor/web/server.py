"""Serve the page on this machine alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.geology import extent_m
from spectremor.core.source import Source
from spectremor.web.scene import Scene

HOST = "127.0.0.1"
#: Files come in pieces of 10 MB, a third more in base64.
_MAX_MESSAGE_BYTES = 32 * 2**20


def start_server(
    port: int, *, model_folder: Path | None = None, first: Scene | None = None, open_browser: bool = False
) -> Any:
    """Start the page's server, listening on localhost only.

    Args:
        port: 0 takes a free one.
        model_folder: weights for the Generate button (None: the weights that ship); loaded on first use.
        first: what every visitor sees first.
        open_browser: open the page in the default browser.

    Returns:
        The bokeh server: `.port`, `.run_until_shutdown()`, `.stop()`.

    Raises:
        InputError: a port that is taken or not allowed.
        MissingExtraError: panel is not installed.
    """
    pn = need("panel", "web")
    from spectremor.examples import example_source
    from spectremor.web.app import Page

    studio = Studio(model_folder)
    start = first.source if first is not None and first.source is not None else example_source()

    def page() -> Any:
        return Page(studio.generate, start, studio.extent_km, first).layout()

    try:
        return pn.serve(
            {"/": page},
            port=port,
            address=HOST,
            websocket_origin=[f"{HOST}:{port}", f"localhost:{port}"] if port else None,
            websocket_max_message_size=_MAX_MESSAGE_BYTES,
            title="Spectremor",
            show=open_browser,
            start=False,
            verbose=False,
            threaded=False,
        )
    except OSError as error:
        raise InputError("--port", f"{port} ({error.strerror or error})", "a free port, 1024 to 65535") from None


class Studio:
    """The model and the example geology, loaded once and used by one visitor at a time."""

    def __init__(self, model_folder: Path | None = None) -> None:
        from spectremor.examples import example_geology

        self._folder = model_folder
        self._model: Any = None
        self._lock = threading.Lock()
        self._geology = example_geology()
        lx, ly, lz = extent_m(self._geology)
        self.extent_km = (lx / 1000, ly / 1000, lz / 1000)

    def generate(
        self, source: Source, realizations: int, seed: int | None, on_progress: Callable[[float], None]
    ) -> Scene:
        """Both stages for one earthquake in the example geology; stage 1 alone where the model has no second.

        Raises:
            InputError: what the model refuses, or a seed that is none: the page's field may be empty.
        """
        from spectremor.pipeline import check_job, load_model

        check_job(realizations, seed, None)
        with self._lock:
            if self._model is None:
                self._model = load_model(self._folder)
            stage1 = self._model.predict(self._geology, source)
            if self._model.diffusion is None:
                return Scene.of(stage1, f"{self._model.stage1_name} alone")
            field = self._model.restore(stage1, realizations=realizations, seed=seed, on_progress=on_progress)
        return Scene.of(field, "generated", stage1)
