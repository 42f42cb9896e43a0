"""A prediction beside records and ground-motion models: what is known to be there is found, and said."""

from __future__ import annotations

import csv
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.event import Event, event_attrs
from spectremor.core.recording import Stations
from spectremor.core.wavefield import make_station_wavefield, make_wavefield
from spectremor.hazard.comparison import (
    beside_models,
    compare_with_records,
    model_rows,
    record_rows,
    sites_of,
    spread_sites,
    waveform_rows,
)
from spectremor.hazard.page import write_hazard_report
from spectremor.report.report_folder import check_report_folder
from spectremor.signal.filters import low_pass

LA_HABRA = Path(__file__).parents[1] / "exchange" / "data" / "recordings" / "la_habra"
TIME_S = np.arange(400) / 50
SOURCE = sp.Source.from_angles(position_m=(2000, 2000, -5000), strike_deg=20, dip_deg=60, rake_deg=90, mw=4.9)


def motion(seed: int, *shape: int) -> np.ndarray:
    """Pulses between 1 and 3 Hz, at rest at both ends."""
    rng = np.random.default_rng(seed)
    phase, frequency = rng.uniform(0, 6.28, (*shape, 1)), rng.uniform(1, 3, (*shape, 1))
    return 0.02 * np.exp(-(((TIME_S - 4) / 0.8) ** 2)) * np.sin(2 * np.pi * frequency * TIME_S + phase)


def stations(*names: str) -> Stations:
    x_m = 1000.0 * (1 + np.arange(len(names)))
    return Stations(names=names, x_m=x_m, y_m=x_m, z_m=np.zeros(len(names)))


def records(values: np.ndarray, *names: str, time_s: np.ndarray = TIME_S):
    return make_station_wavefield(values, stations=stations(*names), time_s=time_s, band_hz=(0.2, 20.0))


def ensemble(values: np.ndarray, *names: str):
    return make_station_wavefield(values, stations=stations(*names), time_s=TIME_S, source=SOURCE, band_hz=(0.0, 5.0))


def by_measure(rows, station: str) -> dict:
    return {row["measure"]: row for row in rows if row["station"] == station}


def test_a_record_of_twice_the_prediction_says_ln_two():
    # Alike along all components: each counts as much in EG and PG.
    values = np.broadcast_to(motion(1, 1, 2), (3, 2, 400)).copy()
    found = compare_with_records(ensemble(values, "A", "B"), records(2 * values, "A", "B"), known_below_hz=4.0)
    for name in ("A", "B"):
        rows = by_measure(record_rows(found), name)
        for measure in ("PGA RotD50", "PGV RotD50", "PGV RotD100", "SA(0.3 s) RotD50", "FAS(2 Hz) RotD50"):
            assert rows[measure]["ln_observed_over_predicted"] == pytest.approx(np.log(2), abs=0.03)
        assert rows["D5-95"]["ln_observed_over_predicted"] == pytest.approx(0, abs=0.03)
    # Of amplitude times 2 (prediction is half the record): EG 10 exp(-1/2), PG 10.
    (first, _) = waveform_rows(found)
    assert first["EG_mean"] == pytest.approx(10 * np.exp(-0.5), abs=0.05)
    assert first["PG_mean"] == pytest.approx(10, abs=0.01)


def test_the_record_among_the_draws_has_its_percentile():
    base = motion(2, 3, 1)
    draws = np.stack([factor * base for factor in (1.0, 2.0, 3.0, 4.0)])
    found = compare_with_records(ensemble(draws, "A"), records(2.5 * base, "A"))
    row = by_measure(record_rows(found), "A")["PGV RotD50"]
    assert row["percentile"] == pytest.approx(50)
    assert (row["draws"], row["predicted_median"]) == (4, pytest.approx(row["observed"], rel=0.01))
    largest = compare_with_records(ensemble(draws, "A"), records(9 * base, "A"))
    assert by_measure(record_rows(largest), "A")["PGV RotD50"]["percentile"] == pytest.approx(90)
    single = compare_with_records(ensemble(base, "A"), records(base, "A"))
    assert np.isnan(by_measure(record_rows(single), "A")["PGV RotD50"]["percentile"])
    assert waveform_rows(single) == []


def test_periods_that_one_does_not_hold_are_marked():
    values = motion(3, 3, 1)
    rows = by_measure(record_rows(compare_with_records(ensemble(values, "A"), records(values, "A"))), "A")
    assert rows["SA(0.2 s) RotD50"]["usable"]
    narrow = ensemble(values, "A").assign_attrs(band_high_hz=2.0)
    rows = by_measure(record_rows(compare_with_records(narrow, records(values, "A"))), "A")
    assert not rows["SA(0.3 s) RotD50"]["usable"]
    assert rows["SA(0.5 s) RotD50"]["usable"]


