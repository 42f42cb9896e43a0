"""The benchmark of recordings: which rows it takes, where it puts them, and what it does with predictions."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from spectremor.core.errors import InputWarning

ROOT = Path(__file__).resolve().parents[2]
EXCERPT = Path(__file__).parent / "data" / "nz_flatfile_excerpt.csv"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("recordings_benchmark", ROOT / "benchmarks" / "recordings.py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def choices(benchmark):
    return benchmark.read_choices()


@pytest.fixture(scope="module")
def records(benchmark, choices):
    return benchmark.read_records(EXCERPT, choices)


def test_rows_that_the_choices_ask_for(records):
    """Crustal rock records of three earthquakes; an interface event and a soft site are left out."""
    assert {r.event for r in records} == {"3528810", "3391440", "2331009"}
    assert all(r.scenario.vs30_m_s >= 600 for r in records)
    nearest = records[0]
    assert (nearest.name, nearest.mw, nearest.epicentre_km) == ("20110613_010100_PARS", 5.3, 0.98)
    assert nearest.observed["PGV"] == pytest.approx(0.145476)
    assert nearest.observed["SA(1)"] == pytest.approx(0.178994212 * 9.80665)
    assert nearest.scenario.mechanism == "SS"


def test_a_value_outside_the_usable_band_is_missing(benchmark, choices, tmp_path):
    with EXCERPT.open() as stream:
        rows = list(csv.DictReader(stream))
    row = next(r for r in rows if r["Record"] == "20110613_010100_PARS")
    row["f0.5000SA_RotD50"] = "-99999.0"
    with (tmp_path / "f.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    changed = {r.name: r for r in benchmark.read_records(tmp_path / "f.csv", choices)}
    assert math.isnan(changed[row["Record"]].observed["SA(2)"])


def test_source_and_station_keep_their_distance_inside_the_domain(benchmark, choices, records):
    for record in records:
        layout = benchmark.Layout.of(record, choices)
        x, y, z = layout.source_m
        distance = np.hypot(layout.station_m[0] - x, layout.station_m[1] - y)
        assert distance == pytest.approx(1000 * record.epicentre_km)
        assert z == pytest.approx(-1000 * record.depth_km)
        for side, low, high in zip(layout.extent_m, (x, y, -z), (layout.station_m[0], y, -z), strict=True):
            assert side % choices.nodes_m == pytest.approx(0, abs=1e-6)
            assert side - high >= choices.margin_m - 1e-6
            assert low >= 0
        assert x >= choices.margin_m
        assert layout.duration_s >= distance / 2000 + 6


def test_azimuths_point_from_the_epicentre_to_the_station(benchmark):
    assert benchmark._azimuth_deg(172.0, -43.0, 172.0, -42.9) == pytest.approx(0)
    assert benchmark._azimuth_deg(172.0, -43.0, 172.1, -43.0) == pytest.approx(90, abs=0.1)
    assert benchmark._azimuth_deg(172.0, -43.0, 171.9, -43.0) == pytest.approx(270, abs=0.1)


def test_predictions_are_kept_and_not_made_again(benchmark, records, tmp_path):
    class Counting:
        name, calls = "counting", 0

        def __call__(self, record, ground):
            self.calls += 1
            return {"PGV": math.log(record.observed["PGV"]) + ground}

    predictor = Counting()
    one = benchmark.predictions(records, predictor, 1, tmp_path / "kept")
    assert predictor.calls == len(records)
    assert one[records[0].name]["PGV"] == pytest.approx(math.log(records[0].observed["PGV"]))
    three = benchmark.predictions(records, predictor, 3, tmp_path / "kept")
    assert predictor.calls == 3 * len(records)
    assert three[records[0].name]["PGV"] == pytest.approx(one[records[0].name]["PGV"] + 1)
    assert benchmark.predictions(records, predictor, 3, tmp_path / "kept") == three
    assert predictor.calls == 3 * len(records)


def test_the_table_says_what_was_put_in(benchmark, choices, records, tmp_path):
    pytest.importorskip("pygmm")
    halves = {
        r.name: {measure: math.log(value / 2) for measure, value in r.observed.items()}
        for r in records
        if not any(math.isnan(v) for v in r.observed.values())
    }
    models = benchmark.of_ground_motion_models(records, choices)
    assert set(models) == {"ASK14", "BSSA14", "CB14", "CY14"}
    rows = benchmark.table_rows(records, {"direct": halves} | models)
    ours = [row for row in rows if row["predictor"] == "direct"]
    assert [row["measure"] for row in ours] == ["PGV", *(f"SA({t:g})" for t in choices.periods_s)]
    for row in ours:
        assert row["mean_ln_observed_over_predicted"] == pytest.approx(math.log(2))
        assert row["within_events"] < 1e-3
        assert row["records"] == len(halves)
    assert any(abs(row["mean_ln_observed_over_predicted"]) > 0.05 for row in rows if row["predictor"] == "CY14")
    benchmark.write_table(rows, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(rows)


def test_a_filter_leaves_what_it_shall(benchmark):
    traces = np.random.default_rng(0).normal(size=(2, 3, 200))
    np.testing.assert_allclose(benchmark.filtered(traces, 0.02, np.ones_like), traces, atol=1e-12)
    np.testing.assert_allclose(benchmark.filtered(traces, 0.02, lambda f: 0 * f + 2), 2 * traces, atol=1e-12)


@pytest.mark.parametrize("predictor", ["direct", "simulation"])
def test_a_prediction_has_the_size_of_such_earthquakes(benchmark, choices, records, predictor):
    """Not an accuracy test: a factor of ten either way would be a wrong unit, angle or power."""
    once = dataclasses.replace(choices, grid_spacing_m=300.0, draws=1)
    record = next(r for r in records if r.event == "3391440" and r.name.endswith("CRLZ"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        logs = benchmark.Predictor(predictor, once)(record, 0)
    assert abs(logs["SA(1)"] - math.log(record.observed["SA(1)"])) < math.log(10)
    assert abs(logs["PGV"] - math.log(record.observed["PGV"])) < math.log(10)


@pytest.mark.parametrize("option", ["--flatfile", "--keep"])
def test_a_table_that_is_not_there_is_refused_before_work(benchmark, tmp_path, monkeypatch, capsys, option):
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["recordings.py", "--out", str(out), option, str(tmp_path / "none.csv")])
    with pytest.raises(SystemExit, match="2"):
        benchmark.main()
    assert f"{option}: got" in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()
