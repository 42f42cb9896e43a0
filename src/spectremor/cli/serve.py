"""`spectremor serve`: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spectremor.core.errors import InputError


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("serve")(serve)


def serve(
    port: Annotated[int, typer.Option("--port", help="Port on localhost; 0 takes a free one.")] = 8750,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder, or the name of one that ships.")] = None,
    field: Annotated[Path | None, typer.Option("--field", help="Wavefield (NetCDF) to show first.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = False,
) -> None:
    """Show wavefields on a page: generate them with sliders, or open a file. On this machine only.

    [bold]Example[/bold]

    spectremor serve --field field.nc
    """
    if not 0 <= port <= 65535:
        raise InputError("--port", port, "0 to 65535")
    folder = None if model is None else _existing_model(model)

    from spectremor.core.extras import need

    need("panel", "web")
    first = None
    if field is not None:
        from spectremor.data.wavefield_files import read_wavefield
        from spectremor.web.scene import Scene

        first = Scene.of(read_wavefield(field), field.name)

    from spectremor.web.server import HOST, start_server

    server = start_server(port, model_folder=folder, first=first, open_browser=browser)
    typer.echo(f"serving on http://{HOST}:{server.port}/ - stop with Ctrl+C")
    server.run_until_shutdown()


def _existing_model(name: Path) -> Path:
    from spectremor.data.model_files import check_model_folder
    from spectremor.pipeline import model_folder

    folder = model_folder(name)
    if not folder.is_dir():
        raise InputError("--model", name, "an existing model folder")
    check_model_folder(folder)
    return folder
