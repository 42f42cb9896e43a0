"""Codes and positions of sensors in exported files."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.core.recording import Sensors, Stations
from spectremor.core.wavefield import has_stations, sensor_numbers, sensors_of

#: The FDSN's network code for synthetic seismograms.
NETWORK = "SY"
#: Largest angle from true North and East at which channels are called N and E (SEED manual 2.4, appendix A).
_NEARLY_NORTH_DEG = 5.0
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: SEED instrument codes: H for ground velocity, N for an accelerometer, X for a derived quantity.
INSTRUMENT_CODES = {"velocity": "H", "acceleration": "N", "displacement": "X"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Station:
    """One sensor.

    Attributes:
        code: at most five characters, unique in the field.
        name: name in a list of stations; on a grid, the code.
        index: index in the field: along x and y of a grid, or in the list of stations.
        x_m: position along x from the domain's corner.
        y_m: position along y from the domain's corner.
        z_m: height above the surface, negative below it.
        longitude_deg: None where the field has no place on Earth.
        latitude_deg: None where the field has no place on Earth.
        north_azimuth_deg: azimuth of the field's y axis at the sensor (0 is true North).
    """

    code: str
    name: str
    index: tuple[int, ...]
    x_m: float
    y_m: float
    z_m: float = 0.0
    longitude_deg: float | None = None
    latitude_deg: float | None = None
    north_azimuth_deg: float = 0.0


def stations_of(field: xr.DataArray, place: Georeference | None = None) -> list[Station]:
    """The sensors of a wavefield: stations in the order of their list, or those of a grid with x slowest.

    Stations keep their names, and `station_codes` gives their codes. On a grid, a code is S, two digits of the sensor's
    number along x, and two of its number along y. The numbers are the field's coordinates `x_number` and `y_number`, so
    that a part of a field has the codes of the whole field; from 100 on, the digits include letters.

    Raises:
        InputError: invalid sensor numbers, or more sensors along an axis than there are codes.
    """
    if has_stations(field):
        return _listed(sensors_of(field), place)
    x_m, y_m = field["x"].values.astype(float), field["y"].values.astype(float)
    x_number, y_number = sensor_numbers(field, "x"), sensor_numbers(field, "y")
    limit = len(_DIGITS) ** 2
    if max(x_number.max(), y_number.max()) >= limit:
        found = f"{x_number.max() + 1} x {y_number.max() + 1} sensors"
        raise InputError("field", found, f"at most {limit} along each axis")
    grid_x, grid_y = np.meshgrid(x_m, y_m, indexing="ij")
    lon, lat = (None, None) if place is None else place.to_lonlat(grid_x, grid_y)
    azimuth = np.zeros(grid_x.shape) if place is None else place.north_azimuth_deg(grid_x, grid_y)
    codes = [["S" + _two_digits(int(i)) + _two_digits(int(j)) for j in y_number] for i in x_number]
    return [
        Station(
            code=codes[i][j],
            name=codes[i][j],
            index=(i, j),
            x_m=float(x_m[i]),
            y_m=float(y_m[j]),
            longitude_deg=None if lon is None else float(lon[i, j]),
            latitude_deg=None if lat is None else float(lat[i, j]),
            north_azimuth_deg=float(azimuth[i, j]),
        )
        for i in range(len(x_m))
        for j in range(len(y_m))
    ]


def _listed(sensors: Sensors, place: Georeference | None) -> list[Station]:
    assert isinstance(sensors, Stations)
    lon, lat = (None, None) if place is None else place.to_lonlat(sensors.x_m, sensors.y_m)
    azimuth = np.zeros(sensors.count) if place is None else place.north_azimuth_deg(sensors.x_m, sensors.y_m)
    return [
        Station(
            code=code,
            name=sensors.names[n],
            index=(n,),
            x_m=float(sensors.x_m[n]),
            y_m=float(sensors.y_m[n]),
            z_m=float(sensors.z_m[n]),
            longitude_deg=None if lon is None else float(lon[n]),
            latitude_deg=None if lat is None else float(lat[n]),
            north_azimuth_deg=float(azimuth[n]),
        )
        for n, code in enumerate(station_codes(sensors.names))
    ]


def station_codes(names: Sequence[str]) -> list[str]:
    """SEED station codes of names: the name itself, or the part after the network's code in NETWORK.STATION.

    Where this is no valid code (one to five letters or digits), or another station has the same, the code is N and four
    letters or digits, which number such stations in the order of the list.

    Example:
        >>> station_codes(["IV.AQU", "NORTH", "a long name"])
        ['AQU', 'NORTH', 'N0002']
    """
    candidates = [name.rpartition(".")[2] if name.count(".") == 1 else name for name in names]
    counts = Counter(code.upper() for code in candidates)
    fits = [bool(re.fullmatch("[A-Za-z0-9]{1,5}", code)) and counts[code.upper()] == 1 for code in candidates]
    used = {code.upper() for code, good in zip(candidates, fits, strict=True) if good}
    numbered = (code for n in range(len(_DIGITS) ** 4) if (code := "N" + _four_digits(n)) not in used)
    free = [code for code, _ in zip(numbered, names, strict=False)]
    return [code.upper() if good else free[n] for n, (code, good) in enumerate(zip(candidates, fits, strict=True))]


def _four_digits(number: int) -> str:
    """A number as four digits from 0000 to 9999, beyond as four digits of base 36."""
    if number < 10_000:
        return f"{number:04d}"
    text, remainder = "", number
    for _ in range(4):
        remainder, digit = divmod(remainder, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def channel_code(component: str, quantity: str, sampling_hz: float, north_azimuth_deg: float = 0.0) -> str:
    """The SEED channel code (SEED manual 2.4, appendix A), e.g. BHE for East velocity at 50 Hz.

    Args:
        component: E, N or Z.
        quantity: velocity, acceleration or displacement.
        sampling_hz: sampling rate, which determines the band letter.
        north_azimuth_deg: azimuth of the N component; beyond 5 degrees the horizontals are called 1 (N) and 2 (E).
    """
    if abs((north_azimuth_deg + 180.0) % 360.0 - 180.0) > _NEARLY_NORTH_DEG:
        component = {"N": "1", "E": "2"}.get(component, component)
    for letter, lowest_hz in (("F", 1000.0), ("C", 250.0), ("H", 80.0), ("B", 10.0), ("M", 1.0 + 1e-9)):
        if sampling_hz >= lowest_hz:
            return letter + INSTRUMENT_CODES[quantity] + component
    return "L" + INSTRUMENT_CODES[quantity] + component


def location_code(realization: int) -> str:
    """The SEED location code, 00 to 99, by which realizations of one field differ."""
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
