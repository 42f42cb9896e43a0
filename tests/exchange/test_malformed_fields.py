"""Wavefields that cannot be exported: one line and exit code 2 from the command, and the same from the library."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.core.errors import InputError
from spectremor.exchange.intensities import beyond_band
from spectremor.exchange.inventory import to_inventory
from spectremor.exchange.traces import to_stream


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: f.assign_coords(x=list("abc")),
        lambda f: f.assign_coords(realization=["first", "second"]),
        lambda f: f.assign_coords(realization=[0.25, 0.75]),
        lambda f: f.isel(x=[]),
        lambda f: f.astype(str),
        lambda f: f.assign_coords(x=[150.0, np.nan, 1350.0]),
        lambda f: f.assign_attrs(band_high_hz="abc"),
        lambda f: f.assign_attrs(band_low_hz="abc"),
    ],
)
def test_malformed_fields_in_files(tmp_path, field, capsys, here, damage):
    path = tmp_path / "bad.nc"
    damage(field).to_netcdf(path, engine="h5netcdf")
    check_refused(path, tmp_path, capsys, here)


def check_refused(path, folder, capsys, here):
    before = sorted(folder.iterdir())
    for table in ("intensities", "traces"):
        assert here("export", path, "--format", "csv", "--table", table, "--out", folder / "out.csv") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: wavefield")
    assert sorted(folder.iterdir()) == before


def test_a_band_that_is_none_is_one_line(field):
    with pytest.raises(InputError, match=r"wavefield\.attrs\.band_high_hz: got abc; allowed: a finite number"):
        beyond_band(field.assign_attrs(band_high_hz="abc"), (0.3,))


def test_streams_and_inventories_refuse_what_is_no_wavefield(field, place):
    turned = field.transpose("realization", "component", "y", "x", "time")
    for make in (lambda f: to_stream(f, place=place), lambda f: to_inventory(f, place)):
        with pytest.raises(InputError, match=r"^field\.dims"):
            make(turned)
        with pytest.raises(InputError, match=r"^field\.units"):
            make(field.assign_attrs(units="cm/s"))
    broken = field.copy(deep=True)
    broken.values[0, 0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="1 NaN or infinite"):
        to_stream(broken)
    with pytest.raises(InputError, match=r"^network"):
        to_inventory(field, place, network="LONG")
