"""Options that several verbs share, and how their texts become geology and source."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli.groups import Options, refuse
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
ConventionOption = Annotated[
    str, typer.Option("--convention", help="Of the angles: standard (Aki & Richards) or hemew (published data).")
]
QExponentOption = Annotated[
    float | None,
    typer.Option("--q-exponent", help="g of Q = Q0 (f / f0)^g (default: what the geology says, or a constant Q)."),
]
QReferenceOption = Annotated[float | None, typer.Option("--q-reference", help="f0 in Hz (default: 1).")]
StationsOption = Annotated[
    Path | None,
    typer.Option(
        "--stations",
        help="Instead of the 32 x 32 sensors: csv (name, and lon and lat or x_m and y_m) or StationXML.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlaceOptions(Options):
    """Where the domain lies on Earth."""

    origin_lon: Annotated[
        float | None, typer.Option("--origin-lon", help="Longitude of the south-west corner, degrees.")
    ] = None
    origin_lat: Annotated[
        float | None, typer.Option("--origin-lat", help="Latitude of the south-west corner, degrees.")
    ] = None
    azimuth: Annotated[
        float | None,
        typer.Option("--azimuth", help="Of the domain's y axis, degrees clockwise from North (default: 0)."),
    ] = None
    crs: Annotated[
        str | None, typer.Option("--crs", help="Map projection, e.g. EPSG:32631 (default: azimuthal equidistant).")
    ] = None

    def corner(self) -> Georeference:
        """Where the domain's south-west corner lies, and how far its y axis is turned from North.

        Raises:
            InputError: a missing number, or one that no place has.
        """
        from spectremor.core.georeference import Georeference

        if self.origin_lon is None or self.origin_lat is None:
            missing = "--origin-lon" if self.origin_lon is None else "--origin-lat"
            raise InputError(missing, "nothing", "degrees: the place of the domain's south-west corner")
        azimuth_deg = self.azimuth or 0.0
        return Georeference(
            longitude_deg=self.origin_lon, latitude_deg=self.origin_lat, azimuth_deg=azimuth_deg, crs=self.crs
        )

    def corner_if_given(self) -> Georeference | None:
        """The same; None where no option says anything of it.

        Raises:
            InputError: a missing number, or one that no place has.
        """
        return self.corner() if self.given() else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class EarthquakeOptions(Options):
    """A point source by its numbers or from QuakeML, or a rupture from a file."""

    source: SourceOption = None
    event: Annotated[
        Path | None,
        typer.Option("--event", help="QuakeML file, instead of --source; needs --origin-lon and --origin-lat."),
    ] = None
    event_id: Annotated[
        str | None,
        typer.Option("--event-id", help="Which event of --event, where it holds several: its id, or its end."),
    ] = None
    rupture: Annotated[
        Path | None,
        typer.Option(
            "--rupture",
            help="SRF, USGS .param or SRCMOD .fsp file, instead of --source; needs --origin-lon and --origin-lat.",
        ),
    ] = None
    rigidity: Annotated[
        float | None,
        typer.Option("--rigidity", help="Of all subfaults of --rupture in Pa (default: the file's, or the ground's)."),
    ] = None
    convention: ConventionOption = "standard"
    moment: Annotated[
        float | None, typer.Option("--moment", help="Scalar moment in N m (2.47e16 when neither it nor --mw is given).")
    ] = None
    mw: Annotated[float | None, typer.Option("--mw", help="Moment magnitude, instead of --moment.")] = None
    rise_time: Annotated[
        float | None,
        typer.Option(
            "--rise-time",
            help="Rise time tau in s (default: what --stress-drop makes it, or the event's own; 0.1 in convention "
            "hemew).",
        ),
    ] = None
    stress_drop: Annotated[
        float | None,
        typer.Option(
            "--stress-drop",
            help="In Pa: gives the corner frequency with Vs at the source (default: 5e6, or what --event says of its "
            "own).",
        ),
    ] = None

    def load(self, place: PlaceOptions, stations: Stations | None) -> Source | Rupture:
        """The earthquake that the options describe.

        Args:
            place: of the domain, which files need.
            stations: that the place may be for, where the earthquake needs none.

        Raises:
            InputError: no earthquake or two, an option that says nothing beside another, or what is wrong with it.
        """
        given = self.given()
        if self.rupture is not None:
            others = given.keys() - {"--rupture", "--rigidity"}
            refuse(given, "nothing beside --rupture, whose file says it", others)
            return self._rupture(self.rupture, place)
        refuse(given, "nothing without --rupture", ["--rigidity"])
        if self.event is not None:
            return _warned(self._event_source(self.event, place))
        if self.source is None:
            raise InputError("--source", "nothing", "X,Y,Z,STRIKE,DIP,RAKE in m and degrees, or --event FILE")
        if stations is None:
            refuse(place.given(), "the place of an --event; --source is in local metres")
        refuse(given, "nothing without --event, whose event it names", ["--event-id"])
        return _warned(
            parse_source(
                self.source,
                convention=self.convention,
                moment_nm=self.moment,
                mw=self.mw,
                stress_drop_pa=self.stress_drop,
                rise_time_s=self.rise_time,
            )
        )

    def _rupture(self, path: Path, place: PlaceOptions) -> Rupture:
        from spectremor.exchange.ruptures import read_rupture

        with renamed_errors({"rupture": "--rupture"}):
            return read_rupture(path, place.corner(), rigidity_pa=self.rigidity)

    def _event_source(self, path: Path, place: PlaceOptions) -> Source:
        given = self.given()
        refuse(given, "nothing beside --event, whose file says it", ["--source", "--moment", "--mw"])
        refuse(given, "standard beside --event", ["--convention"])
        from spectremor.exchange import read_source

        with renamed_errors({"event": "--event-id", "event_id": "--event-id"}):
            return read_source(
                path,
                place.corner(),
                event_id=self.event_id,
                rise_time_s=self.rise_time,
                stress_drop_pa=self.stress_drop,
            )


@contextlib.contextmanager
def renamed_errors(options: Mapping[str, str]) -> Iterator[None]:
    """Put bad input down to the option that a person typed.

    Args:
        options: by the names that the library has for them.
    """
    try:
        yield
    except InputError as error:
        if error.field not in options:
            raise
        raise InputError(options[error.field], error.value, error.allowed) from None


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


def load_stations(path: Path | None, place: PlaceOptions) -> Stations | None:
    """The stations in a file; None without one.

    Raises:
        InputError: names what is wrong with the file, or the place that it needs.
    """
    if path is None:
        return None
    from spectremor.exchange.station_lists import read_stations

    with renamed_errors({"corner": "--origin-lon"}):
        return read_stations(path, place.corner_if_given())


def check_netcdf(out: Path) -> None:
    """Refuse a name by which no other command would take the file for what it is.

    Raises:
        InputError: another suffix.
    """
    if out.suffix.lower() not in (".nc", ".nc4"):
        raise InputError("--out", out, "a file name that ends in .nc (NetCDF) or .nc4")


def check_split(split: str) -> None:
    """Refuse what is no split of a store.

    Raises:
        InputError: names the option.
    """
    if split not in ("train", "val", "test", "all"):
        raise InputError("--split", split, "train, val, test or all")


def load_geology(path: Path, index: int | None = None) -> Geology:
    """The geology in a file.

    Raises:
        InputError: names what is wrong with the file.
    """
    from spectremor.data.geology_files import read_geology

    return read_geology(path, index=index)
