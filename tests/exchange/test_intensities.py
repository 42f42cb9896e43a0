"""Tables for engineers: closed forms in, the same numbers out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.wavefield import make_wavefield
from spectremor.exchange.intensities import beyond_band, rotd50, sa_name
from spectremor.exchange.openquake import write_openquake
from spectremor.exchange.tables import write_intensities
from spectremor.signal import intensity
from spectremor.signal.response import rotd

PERIODS = (0.3, 1.0)


def rotating(frequency_hz: float = 1.0, velocity_m_s: float = 0.2):
    """Horizontal motion on a circle: every direction sees the same peak, so RotD50 is the radius."""
    time_s = np.arange(500) / 50
    turn = 2 * np.pi * frequency_hz * time_s
    one = velocity_m_s * np.stack([np.cos(turn), np.sin(turn), 0 * turn])
    x_m, y_m = np.array([0.0, 100.0]), np.array([0.0, 100.0, 200.0])
    values = one[:, None, None, :] * np.arange(1, 7).reshape(1, 2, 3, 1)
    return make_wavefield(values, x_m=x_m, y_m=y_m, time_s=time_s, band_hz=(0, 5))


def test_peaks_of_circular_motion():
    found = rotd50(rotating(), PERIODS)
    expected = 0.2 * np.arange(1, 7).reshape(1, 2, 3)
    np.testing.assert_allclose(found["PGV"], expected, rtol=2e-3)
    np.testing.assert_allclose(found["PGA"], 2 * np.pi * expected, rtol=1e-2)
    assert set(found) == {"PGA", "PGV", "PGD", "SA(0.3)", "SA(1.0)"}


def test_rotd50_of_a_component_alone_is_its_peak_over_root_two():
    field = rotating()
    field.values[1] = 0
    np.testing.assert_allclose(rotd50(field, PERIODS)["PGV"][0, 0, 0], 0.2 / np.sqrt(2), rtol=1e-2)


def test_openquake_tables(tmp_path, field, place):
    path = tmp_path / "gmf.csv"
    written = write_openquake(field, path, place, periods_s=PERIODS)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    motion, sites = pd.read_csv(path), pd.read_csv(tmp_path / "gmf.sites.csv")
    assert list(motion) == ["event_id", "site_id", "custom_site_id", "gmv_PGA", "gmv_PGV", "gmv_SA(0.3)", "gmv_SA(1.0)"]
    assert list(sites) == ["site_id", "custom_site_id", "lon", "lat"]
    # What the engine insists on: events and sites counted from zero without gaps, no pair twice.
    assert sorted(motion["event_id"].unique()) == [0, 1]
    assert list(sites["site_id"]) == list(range(12))
    assert not motion.duplicated(["event_id", "site_id"]).any()
    horizontal = field.isel(realization=1, x=2, y=1).values[:2].astype(float)
    expected = rotd(horizontal[None], 0.02, np.array(PERIODS), (50.0,))[0, 0] / 9.80665
    row = motion[(motion["event_id"] == 1) & (motion["site_id"] == 2 * 4 + 1)].iloc[0]
    np.testing.assert_allclose(row[["gmv_SA(0.3)", "gmv_SA(1.0)"]].astype(float), expected, rtol=1e-5)
    x, y = place.to_local(sites["lon"].to_numpy(), sites["lat"].to_numpy())
    np.testing.assert_allclose(x.reshape(3, 4)[:, 0], field.x, atol=0.02)
    np.testing.assert_allclose(y.reshape(3, 4)[0], field.y, atol=0.02)


def test_openquake_needs_a_place(tmp_path, field):
    with pytest.raises(InputError, match="origin"):
        write_openquake(field, tmp_path / "gmf.csv", None)
    assert list(tmp_path.iterdir()) == []


def test_intensity_table(tmp_path, field, place):
    write_intensities(field, tmp_path / "im.csv", place=place, periods_s=PERIODS)
    table = pd.read_csv(tmp_path / "im.csv")
    assert len(table) == 2 * 12
    row = table[(table["realization"] == 1) & (table["station"] == "S0203")].iloc[0]
    assert (row["x_m"], row["y_m"]) == (1350.0, 1350.0)
    expected = rotd50(field, PERIODS)
    assert row["pgv_rotd50_m_s"] == pytest.approx(expected["PGV"][1, 2, 3], rel=1e-6)
    assert row["sa_0.3s_rotd50_m_s2"] == pytest.approx(expected["SA(0.3)"][1, 2, 3], rel=1e-6)
    assert {"arias_E_m_s", "cav_N_m_s", "duration_Z_s"} <= set(table)


def test_periods_outside_the_band_are_marked(tmp_path, field):
    with pytest.warns(InputWarning, match=r"periods 0\.1, 30 s lie outside"):
        write_intensities(field, tmp_path / "im.csv", periods_s=(0.1, 1.0, 30.0))
    names = [n for n in pd.read_csv(tmp_path / "im.csv") if n.startswith("sa_")]
    expected = ["sa_0.1s_{}_m_s2_outside_band", "sa_1.0s_{}_m_s2", "sa_30.0s_{}_m_s2_outside_band"]
    assert names == [name.format(rotd) for rotd in ("rotd50", "rotd100") for name in expected]
    unknown = field.copy()
    del unknown.attrs["band_high_hz"]
    assert beyond_band(unknown, (0.1,)) == []
    # Sampling and duration are always known.
    with pytest.warns(InputWarning, match=r"usable band, 0\.25 to 25 Hz"):
        assert beyond_band(unknown, (0.01, 1.0, 30.0)) == [0.01, 30.0]


@pytest.mark.parametrize("periods", [(), (0.0,), (-1.0, 2.0), (float("nan"),), (1.0, 1.0)])
def test_periods_that_cannot_be(field, periods):
    with pytest.raises(InputError, match="periods"):
        rotd50(field, periods)


def test_openquakes_names():
    assert [sa_name(t) for t in (0.3, 1, 2.5)] == ["SA(0.3)", "SA(1.0)", "SA(2.5)"]


def test_openquake_tables_are_in_g_and_cm_per_second(tmp_path, place):
    write_openquake(rotating(), tmp_path / "gmf.csv", place, periods_s=PERIODS)
    motion = pd.read_csv(tmp_path / "gmf.csv")
    np.testing.assert_allclose(motion["gmv_PGV"], 20.0 * np.arange(1, 7), rtol=2e-3)
    np.testing.assert_allclose(motion["gmv_PGA"], 0.4 * np.pi / 9.80665 * np.arange(1, 7), rtol=1e-2)


def test_the_table_has_rotd100_and_fourier_spectra(tmp_path, field):
    write_intensities(field, tmp_path / "im.csv", periods_s=PERIODS)
    table = pd.read_csv(tmp_path / "im.csv")
    row = table[(table["realization"] == 1) & (table["station"] == "S0203")].iloc[0]
    horizontal = field.isel(realization=1, x=2, y=3).values[:2].astype(float)
    expected = rotd(horizontal, 0.02, np.array(PERIODS))[1]
    np.testing.assert_allclose(row[["sa_0.3s_rotd100_m_s2", "sa_1.0s_rotd100_m_s2"]].astype(float), expected, rtol=1e-5)
    names = ["pga_{}_m_s2", "pgv_{}_m_s", "pgd_{}_m", "fas_0.5hz_{}_m_s", "fas_1hz_{}_m_s", "fas_2hz_{}_m_s"]
    for name in [*names, "fas_5hz_{}_m_s"]:
        assert (table[name.format("rotd100")] >= table[name.format("rotd50")] * (1 - 1e-6)).all()
    narrow = field.assign_attrs(band_high_hz=2.0)
    write_intensities(narrow, tmp_path / "im.csv", periods_s=(1.0,))
    assert "fas_5hz_rotd50_m_s_outside_band" in pd.read_csv(tmp_path / "im.csv")


def test_columns_of_a_component_hold_its_own_measures(tmp_path, field):
    write_intensities(field, tmp_path / "im.csv", periods_s=PERIODS)
    table = pd.read_csv(tmp_path / "im.csv")
    row = table[(table["realization"] == 1) & (table["station"] == "S0203")].iloc[0]
    for component in "ENZ":
        trace = field.isel(realization=1, x=2, y=3).sel(component=component).values
        for name, measure in (
            ("arias_{}_m_s", intensity.arias_intensity),
            ("cav_{}_m_s", intensity.cumulative_absolute_velocity),
            ("duration_{}_s", intensity.significant_duration),
        ):
            assert row[name.format(component)] == pytest.approx(float(measure(trace, 0.02)), rel=1e-5)
