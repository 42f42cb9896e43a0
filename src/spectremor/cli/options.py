"""Options that several verbs share, and how their texts become geology and source."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli.lists import numbers_in
from spectremor.core.errors import InputError, InputWarning

if TYPE_CHECKING:
    from spectremor.core.geology import Geology
    from spectremor.core.georeference import Georeference
    from spectremor.core.recording import Stations
    from spectremor.core.rupture import Rupture
    from spectremor.core.source import Source

#: Largest magnitude that a point source stands for in a domain of ten kilometres.
POINT_SOURCE_MW = 6.0

GeologyOption = Annotated[
    Path, typer.Option("--geology", help="Geology: .h5, .npy (published order), .nc or .zarr; Vs in m/s.")
]
IndexOption = Annotated[
    int | None, typer.Option("--index", help="Which geology, when the file holds several (0 is the first).")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", help="X,Y,Z,STRIKE,DIP,RAKE: metres (z negative below the surface) and degrees; commas or blanks."
    ),
]
EventOption = Annotated[
    Path | None,
    typer.Option("--event", help="QuakeML file, instead of --source; needs --origin-lon and --origin-lat."),
]
EventIdOption = Annotated[
    str | None, typer.Option("--event-id", help="Which event of --event, where it holds several: its id, or its end.")
]
RuptureOption = Annotated[
    Path | None,
    typer.Option(
        "--rupture",
        help="SRF, USGS .param or SRCMOD .fsp file, instead of --source; needs --origin-lon and --origin-lat.",
    ),
]
RigidityOption = Annotated[
    float | None,
    typer.Option("--rigidity", help="Of all subfaults of --rupture in Pa (default: the file's, or the ground's)."),
]
OriginLonOption = Annotated[
    float | None, typer.Option("--origin-lon", help="Longitude of the south-west corner, degrees.")
]
OriginLatOption = Annotated[
    float | None, typer.Option("--origin-lat", help="Latitude of the south-west corner, degrees.")
]
AzimuthOption = Annotated[
    float | None, typer.Option("--azimuth", help="Of the domain's y axis, degrees clockwise from North (default: 0).")
]
CrsOption = Annotated[
    str | None, typer.Option("--crs", help="Map projection, e.g. EPSG:32631 (default: azimuthal equidistant).")
]
ConventionOption = Annotated[
    str, typer.Option("--convention", help="Of the angles: standard (Aki & Richards) or hemew (published data).")
]
MomentOption = Annotated[
    float | None, typer.Option("--moment", help="Scalar moment in N m (2.47e16 when neither it nor --mw is given).")
]
MwOption = Annotated[float | None, typer.Option("--mw", help="Moment magnitude, instead of --moment.")]
RiseTimeOption = Annotated[
    float | None,
    typer.Option(
        "--rise-time",
        help="Rise time tau in s (default: what --stress-drop makes it, or the event's own; 0.1 in convention hemew).",
    ),
]


QExponentOption = Annotated[
    float | None,
    typer.Option("--q-exponent", help="g of Q = Q0 (f / f0)^g (default: what the geology says, or a constant Q)."),
]
QReferenceOption = Annotated[float | None, typer.Option("--q-reference", help="f0 in Hz (default: 1).")]
StressDropOption = Annotated[
    float | None,
    typer.Option(
        "--stress-drop",
        help="In Pa: gives the corner frequency with Vs at the source (default: 5e6, or what --event says of its own).",
    ),
]
StationsOption = Annotated[
    Path | None,
    typer.Option(
        "--stations",
        help="Instead of the 32 x 32 sensors: csv (name, and lon and lat or x_m and y_m) or StationXML.",
    ),
]


def parse_source(
    text: str,
    *,
    convention: str = "standard",
    moment_nm: float | None = None,
    mw: float | None = None,
    stress_drop_pa: float | None = None,
    rise_time_s: float | None = None,
) -> Source:
    """A source from `X,Y,Z,STRIKE,DIP,RAKE`.

    Raises:
        InputError: not six numbers, or a value that a source cannot have.
    """
    from spectremor.core.source import Source

    try:
        numbers = numbers_in(text)
    except ValueError:
        raise InputError("--source", text, "six numbers X,Y,Z,STRIKE,DIP,RAKE in m and degrees") from None
    if len(numbers) != 6:
        raise InputError("--source", f"{len(numbers)} numbers ({text})", "six: X,Y,Z,STRIKE,DIP,RAKE in m and degrees")
    if convention not in ("standard", "hemew"):
        raise InputError("--convention", convention, "standard or hemew")
    x, y, z, strike, dip, rake = numbers
    return Source.from_angles(
        position_m=(x, y, z),
        strike_deg=strike,
        dip_deg=dip,
        rake_deg=rake,
        moment_nm=moment_nm,
        mw=mw,
        convention="hemew" if convention == "hemew" else "standard",
        stress_drop_pa=stress_drop_pa,
        rise_time_s=rise_time_s,
    )


def load_source(
    text: str | None,
    event: Path | None,
    *,
    origin: tuple[float | None, float | None, str | None],
    convention: str,
    moment_nm: float | None,
    mw: float | None,
    rise_time_s: float | None,
    stress_drop_pa: float | None = None,
    azimuth_deg: float | None = None,
    event_id: str | None = None,
) -> Source:
    """The earthquake that a person describes: by numbers, or by a QuakeML file and the place of the domain.

    Raises:
        InputError: both or neither, an option that says nothing beside the other, or what is wrong with the source.
    """
    if event is None:
        if text is None:
            raise InputError("--source", "nothing", "X,Y,Z,STRIKE,DIP,RAKE in m and degrees, or --event FILE")
        names = ("--origin-lon", "--origin-lat", "--crs", "--azimuth")
        for option, value in zip(names, (*origin, azimuth_deg), strict=True):
            if value is not None:
                raise InputError(option, value, "the place of an --event; --source is in local metres")
        if event_id is not None:
            raise InputError("--event-id", event_id, "nothing without --event, whose event it names")
        size = {"moment_nm": moment_nm, "mw": mw, "stress_drop_pa": stress_drop_pa}
        return _warned(parse_source(text, convention=convention, rise_time_s=rise_time_s, **size))
    for option, value in (("--source", text), ("--moment", moment_nm), ("--mw", mw)):
        if value is not None:
            raise InputError(option, value, "nothing beside --event, whose file says it")
    if convention != "standard":
        raise InputError("--convention", convention, "standard beside --event")
    from spectremor.exchange import read_source

    place = parse_place(*origin, azimuth_deg)
    try:
        return _warned(
            read_source(event, place, event_id=event_id, rise_time_s=rise_time_s, stress_drop_pa=stress_drop_pa)
        )
    except InputError as error:
        if error.field not in ("event", "event_id"):
            raise
        raise InputError("--event-id", error.value, error.allowed) from None


def load_rupture(
    path: Path,
    origin: tuple[float | None, float | None, str | None],
    azimuth_deg: float | None,
    rigidity_pa: float | None,
    beside: Mapping[str, object | None],
) -> Rupture:
    """The rupture in a file.

    Args:
        path: of the file.
        origin: longitude, latitude and reference system of the domain's corner.
        azimuth_deg: of the domain's y axis.
        rigidity_pa: of all subfaults, or None.
        beside: options that describe an earthquake in other ways, with their values.

    Raises:
        InputError: one of these options, no place, or what is wrong with the file.
    """
    from spectremor.exchange.ruptures import read_rupture

    for option, value in beside.items():
        if value is not None:
            raise InputError(option, value, "nothing beside --rupture, whose file says it")
    place = parse_place(*origin, azimuth_deg)
    try:
        return read_rupture(path, place, rigidity_pa=rigidity_pa)
    except InputError as error:
        if error.field != "rupture":
            raise
        raise InputError("--rupture", error.value, error.allowed) from None


def load_earthquake(
    source: str | None,
    event: Path | None,
    rupture: Path | None,
    *,
    rigidity_pa: float | None,
    origin: tuple[float | None, float | None, str | None],
    azimuth_deg: float | None,
    places_stations: bool,
    convention: str,
    moment_nm: float | None,
    mw: float | None,
    rise_time_s: float | None,
    stress_drop_pa: float | None,
    event_id: str | None,
) -> Source | Rupture:
    """The earthquake that a command's options describe, a point or a rupture.

    Args:
        source: position and angles.
        event: QuakeML file.
        rupture: file of one.
        rigidity_pa: of all subfaults of the rupture, or None.
        origin: longitude, latitude and reference system of the domain's corner.
        azimuth_deg: of the domain's y axis.
        places_stations: there is a list of stations, which the origin may be for.
        convention: of the source's angles.
        moment_nm: its size.
        mw: the same as a magnitude.
        rise_time_s: of its moment function.
        stress_drop_pa: the same as a stress drop.
        event_id: which event of the file.

    Raises:
        InputError: names the option.
    """
    if rupture is not None:
        beside = {
            "--source": source,
            "--event": event,
            "--event-id": event_id,
            "--moment": moment_nm,
            "--mw": mw,
            "--rise-time": rise_time_s,
            "--stress-drop": stress_drop_pa,
            "--convention": None if convention == "standard" else convention,
        }
        return load_rupture(rupture, origin, azimuth_deg, rigidity_pa, beside)
    if rigidity_pa is not None:
        raise InputError("--rigidity", rigidity_pa, "nothing without --rupture")
    # Beside a --source, the place is that of the stations.
    of_stations = event is None and places_stations
    return load_source(
        source,
        event,
        origin=(None, None, None) if of_stations else origin,
        convention=convention,
        moment_nm=moment_nm,
        mw=mw,
        rise_time_s=rise_time_s,
        stress_drop_pa=stress_drop_pa,
        azimuth_deg=None if of_stations else azimuth_deg,
        event_id=event_id,
    )


def _warned(source: Source) -> Source:
    """The source, after a word about one that is too large for a point."""
    if source.mw > POINT_SOURCE_MW:
        warnings.warn(
            f"source: magnitude {source.mw:.2g} ruptures many kilometres; a point source of its moment has the wrong "
            f"motion near the fault (meant for magnitudes up to {POINT_SOURCE_MW:g})",
            InputWarning,
            stacklevel=2,
        )
    return source


def show_event(source: Source | Rupture) -> None:
    """Say which event an earthquake was read from, and what of the file was taken."""
    if source.event is not None and source.event.choice is not None:
        line = f"event {source.event.event_id or 'without an id'}: {source.event.choice}"
        typer.echo("".join(c if c.isprintable() else " " for c in line))


def parse_place(
    lon: float | None, lat: float | None, crs: str | None, azimuth_deg: float | None = None
) -> Georeference:
    """Where the domain's south-west corner lies, and how far its y axis is turned from North.

    Raises:
        InputError: a missing number, or one that no place has.
    """
    from spectremor.core.georeference import Georeference

    if lon is None or lat is None:
        missing = "--origin-lon" if lon is None else "--origin-lat"
        raise InputError(missing, "nothing", "degrees: the place of the domain's south-west corner")
    return Georeference(longitude_deg=lon, latitude_deg=lat, azimuth_deg=azimuth_deg or 0.0, crs=crs)


def load_stations(
    path: Path | None, origin: tuple[float | None, float | None, str | None], azimuth_deg: float | None
) -> Stations | None:
    """The stations in a file; None without one.

    Raises:
        InputError: names what is wrong with the file, or the place that it needs.
    """
    if path is None:
        return None
    from spectremor.exchange.station_lists import read_stations

    placed = any(value is not None for value in (*origin, azimuth_deg))
    try:
        return read_stations(path, parse_place(*origin, azimuth_deg) if placed else None)
    except InputError as error:
        if error.field != "corner":
            raise
        raise InputError("--origin-lon", error.value, error.allowed) from None


def check_netcdf(out: Path) -> None:
    """Refuse a name by which no other command would take the file for what it is.

    Raises:
        InputError: another suffix.
    """
    if out.suffix.lower() not in (".nc", ".nc4"):
        raise InputError("--out", out, "a file name that ends in .nc (NetCDF) or .nc4")


def load_geology(path: Path, index: int | None = None) -> Geology:
    """The geology in a file.

    Raises:
        InputError: names what is wrong with the file.
    """
    from spectremor.data.geology_files import read_geology

    return read_geology(path, index=index)
