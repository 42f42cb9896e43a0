"""Reading of lists of stations: csv with positions in degrees or in local metres, and StationXML."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.extras import need
from spectremor.core.georeference import Georeference
from spectremor.core.reading import read_small_file, table_rows, text_of
from spectremor.core.recording import Stations
from spectremor.core.units import factor_to
from spectremor.exchange.xml_files import parse_xml

#: Names of each column, in lower case.
_COLUMNS = {
    "name": ("name", "station", "code", "id"),
    "longitude": ("longitude", "lon"),
    "latitude": ("latitude", "lat"),
    "x": ("x",),
    "y": ("y",),
    "z": ("z",),
    "depth": ("depth",),
    "elevation": ("elevation",),
}
#: `x`, `x_m`, `x (km)`, `lon [deg]`.
_CELL = re.compile(r"(?P<name>[a-z]+)(?:\s*[(\[](?P<unit>[^)\]]*)[)\]]|_(?P<suffix>[a-z]+))?")
_ALLOWED = "a csv file with a header, e.g. name,longitude,latitude or name,x_m,y_m; or StationXML (.xml)"
#: Largest file, far above a list of a hundred thousand stations.
_MOST_BYTES = 1 << 26
#: Largest distance of a station from the corner; no domain is larger.
FARTHEST_M = 1_000_000.0


def read_stations(path: str | Path, corner: Georeference | None = None) -> Stations:
    r"""Stations in a file, in the order of the file.

    Args:
        path: `.csv` with a header: `name`, and `longitude` and `latitude` in degrees or `x_m` and `y_m` (or `x (km)`,
            `y_km`: any unit of length that is stated); `z_m` (height, 0 at the surface, negative below it) or `depth_m`
            where stations lie below the surface. `elevation` is not used, since the ground's surface is flat. `.xml`:
            StationXML; names are network.station, and the depth is that of the first channel.
        corner: where the domain's corner lies on Earth, for longitudes and latitudes.

    Returns:
        Stations with names, and positions in m from the corner.

    Raises:
        InputError: no such file, no header, an invalid number, a repeated name, degrees without a corner, or a station
            far from the corner, for example with longitude and latitude swapped.

    Example:
        >>> import pathlib, tempfile
        >>> import spectremor as sp
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "stations.csv"
        >>> _ = path.write_text("name,x_m,y_m\nNORTH,4800,9000\nSOUTH,4800,600\n")
        >>> sp.read_stations(path).names
        ('NORTH', 'SOUTH')
    """
    path = Path(path)
    content = read_small_file(path, field="stations", allowed=_ALLOWED, most_bytes=_MOST_BYTES)
    if content.lstrip()[:1] == b"<":
        return _from_station_xml(content, path, corner)
    return _from_table(content, path, corner)


def _from_table(content: bytes, path: Path, corner: Georeference | None) -> Stations:
    text = text_of(content, path, field="stations", allowed=_ALLOWED)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        raise InputError("stations", f"{path} ({len(lines)} lines)", _ALLOWED)
    separator = next((mark for mark in ";\t" if mark in lines[0]), ",")
    header, *rows = table_rows(lines, separator, field="stations", path=path, allowed=_ALLOWED)
    places, factors = _header(header)
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            allowed = f"{len(header)}, as the header has; numbers with a decimal point, not a comma"
            raise InputError(f"stations.row {number}", f"{len(row)} values", allowed)
    names = [row[places["name"]] for row in rows]

    def column(key: str) -> np.ndarray:
        values = [_number(row[places[key]], f"stations.{name}.{key}") for name, row in zip(names, rows, strict=True)]
        return factors[key] * np.array(values)

    z_m = column("z") if "z" in places else -column("depth") if "depth" in places else np.zeros(len(rows))
    if "elevation" in places and column("elevation").any():
        _warn_of_elevation()
    if "x" in places:
        return _stations(names, column("x"), column("y"), z_m)
    return _placed(names, column("longitude"), column("latitude"), z_m, corner)


def _header(header: list[str]) -> tuple[dict[str, int], dict[str, float]]:
    """Column number of each quantity, and the factor to degrees or m."""
    places: dict[str, int] = {}
    factors: dict[str, float] = {}
    for number, cell in enumerate(header):
        key, factor = _quantity(cell)
        # Other columns, such as the class of a site, are ignored.
        if key is not None and key in places:
            raise InputError("stations.header", f"two columns of {key}", "one")
        if key is not None:
            places[key], factors[key] = number, factor
    geographic, local = {"longitude", "latitude"} <= places.keys(), {"x", "y"} <= places.keys()
    if "name" not in places or geographic == local or {"z", "depth"} <= places.keys():
        allowed = "name, and longitude and latitude or x_m and y_m, and at most one of z_m and depth_m"
        raise InputError("stations.header", ", ".join(header)[:120], allowed)
    return places, factors


def _quantity(cell: str) -> tuple[str | None, float]:
    """The quantity that a header's cell names, and the factor to degrees or m; (None, 1) for other columns.

    Raises:
        InputError: a known quantity in an unknown unit.
    """
    match = _CELL.fullmatch(cell.lower())
    key = next((key for key, names in _COLUMNS.items() if match and match["name"] in names), None)
    if match is None or key is None:
        return None, 1.0
    stated = match["unit"] if match["unit"] is not None else match["suffix"]
    if key == "name" or stated is None:
        return (key, 1.0) if stated is None else (None, 1.0)
    unit = "degrees" if key in ("longitude", "latitude") else "m"
    factor = factor_to(stated, unit)
    if factor is None and match["unit"] is None:
        # A name such as `x_class` is another quantity.
        return None, 1.0
    if factor is None:
        raise InputError("stations.header", f"{cell!r}"[:60], f"{key} in {unit}{' or km' if unit == 'm' else ''}")
    return key, factor


def _number(text: str, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        allowed = "a number with a decimal point" if "," in text else "a number"
        raise InputError(field, repr(text)[:60], allowed) from None
    if not np.isfinite(value):
        raise InputError(field, text[:60], "a finite number")
    return value


def _warn_of_elevation() -> None:
    warnings.warn(
        "stations: elevations are not used: the ground's surface is flat, and stations stand on it",
        InputWarning,
        stacklevel=4,
    )


def _placed(
    names: list[str], longitude: np.ndarray, latitude: np.ndarray, z_m: np.ndarray, corner: Georeference | None
) -> Stations:
    """Stations given in degrees, with positions in m from the corner."""
    if corner is None:
        raise InputError("corner", "nothing", "longitude and latitude of the domain's corner: stations are in degrees")
    for name, lon, lat in zip(names, longitude, latitude, strict=True):
        if not (-360 <= lon <= 360 and -90 <= lat <= 90):
            found = f"longitude {lon:g}, latitude {lat:g}"
            swapped = ": they look swapped" if -90 <= lon <= 90 and -360 <= lat <= 360 else ""
            raise InputError(f"stations.{name}", found, f"degrees in [-360, 360] and [-90, 90]{swapped}")
    # Checked before the projection, which is undefined for points on the other side of the Earth.
    far = _far(longitude, latitude, corner)
    if far.any():
        number = int(np.argmax(far))
        lon, lat = longitude[number], latitude[number]
        found = f"longitude {lon:g}, latitude {lat:g}, {_distance_m(lon, lat, corner) / 1000:.0f} km from the corner"
        allowed = f"at most {FARTHEST_M / 1000:g} km"
        if abs(lon) <= 90 and _distance_m(lat, lon, corner) <= FARTHEST_M:
            allowed = f"longitude {lat:g}, latitude {lon:g}: they look swapped"
        raise InputError(f"stations.{names[number]}", found, allowed)
    x_m, y_m = corner.to_local(longitude, latitude)
    return _stations(names, x_m, y_m, z_m)


def _far(longitude: np.ndarray, latitude: np.ndarray, corner: Georeference) -> np.ndarray:
    return np.asarray(_distance_m(longitude, latitude, corner) > FARTHEST_M)


def _distance_m(longitude: Any, latitude: Any, corner: Georeference) -> Any:
    """Distance to the corner along a great circle of a sphere."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    lon_0, lat_0 = np.radians(corner.longitude_deg), np.radians(corner.latitude_deg)
    cosine = np.sin(lat) * np.sin(lat_0) + np.cos(lat) * np.cos(lat_0) * np.cos(lon - lon_0)
    return 6.371e6 * np.arccos(np.clip(cosine, -1, 1))