def test_stations_are_found_by_name_in_any_order_and_the_rest_is_told():
    values = motion(4, 3, 3)
    prediction = ensemble(values, "A", "B", "C")
    seen = records(values, "A", "B", "C").isel(station=[2, 0])
    other = seen.assign_coords(station=["C", "Z"])
    assert compare_with_records(prediction, seen).sites.names == ("C", "A")
    found = compare_with_records(prediction, other)
    assert found.sites.names == ("C",)
    assert found.notes == ("Not in the prediction: Z.",)
    np.testing.assert_allclose(found.observed[0], found.sites.draws[0, 0], atol=5e-4)


def test_a_grid_gives_the_sensor_nearest_to_a_station():
    values = motion(5, 3, 4, 4)
    axis = np.array([800.0, 1100.0, 1900.0, 2900.0])
    field = make_wavefield(values, x_m=axis, y_m=axis, time_s=TIME_S, source=SOURCE, band_hz=(0, 5))
    seen = records(np.stack([values[:, 1, 1], values[:, 2, 2]], axis=1), "A", "B")
    found = compare_with_records(field, seen)
    np.testing.assert_allclose(found.sites.points_m[:, 0], [1100, 1900])
    assert "A is 141 m from the sensor" in found.notes[0]
    with pytest.raises(InputError, match=r"A, 141 m from the nearest sensor; allowed: .* within 20 m"):
        compare_with_records(field, seen, farthest_m=20.0)


def test_times_are_cut_to_what_both_have_and_records_too_short_are_refused():
    values = motion(6, 3, 1)
    late = records(values[..., 100:], "A", time_s=TIME_S[100:])
    found = compare_with_records(ensemble(values, "A"), late)
    assert found.sites.time_s[0] == pytest.approx(2.0)
    assert "Compared from 2.00" in found.notes[0]
    with pytest.raises(InputError, match=r"half of the prediction's 0 to 7\.98 s"):
        compare_with_records(ensemble(values, "A"), records(values[..., 300:], "A", time_s=TIME_S[300:]))
    with pytest.raises(InputError, match=r"a step of 0.04 s; allowed: the prediction's step of 0.02 s"):
        compare_with_records(ensemble(values, "A"), records(values[..., ::2], "A", time_s=TIME_S[::2]))


def test_what_cannot_be_compared_is_refused():
    values = motion(7, 3, 1)
    prediction, seen = ensemble(values, "A"), records(values, "A")
    for known in (0.1, 6.0):
        with pytest.raises(InputError, match=r"known_below_hz: .*\(0.2, 5\] Hz"):
            compare_with_records(prediction, seen, known_below_hz=known)
    bad = prediction.copy()
    bad.values[0, 0, 5] = np.nan
    with pytest.raises(InputError, match="NaN"):
        compare_with_records(bad, seen)
    with pytest.raises(InputError, match="NaN"):
        compare_with_records(prediction, seen.where(seen.time > 1))
    with pytest.raises(InputError, match="a band that meets"):
        compare_with_records(prediction, seen.assign_attrs(band_low_hz=6.0))


def test_records_are_low_passed_as_the_prediction_is():
    values = motion(8, 3, 1)
    noisy = values + 0.01 * np.sin(2 * np.pi * 15 * TIME_S) * np.exp(-(((TIME_S - 4) / 1.5) ** 2))
    prediction = ensemble(values, "A").assign_attrs(lowpass_hz=5.0)
    row = by_measure(record_rows(compare_with_records(prediction, records(noisy, "A"))), "A")["PGA RotD50"]
    assert abs(row["ln_observed_over_predicted"]) < 0.05


def test_sites_beside_models_are_few_and_spread_over_distance():
    axis = np.arange(300.0, 9600.0, 600.0)
    field = make_wavefield(
        motion(9, 3, len(axis), len(axis)), x_m=axis, y_m=axis, time_s=TIME_S, source=SOURCE, band_hz=(0, 5)
    )
    sites = spread_sites(sites_of(field), 20)
    distance = np.hypot(sites.points_m[:, 0] - 2000, sites.points_m[:, 1] - 2000)
    assert len(sites.names) == 20
    assert (np.diff(distance) >= 0).all()
    assert distance[0] < 450
    assert distance[-1] > 9000


