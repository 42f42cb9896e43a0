"""Whole runs of both stages: stopped, killed and resumed, alone and on two processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import SamplingConfig
from spectremor.diffusion.latent import cosine_matrix
from spectremor.diffusion.stage import DiffusionStage
from spectremor.lab.mifno_variants import MifnoVariant
from spectremor.model.build import build_diffusion
from spectremor.model.folder import read_model_folder
from spectremor.training import driver as driver_module
from spectremor.training.batches import made_ahead
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import DdpmTraining, MifnoTraining, TrainingConfig
from spectremor.training.ddpm import DdpmObjective, DdpmTask
from spectremor.training.driver import TimeLimits
from spectremor.training.history import trainings
from spectremor.training.logs import read_metrics
from spectremor.training.loop import Watch
from spectremor.training.run import Surroundings, train
from spectremor.training.samples import Samples
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache

COARSE = "simulation:300"


def stop_after(step: int) -> Watch:
    """Ask to stop once so many steps of the whole run are done."""
    seen = [0]
    return Watch(stop=lambda: seen[0] >= step, on_step=lambda progress, _loss: seen.__setitem__(0, progress.step))


def state_of(run: Path) -> dict[str, torch.Tensor]:
    """Every tensor of the newest checkpoint."""
    newest = checkpoints(run)[-1]
    return {f"{f.name}/{k}": v for f in newest.glob("*.safetensors") for k, v in load_file(f).items()}


def assert_same_state(one: Path, two: Path) -> None:
    assert checkpoints(one)[-1].name == checkpoints(two)[-1].name
    a, b = state_of(one), state_of(two)
    assert a.keys() == b.keys()
    assert len(a) > 20
    for name in a:
        assert torch.equal(a[name], b[name]), name


def without_time(run: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(run / "metrics.csv")]


def run_stage(config: TrainingConfig, campaign: Path, out: Path, *, watch: Watch | None = None, **more: Any) -> Any:
    stage1 = COARSE if isinstance(config, DdpmTraining) else None
    if watch is not None:
        more["surroundings"] = Surroundings(watch=watch)
    return train(config, campaign, out, stage1=stage1, **more)


@pytest.mark.parametrize("stage", ["mifno", "ddpm"])
def test_two_steps_resume_two_more_are_four_steps(
    tmp_path: Path, campaign: Path, stage: str, request: pytest.FixtureRequest
) -> None:
    config = request.getfixturevalue(f"{stage}_config").model_copy(update={"steps": 4, "validate_every": 2})
    whole = run_stage(config, campaign, tmp_path / "whole")
    assert whole.finished
    first = run_stage(config, campaign, tmp_path / "parts", watch=stop_after(2))
    assert not first.finished
    assert first.progress.step == 2
    second = run_stage(config, campaign, tmp_path / "parts", resume=True)
    assert second.finished
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    assert without_time(tmp_path / "whole") == without_time(tmp_path / "parts")
    for name in ("model.safetensors",):
        assert (tmp_path / "whole/model" / name).read_bytes() == (tmp_path / "parts/model" / name).read_bytes()


def test_a_growing_store_changes_nothing_for_a_started_run(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    import zarr

    store = tmp_path / "store.zarr"
    shutil.copytree(campaign, store)
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    group["status"][5] = np.uint8(0)
    run_stage(ddpm_config, store, tmp_path / "whole")
    run_stage(ddpm_config, store, tmp_path / "parts", watch=stop_after(3))
    group["status"][5] = np.uint8(1)
    run_stage(ddpm_config, store, tmp_path / "parts", resume=True)
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


@pytest.fixture
def simulated(campaign: Path, tmp_path: Path) -> Path:
    """The campaign with a record of how its simulations were made."""
    import zarr

    from spectremor.campaign.config import CampaignConfig, SensorAxis, load_scenario
    from spectremor.campaign.sample import simulator_settings

    sensors = SensorAxis(count=6)
    scenario = load_scenario("hemews").model_copy(
        update={"sensors_x": sensors, "sensors_y": sensors, "sampling_hz": 15.0}
    )
    config = CampaignConfig(scenario=scenario, also_m=(300.0,))
    path = shutil.copytree(campaign, tmp_path / "store.zarr")
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    group.attrs.update(campaign=config.model_dump(mode="json"), simulator=simulator_settings())
    return path


def test_a_stage_trained_on_simulations_loads_with_the_simulation(
    tmp_path: Path, simulated: Path, ddpm_config: DdpmTraining
) -> None:
    from spectremor.model.build import load_model

    run_stage(ddpm_config, simulated, tmp_path / "ddpm")
    model = load_model(tmp_path / "ddpm" / "model")
    store = CampaignStore.open(simulated)
    assert model.stage1.name == "simulation at 300 m"
    field = model.generate(store.geology(6), store.source(6), seed=1)
    assert field.shape == (1, 3, 6, 6, 96)
    assert np.isfinite(field.values).all()
    # As a frozen stage 1 it is what the store holds already, unless it would be another simulation.
    again = FrozenStage1(store, str(tmp_path / "ddpm"))
    assert again.digest == FrozenStage1(store, COARSE).digest
    np.testing.assert_array_equal(again(3), store.velocity(3, 300.0))
    config = tmp_path / "ddpm/model/config.json"
    config.write_text(config.read_text().replace('"order": 8', '"order": 4'))
    other = FrozenStage1(store, str(tmp_path / "ddpm"))
    assert other.digest != again.digest
    assert not np.allclose(other(3), store.velocity(3, 300.0))


def test_a_network_trained_to_correct_simulations_loads_with_the_simulation(
    tmp_path: Path, simulated: Path, mifno_config: MifnoTraining, ddpm_config: DdpmTraining
) -> None:
    from spectremor.model.build import load_model

    corrector = mifno_config.model.model_copy(update={"simulation_m": 300.0})
    train(mifno_config.model_copy(update={"model": corrector}), simulated, tmp_path / "mifno")
    train(ddpm_config, simulated, tmp_path / "ddpm", stage1=str(tmp_path / "mifno"))
    store, frozen = CampaignStore.open(simulated), FrozenStage1(CampaignStore.open(simulated), str(tmp_path / "ddpm"))
    model = load_model(tmp_path / "ddpm" / "model")
    assert model.stage1.name == "MIFNO on a simulation at 300 m"
    config = read_model_folder(tmp_path / "ddpm" / "model").config
    assert set(config.parts) == {"simulation", "surrogate", "diffusion"}
    assert list(config.training) == ["mifno", "ddpm"]
    # The stored simulations are not made again, and are not these: the small campaign's are no simulations at all.
    assert frozen.digest == FrozenStage1(store, str(tmp_path / "mifno")).digest
    np.testing.assert_array_equal(
        frozen(3), model.stage1.correct(store.geology(3), store.source(3), store.velocity(3, 300.0))
    )
    field = model.generate(store.geology(6), store.source(6), seed=1)
    assert field.shape == (1, 3, 6, 6, 96)
    assert np.isfinite(field.values).all()


def test_a_network_that_corrects_simulations_needs_them(
    tmp_path: Path, campaign: Path, mifno_config: MifnoTraining
) -> None:
    for spacing, words in ((400.0, r"model.simulation_m: got 400 m; allowed: .*300 m"), (300.0, "does not say how")):
        model = mifno_config.model.model_copy(update={"simulation_m": spacing})
        with pytest.raises(InputError, match=words):
            train(mifno_config.model_copy(update={"model": model}), campaign, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_trained_model_loads_and_its_numbers_are_finite(
    tmp_path: Path, campaign: Path, mifno_config: MifnoTraining, ddpm_config: DdpmTraining
) -> None:
    from spectremor.model.build import load_model

    run_stage(mifno_config, campaign, tmp_path / "mifno")
    train(ddpm_config, campaign, tmp_path / "ddpm", stage1=str(tmp_path / "mifno"))
    model = load_model(tmp_path / "ddpm" / "model")
    store = CampaignStore.open(campaign)
    field = model.generate(store.geology(6), store.source(6), realizations=2, seed=1)
    assert field.shape == (2, 3, 6, 6, 96)
    assert np.isfinite(field.values).all()
    folder = read_model_folder(tmp_path / "ddpm" / "model")
    assert set(folder.tensors()) == {"surrogate", "diffusion"}
    assert list(folder.config.training) == ["mifno", "ddpm"]
    card = (tmp_path / "ddpm/model/MODEL_CARD.md").read_text()
    assert "## mifno" in card
    assert "| train samples | 5 |" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("stage", ["mifno", "ddpm"])
def test_a_new_run_may_start_from_an_earlier_model(
    tmp_path: Path, campaign: Path, stage: str, request: pytest.FixtureRequest
) -> None:
    config = request.getfixturevalue(f"{stage}_config").model_copy(update={"steps": 2, "validate_every": 2})
    run_stage(config, campaign, tmp_path / "first")
    still = config.model_copy(update={"learning_rate": 1e-30, "seed": 5})
    run_stage(still, campaign, tmp_path / "second", init=tmp_path / "first")
    one, two = (read_model_folder(tmp_path / name / "model").tensors() for name in ("first", "second"))
    for part in one:
        for name, tensor in one[part].items():
            torch.testing.assert_close(tensor, two[part][name], rtol=1e-5, atol=1e-7)
    wider = (
        {"latent": config.model.latent.model_copy(update={"target": "residual"})} if stage == "ddpm" else {"steps": 30}
    )
    other = config.model_copy(update={"model": config.model.model_copy(update=wider)})
    with pytest.raises(InputError, match="--init"):
        run_stage(other, campaign, tmp_path / "third", init=tmp_path / "first")


def test_a_run_that_has_taken_no_step_still_knows_what_it_starts_from(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    config = ddpm_config.model_copy(update={"steps": 2, "validate_every": 2})
    run_stage(config, campaign, tmp_path / "first")
    still = config.model_copy(update={"learning_rate": 1e-30, "seed": 5})
    stopped = run_stage(still, campaign, tmp_path / "second", init=tmp_path / "first", watch=Watch(stop=lambda: True))
    assert not stopped.finished
    assert not checkpoints(tmp_path / "second")
    run_stage(still, campaign, tmp_path / "second", resume=True)
    one, two = (read_model_folder(tmp_path / name / "model").tensors() for name in ("first", "second"))
    for name, tensor in one["diffusion"].items():
        torch.testing.assert_close(tensor, two["diffusion"][name], rtol=1e-5, atol=1e-7)


def test_a_new_run_may_start_from_a_model_that_ships(
    tmp_path: Path, campaign: Path, mifno_config: MifnoTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_stage(mifno_config, campaign, tmp_path / "run")
    shutil.copytree(tmp_path / "run/model", tmp_path / "shipped/known")
    monkeypatch.setattr("spectremor.model.folder.SHIPPED", tmp_path / "shipped")
    still = mifno_config.model_copy(update={"steps": 2, "learning_rate": 1e-30})
    run_stage(still, campaign, tmp_path / "second", init="known")
    one, two = (read_model_folder(tmp_path / name).tensors() for name in ("shipped/known", "second/model"))
    for name, tensor in one["surrogate"].items():
        torch.testing.assert_close(tensor, two["surrogate"][name], rtol=1e-5, atol=1e-7)
    store = CampaignStore.open(campaign)
    np.testing.assert_array_equal(FrozenStage1(store, "known")(0), FrozenStage1(store, str(tmp_path / "run"))(0))
    with pytest.raises(InputError, match="--init: got other; allowed: a model folder, a run, or one of known"):
        run_stage(still, campaign, tmp_path / "third", init="other")
    with pytest.raises(
        InputError, match="--stage1: got other; allowed: a model folder, a run, simulation:300, or one of known"
    ):
        FrozenStage1(store, "other")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--init: got known; allowed: another folder than --out"):
        run_stage(still, campaign, Path("known"), init="known")
    assert not Path("known").exists()


@pytest.fixture
def jumping_config(ddpm_config: DdpmTraining) -> DdpmTraining:
    """The same with a network that learns jumps, and is sampled by them."""
    values = ddpm_config.model_dump(mode="json")
    values["model"]["network"] |= {"jumps": True, "dropout": 0.0}
    values["model"]["sampling"] = {"sampler": "jump", "steps": 1}
    return DdpmTraining.model_validate(values)


def test_a_trained_network_can_learn_to_jump(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, jumping_config: DdpmTraining
) -> None:
    network = jumping_config.model.network.model_copy(update={"jumps": False})
    plain_model = {"network": network, "sampling": SamplingConfig(steps=2)}
    plain_config = ddpm_config.model_copy(update={"model": jumping_config.model.model_copy(update=plain_model)})
    run_stage(plain_config, campaign, tmp_path / "plain")
    still = jumping_config.model_copy(update={"learning_rate": 1e-30, "jump_share": 0.75})
    run_stage(still, campaign, tmp_path / "still", init=tmp_path / "plain")
    plain, still_there = (_stage(tmp_path / name) for name in ("plain", "still"))
    stage1 = CampaignStore.open(campaign).velocity(4, 300.0)
    # Nothing learned yet: the plain network it started from, under the plain samplers and, as DDIM, under its own.
    amplitude = float(np.abs(stage1).max())
    for sampler, same in (("dpm-solver++", "dpm-solver++"), ("ddim", "ddim"), ("jump", "ddim")):
        drawn = still_there.generate_arrays(stage1, sampler=sampler, steps=3)
        wanted = plain.generate_arrays(stage1, sampler=same, steps=3)
        np.testing.assert_allclose(drawn, wanted, atol=1e-4 * amplitude)
        assert np.abs(wanted - stage1).max() > 0.1 * amplitude
    run_stage(jumping_config, campaign, tmp_path / "jumps", init=tmp_path / "plain")
    assert not torch.equal(_stage(tmp_path / "jumps").network.embed.jump.weight, torch.zeros(16, 16))
    config = read_model_folder(tmp_path / "jumps/model").config
    assert trainings(config.training, "ddpm") == 2 * [{"steps": 8.0, "train_samples": 5.0}]
    assert "| begun from | a training of 8 steps on 5 samples |" in (tmp_path / "jumps/model/MODEL_CARD.md").read_text()
    for row in read_metrics(tmp_path / "jumps/metrics.csv"):
        plain_loss, jump_loss = float(row["val_loss_plain"]), float(row["val_loss_jumps"])
        assert float(row["val_loss"]) == pytest.approx((plain_loss + jump_loss) / 2)
    with pytest.raises(InputError, match=r"--init.*this config's network, without jumps"):
        run_stage(plain_config, campaign, tmp_path / "back", init=tmp_path / "jumps")


def test_learning_to_jump_goes_on_where_it_was(tmp_path: Path, campaign: Path, jumping_config: DdpmTraining) -> None:
    run_stage(jumping_config, campaign, tmp_path / "whole")
    for step in (3, 6, 8):
        run_stage(jumping_config, campaign, tmp_path / "parts", resume=step > 3, watch=stop_after(step))
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


def test_a_batch_holds_its_share_of_jumps(campaign: Path, jumping_config: DdpmTraining, tmp_path: Path) -> None:
    store = CampaignStore.open(campaign)
    cache = Stage1Cache(tmp_path, FrozenStage1(store, COARSE), jumping_config.model.latent)
    config = jumping_config.model_copy(update={"jump_share": 0.25})
    task = DdpmTask(config, cache, Samples(train=[0, 1, 2], val=[4]))
    task.prepare(0, 1, lambda: False, lambda *_: None)
    batch = task.batch(3, 0, 1)
    far = batch["to"] < batch["step"]
    assert (int(far.sum()), len(far)) == (4, 16)
    assert torch.equal(batch["middle"][~far], batch["step"][~far])
    # Two processes share the jumps too.
    steps = torch.cat([task.batch(step, 0, 1)["step"][~far] for step in range(8)])
    # The others still see the whole process.
    assert bool((steps < 200).any())
    assert bool((steps > 800).any())
    halves = [task.batch(3, rank, 2) for rank in (0, 1)]
    assert [int((half["to"] < half["step"]).sum()) for half in halves] == [2, 2]


def _stage(run: Path) -> DiffusionStage:
    folder = read_model_folder(run / "model")
    stage = build_diffusion(folder.config, folder.tensors())
    assert stage is not None
    return stage


def test_exported_weights_are_the_average_of_the_best_validation(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    outcome = run_stage(ddpm_config, campaign, tmp_path / "run")
    tensors = _stage(tmp_path / "run").parts()[1]
    rows = [row for row in read_metrics(tmp_path / "run/metrics.csv") if "val_loss" in row]
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert outcome.progress.best_step == int(best["step"])
    if outcome.progress.best_step == ddpm_config.steps:
        averaged = load_file(checkpoints(tmp_path / "run")[-1] / "ema.safetensors")
        for name, value in averaged.items():
            assert torch.equal(value, tensors[name.removeprefix("stage.")])


def test_the_average_is_that_of_the_steps(tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining) -> None:
    # decay of update k is min((1 + k) / (10 + k), ema_decay), and 0 at the first update.
    config = ddpm_config.model_copy(update={"checkpoint_every": 1, "steps": 4})
    expected: dict[str, torch.Tensor] = {}
    for step in range(1, 5):
        run_stage(config, campaign, tmp_path / "run", resume=step > 1, watch=stop_after(step))
        newest = checkpoints(tmp_path / "run")[-1]
        weights = load_file(newest / "weights.safetensors")
        k = step - 1
        decay = 0.0 if k == 0 else min((1 + k) / (10 + k), config.ema_decay)
        averaged = load_file(newest / "ema.safetensors")
        for name, value in averaged.items():
            expected[name] = weights[name] + decay * (expected.get(name, weights[name]) - weights[name])
            torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-7)


def test_training_stops_early_when_validation_does_not_improve(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    hopeless = {"steps": 400, "learning_rate": 1e-12, "validate_every": 1, "patience": 3, "scored_sensors": 0}
    outcome = run_stage(ddpm_config.model_copy(update=hopeless), campaign, tmp_path / "run")
    assert outcome.finished
    assert outcome.progress.step < 400
    assert outcome.progress.worse == 3
    again = run_stage(ddpm_config.model_copy(update=hopeless), campaign, tmp_path / "run", resume=True)
    assert again.progress.step == outcome.progress.step


def test_training_lowers_the_loss(tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining) -> None:
    config = ddpm_config.model_copy(update={"steps": 120, "validate_every": 40, "batch": 64, "checkpoint_every": 500})
    run_stage(config, campaign, tmp_path / "run")
    losses = [float(row["val_loss"]) for row in read_metrics(tmp_path / "run/metrics.csv") if "val_loss" in row]
    assert losses[-1] < 0.9 * losses[0]


def test_a_variant_of_the_network_is_trained_and_judged_alike(
    tmp_path: Path, campaign: Path, mifno_config: MifnoTraining
) -> None:
    cache = tmp_path / "cache"
    train(mifno_config, campaign, tmp_path / "product", surroundings=Surroundings(cache=cache))
    variant = MifnoVariant(free_moment=True, lowpass_skip=True, align=False)
    beside = Surroundings(cache=cache)
    outcome = train(mifno_config, campaign, tmp_path / "variant", surroundings=beside, network=variant.build)
    assert outcome.finished
    # A model folder could not be read: no config tells of a variant.
    assert not (tmp_path / "variant" / "model").exists()
    losses = [read_metrics(tmp_path / name / "metrics.csv")[-1]["val_loss"] for name in ("product", "variant")]
    assert losses[0] != losses[1]
    # It goes on as itself, and not as the product's network.
    longer = {"surroundings": beside, "resume": True}
    assert train(mifno_config, campaign, tmp_path / "variant", network=variant.build, **longer).finished
    with pytest.raises(InputError):
        train(mifno_config, campaign, tmp_path / "variant", **longer)


def test_bfloat16_trains_and_keeps_latents_in_float32(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    outcome = run_stage(ddpm_config.model_copy(update={"mixed_precision": "bf16"}), campaign, tmp_path / "run")
    assert np.isfinite(outcome.progress.best_loss)
    assert {tensor.dtype for name, tensor in state_of(tmp_path / "run").items() if "latents" in name} == {torch.float32}


@pytest.mark.parametrize("stage", ["mifno", "ddpm"])
def test_readers_change_nothing(
    tmp_path: Path, campaign: Path, mifno_config: MifnoTraining, ddpm_config: DdpmTraining, stage: str
) -> None:
    config = mifno_config if stage == "mifno" else ddpm_config
    stage1 = None if stage == "mifno" else "simulation:300"
    for readers in (0, 2):
        folder = tmp_path / str(readers)
        beside = Surroundings(cache=tmp_path / f"cache{readers}", readers=readers)
        train(config, campaign, folder, stage1=stage1, surroundings=beside)
    same = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("0", "2")]
    assert same[0] == same[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("stage", ["mifno", "ddpm"])
def test_a_gpu_trains_as_a_processor_does(
    tmp_path: Path, campaign: Path, stage: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = request.getfixturevalue(f"{stage}_config")
    run_stage(config, campaign, tmp_path / "gpu", surroundings=Surroundings(readers=2))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    subprocess.run(command(config, campaign, tmp_path / "cpu"), env=environment(), check=True)
    one, two = (read_metrics(tmp_path / device / "metrics.csv")[-1]["val_loss"] for device in ("gpu", "cpu"))
    assert float(one) == pytest.approx(float(two), rel=1e-2)


def test_a_budget_lays_the_training_over_what_fits(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of slow steps, so that what else takes time on this machine is nothing beside them: ten minutes hold nine or so.
    monkeypatch.setattr("spectremor.training.pace._seconds_of_a_step", lambda *_, **__: (60.0, 0.0))
    monkeypatch.setattr("spectremor.training.pace._seconds_of_a_validation", lambda _task: 1.0)
    # A warm-up longer than what fits: it is shortened too.
    long = {"steps": 10**6, "warmup": 10**5, "validate_every": 10**5, "checkpoint_every": 10**5}
    config = ddpm_config.model_copy(update=long)
    lengths: list[int] = []
    beside = Surroundings(cache=tmp_path / "cache", watch=Watch(on_length=lengths.append))
    more = {"stage1": COARSE, "surroundings": beside}
    run = tmp_path / "run"
    outcome = train(config, campaign, run, limits=TimeLimits(budget=10.0), **more)
    assert outcome.finished
    assert 5 < outcome.progress.step <= 10
    rows = read_metrics(run / "metrics.csv")
    assert len(rows) >= 2
    # To the end of the fall of its learning rate, which is that of its own length.
    assert float(rows[-1]["learning_rate"]) < 1.1 * config.final_rate * config.learning_rate
    # Resumed with or without a budget, it keeps its length.
    for budget in (None, 10.0):
        again = train(config, campaign, run, resume=True, limits=TimeLimits(budget=budget), **more)
        assert again.progress.step == outcome.progress.step
    assert lengths == [outcome.progress.step] * 3
    with pytest.raises(InputError, match="--config: got another seed"):
        train(config.model_copy(update={"seed": 5}), campaign, run, resume=True, **more)


def test_timing_takes_real_steps_and_leaves_no_trace(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dropout and micro-batches as in the training itself.
    config = ddpm_config.model_copy(update={"micro_batch": 2, "validate_every": 4, "checkpoint_every": 1, "warmup": 1})
    config = config.model_copy(update={"ema_decay": 0.5})
    items: list[int] = []
    forward = DdpmObjective.forward

    def counted(self: DdpmObjective, **batch: torch.Tensor) -> torch.Tensor:
        items.extend([len(batch["stage1"])] if self.training else [])
        return forward(self, **batch)

    monkeypatch.setattr(DdpmObjective, "forward", counted)
    monkeypatch.setattr("spectremor.training.pace._seconds_of_a_validation", lambda _task: 0.0)
    run_stage(config, campaign, tmp_path / "laid", limits=TimeLimits(budget=5.0))
    assert set(items) == {2}
    monkeypatch.undo()
    run_stage(config, campaign, tmp_path / "plain")
    assert_same_state(tmp_path / "laid", tmp_path / "plain")


def test_asked_to_stop_before_it_is_timed_it_leaves_an_empty_folder(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    cache, run = tmp_path / "cache", tmp_path / "run"
    stopped = Surroundings(cache=cache, watch=Watch(stop=lambda: True))
    outcome = train(ddpm_config, campaign, run, stage1=COARSE, limits=TimeLimits(budget=0.05), surroundings=stopped)
    assert (outcome.progress.step, outcome.finished) == (0, False)
    assert list((tmp_path / "run").iterdir()) == []
    more = {"limits": TimeLimits(budget=0.05), "surroundings": Surroundings(cache=cache)}
    assert train(ddpm_config, campaign, run, stage1=COARSE, resume=True, **more).finished


def test_a_run_begun_meanwhile_is_not_taken_over(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"stage1": COARSE, "surroundings": Surroundings(cache=tmp_path / "cache")}
    check = driver_module.check_run

    def beginning(run: Path, *rest: Any, **options: Any) -> Any:
        facts = check(run, *rest, **options)
        monkeypatch.setattr(driver_module, "check_run", check)
        train(ddpm_config, campaign, run, **more)
        return facts

    monkeypatch.setattr(driver_module, "check_run", beginning)
    with pytest.raises(InputError, match="another command has just begun"):
        train(ddpm_config, campaign, tmp_path / "run", limits=TimeLimits(budget=1.0), **more)
    assert checkpoints(tmp_path / "run")[-1].name == f"{ddpm_config.steps:09d}"


def test_what_a_reader_finds_wrong_is_an_error_here(tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining) -> None:
    def make(number: int) -> int:
        if number == 3:
            raise InputError("cache", f"a damaged file, in process {os.getpid()}", "a whole one")
        return number

    made = []
    with pytest.raises(InputError, match="damaged file") as caught:
        made.extend(made_ahead(make, range(6), 2))
    assert str(os.getpid()) not in str(caught.value)
    assert list(made_ahead(lambda number: number**2, range(5), 2)) == [0, 1, 4, 9, 16]
    with pytest.raises(InputError, match="--readers"):
        train(ddpm_config, campaign, tmp_path / "run", stage1=COARSE, surroundings=Surroundings(readers=-1))
    assert not (tmp_path / "run").exists()


def test_micro_batches_change_only_rounding(tmp_path: Path, campaign: Path, mifno_config: MifnoTraining) -> None:
    one = mifno_config.model_copy(update={"steps": 1})
    run_stage(one, campaign, tmp_path / "whole")
    run_stage(one.model_copy(update={"micro_batch": 2}), campaign, tmp_path / "parts")
    a, b = (load_file(checkpoints(tmp_path / name)[-1] / "optimizer.safetensors") for name in ("whole", "parts"))
    moments = [name for name in a if name.endswith("exp_avg")]
    assert moments
    for name in moments:
        scale = float(a[name].abs().max()) + 1e-12
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=1e-4 * scale)


def test_stage_1_is_computed_once_and_damage_is_noticed(tmp_path: Path, campaign: Path) -> None:
    store = CampaignStore.open(campaign)
    latent = DdpmTraining.model_validate(
        {"model": {"latent": {"time_samples": 96, "sampling_hz": 15.0, "latent_samples": 40}}}
    ).model.latent
    frozen = FrozenStage1(store, COARSE)
    cache = Stage1Cache(tmp_path, frozen, latent)
    assert cache.fill([0, 1])
    files = sorted(cache.folder.iterdir())
    assert len(files) == 2
    frozen._predict = lambda _: pytest.fail("computed again")  # type: ignore[assignment]
    assert cache.fill([0, 1])
    known, truth = cache.load(0)
    sensor = store.velocity(0)[:, 2, 5]
    basis = cosine_matrix(96, 40).numpy()
    np.testing.assert_allclose(cache.traces(truth)[2 * 6 + 5], sensor @ basis @ basis.T, atol=1e-8)
    assert known.shape == (36, 3, 40)
    files[0].write_bytes(files[0].read_bytes()[:-1])
    with pytest.raises(InputError, match="delete it"):
        cache.load(0)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"stage1": None}, "--stage1"),
        ({"stage1": "simulation:400"}, "simulation:300"),
        ({"stage1": "simulation:x"}, "simulation:300"),
        ({"stage1": "nowhere"}, "model"),
        ({"stage1": COARSE, "minutes": 0.0}, "--minutes"),
        ({"stage1": COARSE, "budget": -1.0}, "--budget"),
    ],
)
def test_bad_requests_leave_no_run(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, more: dict[str, Any], match: str
) -> None:
    times = {name: more[name] for name in ("minutes", "budget") if name in more}
    with pytest.raises(InputError, match=match):
        train(ddpm_config, campaign, tmp_path / "run", stage1=more["stage1"], limits=TimeLimits(**times))
    assert not (tmp_path / "run").exists()


# -- real processes ---------------------------------------------------------------------------------------------------


def command(config: TrainingConfig, campaign: Path, out: Path, *more: str, launcher: tuple[str, ...] = ()) -> list[str]:
    path = out.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    stage1 = ["--stage1", COARSE] if config.stage == "ddpm" else []
    verb = ["-m", "spectremor", "train", config.stage, "--config", str(path), "--data", str(campaign)]
    return [sys.executable, *launcher, *verb, *stage1, "--out", str(out), *more]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["mifno", "ddpm"])
def test_killed_at_any_moment_and_resumed_it_ends_where_it_would_have(
    tmp_path: Path, campaign: Path, stage: str, request: pytest.FixtureRequest
) -> None:
    long = {"steps": 300, "validate_every": 50, "checkpoint_every": 3}
    config = request.getfixturevalue(f"{stage}_config").model_copy(
        update=long if stage == "ddpm" else long | {"steps": 60}
    )
    run_stage(config, campaign, tmp_path / "whole")
    out = tmp_path / "killed"
    kills = 0
    for attempt in range(40):
        more = ("--resume",) if (out / "config.json").exists() else ()
        process = subprocess.Popen(command(config, campaign, out, *more), env=environment(), stderr=subprocess.PIPE)
        if kills < 3:
            begun = len(checkpoints(out)) and int(checkpoints(out)[-1].name)
            _wait(lambda b=begun: checkpoints(out) and int(checkpoints(out)[-1].name) > b, process)
            time.sleep(0.013 * attempt)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        _, errors = process.communicate(timeout=400)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors.decode()
    assert kills >= 1
    assert_same_state(tmp_path / "whole", out)
    assert without_time(tmp_path / "whole") == without_time(out)


@pytest.mark.slow
@pytest.mark.parametrize("readers", [0, 2])
def test_terminated_it_stops_cleanly_and_can_go_on(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining, readers: int
) -> None:
    config = ddpm_config.model_copy(update={"steps": 100_000, "validate_every": 50, "checkpoint_every": 1_000_000})
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(config, campaign, out, "--readers", str(readers)),
        env=environment(),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _wait(lambda: read_metrics(out / "metrics.csv"), process)
    # To the whole group, as a terminal and `timeout` do.
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert b"--resume" in errors
    reached = int(checkpoints(out)[-1].name)
    assert reached >= 50
    assert (out / "model" / "config.json").is_file()
    done = subprocess.run(
        command(config, campaign, out, "--resume", "--minutes", "0.05"), env=environment(), check=False, timeout=200
    )
    assert done.returncode == 0
    assert int(checkpoints(out)[-1].name) > reached


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining) -> None:
    values = ddpm_config.model_dump(mode="json")
    values["model"]["network"]["dropout"] = 0.0
    config = DdpmTraining.model_validate(values)
    run_stage(config, campaign, tmp_path / "one")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    arguments = command(config, campaign, tmp_path / "two", launcher=launcher)
    done = subprocess.run(arguments, env=environment(), capture_output=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    # Once, by the main process alone.
    assert done.stderr.decode().count("done: 8 steps on 2 processes") == 1
    a, b = state_of(tmp_path / "one"), state_of(tmp_path / "two")
    assert a.keys() == b.keys()
    # AdamW turns the rounding errors of a gradient that is zero into whole steps: few weights have such a gradient.
    apart = torch.cat([(a[k] - b[k]).abs().flatten() for k in a if k.startswith(("weights", "ema"))])
    assert float((apart > 2e-5).double().mean()) < 0.02
    losses = [
        [float(row["val_loss"]) for row in read_metrics(tmp_path / run / "metrics.csv")] for run in ("one", "two")
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert (tmp_path / "two/model/model.safetensors").is_file()
    assert [row["step"] for row in read_metrics(tmp_path / "two/metrics.csv")] == ["4", "8"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_samples(
    tmp_path: Path, campaign: Path, ddpm_config: DdpmTraining
) -> None:
    config = ddpm_config.model_copy(update={"steps": 600, "validate_every": 600, "checkpoint_every": 200})
    sizes: list[int] = []
    process = psutil.Process()
    watch = Watch(on_step=lambda progress, _: sizes.append(process.memory_info().rss))
    run_stage(config, campaign, tmp_path / "run", watch=watch)
    assert max(sizes[-50:]) - max(sizes[200:250]) < 20e6


def _wait(condition: Any, process: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.02)
    raise AssertionError("it did not come so far in two minutes")
