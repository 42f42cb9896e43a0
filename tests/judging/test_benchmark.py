"""A run over a campaign: right numbers, honest subsets, small memory, a report that stands alone."""

from __future__ import annotations

import copy
import csv
import dataclasses
import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from field_cases import random_stage, stage_config
from typer.testing import CliRunner

from spectremor.cli import evaluate as verb
from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.trained_range import TrainedRange
from spectremor.data.wavefield_files import write_wavefield
from spectremor.diffusion.config import LatentConfig
from spectremor.diffusion.surroundings import surroundings_of
from spectremor.judging import benchmark
from spectremor.judging.benchmark import Settings, run_benchmark
from spectremor.judging.contenders import BothStages, Case, Expected
from spectremor.judging.gain import FrequencyGain
from spectremor.judging.scores import METRICS, evaluate
from spectremor.judging.subset import stratified_error, stratified_sensors
from spectremor.judging.tally import Tally
from spectremor.report import benchmark_report, html, motion_tables
from spectremor.report.benchmark_report import write_report
from spectremor.report.ensembles import check_rows, crps_findings, ensemble_checks
from spectremor.report.findings import better, findings
from spectremor.report.ranking import ranked_sensors
from spectremor.report.tables import bootstrap_interval, decile_rows, share_rows, summarise
from spectremor.signal.misfit import relative_biases

NAMES = [
    "stage 1", "stage 1 x gain", "stage 1 + regression", "stage 1 + regression x gain", "stage 1 + diffusion",
    "stage 1 + diffusion, expect", "stage 1 + diffusion, mean of 3 draws", "simulation at 300 m",
    "simulation at 300 m x gain",
]  # fmt: skip


@pytest.fixture(scope="module")
def result(store, model, regression):
    told = []
    found = run_benchmark(
        store,
        {"standin": model},
        regression=regression,
        settings=Settings(realizations=3),
        on_progress=lambda *step: told.append(step),
    )
    assert told[-1][:2] == (3, 3)
    return found


def test_contenders_and_counts(result) -> None:
    assert [t.name for t in result.tallies] == NAMES
    assert result.samples == [4, 5, 6]
    assert all(row["seconds"] > 0 for tally in result.tallies[:-2] for row in tally.rows)
    assert all(np.isnan(row["seconds"]) for row in result.tallies[-2].rows)  # read from the store, not made
    assert [row["undefined_sensors"] for row in result.tallies[0].rows] == [0, 1, 0]
    assert any("1 sensors with NaN or no motion" in r for r in result.remarks)


def test_scores_are_those_of_evaluate(result, store, model) -> None:
    field = model.predict(store.geology(6), store.source(6))
    expected = evaluate(field, store.wavefield(6), geology=store.geology(6))
    for metric in METRICS:
        assert result.tallies[0].rows[2][metric] == pytest.approx(expected[metric], rel=1e-4, abs=1e-5)
    coarse = evaluate(store.wavefield(6, 300.0), store.wavefield(6))
    assert result.tallies[-2].rows[2]["EG"] == pytest.approx(coarse["EG"], abs=1e-4)


def test_nothing_of_the_size_of_a_wavefield_is_kept(store, model) -> None:
    """Per event and contender: 28 bytes per judged sensor, and arrays that don't grow with sensors."""
    run = run_benchmark(store, {"standin": model}, settings=Settings(gain_samples=1))
    for tally in run.tallies:
        kept = sum(v.nbytes for v in tally.sensors[0].values())
        assert kept == (2 * 4 + 10 * 2) * 35
        traits = tally.traits[0]
        assert traits.spectrum.nbytes + traits.response.nbytes + traits.measures.nbytes < 20_000
    assert not any(isinstance(v, np.ndarray) and v.ndim > 3 for v in vars(run).values())