def test_a_prediction_that_a_model_would_make_differs_from_it_by_nothing():
    sites = sites_of(ensemble(motion(10, 3, 2), "A", "B"))
    beside = beside_models(sites, 760.0, names=("BSSA14", "CY14"))
    rows = model_rows(beside)
    model = beside.answers.motions[0]
    mine = sites.measures().pgv[0][0]
    for k, name in enumerate(("A", "B")):
        row = next(r for r in rows if r["site"] == name and r["model"] == "BSSA14" and r["measure"] == "PGV RotD50")
        assert row["ln_predicted_over_model"] == pytest.approx(np.log(mine[k] / model.pgv[k]))
        assert row["vs30_m_s"] == 760.0
    with pytest.raises(InputError, match="records its source"):
        beside_models(dataclasses.replace(sites, source=None), 760.0)
    with pytest.raises(InputError, match=r"\[50, 5000\] m/s"):
        beside_models(sites, 10.0)


def test_the_report_holds_tables_figures_and_a_page_and_is_replaced_whole(tmp_path):
    values = motion(11, 3, 2)
    draws = np.stack([values, 1.5 * values, 0.7 * values])
    found = compare_with_records(ensemble(draws, "A", "B"), records(values, "A", "B"), known_below_hz=2.0)
    page = write_hazard_report(found, beside_models(found.sites, 800.0), "field.nc", tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    assert "Boore, Stewart, Seyhan" in text
    assert "percentile" in text
    with (tmp_path / "report" / "recorded.csv").open() as stream:
        assert {row["station"] for row in csv.DictReader(stream)} == {"A", "B"}
    assert (tmp_path / "report" / "ground_motion_models.csv").exists()
    assert (tmp_path / "report" / "figures" / "record_spectra.png").stat().st_size > 5000
    check_report_folder(tmp_path / "report")
    alone = spread_sites(sites_of(ensemble(values, "A", "B")))
    write_hazard_report(None, beside_models(alone, 800.0), "field.nc", tmp_path / "report")
    assert (tmp_path / "report" / "figures" / "model_distances.png").exists()
    assert not (tmp_path / "report" / "recorded.csv").exists()


@pytest.fixture
def predicted(tmp_path):
    """A prediction at La Habra's station, whose corner is the epicentre, with the record itself as its motion."""
    pytest.importorskip("obspy")
    record = sp.read_recordings(LA_HABRA, sampling_hz=50.0)
    part = record.sel(time=slice(0, 9))
    path = tmp_path / "field.nc"
    source = sp.Source.from_angles(position_m=(0, 0, -5090), strike_deg=233, dip_deg=77, rake_deg=49, mw=5.1)
    event = Event(
        event_id="a",
        origin_time="2014-03-29T04:09:42.17Z",
        place=sp.Georeference(longitude_deg=-117.9158333, latitude_deg=33.9325),
    )
    places = {axis: part[axis].values for axis in ("x", "y", "z")}
    there = Stations(names=("CI.WLT",), x_m=places["x"], y_m=places["y"], z_m=places["z"])
    field = make_station_wavefield(
        low_pass(part.values, 0.02, 5.0),
        stations=there,
        time_s=part.time.values,
        source=source,
        band_hz=(0.0, 5.0),
        attrs=event_attrs(event),
    )
    sp.write_wavefield(field, path)
    return path


def test_the_command_line_compares_and_writes(here, capsys, predicted, tmp_path):
    out = tmp_path / "report"
    options = ("--known-below", "2", "--ground-motion-models", "--vs30", "390", "--out", out)
    assert here("evaluate", "--prediction", predicted, "--recorded", LA_HABRA, *options) == 0
    said = capsys.readouterr().out
    assert "CI.WLT: PGV RotD50: observed" in said
    assert "D5-95: observed" in said
    assert re.search(r"CI.WLT: waveforms from 0.1 to 2 Hz: EG (9\.9\d|10\.00), PG (9\.9\d|10\.00)", said)
    assert "mean ln(predicted / CY14) of RotD50 over 1 site:" in said
    assert (out / "index.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ground-motion-models",), "--vs30, --geology: got neither"),
        (("--known-below", "2"), "--known-below: got 2.0; allowed: nothing here"),
        (("--recorded", LA_HABRA, "--vs30", "500"), "it goes with --ground-motion-models"),
        (("--recorded", LA_HABRA, "--window", "0,5"), "it goes with --reference"),
        (("--recorded", LA_HABRA, "--origin-lon", "3"), "--origin-lat: got nothing"),
        (("--ground-motion-models", "--vs30", "500", "--origin-time", "2014-03-29"), "it goes with --recorded"),
        (("--recorded", "nowhere"), "no such folder"),
    ],
)
def test_wrong_options_are_one_line_and_nothing_is_written(here, capsys, predicted, tmp_path, options, message):
    out = tmp_path / "report"
    assert here("evaluate", "--prediction", predicted, *options, "--out", out) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()


def test_records_with_data_are_refused(here, capsys, tmp_path):
    assert here("evaluate", "--data", "store.zarr", "--recorded", LA_HABRA, "--out", tmp_path / "r") == 2
    assert "--recorded: got" in capsys.readouterr().err
