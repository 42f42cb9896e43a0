"""`spectremor export`: wavefields in the formats of seismologists and engineers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    from spectremor.exchange.georeference import Georeference

FORMATS = ("mseed", "asdf", "openquake", "csv")
TABLES = ("intensities", "traces")


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("export")(export)


def export(
    field: Annotated[Path, typer.Argument(help="Wavefield: .nc, .h5 (published forms) or .zarr.", metavar="FIELD")],
    form: Annotated[str, typer.Option("--format", help=", ".join(FORMATS) + ".")],
    out: Annotated[
        Path, typer.Option("--out", help="File to write; companions appear beside it, and replace what is there.")
    ],
    quantity: Annotated[
        str, typer.Option("--quantity", help="Of traces: velocity (m/s), acceleration (m/s2) or displacement (m).")
    ] = "velocity",
    origin_lon: Annotated[
        float | None, typer.Option("--origin-lon", help="Longitude of the south-west corner, degrees.")
    ] = None,
    origin_lat: Annotated[
        float | None, typer.Option("--origin-lat", help="Latitude of the south-west corner, degrees.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option("--crs", help="Map projection, e.g. EPSG:32631 (default: azimuthal equidistant).")
    ] = None,
    origin_time: Annotated[
        str | None, typer.Option("--origin-time", help="Date and time of the earthquake, ISO 8601 (2000-01-01).")
    ] = None,
    table: Annotated[str, typer.Option("--table", help="Of csv: " + " or ".join(TABLES) + ".")] = "intensities",
    periods: Annotated[
        str | None, typer.Option("--periods", help="Of response spectra, in s (0.3,0.6,1.0,2.0).")
    ] = None,
    index: Annotated[int | None, typer.Option("--index", help="Which simulation of a campaign.")] = None,
) -> None:
    """Export a wavefield: miniSEED, ASDF, OpenQuake ground-motion fields, CSV.

    [bold]Example[/bold]

    spectremor export field.nc --format mseed --origin-lon 5.7 --origin-lat 43.5 --out field.mseed
    """
    from spectremor.exchange.quantities import check_quantity

    _one_of("--format", form, FORMATS)
    _one_of("--table", table, TABLES)
    placed = not (origin_lon is None and origin_lat is None and crs is None)
    _check_outputs(out, form if form != "csv" else table, placed=placed)
    wanted = check_quantity(quantity)
    if wanted != "velocity" and (form == "openquake" or (form == "csv" and table == "intensities")):
        raise InputError("--quantity", quantity, "velocity: intensity measures have quantities of their own")
    periods_s = _parse_periods(periods)
    place = _parse_place(origin_lon, origin_lat, crs, needed=form in ("asdf", "openquake"))

    from spectremor import exchange
    from spectremor.cli.progress import spinner
    from spectremor.data.wavefield_files import read_wavefield
    from spectremor.exchange.traces import DEFAULT_ORIGIN_TIME

    when = origin_time or DEFAULT_ORIGIN_TIME
    with spinner("reading") as say:
        waves = read_wavefield(field, index)
        say(f"writing {form}")
        if form == "mseed":
            written = exchange.write_mseed(waves, out, quantity=wanted, place=place, origin_time=when)
        elif form == "asdf":
            written = exchange.write_asdf(waves, out, place, quantity=wanted, origin_time=when)
        elif form == "openquake":
            written = exchange.write_openquake(waves, out, place, periods_s=periods_s)
        elif table == "traces":
            written = exchange.write_traces(waves, out, quantity=wanted, place=place)
        else:
            written = exchange.write_intensities(waves, out, place=place, periods_s=periods_s)
    for path in written:
        typer.echo(path)


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(field, value, ", ".join(allowed))


def _check_outputs(out: Path, kind: str, *, placed: bool) -> None:
    """Refuse, before any work, a place that the file or one of its companions cannot take."""
    from spectremor.core.files import check_writable
    from spectremor.exchange.companions import companions

    check_writable(out, field="--out")
    # Whether there is a source, and so an event to write, is in the file, which nobody has read yet.
    for path in companions(out, kind, placed=placed, source=True).values():
        check_writable(path, field="--out")


def _parse_periods(text: str | None) -> tuple[float, ...]:
    from spectremor.exchange.intensities import DEFAULT_PERIODS_S, check_periods

    if text is None:
        return DEFAULT_PERIODS_S
    try:
        return check_periods(tuple(float(part) for part in text.split(",")))
    except ValueError:
        raise InputError("--periods", text, "different positive numbers of s, e.g. 0.3,1.0") from None


def _parse_place(lon: float | None, lat: float | None, crs: str | None, *, needed: bool) -> Georeference | None:
    from spectremor.exchange.georeference import Georeference

    if lon is None and lat is None and crs is None and not needed:
        return None
    if lon is None or lat is None:
        missing = "--origin-lon" if lon is None else "--origin-lat"
        raise InputError(missing, "nothing", "degrees: the place of the domain's south-west corner")
    return Georeference(longitude_deg=lon, latitude_deg=lat, crs=crs)
