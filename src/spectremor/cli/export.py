"""`spectremor export`: wavefields in the formats of seismologists and engineers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spectremor.cli.groups import grouped
from spectremor.cli.lists import numbers_in
from spectremor.cli.options import PlaceOptions
from spectremor.core.errors import InputError

FORMATS = ("mseed", "asdf", "openquake", "csv")
TABLES = ("intensities", "traces")
_OF_INTENSITIES = ("openquake", "intensities")


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("export")(grouped(export))


def export(
    field: Annotated[Path, typer.Argument(help="Wavefield: .nc, .h5 (published forms) or .zarr.", metavar="FIELD")],
    form: Annotated[str, typer.Option("--format", help=", ".join(FORMATS) + ".")],
    out: Annotated[
        Path, typer.Option("--out", help="File to write; companions appear beside it, and replace what is there.")
    ],
    place: PlaceOptions,
    quantity: Annotated[
        str, typer.Option("--quantity", help="Of traces: velocity (m/s), acceleration (m/s2) or displacement (m).")
    ] = "velocity",
    origin_time: Annotated[
        str | None,
        typer.Option("--origin-time", help="Of the earthquake, ISO 8601 (the event's own, or 2000-01-01)."),
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", help=f"Of csv: {' or '.join(TABLES)} (default: {TABLES[0]}).")
    ] = None,
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
    if table is not None:
        _one_of("--table", table, TABLES)
    kind = (table or TABLES[0]) if form == "csv" else form
    _refuse_idle(kind, table=table, periods=periods, origin_time=origin_time)
    _check_outputs(out, kind, field, placed=bool(place.given()))
    checked_quantity = check_quantity(quantity)
    if checked_quantity != "velocity" and kind in _OF_INTENSITIES:
        raise InputError("--quantity", quantity, "velocity: intensity measures have quantities of their own")
    periods_s = _parse_periods(periods)
    given = place.corner_if_given()

    from spectremor import exchange
    from spectremor.cli.progress import spinner
    from spectremor.data.wavefield_files import read_wavefield
    from spectremor.exchange.placing import place_of

    with spinner("reading") as say:
        waves = read_wavefield(field, index)
        corner = place_of(waves, given)
        if corner is None and kind in ("asdf", "openquake"):
            corner = place.corner()  # names what is missing
        # Only the file says whether its event has a place, and so companions.
        _check_outputs(out, kind, field, placed=corner is not None)
        say(f"writing {form}")
        if form == "mseed":
            written = exchange.write_mseed(waves, out, quantity=checked_quantity, place=corner, origin_time=origin_time)
        elif form == "asdf":
            written = exchange.write_asdf(waves, out, corner, quantity=checked_quantity, origin_time=origin_time)
        elif form == "openquake":
            written = exchange.write_openquake(waves, out, corner, periods_s=periods_s)
        elif kind == "traces":
            written = exchange.write_traces(waves, out, quantity=checked_quantity, place=corner)
        else:
            written = exchange.write_intensities(waves, out, place=corner, periods_s=periods_s)
    for path in written:
        typer.echo(path)


def _refuse_idle(kind: str, **options: str | None) -> None:
    """Refuse what says nothing about this kind of file, where a person may think that it does."""
    takers = {"table": TABLES, "periods": _OF_INTENSITIES, "origin_time": ("mseed", "asdf")}
    for name, value in options.items():
        if value is not None and kind not in takers[name]:
            of = "csv takes" if name == "table" else f"{' and '.join(takers[name])} take"
            raise InputError(f"--{name.replace('_', '-')}", value, f"nothing for {kind}; {of} it")


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(field, value, ", ".join(allowed))


def _check_outputs(out: Path, kind: str, field: Path, *, placed: bool) -> None:
    """Refuse, before any work, a place that the file or one of its companions cannot take."""
    from spectremor.core.files import check_output
    from spectremor.exchange.companions import companions

    check_output(out, field, field="--out")
    # Whether there is a source, and so an event to write, is in the file, which nobody has read yet.
    for path in companions(out, kind, placed=placed, source=True).values():
        check_output(path, field, field="--out")


def _parse_periods(text: str | None) -> tuple[float, ...]:
    from spectremor.exchange.intensities import DEFAULT_PERIODS_S, check_periods

    if text is None:
        return DEFAULT_PERIODS_S
    try:
        return check_periods(tuple(numbers_in(text)))
    except ValueError:
        raise InputError("--periods", text, "different positive numbers of s, e.g. 0.3,1.0") from None