def test_a_subset_has_the_whole_runs_scores_at_its_sensors(result, store, model) -> None:
    few = run_benchmark(store, {"standin": model}, settings=Settings(sensors=8, realizations=3))
    for whole, part in zip(result.tallies[4].sensors, few.tallies[2].sensors, strict=True):
        assert len(part["EG"]) == 8
        assert np.isin(np.round(part["PG"], 3), np.round(whole["PG"], 3)).all()
    row = few.tallies[0].rows[0]
    assert row["EG_se"] > 0
    assert abs(row["EG"] - result.tallies[0].rows[0]["EG"]) < 4 * row["EG_se"] + 0.2
    assert result.tallies[0].rows[0]["EG_se"] == 0.0


def test_the_gain_alone_nulls_the_biases_it_was_fitted_on(store, model) -> None:
    pairs = [(model.predict(store.geology(i), store.source(i)).values, store.velocity(i)) for i in (0, 1, 2)]
    gain = FrequencyGain.fit(iter(pairs), 0.02, 5.0)
    stack = [np.concatenate([p[k].reshape(3, -1, 160) for p in pairs], axis=1) for k in (0, 1)]
    before, after = (
        (np.abs(np.fft.rfft(p, axis=-1)).mean(axis=(0, 1)) / np.abs(np.fft.rfft(stack[1], axis=-1)).mean(axis=(0, 1)))
        for p in (stack[0], gain(stack[0]))
    )
    band = np.fft.rfftfreq(160, 0.02) <= 5.0
    np.testing.assert_allclose(after[band], 1.0, atol=1e-3)
    assert before[band].min() < 0.3
    moved = np.moveaxis(stack[1], 0, 1)
    low = relative_biases(np.moveaxis(gain(stack[0]), 0, 1), moved, 0.02).mean(axis=0)
    assert np.all(np.abs(low) < 0.25)


def test_strata_cover_all_amplitudes() -> None:
    amplitude = np.random.default_rng(0).lognormal(size=1000)
    chosen = stratified_sensors(amplitude, 20, seed=0, sample=3)
    assert len(np.unique(chosen)) == 20
    ranks = np.argsort(np.argsort(amplitude))[chosen]
    assert np.all(ranks // 50 == np.arange(20))
    assert not np.array_equal(chosen, stratified_sensors(amplitude, 20, seed=0, sample=4))
    np.testing.assert_array_equal(stratified_sensors(amplitude, None, 0, 0), np.arange(1000))


@pytest.mark.parametrize("count", [600, 999, 333, 7])
def test_strata_that_do_not_divide_the_sensors_share_none(count: int) -> None:
    amplitude = np.random.default_rng(0).lognormal(size=1000)
    chosen = stratified_sensors(amplitude, count, seed=0, sample=3)
    assert len(np.unique(chosen)) == len(chosen) == count


def test_the_stated_error_is_about_the_true_one() -> None:
    rng = np.random.default_rng(1)
    amplitude = rng.lognormal(size=1024)
    scores = np.log(amplitude) + 0.5 * rng.standard_normal(1024)
    drawn = [scores[stratified_sensors(amplitude, 32, 0, s)] for s in range(400)]
    actual = np.std([d.mean() for d in drawn])
    stated = np.sqrt(np.mean([stratified_error(d, 1024) ** 2 for d in drawn]))
    assert 0.9 * actual < stated < 1.8 * actual
    assert stratified_error(scores, 1024) == 0.0
    # All were judged; that one has no score leaves nothing to chance.
    assert stratified_error(np.where(np.arange(1024) == 7, np.nan, scores), 1024) == 0.0


def test_bootstrap_interval_of_a_normal_mean() -> None:
    values = np.random.default_rng(2).standard_normal(400)
    low, high = bootstrap_interval(values)
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.1)
    assert low < values.mean() < high
    assert np.isnan(bootstrap_interval(values[:1])[0])


def test_of_few_events_the_interval_still_holds_the_mean() -> None:
    # A plain percentile bootstrap of eight holds it in nine cases of ten.
    samples = np.random.default_rng(3).standard_normal((300, 8))
    intervals = np.array([bootstrap_interval(values, seed) for seed, values in enumerate(samples)])
    held = ((intervals[:, 0] < 0) & (intervals[:, 1] > 0)).mean()
    assert 0.92 < held < 0.98


