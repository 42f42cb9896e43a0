"""Where on Earth the local metres lie: x and y from a corner <-> longitude and latitude."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.extras import need

_WGS84 = "EPSG:4326"
#: How far a projection may be from true to scale and from right angles at the corner.
_SCALE_TOLERANCE, _ANGLE_TOLERANCE_DEG = 0.01, 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Georeference:
    """A map projection, the place of the domain's corner in it, and the direction of the domain's axes.

    Without `crs` the projection is azimuthal equidistant on WGS84 (Snyder 1987, p. 195) around the corner:
    distances and azimuths from the corner are true, and over the 9.6 km of the domain every other distance
    is true to a few mm. With `crs`, local axes are the East and North of the map grid, which differ from the true ones
    by the grid's convergence. Map grids that stretch or mirror the ground at the corner (Web Mercator away from the
    equator, grids that count southwards and westwards) are refused.

    The domain may be turned about its corner: its y axis then points `azimuth_deg` clockwise from North, and its x
    axis by the same angle from East. A source's moment tensor and a wavefield's components are in these local axes.

    Attributes:
        longitude_deg: longitude of the local point (0, 0), the corner where x and y begin (the south-west one of a
            domain that is not turned).
        latitude_deg: latitude of the same point.
        azimuth_deg: azimuth of the domain's y axis in degrees clockwise from North (the grid's North with `crs`), in
            [-360, 360].
        crs: a projected reference system in metres, e.g. "EPSG:32631"; None for azimuthal equidistant.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> corner = sp.Georeference(longitude_deg=13.26, latitude_deg=42.29, azimuth_deg=30)
        >>> longitude, latitude = corner.to_lonlat(np.array(0.0), np.array(1000.0))  # 1 km along y, towards N 30 E
        >>> round(float(longitude), 4), round(float(latitude), 4)
        (13.2661, 42.2978)
    """

    longitude_deg: float
    latitude_deg: float
    azimuth_deg: float = 0.0
    crs: str | None = None

    def __post_init__(self) -> None:
        for name, value, limit in (("longitude", self.longitude_deg, 180.0), ("latitude", self.latitude_deg, 90.0)):
            if not -limit <= value <= limit:
                raise InputError(f"origin.{name}", f"{value:g} degrees", f"[-{limit:g}, {limit:g}] degrees")
        if not -360.0 <= self.azimuth_deg <= 360.0:
            raise InputError("origin.azimuth", f"{self.azimuth_deg:g} degrees", "[-360, 360] degrees")
        if self.crs is not None:
            self._check_crs()

    def to_lonlat(
        self, x_m: Float[np.ndarray, "..."], y_m: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Longitudes and latitudes in degrees (WGS84) of local x and y in m."""
        transformer, _, _ = _projection(self)
        lon, lat = transformer.transform(*self.to_projected(x_m, y_m), direction="INVERSE")
        return np.asarray(lon), np.asarray(lat)

    def to_projected(
        self, x_m: Float[np.ndarray, "..."], y_m: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Easting and northing in the map projection, in m, of local x and y in m."""
        _, corner_east_m, corner_north_m = _projection(self)
        cos, sin = self._turn()
        east_m = cos * np.asarray(x_m) + sin * np.asarray(y_m)
        north_m = cos * np.asarray(y_m) - sin * np.asarray(x_m)
        return np.asarray(east_m + corner_east_m), np.asarray(north_m + corner_north_m)

    def to_local(
        self, longitude_deg: Float[np.ndarray, "..."], latitude_deg: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Local x and y in m of longitudes and latitudes in degrees (WGS84)."""
        transformer, corner_east_m, corner_north_m = _projection(self)
        east_m, north_m = transformer.transform(np.asarray(longitude_deg), np.asarray(latitude_deg))
        east_m, north_m = east_m - corner_east_m, north_m - corner_north_m
        cos, sin = self._turn()
        return np.asarray(cos * east_m - sin * north_m), np.asarray(sin * east_m + cos * north_m)

    def north_azimuth_deg(
        self, x_m: Float[np.ndarray, "..."], y_m: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """Azimuth of the local y axis in degrees clockwise from true North: `azimuth_deg` + the grid's convergence."""
        x, y, step_m = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float), 100.0
        lon, lat = self.to_lonlat(x, y)
        lon_n, lat_n = self.to_lonlat(x, np.asarray(y + step_m))
        azimuth, _, _ = need("pyproj", "exchange").Geod(ellps="WGS84").inv(lon, lat, lon_n, lat_n)
        return np.asarray(azimuth)

    def _turn(self) -> tuple[float, float]:
        """Cosine and sine of the angle from North to the y axis, clockwise; exactly 1 and 0 for an angle of 0."""
        angle = math.radians(self.azimuth_deg)
        return (math.cos(angle), math.sin(angle)) if self.azimuth_deg else (1.0, 0.0)

    def _check_crs(self) -> None:
        pyproj = need("pyproj", "exchange")
        try:
            crs = pyproj.CRS.from_user_input(self.crs)
        except pyproj.exceptions.CRSError:
            raise InputError("crs", self.crs, "a projected reference system, e.g. EPSG:32631") from None
        if not crs.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info[:2]):
            raise InputError("crs", f"{self.crs} ({crs.name})", "a projected reference system in metres")
        # A grid that counts westwards and southwards passes `_check_axes`, but its corner would be the north-eastern.
        if any(axis.direction == "west" for axis in crs.axis_info[:2]):
            found = f"{self.crs} ({crs.name}), which counts westwards"
            raise InputError("crs", found, "a grid that counts eastwards and northwards")
        _, east_m, north_m = _projection(self)
        if not np.isfinite([east_m, north_m]).all():
            where = f"({self.longitude_deg:g}, {self.latitude_deg:g})"
            raise InputError("origin", where, f"a point that {self.crs} covers")
        self._check_axes(f"{self.crs} ({crs.name})")

    def _check_axes(self, crs: str) -> None:
        """Walk 1 km East and 1 km North on the grid: both must be that long, and East on the right of North."""
        step_m = 1000.0
        transformer, east_m, north_m = _projection(self)
        walked = east_m + np.array([step_m, 0.0]), north_m + np.array([0.0, step_m])
        lon, lat = transformer.transform(*walked, direction="INVERSE")
        corner = np.full(2, self.longitude_deg), np.full(2, self.latitude_deg)
        azimuths, _, lengths_m = need("pyproj", "exchange").Geod(ellps="WGS84").inv(*corner, lon, lat)
        turn_deg = (azimuths[0] - azimuths[1]) % 360.0
        true_to_scale = (np.abs(lengths_m / step_m - 1) <= _SCALE_TOLERANCE).all()
        # NaN, where the projection ends within that km, is refused too.
        if not (true_to_scale and abs(turn_deg - 90.0) <= _ANGLE_TOLERANCE_DEG):
            found = f"1 km East is {lengths_m[0]:.0f} m, 1 km North {lengths_m[1]:.0f} m, {turn_deg:.0f} degrees apart"
            raise InputError(
                "crs", f"{crs}: {found}", "a grid true to 1% at the origin, East 90 degrees clockwise from North"
            )


@functools.lru_cache(maxsize=16)
def _projection(place: Georeference) -> tuple[Any, float, float]:
    """The transformer from WGS84 to the map projection, and the corner's easting and northing in m."""
    pyproj = need("pyproj", "exchange")
    lon, lat = place.longitude_deg, place.latitude_deg
    target = place.crs or f"+proj=aeqd +lat_0={lat:.12f} +lon_0={lon:.12f} +ellps=WGS84 +units=m"
    transformer = pyproj.Transformer.from_crs(_WGS84, target, always_xy=True)
    east_m, north_m = transformer.transform(lon, lat)
    return transformer, east_m, north_m
