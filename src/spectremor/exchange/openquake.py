"""Ground-motion fields for OpenQuake: the two tables that its scenario calculators read.

In a job file: `gmfs_csv = field.csv` and `sites_csv = field.sites.csv` (OpenQuake engine manual, scenario
calculators with user-defined ground-motion fields). Each realization is one event, whose id is the realization's
number. `custom_site_id` is a sensor's code, which is the same in an export of a part of a field, and the engine keeps
it in its results; `site_id` is only the row in the table of sites, from 0, by which the engine joins the two tables.
"""

from __future__ import annotations

import csv
from pathlib import Path

import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_files
from spectremor.core.georeference import Georeference
from spectremor.exchange.companions import companions
from spectremor.exchange.intensities import DEFAULT_PERIODS_S, beyond_band, rotd50
from spectremor.exchange.placing import place_of
from spectremor.exchange.stations import stations_of
from spectremor.exchange.traces import realizations_of
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2


def write_openquake(
    field: xr.DataArray,
    path: str | Path,
    place: Georeference | None,
    *,
    periods_s: tuple[float, ...] = DEFAULT_PERIODS_S,
) -> list[Path]:
    """Write a ground-motion-field table (PGA and SA in g, PGV in cm/s, RotD50) and, beside it, `.sites.csv`.

    Either both files appear or none; existing ones are replaced.

    Args:
        field: finite wavefield, m/s.
        path: CSV file.
        place: where the field lies on Earth; None: as its attributes record.
        periods_s: periods of SA at 5% damping.

    Returns:
        The files written.

    Raises:
        InputError: no place on Earth, not a finite wavefield, invalid periods, or a path that no file can have.

    Warns:
        InputWarning: periods outside the usable band.
    """
    path = Path(path)
    measures = rotd50(field, periods_s)
    place = place_of(field, place)
    if place is None:
        raise InputError("origin", "none", "longitude and latitude of the domain's south-west corner")
    beyond_band(field, periods_s)
    del measures["PGD"]
    scale = dict.fromkeys(measures, 1 / STANDARD_GRAVITY_M_S2) | {"PGV": 100.0}
    stations = stations_of(field, place)
    (beside,) = companions(path, "openquake", placed=True, source=False).values()
    with atomic_files([beside, path]) as (aside_sites, aside):
        with aside.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["event_id", "site_id", "custom_site_id", *(f"gmv_{name}" for name in measures)])
            for k, realization in enumerate(realizations_of(field)["realization"].values.tolist()):
                for row, s in enumerate(stations):
                    values = [f"{measures[n][(k, *s.index)] * scale[n]:.6e}" for n in measures]
                    writer.writerow([realization, row, s.code, *values])
        with aside_sites.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            # The engine skips site_id only if it is the first column.
            writer.writerow(["site_id", "custom_site_id", "lon", "lat"])
            for row, s in enumerate(stations):
                writer.writerow([row, s.code, f"{s.longitude_deg:.7f}", f"{s.latitude_deg:.7f}"])
    return [path, beside]