def test_deciles_hold_every_defined_sensor(result) -> None:
    rows = [r for r in decile_rows(result.tallies[:1]) if r["metric"] == "EG"]
    assert len(rows) == 10
    assert sum(r["sensors"] for r in rows) == 3 * 35 - 1
    assert all(a["stage1_peak_to_m_s"] <= b["stage1_peak_to_m_s"] for a, b in itertools.pairwise(rows))


def test_ranks(result) -> None:
    best, median, worst = ranked_sensors(result)
    assert best.score > median.score > worst.score
    assert best.count == 3 * 35 - 1
    assert best.contender == "stage 1 + diffusion"


def test_ensemble_checks(result) -> None:
    checks = ensemble_checks(result)
    dressed = [f"{t.name}, dressed with its errors" for t in result.tallies if t.name.endswith("x gain")]
    assert list(checks) == [t.name for t in result.tallies] + dressed
    assert [by["PGV"]["product"] for by in checks.values()] == [t.product for t in result.tallies] + ["draw"] * 3
    assert checks[dressed[0]]["PGV"]["realizations"] == 3
    # The regression draws nothing, however many realizations are asked for: its CRPS is its absolute error.
    single = checks["stage 1 + regression"]["PGV"]
    assert single["rank_histogram"] == []
    assert np.isnan(single["coverage"]["50%"])
    assert single["crps_relative"] == pytest.approx(single["error_of_one_draw_relative"])
    found = checks["stage 1 + diffusion"]
    assert set(found) == {
        "PGV", "SA(0.3 s)", "SA(1 s)", "energy 0-1 Hz", "energy 1-2 Hz", "energy 2-5 Hz"
    }  # fmt: skip
    assert sum(found["PGV"]["rank_histogram"]) == found["PGV"]["cases"]
    assert len(found["PGV"]["rank_histogram"]) == 4
    assert 0 < found["PGV"]["crps_relative"] < 1
    assert [row["usable"] for row in check_rows(checks)] == [True] * 6 * len(checks)


def test_crps_findings_are_paired_over_events(result) -> None:
    """Spread that holds the truth beats one number; where both err alike, nothing is claimed."""
    rng = np.random.default_rng(0)
    names, events, sensors = list(checks_of(result)), 12, 5
    truth = rng.uniform(1, 2, (events, len(names), sensors))
    spread = truth[:, None] + rng.normal(0, 0.3, (events, 9, 1, 1)) + rng.normal(0, 0.3, (events, 1, 1, 1))
    far = np.repeat(truth[:, None] + 1.0, 2, axis=1)
    far[:, :, 0] = spread[:, :1, 0]
    far[:, :, 1] = truth[:, None, 1]
    tallies = [
        Tally("stage 1 + regression", ensemble=list(far)),
        Tally("stage 1 + diffusion", ensemble=list(spread)),
    ]
    made = dataclasses.replace(result, tallies=tallies, truth_ensemble=list(truth))
    (said,) = crps_findings(made)
    assert said.startswith("Against 'stage 1 + regression', the CRPS of diffusion is lower in ")
    lower, higher = said.split("; ")[:2]
    assert names[1] in higher
    assert all(name in lower for name in names[2:])
    # A single prediction is no ensemble: its error is not held against a CRPS.
    alone = [Tally("stage 1 + regression", ensemble=list(far[:, :1])), tallies[1]]
    assert crps_findings(dataclasses.replace(made, tallies=alone)) == []
    assert crps_findings(dataclasses.replace(result, tallies=tallies[:1], truth_ensemble=list(truth))) == []


def checks_of(result) -> list[str]:
    return list(next(iter(ensemble_checks(result).values())))


def test_summary_leaves_undefined_events_out(result) -> None:
    tally = result.tallies[0]
    row = summarise(tally, "EG")
    assert row["events"] == 3
    assert row["mean"] == pytest.approx(np.mean([r["EG"] for r in tally.rows]))
    assert row["ci95_low"] <= row["mean"] <= row["ci95_high"]


