"""Plain tables (CSV): positions of the sensors, intensity measures with one row per sensor, traces as columns."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.axes import COMPONENTS
from spectremor.core.files import atomic_file, atomic_files
from spectremor.core.georeference import Georeference
from spectremor.core.wavefield import band_of, has_stations, sampling_step_s, sensor_dims
from spectremor.exchange.companions import companions
from spectremor.exchange.intensities import (
    DEFAULT_PERIODS_S,
    beyond_band,
    fourier_rotd50_and_100,
    per_component,
    rotd50_and_100,
    sa_name,
)
from spectremor.exchange.placing import place_of
from spectremor.exchange.quantities import UNITS, Quantity, as_quantity
from spectremor.exchange.stations import NETWORK, channel_code, location_code, stations_of
from spectremor.exchange.traces import finite, realizations_of


def write_sensor_table(field: xr.DataArray, path: Path, place: Georeference | None = None) -> None:
    """Write station, x_m, y_m and, where the field has a place on Earth, longitude_deg and latitude_deg.

    For a list of stations the table also has each station's name (after its code) and its height in m.
    """
    listed = has_stations(field)
    header = ["station", *["name"] * listed, "x_m", "y_m", *["z_m"] * listed]
    header += ["longitude_deg", "latitude_deg"] * (place is not None)
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for s in stations_of(field, place):
            where = [] if place is None else [f"{s.longitude_deg:.8f}", f"{s.latitude_deg:.8f}"]
            name, height = ([s.name], [f"{s.z_m:.3f}"]) if listed else ([], [])
            writer.writerow([s.code, *name, f"{s.x_m:.3f}", f"{s.y_m:.3f}", *height, *where])


def write_traces(
    field: xr.DataArray, path: Path, *, quantity: Quantity = "velocity", place: Georeference | None = None
) -> list[Path]:
    """Write traces as columns: time in s after origin, then one column per channel, its id and units in the header.

    The sensors' positions go to a table beside it, `.sensors.csv`. Either both files appear or none; existing ones are
    replaced.

    Args:
        field: finite wavefield, m/s.
        path: CSV file.
        quantity: velocity (m/s), acceleration (m/s2) or displacement (m).
        place: where the field lies on Earth; None: as its attributes record, if they do.

    Returns:
        The files written.

    Raises:
        InputError: not a finite wavefield, several samples, or a path that no file can have.
    """
    waves = realizations_of(as_quantity(finite(field), quantity))
    place = place_of(waves, place)
    stations = stations_of(waves, place)
    sampling_hz, units = round(1.0 / sampling_step_s(waves), 9), UNITS[quantity]
    header = [
        f"{NETWORK}.{_in_header(s.name)}.{location_code(int(realization))}."
        f"{channel_code(component, quantity, sampling_hz, s.north_azimuth_deg)} ({units})"
        for realization in waves["realization"].values
        for s in stations
        for component in COMPONENTS
    ]
    ordered = waves.transpose("time", "realization", *sensor_dims(waves), "component").values
    columns = np.column_stack([waves["time"].values, ordered.reshape(len(ordered), -1)])
    (beside,) = companions(path, "traces", placed=place is not None, source=False).values()
    with atomic_files([beside, path]) as (aside_sensors, aside):
        formats = ["%.6f", *["%.7g"] * len(header)]
        np.savetxt(aside, columns, fmt=formats, delimiter=",", header=",".join(["time_s", *header]), comments="")
        write_sensor_table(field, aside_sensors, place)
    return [path, beside]


def write_intensities(
    field: xr.DataArray,
    path: Path,
    *,
    place: Georeference | None = None,
    periods_s: tuple[float, ...] = DEFAULT_PERIODS_S,
) -> list[Path]:
    """Write intensity measures, one row per realization and sensor, each column's unit in its name.

    PGA, PGV, PGD, SA(T) at 5% damping and the smoothed Fourier amplitude of acceleration are RotD50 and RotD100 of the
    horizontal motion; Arias intensity, cumulative absolute velocity and 5-95% duration are per component. The column of
    a period or frequency outside the usable band ends with `_outside_band`.

    Args:
        field: finite wavefield, m/s.
        path: CSV file.
        place: where the field lies on Earth, for longitude and latitude; None: as its attributes record, if they do.
        periods_s: periods of SA.

    Returns:
        The file written.

    Raises:
        InputError: not a finite wavefield, or invalid periods.

    Warns:
        InputWarning: periods outside the usable band.
    """
    waves = realizations_of(finite(field))
    place = place_of(waves, place)
    outside = {sa_name(t) for t in beyond_band(waves, periods_s)}
    columns: dict[str, Float[np.ndarray, "realization ..."]] = {}
    for rotd, measures in zip(("rotd50", "rotd100"), rotd50_and_100(waves, periods_s), strict=True):
        columns |= {_column(n, rotd) + "_outside_band" * (n in outside): values for n, values in measures.items()}
    for rotd, spectrum in zip(("rotd50", "rotd100"), fourier_rotd50_and_100(waves), strict=True):
        columns |= {f"fas_{f:g}hz_{rotd}_m_s{_beyond(waves, f)}": values for f, values in spectrum.items()}
    columns |= {_column(name): values for name, values in per_component(waves).items()}
    where = ["longitude_deg", "latitude_deg"] * (place is not None)
    with atomic_file(path) as aside, aside.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["realization", "station", "x_m", "y_m", *where, *columns])
        for k, realization in enumerate(waves["realization"].values.tolist()):
            for s in stations_of(waves, place):
                lonlat = [] if place is None else [f"{s.longitude_deg:.8f}", f"{s.latitude_deg:.8f}"]
                values = [f"{measure[(k, *s.index)]:.6e}" for measure in columns.values()]
                writer.writerow([realization, s.name, f"{s.x_m:.3f}", f"{s.y_m:.3f}", *lonlat, *values])
    return [path]


def _in_header(name: str) -> str:
    """A name without the commas and dots that separate columns and parts of ids in a header."""
    return re.sub("[^A-Za-z0-9_-]", "_", name)


def _column(name: str, rotd: str = "rotd50") -> str:
    if name.startswith("SA("):
        return f"sa_{name[3:-1]}s_{rotd}_m_s2"
    peaks = {"PGA": f"pga_{rotd}_m_s2", "PGV": f"pgv_{rotd}_m_s", "PGD": f"pgd_{rotd}_m"}
    return peaks.get(name) or name + ("_s" if name.startswith("duration") else "_m_s")


def _beyond(field: xr.DataArray, frequency_hz: float) -> str:
    """The end of a column's name for a frequency outside the usable band; empty for one inside."""
    low_hz, high_hz = band_of(field) or (0.0, np.inf)
    return "" if low_hz <= frequency_hz <= high_hz * (1 + 1e-9) else "_outside_band"
