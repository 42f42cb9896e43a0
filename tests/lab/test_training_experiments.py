"""Experiments that train: tiny runs through the verb, what their arms share, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from spectremor.cli import experiment
from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.lab import arms, conditioning, freezing, joint, noise_schedule, spectral_bias
from spectremor.lab.cases import open_cases
from spectremor.lab.common import TrainingSettings, silent
from spectremor.lab.two_arms import EQUAL_STEPS, EQUAL_TIME, Judged, difference, table

FILES = {"table.csv", "figure.png", "summary.md", "config.json"}
SIZE = {"samples": 2, "sensors": 8, "train_samples": 3, "minutes": None}


def command(*arguments: str | Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    experiment.register(app)
    app(["experiment", *map(str, arguments)], standalone_mode=False)


def setup_of(store_path: Path, cache: Path, model: Path | None = None) -> arms.Setup:
    spacing = 300.0 if model is None else None
    settings = TrainingSettings(data=store_path, model=model, stage1_spacing_m=spacing, size="tiny", cache=cache)
    cases = open_cases(settings, model_needed=model is not None)
    return arms.prepare_setup(settings, cases, SIZE, silent)


# -- the arms --------------------------------------------------------------------------------------------------------


def test_a_training_is_kept_at_its_steps_and_repeats(store_path: Path, tmp_path: Path) -> None:
    setup = setup_of(store_path, tmp_path)
    config = arms.training_config(setup.base, 8, seed=3, batch=16, samples=2)
    first, again = (arms.train(setup.task(config), config) for _ in range(2))
    assert [snapshot.step for snapshot in first] == list(range(1, 9))
    for one, other in zip(first, again, strict=True):
        for name, tensor in one.state.items():
            assert torch.equal(tensor, other.state[name])
    changed = [name for name in first[0].state if not torch.equal(first[0].state[name], first[-1].state[name])]
    assert "stage.network.head.weight" in changed
    assert arms.at_steps(first, 4).step == 4
    assert arms.at_seconds(first, first[2].seconds).step == 3
    assert arms.at_seconds(first, 0.0).step == 1


def test_a_training_goes_on_until_its_time_is_over(store_path: Path, tmp_path: Path) -> None:
    setup = setup_of(store_path, tmp_path)
    config = arms.training_config(setup.base, 8, seed=3, batch=16, samples=2)
    straight = arms.train(setup.task(config), config)
    enough = 3 * straight[-1].seconds
    longer = arms.train(setup.task(config), config, seconds=enough)
    assert longer[-1].seconds >= enough
    assert longer[-1].step > 8
    for name, tensor in arms.at_steps(longer, 8).state.items():
        assert torch.equal(tensor, straight[-1].state[name])


def test_minutes_bound_the_steps(store_path: Path, tmp_path: Path) -> None:
    setup = setup_of(store_path, tmp_path)
    config = arms.training_config(setup.base, 10_000, seed=0, batch=16, samples=2)
    task = setup.task(config)
    assert arms.affordable(task, config, 4, None) == 10_000
    few, more = (arms.affordable(task, config, 4, minutes) for minutes in (0.001, 0.1))
    assert 1 <= few < more < 10_000


def test_marks_double_up_to_the_end() -> None:
    assert arms.marks(1600) == [100, 200, 400, 800, 1600]
    assert arms.marks(8) == [1, 2, 4, 8]


def test_the_latent_grid_fits_any_store(store_path: Path, tmp_path: Path) -> None:
    latent = setup_of(store_path, tmp_path).base.latent
    assert latent.time_samples == 128
    assert latent.latent_samples / latent.time_samples * latent.sampling_hz / 2 >= arms.LATENT_HZ


def test_no_arm_of_the_conditioning_ablation_sees_the_waveform_beside_the_condition(
    store_path: Path, model_path: Path
) -> None:
    base = open_cases(TrainingSettings(data=store_path, model=model_path)).need_diffusion().config
    base = base.model_copy(
        update={"latent": base.latent.model_copy(update={"keep_below_hz": 1.0, "target": "residual"})}
    )
    arm = conditioning.arm_config(base)
    assert arm.latent.keep_below_hz == 0
    assert arm.latent.target == "trace"


# -- joint training --------------------------------------------------------------------------------------------------


def joint_task(store_path: Path, model_path: Path, cache: Path, weight: float) -> tuple[joint.JointTask, arms.Setup]:
    setup = setup_of(store_path, cache, model_path)
    config = freezing._config(setup, 8, 0)
    preparation = freezing._preparation(setup, setup.cases.surrogate)
    stage = arms.DiffusionStage(setup.base)
    torch.nn.init.normal_(stage.network.head.weight, std=0.1)
    task = joint.JointTask(config, preparation, setup.cases.surrogate, stage, setup.train_ids, weight)
    assert task.prepare(0, 1, lambda: False, lambda *_: None)
    return task, setup


def test_joint_and_frozen_arms_see_the_same_loss(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    task, setup = joint_task(store_path, model_path, tmp_path, weight=0.0)
    frozen = setup.task(task.config, task.stage)
    frozen.start()
    with torch.no_grad():
        together = float(task.module(**task.batch(5, 0, 1)))
        apart = float(frozen.module(**frozen.batch(5, 0, 1)))
    assert together == pytest.approx(apart, rel=1e-3)


def test_the_diffusion_loss_reaches_stage_1(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    task, _ = joint_task(store_path, model_path, tmp_path, weight=0.0)
    task.module(**task.batch(0, 0, 1)).backward()
    gradient = [p.grad for p in task.module.network.parameters() if p.grad is not None]
    assert sum(float(g.abs().sum()) for g in gradient) > 0


def test_the_model_given_is_left_as_it_is(store_path: Path, model_path: Path, tmp_path: Path) -> None:
    task, setup = joint_task(store_path, model_path, tmp_path, weight=1.0)
    before = {name: t.clone() for name, t in setup.cases.surrogate.network.state_dict().items()}
    arms.train(task, task.config)
    for name, tensor in setup.cases.surrogate.network.state_dict().items():
        assert torch.equal(tensor, before[name])
    trained = task.surrogate.network.state_dict()
    assert any(not torch.equal(trained[name], before[name]) for name in before)


# -- judging ---------------------------------------------------------------------------------------------------------


def test_a_perfect_ensemble_has_no_error_and_no_spread() -> None:
    truth = np.random.default_rng(0).standard_normal((5, 3, 128)).astype(np.float32)
    found = noise_schedule.ensemble_scores(np.stack([truth] * 3), truth, 0.02)
    assert found["spread"] == pytest.approx(0, abs=1e-9)
    assert found["error"] == pytest.approx(0, abs=1e-6)
    assert found["crps"] == pytest.approx(0, abs=1e-6)
    assert found["cover50"] == 1.0
    assert np.isnan(found["cover80"])


def test_arms_differ_only_beyond_their_spreads() -> None:
    def state(arm: str, training: int, value: float) -> Judged:
        scores = [{"PG": value}, {"PG": value + 0.2}]
        return Judged(arm=arm, at=EQUAL_STEPS, training=training, steps=8, seconds=1.0, scores=scores)

    judged = [state("a", 0, 7.0), state("a", 1, 7.2), state("b", 0, 5.0), state("b", 1, 5.1), state("c", 0, 7.1)]
    judged.append(state("c", 1, 7.3))
    assert "apart by more" in difference(judged, ("a", "b"), EQUAL_STEPS, "PG")
    assert "within" in difference(judged, ("a", "c"), EQUAL_STEPS, "PG")
    rows = table(judged, [{"PG": 4.0}])
    over = next(row for row in rows if (row["arm"], row["training"]) == ("a", "all 2"))
    assert over["PG"] == pytest.approx(7.2)
    assert over["PG_std"] == pytest.approx(np.std([7.1, 7.3], ddof=1))
    assert {tuple(row) for row in rows} == {tuple(rows[0])}


# -- end to end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spectral-bias", "conditioning", "noise-schedule", "freezing"])
def test_the_command_trains_and_writes_a_result(
    name: str, store_path: Path, model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result"
    source = ["--model", model_path] if name == "freezing" else ["--stage1-spacing", "300"]
    command(name, "--data", store_path, *source, "--size", "tiny", "--cache", tmp_path / "cache", "--out", out)
    assert {p.name for p in out.iterdir()} == FILES
    told = json.loads((out / "config.json").read_text())
    assert set(told["train_ids"]).isdisjoint(told["ids"])
    assert told["training"]["model"]["network"]["widths"] == [16, 16]
    with (out / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["samples"] for row in rows} == {"2"}
    assert {"0", "1"} <= {row["training"] for row in rows}
    if name != "spectral-bias":
        assert {EQUAL_STEPS, EQUAL_TIME} <= {row["at"] for row in rows}
        assert "all 2" in {row["training"] for row in rows}
    assert capsys.readouterr().out.strip() in (out / "summary.md").read_text()


# -- refusals --------------------------------------------------------------------------------------------------------


def test_judging_on_training_samples_is_refused(store_path: Path) -> None:
    for run, kind in (
        (spectral_bias.run, TrainingSettings),
        (conditioning.run, TrainingSettings),
        (noise_schedule.run, noise_schedule.NoiseScheduleSettings),
        (freezing.run, freezing.FreezingSettings),
    ):
        with pytest.raises(InputError, match="trained on the training split"):
            run(kind(data=store_path, split="all", size="tiny"))


def test_full_size_needs_a_model_with_a_diffusion_stage(store_path: Path, stage1_only_path: Path) -> None:
    with pytest.raises(InputError, match="a model with a diffusion stage"):
        spectral_bias.run(TrainingSettings(data=store_path, model=stage1_only_path, size="full"))


def test_simulations_cannot_be_trained_jointly(store_path: Path) -> None:
    with pytest.raises(InputError, match="no weights to train"):
        freezing.run(freezing.FreezingSettings(data=store_path, stage1_spacing_m=300.0, size="tiny"))


def test_unknown_schedules_are_refused(store_path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--schedule:"):
        command("noise-schedule", "--data", store_path, "--schedule", "square", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert CampaignStore.open(store_path).count == 8
