"""Coherence and phase shift: what they must find in known cases, end to end on a tiny model, and what they refuse."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
import zarr

from spectremor.cli import experiment
from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.lab import coherence, phase_shift
from spectremor.lab.cases import open_cases
from spectremor.lab.common import Settings, check_out, parse, write_result
from spectremor.lab.scoring import mean, score, spread, summary
from spectremor.lab.wording import compare

FILES = {"table.csv", "figure.png", "summary.md", "config.json"}


def read(folder: Path) -> list[dict[str, str]]:
    assert {p.name for p in folder.iterdir()} == FILES
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "config.json").read_text())["settings"]["seed"] == 0
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def command(*arguments: str | Path) -> None:
    """The verb as typed, in this process."""
    app = typer.Typer()
    app.callback()(lambda: None)
    experiment.register(app)
    app(["experiment", *map(str, arguments)], standalone_mode=False)


# -- sensors ----------------------------------------------------------------------------------------------------------


def test_sensors_are_numbered_along_y_first() -> None:
    field = np.random.default_rng(0).standard_normal((3, 4, 5, 7))
    np.testing.assert_array_equal(at_sensors(field, np.array([7]))[0], field[:, 1, 2])


# -- known answers ---------------------------------------------------------------------------------------------------


def test_identical_sensors_are_fully_coherent() -> None:
    trace = np.random.default_rng(1).standard_normal((3, 1, 128))
    same = np.repeat(trace, 20, axis=1)
    sensors, positions = coherence.sensor_block(300.0 * np.arange(5), 300.0 * np.arange(4), 20)
    assert sensors.tolist() == list(range(20))
    pairs = coherence.pairs_by_distance(positions, np.array([0.0, 400.0, 900.0]))
    found = coherence.Findings.empty(positions, pairs, 128, 0.02, seed=0)
    fields = dict.fromkeys(coherence.FIELDS, np.moveaxis(same, 0, 1))
    found.add(fields, pairs)
    for name in coherence.FIELDS:
        np.testing.assert_allclose(found.in_band(name, (2.0, 5.0)), 1.0, atol=1e-6)
        np.testing.assert_allclose(found.correlation[name][0], 1.0, atol=1e-6)
    assert found.scores[coherence.INDEPENDENT_NOISE][0]["PG"] == pytest.approx(10, abs=1e-3)
    assert 0.2 < found.noise_floor < 0.5


def test_a_block_is_in_the_middle_and_fits() -> None:
    sensors, positions = coherence.sensor_block(300.0 * np.arange(8), 300.0 * np.arange(6), 16)
    assert len(sensors) == 16
    assert positions[:, 0].min() == 600.0
    assert positions[:, 1].min() == 300.0
    np.testing.assert_array_equal(positions[1] - positions[0], [0.0, 300.0])
    assert len(coherence.sensor_block(300.0 * np.arange(8), 300.0 * np.arange(6), 10_000)[0]) == 48


def test_delay_moves_and_never_wraps() -> None:
    traces = np.random.default_rng(2).standard_normal((2, 50))
    np.testing.assert_array_equal(phase_shift.delay(traces, 0.02, 0.0), traces)
    moved = phase_shift.delay(traces, 0.02, 0.1)
    np.testing.assert_array_equal(moved[:, 5:], traces[:, :-5])
    assert not moved[:, :5].any()


def test_delay_by_a_part_of_a_sample() -> None:
    time = np.arange(200) * 0.02
    pulse = np.exp(-(((time - 1.5) / 0.2) ** 2))
    moved = phase_shift.delay(pulse[None], 0.02, 0.037)[0]
    np.testing.assert_allclose(moved, np.exp(-(((time - 1.537) / 0.2) ** 2)), atol=1e-6)


def test_no_shift_is_the_plain_score(store_path: Path, model_path: Path) -> None:
    settings = phase_shift.PhaseShiftSettings(data=store_path, model=model_path, size="tiny", shifts=(0.3,))
    rows = phase_shift.run(settings).table
    cases = open_cases(settings)
    plain = []
    for i in cases.ids("test", 2).tolist():
        stage1, sensors = cases.stage1(i), cases.sensors(i, 8, 0)
        truth = at_sensors(cases.truth(i), sensors)
        plain.append(score(cases.need_diffusion().generate_at(stage1, sensors)[0], truth, cases.dt_s))
    found = {(row["delay_s"], row["field"], row["against"]): row for row in rows}
    for against in ("truth", "delayed truth"):
        row = found[0.0, "both stages", against]
        for name, value in summary(plain).items():
            assert row[name] == pytest.approx(value, rel=1e-6)
    late = found[0.3, "stage 1", "truth"]
    assert late["PG"] != found[0.0, "stage 1", "truth"]["PG"]
    assert found[0.3, "stage 1", "delayed truth"]["PG"] > late["PG"] - 0.5


def test_means_leave_out_what_is_undefined() -> None:
    assert mean(np.array([1.0, np.nan, 3.0])) == 2.0
    assert np.isnan(mean(np.array([np.nan])))
    assert spread([4.0]) == 0.0
    assert compare([1.0, 1.1, 1.2], [2.0, 2.2, 2.1]) == "lower than"
    assert compare([1.0, 3.0, 2.0], [2.0, 2.0, 2.0]) == "not distinguishable from"
    # Beyond two standard errors, which of three pairs is not beyond chance; of thirty it is.
    assert compare([0.4, 1.0, 2.2], [0.0, 0.0, 0.0]) == "not distinguishable from"
    assert compare([0.4, 1.0, 2.2] * 10, [0.0] * 30) == "higher than"
    assert compare([1.0], [2.0]) == "not distinguishable from"
    assert compare([1.0, np.nan], [2.0, 3.0]) == "not distinguishable from"


# -- end to end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coherence", "phase-shift"])
def test_the_command_writes_a_result(
    name: str, store_path: Path, model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result"
    command(name, "--data", store_path, "--model", model_path, "--size", "tiny", "--out", out)
    rows = read(out)
    fields = {row["field"] for row in rows}
    assert "stage 1" in fields
    assert any(field.startswith("both stages") for field in fields)
    assert {row["samples"] for row in rows} == {"2"}
    assert capsys.readouterr().out.strip() in (out / "summary.md").read_text()


def test_a_result_is_repeatable(store_path: Path, model_path: Path) -> None:
    settings = coherence.CoherenceSettings(data=store_path, model=model_path, size="tiny", samples=1)
    once, again = coherence.run(settings), coherence.run(settings)
    assert repr(once.table) == repr(again.table)
    assert once.paragraph == again.paragraph


def test_simulations_can_stand_in_for_stage_1(store_path: Path, model_path: Path) -> None:
    settings = Settings(data=store_path, model=model_path, stage1_spacing_m=300.0)
    cases = open_cases(settings)
    np.testing.assert_array_equal(cases.stage1(5), cases.store.velocity(5, 300.0))
    assert cases.surrogate is None


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", "huge"], ["--size", "huge", "tiny, default"]),
        (["--split", "night"], ["split", "night", "train"]),
        (["--samples", "0"], ["--samples", "0"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["--stage1-spacing", "400"], ["--stage1-spacing", "400 m", "300"]),
        (["--model", "nowhere"], ["model", "nowhere"]),
        (["--data", "nowhere"], ["store", "nowhere"]),
        (["--shift", "-0.1"], ["--shift:", "-0.1"]),
        (["--shift", "2"], ["--shift:", "2 s", "half the record"]),
    ],
)
def test_bad_options_are_refused_and_leave_no_folder(
    options: list[str], words: list[str], store_path: Path, model_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "result"
    base = ["phase-shift", "--data", store_path, "--model", model_path, "--out", out, "--size", "tiny"]
    with pytest.raises(InputError) as refusal:
        command(*base, *options)
    for word in words:
        assert word in str(refusal.value)
    assert not out.exists()


def test_a_model_without_a_diffusion_stage_is_refused(store_path: Path, stage1_only_path: Path) -> None:
    for run, kind in (
        (coherence.run, coherence.CoherenceSettings),
        (phase_shift.run, phase_shift.PhaseShiftSettings),
    ):
        with pytest.raises(InputError, match="a model with a diffusion stage"):
            run(kind(data=store_path, model=stage1_only_path, size="tiny"))


def test_an_empty_split_is_refused(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.zarr"
    shutil.copytree(store_path, empty)
    group = zarr.open_group(empty, mode="r+", use_consolidated=False)
    group["split"][:] = 0
    with pytest.raises(InputError, match="no complete sample in the test split"):
        coherence.run(coherence.CoherenceSettings(data=empty, model=model_path, size="tiny"))


def test_too_few_sensors_for_neighbours(store_path: Path, model_path: Path) -> None:
    with pytest.raises(InputError, match="4 or more"):
        coherence.run(coherence.CoherenceSettings(data=store_path, model=model_path, sensors=2, samples=1))


def test_unknown_settings_are_errors(store_path: Path) -> None:
    with pytest.raises(InputError, match="--colour"):
        parse(Settings, {"data": store_path, "colour": "red"})


def test_a_folder_with_other_things_is_never_replaced(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="a new folder"):
        check_out(tmp_path)
    settings = phase_shift.PhaseShiftSettings(data=store_path, model=model_path, size="tiny", samples=1, shifts=())
    result = phase_shift.run(settings)
    with pytest.raises(InputError, match="a new folder"):
        write_result(result, tmp_path)
    out = tmp_path / "result"
    write_result(result, out)
    write_result(result, out)
    assert {p.name for p in out.iterdir()} == FILES