def _stations(names: list[str], x_m: np.ndarray, y_m: np.ndarray, z_m: np.ndarray) -> Stations:
    for number, name in enumerate(names, 1):
        if not name or not name.isprintable():
            raise InputError(f"stations.row {number}.name", repr(name)[:40], "a name")
    return Stations(tuple(names), x_m, y_m, z_m + 0.0)


def metres_from_corner(
    names: list[str], longitude: np.ndarray, latitude: np.ndarray, z_m: np.ndarray, corner: Georeference
) -> Stations:
    """Stations given in degrees, with positions in m from the corner.

    Raises:
        InputError: invalid degrees, a repeated name, or a station far from the corner.
    """
    return _placed(names, longitude, latitude, z_m, corner)


def inventory_of(content: bytes, path: Path, *, field: str = "stations", allowed: str = _ALLOWED) -> Any:
    """The bytes of a StationXML file as ObsPy's inventory.

    Args:
        content: bytes of the file.
        path: the file, for the error message.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: damaged XML, or XML of another kind.
    """
    etree, obspy = need("lxml.etree", "exchange"), need("obspy", "exchange")
    root = parse_xml(content.strip(), str(path), root="FDSNStationXML", field=field, allowed=allowed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return obspy.read_inventory(io.BytesIO(etree.tostring(root)), format="STATIONXML")
    # ObsPy raises many types of errors for XML that is no StationXML.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(field, f"{path} ({reason})", allowed) from None


def _from_station_xml(content: bytes, path: Path, corner: Georeference | None) -> Stations:
    inventory = inventory_of(content, path)
    # A station may have several epochs; the first one gives its position.
    last_to_first = {
        f"{network.code}.{station.code}": station for network in reversed(inventory) for station in reversed(network)
    }
    if not last_to_first:
        raise InputError("stations", f"{path} (no station)", _ALLOWED)
    stations = dict(reversed(last_to_first.items()))
    if any(float(station.elevation or 0.0) for station in stations.values()):
        _warn_of_elevation()
    depth_m = np.array([float(s.channels[0].depth or 0.0) if s.channels else 0.0 for s in stations.values()])
    longitude, latitude = (
        np.array([float(getattr(s, name)) for s in stations.values()]) for name in ("longitude", "latitude")
    )
    return _placed(list(stations), longitude, latitude, -depth_m, corner)
