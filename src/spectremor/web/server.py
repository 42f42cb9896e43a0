"""Serve the page on this machine alone."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.web.scene import Scene

if TYPE_CHECKING:
    from spectremor.model.config import ModelConfig
    from spectremor.model.folder import ModelFolder

HOST = "127.0.0.1"
#: Files come in pieces of 10 MB, a third more in base64.
_MAX_MESSAGE_BYTES = 32 * 2**20


def start_server(
    port: int,
    *,
    model: ModelFolder | None = None,
    geology: NamedGeology | None = None,
    first: Scene | None = None,
    open_browser: bool = False,
) -> Any:
    """Start the page's server, listening on localhost only.

    Args:
        port: 0 takes a free one.
        model: for the Generate button (None: the default one); its weights are read on first use.
        geology: for the Generate button, one that the model takes (None: the example).
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

    studio = Studio(model, geology)
    start = first.source if first is not None and first.source is not None else example_source()

    def page() -> Any:
        return Page(studio.generate, start, studio.extent_km, first, about=studio.about).layout()

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


@dataclasses.dataclass(frozen=True)
class NamedGeology:
    """A geology and what a person calls it.

    Attributes:
        geology: the ground.
        name: of its file.
    """

    geology: Geology
    name: str


class Studio:
    """The model and a geology, loaded once and used by one visitor at a time.

    Args:
        model: None: the default one; its weights are read on first use.
        geology: one that the model takes; None: the example.

    Raises:
        InputError: a model folder that is no good.
    """

    def __init__(self, model: ModelFolder | None = None, geology: NamedGeology | None = None) -> None:
        from spectremor.examples import example_geology
        from spectremor.model.folder import read_model_folder

        self._folder = model or read_model_folder()
        self._folder.require()
        self._model: Any = None
        self._lock = threading.Lock()
        ground = geology or NamedGeology(example_geology(), "example")
        self._geology = ground.geology
        lx, ly, lz = self._geology.extent_m
        self.extent_km = (lx / 1000, ly / 1000, lz / 1000)
        self.about = _about(ground.name, self._folder.name, self._folder.config)

    def generate(
        self, source: Source, realizations: int, seed: int | None, on_progress: Callable[[float], None]
    ) -> Scene:
        """Both stages for one earthquake in the geology; stage 1 alone where the model has no second.

        Raises:
            InputError: what the model refuses, or a seed that is none: the page's field may be empty.
        """
        from spectremor.model.build import load_model
        from spectremor.model.pipeline import check_job

        check_job(realizations, seed, None)
        with self._lock:
            if self._model is None:
                self._model = load_model(self._folder)
            stage1 = self._model.predict(self._geology, source)
            if self._model.diffusion is None:
                return Scene.of(stage1, f"{self._model.stage1.name} alone")
            field = self._model.restore(stage1, realizations=realizations, seed=seed, on_progress=on_progress)
        return Scene.of(field, "generated", stage1)


def _about(geology: str, name: str, model: ModelConfig) -> str:
    """What the Generate button works with, in one line."""
    steps = "stage 1 alone"
    if model.diffusion is not None:
        count = model.diffusion.evaluations(None)
        steps = f"{count} sampling step{'s' * (count != 1)}"
    band = "" if model.band_high_hz is None else f", up to {model.band_high_hz:g} Hz"
    return f"Geology: {geology}; model: {name}, {steps}{band}"
