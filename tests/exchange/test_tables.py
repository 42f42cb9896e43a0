"""Traces as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spectremor.exchange.quantities import as_quantity
from spectremor.exchange.tables import write_traces


def test_trace_table_reads_back(tmp_path, field, place):
    written = write_traces(field, tmp_path / "traces.csv", place=place)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    table = pd.read_csv(tmp_path / "traces.csv")
    assert table.shape == (200, 1 + 2 * 3 * 4 * 3)
    np.testing.assert_allclose(table["time_s"], field.time, atol=1e-9)
    one = field.isel(realization=1, x=2, y=1).sel(component="N").values
    np.testing.assert_allclose(table["SY.S0201.01.BHN (m/s)"], one, rtol=1e-6, atol=1e-12)
    sensors = pd.read_csv(tmp_path / "traces.sensors.csv", dtype={"station": str}).set_index("station")
    lon, lat = place.to_lonlat(np.array(1350.0), np.array(750.0))
    assert np.allclose(sensors.loc["S0201"], [1350.0, 750.0, float(lon), float(lat)], atol=1e-8)


def test_trace_table_of_another_quantity(tmp_path, field):
    write_traces(field, tmp_path / "traces.csv", quantity="acceleration")
    found = pd.read_csv(tmp_path / "traces.csv")["SY.S0201.01.BNN (m/s2)"]
    expected = as_quantity(field, "acceleration").isel(realization=1, x=2, y=1).sel(component="N")
    np.testing.assert_allclose(found, expected.values, rtol=1e-6, atol=1e-12)
