"""What sensors are called in the outside world, and where they stand."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.core.wavefield import sensor_numbers

#: The FDSN's network code for synthetic seismograms.
NETWORK = "SY"
#: Within this of true North and East channels are called N and E (SEED manual 2.4, appendix A).
_NEARLY_NORTH_DEG = 5.0
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: SEED instrument codes: H for ground velocity, N for an accelerometer, X for a derived quantity.
INSTRUMENT_CODES = {"velocity": "H", "acceleration": "N", "displacement": "X"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Station:
    """One sensor.

    Attributes:
        code: five characters, unique in the field.
        ix: index along x in the field.
        iy: index along y in the field.
        x_m: East of the domain's south-west corner, m.
        y_m: North of it, m.
        longitude_deg: None where the field has no place on Earth.
        latitude_deg: likewise.
        north_azimuth_deg: azimuth of the field's North axis there (0 is true North).
    """

    code: str
    ix: int
    iy: int
    x_m: float
    y_m: float
    longitude_deg: float | None = None
    latitude_deg: float | None = None
    north_azimuth_deg: float = 0.0


def stations_of(field: xr.DataArray, place: Georeference | None = None) -> list[Station]:
    """The sensors of a wavefield, x slowest.

    A name is S, two digits of the sensor's number along x, two of its number along y. The numbers are the field's
    coordinates `x_number` and `y_number`, so that a part of a field has the names of the whole; from 100 on, the digits
    are letters too.

    Raises:
        InputError: numbers that are none, or more sensors along an axis than the names can tell apart.
    """
    x_m, y_m = field["x"].values.astype(float), field["y"].values.astype(float)
    x_number, y_number = sensor_numbers(field, "x"), sensor_numbers(field, "y")
    limit = len(_DIGITS) ** 2
    if max(x_number.max(), y_number.max()) >= limit:
        found = f"{x_number.max() + 1} x {y_number.max() + 1} sensors"
        raise InputError("field", found, f"at most {limit} along each axis")
    grid_x, grid_y = np.meshgrid(x_m, y_m, indexing="ij")
    lon, lat = (None, None) if place is None else place.to_lonlat(grid_x, grid_y)
    azimuth = np.zeros(grid_x.shape) if place is None else place.north_azimuth_deg(grid_x, grid_y)
    return [
        Station(
            code="S" + _two_digits(int(x_number[i])) + _two_digits(int(y_number[j])),
            ix=i,
            iy=j,
            x_m=float(x_m[i]),
            y_m=float(y_m[j]),
            longitude_deg=None if lon is None else float(lon[i, j]),
            latitude_deg=None if lat is None else float(lat[i, j]),
            north_azimuth_deg=float(azimuth[i, j]),
        )
        for i in range(len(x_m))
        for j in range(len(y_m))
    ]


def channel_code(component: str, quantity: str, sampling_hz: float, north_azimuth_deg: float = 0.0) -> str:
    """The SEED channel code (SEED manual 2.4, appendix A), e.g. BHE for East velocity at 50 Hz.

    Args:
        component: E, N or Z.
        quantity: velocity, acceleration or displacement.
        sampling_hz: decides the band letter.
        north_azimuth_deg: of the N component; beyond 5 degrees the horizontals are called 1 (N) and 2 (E).
    """
    if abs((north_azimuth_deg + 180.0) % 360.0 - 180.0) > _NEARLY_NORTH_DEG:
        component = {"N": "1", "E": "2"}.get(component, component)
    for letter, lowest_hz in (("F", 1000.0), ("C", 250.0), ("H", 80.0), ("B", 10.0), ("M", 1.0 + 1e-9)):
        if sampling_hz >= lowest_hz:
            return letter + INSTRUMENT_CODES[quantity] + component
    return "L" + INSTRUMENT_CODES[quantity] + component


def location_code(realization: int) -> str:
    """Realizations of one field differ in the location code, 00 to 99."""
    if not 0 <= realization <= 99:
        raise InputError("realization", realization, "0 to 99: the location code has two digits")
    return f"{realization:02d}"


def _two_digits(number: int) -> str:
    """00 to 99, then the 1196 pairs with a letter: 0A to 9Z, A0 to ZZ. A number's digits are the same in any field."""
    if number < 100:
        return f"{number:02d}"
    letters = len(_DIGITS) - 10
    beyond = number - 100
    if beyond < 10 * letters:
        return _DIGITS[beyond // letters] + _DIGITS[10 + beyond % letters]
    beyond -= 10 * letters
    return _DIGITS[10 + beyond // len(_DIGITS)] + _DIGITS[beyond % len(_DIGITS)]
