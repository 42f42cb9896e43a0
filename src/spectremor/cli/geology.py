"""`spectremor geology`: bring a model of the ground onto a grid, lay random heterogeneity over it, and show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spectremor.cli.groups import grouped
from spectremor.cli.lists import numbers_in
from spectremor.cli.options import (
    ConventionOption,
    IndexOption,
    PlaceOptions,
    QExponentOption,
    QReferenceOption,
    SourceOption,
    check_netcdf,
    load_geology,
    load_stations,
    parse_source,
    renamed_errors,
)
from spectremor.core.errors import InputError

#: What the library calls each thing, and what a person types.
_OPTIONS = {"corner": "--origin-lon", "corner.crs": "--crs", "extent_m": "--extent", "spacing_m": "--spacing"}
_HETEROGENEITY = {"coefficient_of_variation": "--variation", "hurst": "--hurst"}
_PICTURES = (".png", ".pdf", ".svg")


def register(app: typer.Typer) -> None:
    """Attach the verb and its parts."""
    geology = typer.Typer(
        no_args_is_help=True,
        help=(
            "Bring models of the ground onto a grid, vary them, and show them.\n\n[bold]Example[/bold]\n\n"
            "spectremor geology import layers.csv --extent 9600,9600,9600 --spacing 300 --out geology.nc"
        ),
    )
    geology.command("import")(grouped(import_))
    geology.command("perturb")(grouped(perturb))
    geology.command("show")(grouped(show))
    app.add_typer(geology, name="geology")


def import_(
    model: Annotated[
        Path,
        typer.Argument(
            help="NetCDF (longitude, latitude, depth), SPECFEM tomography .xyz, layers .csv or .fk1d.", metavar="MODEL"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="NetCDF file to write.")],
    extent: Annotated[str, typer.Option("--extent", help="Size along x, y and depth in m, e.g. 9600,9600,9600.")],
    spacing: Annotated[float, typer.Option("--spacing", help="Distance between nodes in m.")],
    place: PlaceOptions,
    q_exponent: QExponentOption = None,
    q_reference: QReferenceOption = None,
) -> None:
    """Bring a model of the ground onto a grid of its own extent, spacing and direction.

    What the grid does not hold (thin layers, slow ground) is said in numbers.

    [bold]Example[/bold]

    spectremor geology import emc.nc --origin-lon 13 --origin-lat 42 --extent 9600,9600,9600 --spacing 300 --out g.nc
    """
    from spectremor.core.files import check_output

    check_netcdf(out)
    check_output(out, model, field="--out")
    try:
        sides = numbers_in(extent)
    except ValueError:
        raise InputError("--extent", extent, "three sizes in m: along x, y and depth") from None
    corner = place.corner_if_given()
    if q_exponent is None and q_reference is not None:
        raise InputError("--q-reference", q_reference, "nothing without --q-exponent")

    from spectremor.core.q_law import QLaw, with_q_law

    law = None if q_exponent is None else QLaw(q_exponent, 1.0 if q_reference is None else q_reference)

    from spectremor.data.geology_files import read_geology, write_geology

    with renamed_errors(_OPTIONS):
        ground = read_geology(model, corner=corner, extent_m=sides, spacing_m=spacing)
    write_geology(ground if law is None else with_q_law(ground, law), out)
    low, high = float(ground.vs_m_s.min()), float(ground.vs_m_s.max())
    typer.echo(f"{' x '.join(map(str, ground.shape))} nodes, Vs from {low:.0f} to {high:.0f} m/s")


def perturb(
    geology: Annotated[Path, typer.Argument(help="Geology: .nc, .npy, .h5 or .zarr.", metavar="GEOLOGY")],
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of the heterogeneity: one seed, one ground.")
    ],
    out: Annotated[Path, typer.Option("--out", help="NetCDF file to write.")],
    index: IndexOption = None,
    variation: Annotated[float, typer.Option("--variation", help="Standard deviation of Vs over its mean.")] = 0.1,
    correlation: Annotated[
        str, typer.Option("--correlation", help="Correlation lengths along x, y and z in m.")
    ] = "1500,1500,1500",
    hurst: Annotated[float, typer.Option("--hurst", help="Exponent of the von Karman covariance, in (0, 1].")] = 0.1,
) -> None:
    """Lay random heterogeneity over a geology: several seeds are an ensemble of grounds.

    [bold]Example[/bold]

    spectremor geology perturb geology.nc --seed 1 --variation 0.05 --out ground1.nc
    """
    from spectremor.core.files import check_output

    check_netcdf(out)
    check_output(out, geology, field="--out")
    try:
        x, y, z = numbers_in(correlation)
    except ValueError:
        raise InputError("--correlation", correlation, "three lengths in m: along x, y and z") from None
    ground = load_geology(geology, index)

    from spectremor.campaign.perturbation import perturb_geology
    from spectremor.data.geology_files import write_geology

    options = {"coefficient_of_variation": variation, "correlation_lengths_m": (x, y, z), "hurst": hurst}
    try:
        varied = perturb_geology(ground, seed=seed, **options)  # type: ignore[arg-type]
    except InputError as error:
        option = "--correlation" if error.field.startswith("correlation") else _HETEROGENEITY.get(error.field)
        raise InputError(option or error.field, error.value, error.allowed) from None
    write_geology(varied, out)
    low, high = float(varied.vs_m_s.min()), float(varied.vs_m_s.max())
    typer.echo(f"{' x '.join(map(str, varied.shape))} nodes, Vs from {low:.0f} to {high:.0f} m/s")


def show(
    geology: Annotated[Path, typer.Argument(help="Geology: .nc, .npy, .h5 or .zarr.", metavar="GEOLOGY")],
    figure: Annotated[Path, typer.Option("--figure", help=f"Picture to write: {', '.join(_PICTURES)}.")],
    place: PlaceOptions,
    index: IndexOption = None,
    source: SourceOption = None,
    convention: ConventionOption = "standard",
    stations: Annotated[Path | None, typer.Option("--stations", help="Stations to draw: csv or StationXML.")] = None,
    column: Annotated[str | None, typer.Option("--column", help="X,Y in m: where to draw a column.")] = None,
) -> None:
    """Show a geology: its surface, two sections and a column, with the source and the stations.

    [bold]Example[/bold]

    spectremor geology show geology.nc --source 4800,4800,-8400,48,45,88 --figure ground.png
    """
    from spectremor.core.files import atomic_file, check_output

    if figure.suffix.lower() not in _PICTURES:
        raise InputError("--figure", figure, f"a file name that ends in {', '.join(_PICTURES)}")
    check_output(figure, geology, stations, field="--figure")
    column_m = _pair(column)
    earthquake = None if source is None else parse_source(source, convention=convention)
    listed = load_stations(stations, place)
    ground = load_geology(geology, index)

    from spectremor.report.ground import ground_figure

    with renamed_errors({"column_m": "--column", "column_m.x": "--column", "column_m.y": "--column"}):
        drawn = ground_figure(ground, earthquake, listed, column_m)
    with atomic_file(figure) as aside:
        drawn.savefig(aside, format=figure.suffix[1:].lower(), dpi=150)


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        x, y = numbers_in(text)
    except ValueError:
        raise InputError("--column", text, "two numbers X,Y in m") from None
    return x, y