def test_findings_are_paired_over_events() -> None:
    """Events that differ far more than two models do: the difference is still seen, and noise isn't called one."""
    rng = np.random.default_rng(0)
    hardness = rng.uniform(3, 9, 40)
    rows = {
        "stage 1": [{"EG": h, "PG": h, "ln_bias_high": -0.4} for h in hardness],
        "stage 1 x gain": [{"EG": h + rng.normal(0, 0.3), "PG": h, "ln_bias_high": 0.0} for h in hardness],
        "stage 1 + diffusion": [{"EG": h - rng.normal(0, 0.3), "PG": h + 0.1, "ln_bias_high": 0.1} for h in hardness],
    }
    rows["stage 1 + diffusion, expect"] = rows["stage 1 + diffusion"]
    one, two, three, _ = tallies = [Tally(name, rows=found) for name, found in rows.items()]
    assert better(three, one, "PG") == 1
    assert not any("2–5 Hz" in line for line in findings(tallies, band_high_hz=2.0))
    assert better(one, three, "PG") == -1
    assert better(two, three, "EG") == 0
    assert better(three, one, "ln_bias_high") == 1
    assert better(Tally("a", rows=rows["stage 1"][:1]), Tally("b", rows=rows["stage 1"][:1]), "PG") == 0
    said = findings(tallies)
    assert said[0] == "Diffusion changes the bias at 2–5 Hz from -0.40 to 0.10: better."
    assert said[3].startswith("Against 'stage 1 x gain', `expect` is better in PG, is worse in bias at 2–5 Hz")
    # One draw has more error than any mean: it is not held against one.
    assert len(findings([one, two, three])) == 3


def test_findings_are_about_one_model() -> None:
    """Of two models, the second alone with a diffusion stage: its own stage 1 is what that stage is compared with."""
    scores = {"mine: stage 1": 9.0, "other: stage 1": 5.0, "other: stage 1 + diffusion": 7.0}
    rows = {name: [{"EG": v + 0.01 * k, "PG": v, "ln_bias_high": 0.0} for k in range(8)] for name, v in scores.items()}
    said = findings([Tally(name, rows=found) for name, found in rows.items()])
    assert "other: diffusion changes the phase goodness of fit from 5.00 to 7.00: better." in said
    # Nor is it compared with another's.
    assert findings([Tally(name, rows=rows[name]) for name in ("mine: stage 1", "other: stage 1 + diffusion")]) == []


def test_every_row_of_a_frequency_or_period_is_marked(result) -> None:
    tables = motion_tables.coherency_rows(result), motion_tables.semivariance_rows(result)
    for rows, name in zip(tables, ("frequency_hz", "period_s"), strict=True):
        for row in rows:
            frequency = row[name] if name == "frequency_hz" else 1 / row[name]
            assert row["usable"] == (1 / 3.2 - 1e-9 <= frequency <= 5.0 + 1e-9)
    assert all(row["frequency_hz"] >= 1.0 for row in tables[0])
    near = [row for row in tables[0] if row["from_m"] == 150.0]
    assert np.mean([row["truth"] for row in near]) > np.mean([row["stage 1 + diffusion"] for row in near])


def test_shares_count_defined_sensors_alone(result) -> None:
    rows = {(r["contender"], r["metric"], r["above"]): r["share"] for r in share_rows(result.tallies)}
    values = np.concatenate([s["EG"] for s in result.tallies[0].sensors])
    assert rows["stage 1", "EG", 6] == pytest.approx((values[~np.isnan(values)] > 6).mean())


