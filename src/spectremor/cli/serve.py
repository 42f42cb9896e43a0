"""`spectremor serve`: the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli.options import IndexOption, load_geology
from spectremor.core.errors import InputError

if TYPE_CHECKING:
    from spectremor.model.folder import ModelFolder
    from spectremor.web.ground import Ground


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("serve")(serve)


def serve(
    port: Annotated[int, typer.Option("--port", help="Port on localhost; 0 takes a free one.")] = 8750,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder, or the name of one that ships.")] = None,
    geology: Annotated[
        Path | None,
        typer.Option("--geology", help="Geology: .h5, .npy (published order), .nc or .zarr (default: the example)."),
    ] = None,
    index: IndexOption = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Further host name, with or without a port, of a tunnel; repeatable."),
    ] = None,
    field: Annotated[Path | None, typer.Option("--field", help="Wavefield (NetCDF) to show first.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = False,
) -> None:
    """Show wavefields on a page: choose a ground and an earthquake, or open a file. On this machine only.

    A request that names another host than localhost is refused, unless --allow-host names it too.

    [bold]Example[/bold]

    spectremor serve --geology geology.npy --field field.nc
    """
    if not 0 <= port <= 65535:
        raise InputError("--port", port, "0 to 65535")
    read = _read_model(model)

    from spectremor.core.extras import need

    need("panel", "web")
    ground = _fitting_geology(geology, index, read)
    first = None
    if field is not None:
        from spectremor.data.wavefield_files import read_wavefield
        from spectremor.web.scene import Scene

        first = Scene.of(read_wavefield(field), field.name)

    from spectremor.web.hosts import HOST
    from spectremor.web.remarks import enable_remark_collection
    from spectremor.web.server import run_until_stopped, start_server

    enable_remark_collection()
    server = start_server(
        port,
        model=read,
        ground=ground,
        first=first,
        allow_hosts=tuple(allow_host or ()),
        open_browser=browser,
    )
    typer.echo(f"serving on http://{HOST}:{server.port}/ - stop with Ctrl+C")
    run_until_stopped(server)


def _fitting_geology(path: Path | None, index: int | None, model: ModelFolder) -> Ground | None:
    """The person's own geology, in which the model takes earthquakes; None where they gave none."""
    from spectremor.web.ground import Ground

    if path is None:
        if index is not None:
            raise InputError("--index", index, "nothing without --geology")
        return None
    geology = load_geology(path, index)
    model.check_ground_of(path, geology)
    model.check_ground(geology)
    return Ground(geology, path.name, str(path), index)


def _read_model(name: Path | None) -> ModelFolder:
    from spectremor.model.folder import find_model, read_model_folder

    folder = find_model(name)
    if not folder.is_dir():
        raise InputError("--model", name, "an existing model folder")
    return read_model_folder(folder)