def test_the_report_stands_alone(result, report_path, monkeypatch) -> None:
    page = write_report(result, report_path / "r")
    text = page.read_text()
    # What a report holds may be replaced by the next one, here without the pictures; nothing else may.
    (report_path / "other").mkdir()
    for name in ("figures", "summary.csv", "index.html"):
        (page.parent / name).rename(report_path / "other" / name)
    monkeypatch.setattr(html, "png", lambda _figure: b"")
    monkeypatch.setattr(benchmark_report, "_seismograms", lambda _result, _ranked: None)
    assert write_report(result, report_path / "other") == report_path / "other" / "index.html"
    (report_path / "other" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"which holds thesis\.tex"):
        write_report(result, report_path / "other")
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert text.count("data:image/png;base64") >= 10
    for name in [*NAMES, "MIFNO + DDPM (published)", "-0.44", "7.52"]:
        assert name in text
    with (page.parent / "per_sample.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 9 * 3
    rows = json.loads((page.parent / "per_sample.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert [row["sample"] for row in rows[:3]] == [4, 5, 6]
    assert all((page.parent / f"{name}.csv").is_file() for name in ("coherency", "semivariogram", "ensembles"))
    summary = json.loads((page.parent / "summary.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert summary["scores"]["stage 1"]["PG"]["events"] == 3
    assert summary["undefined_sensors"]["stage 1"] == 1
    with (page.parent / "response.csv").open() as file:
        marks = {float(r["period_s"]): r["usable"] for r in csv.DictReader(file)}
    assert marks[0.1] == "False"
    assert marks[5.0] == "False"
    assert "True" in marks.values()


def test_the_same_run_gives_the_same_bytes(store, model, report_path) -> None:
    pages = []
    for name in ("a", "b"):
        run = run_benchmark(store, {"standin": model}, settings=Settings(samples=1, sensors=6))
        for tally in run.tallies:
            for row in tally.rows:
                row["seconds"] = 0.0
        pages.append(write_report(run, report_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_comparing_models_and_missing_parts(store, model) -> None:
    bare = dataclasses.replace(model, diffusion=None, model_id="bare@2")
    run = run_benchmark(store, {"one": model, "two": bare}, settings=Settings(sensors=5, samples=1))
    assert [t.name for t in run.tallies] == [
        "one: stage 1", "one: stage 1 x gain", "one: stage 1 + diffusion", "one: stage 1 + diffusion, expect",
        "two: stage 1", "two: stage 1 x gain", "simulation at 300 m", "simulation at 300 m x gain",
    ]  # fmt: skip
    assert [r for r in run.remarks if "regression" in r] == [
        "one: baseline 'stage 1 + L1 regression' is absent: no weights given (--regression DIR)"
    ]
    assert any("no second stage" in r for r in run.remarks)
    # A model of that name still has its own remarks.
    named = {"one": model, "regression": bare}
    run = run_benchmark(store, named, about_regression="none today", settings=Settings(sensors=5, samples=1))
    assert [r for r in run.remarks if "regression" in r] == ["regression: the model has no second stage"]
    assert run.remarks[0] == "none today"


def test_a_second_stage_of_other_rise_times_is_refused(store, model, regression) -> None:
    slow_events = TrainedRange(rise_time_s=0.5)
    other = dataclasses.replace(model, trained_range=slow_events)
    slow = type("Slow", (type(regression),), {"trained_range": slow_events})()
    for models, regression in (({"one": other}, None), ({"one": model}, slow), ({"one": model, "two": other}, None)):
        with pytest.raises(InputError, match=r"store \(rise times\): got 0\.1 s; allowed: 0\.5 s"):
            run_benchmark(store, models, regression=regression, settings=Settings(sensors=5, samples=1))


def test_a_simulation_that_is_stage_1_has_no_second_row(store, model, monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "is_stored", lambda stage1, _, spacing_m: (stage1, spacing_m) == (model.stage1, 300))
    run = run_benchmark(store, {"one": model}, settings=Settings(sensors=5, samples=1))
    assert [t.name for t in run.tallies] == [
        "stage 1",
        "stage 1 x gain",
        "stage 1 + diffusion",
        "stage 1 + diffusion, expect",
    ]
    assert "the simulation at 300 m has no row of its own: it is 'stage 1'" in run.remarks
    # Where it is that of a model to compare with, the first one's sentences need the row.
    first = dataclasses.replace(model, stage1=type(model.stage1)(store), model_id="first@4")
    run = run_benchmark(store, {"first": first, "one": model}, settings=Settings(sensors=5, samples=1))
    assert run.tallies[-2].name == "simulation at 300 m"


def test_bad_runs_are_refused(store, model) -> None:
    short = type(model.stage1)(store, time_s=store.time_s[:100])
    stranger = dataclasses.replace(model, stage1=short, diffusion=None, model_id="short@3")
    with pytest.raises(InputError, match=r"model: got 100 samples, not 160; allowed: the campaign"):
        run_benchmark(store, {"m": stranger})
    with pytest.raises(InputError, match="sensors"):
        Settings(sensors=0)


# -- the command line -------------------------------------------------------------------------------------------------


def invoke(*arguments: object):
    app = typer.Typer()
    verb.register(app)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_verb_on_a_pair(truth, tmp_path) -> None:
    prediction = (truth * 0.8).assign_attrs(truth.attrs).expand_dims("realization")
    for name, field in (("a.nc", prediction), ("b.nc", truth)):
        write_wavefield(field, tmp_path / name)
    pair = ("--prediction", tmp_path / "a.nc", "--reference", tmp_path / "b.nc")
    done = invoke(*pair, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    scores = json.loads((tmp_path / "report" / "scores.json").read_text())
    assert scores["published_relative_bias_high"] == pytest.approx(-0.2, abs=1e-3)
    assert scores["ln_bias_high"] == pytest.approx(np.log(0.8), abs=1e-3)
    assert scores["rMAE"] is None
    assert "data:image/png" in (tmp_path / "report" / "index.html").read_text()
    with (tmp_path / "report" / "per_sensor.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 35


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((), "--data"),
        (("--prediction", "a.nc"), "--prediction, --reference"),
        (("--data", "x.zarr", "--prediction", "a.nc", "--out", "r"), "--data"),
        (("--data", "nowhere.zarr"), "--out"),
        (("--data", "nowhere.zarr", "--out", "r"), "store"),
        (("--data", "nowhere.zarr", "--out", "r", "--split", "tst"), "--split"),
        (("--data", "nowhere.zarr", "--out", "r", "--sensors", "0"), "sensors"),
        (("--data", "nowhere.zarr", "--out", "/dev/null/report"), "--out"),
        (("--data", "nowhere.zarr", "--out", "new/folders/report"), "store"),
        (("--prediction", "a.nc", "--reference", "b.nc", "--window", "1-2"), "--window"),
    ],
)
def test_verb_names_what_is_wrong(arguments, field, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(*arguments)
    assert isinstance(done.exception, InputError), done.output
    assert done.exception.field == field
    assert not list(tmp_path.iterdir())


def test_verb_never_replaces_a_strangers_folder(tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = invoke("--data", "nowhere.zarr", "--out", tmp_path / "mine")
    assert isinstance(done.exception, InputError)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_ranks_are_of_the_mean_of_both_scores_at_the_judged_sensors(result) -> None:
    scores = [{"EG": np.array([9.0, 6.0]), "PG": np.array([1.0, 8.0])}, {"EG": np.array([8.0]), "PG": np.array([4.0])}]
    made = dataclasses.replace(
        result, tallies=[Tally("stage 1", sensors=scores)], samples=[4, 5], chosen=[np.array([4, 9]), np.array([30])]
    )
    found = [(r.word, r.sample, r.sensor, r.score) for r in ranked_sensors(made)]
    assert found == [("best", 4, 9, 7.0), ("median", 5, 30, 6.0), ("worst", 4, 4, 5.0)]


def test_the_second_stage_is_asked_for_the_runs_draws_and_steps(store, model) -> None:
    asked = []

    class Recording:
        def generate_at(self, stage1, sensors, **options) -> np.ndarray:
            asked.append(options)
            return np.zeros((1, len(sensors), 3, 160), np.float32)

    both = BothStages("both", dataclasses.replace(model, diffusion=Recording()))
    for event in (4, 5, 4):
        both(Case(store, event, np.arange(3), realizations=2, steps=7, seed=3))
    assert [(o["realizations"], o["steps"]) for o in asked] == [(2, 7)] * 3
    seeds = [o["seed"] for o in asked]
    assert seeds[0] == seeds[2] != seeds[1]


def test_a_stage_that_sees_the_field_is_given_all_of_it_or_the_judged_sensors_alone(store, model) -> None:
    latent = LatentConfig(time_samples=160, sampling_hz=50.0, latent_samples=40, target="residual")
    stage = random_stage(stage_config().model_copy(update={"latent": latent}))
    given = dataclasses.replace(model, diffusion=stage)
    sensors, everywhere = np.array([3, 8, 20]), np.arange(35)
    whole = Case(store, 4, sensors, realizations=2)
    traces = at_sensors(whole.stage1(given).values, everywhere)
    places_m = np.stack(np.meshgrid(store.x_m, store.y_m, indexing="ij"), axis=-1).reshape(-1, 2)
    where = surroundings_of(store.geology(4), store.source(4), places_m)
    drawn = stage.generate(traces, where, realizations=2, seed=whole.draw_seed())
    np.testing.assert_allclose(whole.draws(given), drawn[:, sensors], rtol=1e-5, atol=1e-8)
    alone = Case(store, 4, sensors, realizations=2, alone=True)
    assert alone.draws(given).shape == whole.draws(given).shape
    assert np.abs(alone.draws(given) - whole.draws(given)).max() > 1e-5
    # All sensors alone are the whole field; and where a whole field is asked for it is given.
    every = Case(store, 4, everywhere, realizations=2, alone=True)
    np.testing.assert_array_equal(every.draws(given)[:, sensors], whole.draws(given))
    np.testing.assert_array_equal(alone.everywhere(2).draws(given), every.draws(given))
    mean = Expected("mean", given)
    np.testing.assert_array_equal(mean(every)[:, sensors], mean(whole))


def test_in_bfloat16_a_stage_of_the_runs_own_draws(store, model) -> None:
    stage = copy.copy(model.diffusion)
    stage.network = SimpleNamespace(bf16=False)
    given = dataclasses.replace(model, diffusion=stage)
    for bf16 in (True, False):
        result = run_benchmark(store, {"m": given}, settings=Settings(samples=1, sensors=2, gain_samples=1, bf16=bf16))
        both = next(c for c in result.contenders if isinstance(c, BothStages))
        assert both.model.diffusion.network.bf16 is bf16
    assert not stage.network.bf16


def test_residuals_are_of_the_prediction_over_the_truth(result) -> None:
    """Stage 1 is the truth below 2 Hz, at 80% of its amplitude: ln 0.8 = -0.22, and some more for what is above."""
    long = [r for r in motion_tables.response_rows(result) if r["contender"] == "stage 1" and r["period_s"] > 2]
    measures = {r["measure"]: r for r in motion_tables.intensity_rows(result) if r["contender"] == "stage 1"}
    for row in (*long, measures["PGD"]):
        assert -0.6 < row["mean_ln_ratio"] < -0.2


def test_the_gain_leaves_what_the_truth_does_not_hold(store, model) -> None:
    pairs = [(model.predict(store.geology(0), store.source(0)).values, store.velocity(0))]
    gain = FrequencyGain.fit(iter(pairs), 0.02, 5.0).gain
    above = np.fft.rfftfreq(160, 0.02) > 5.0
    np.testing.assert_array_equal(gain[above], 1.0)
    assert gain[~above].max() > 1.2


@pytest.mark.parametrize("events", [2, 3, 5, 10])
def test_few_events_of_equal_contenders_are_seldom_told_apart(events: int) -> None:
    """At 95%, as of many."""
    rng = np.random.default_rng(events)
    told = 0
    for seed in range(200):
        rows = [[{"EG": 8 + value} for value in rng.normal(0, 0.3, events)] for _ in range(2)]
        told += better(Tally("a", rows=rows[0]), Tally("b", rows=rows[1]), "EG", seed) != 0
    assert told <= 22


def test_one_sensor_of_many_has_no_sampling_error() -> None:
    rows = [{"EG": 8.0, "EG_se": np.nan}, {"EG": 7.0, "EG_se": np.nan}]
    assert np.isnan(summarise(Tally("a", rows=rows), "EG")["sensor_se"])
    rows = [{"EG": 8.0, "EG_se": 0.3}, {"EG": 7.0, "EG_se": 0.4}, {"EG": np.nan, "EG_se": np.nan}]
    assert summarise(Tally("a", rows=rows), "EG")["sensor_se"] == pytest.approx(0.25)
