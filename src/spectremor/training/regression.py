"""The baseline that a diffusion stage must beat: its own network as a plain L1 regression, trained once and kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.files import locked
from spectremor.data.store import CampaignStore
from spectremor.model.config import ModelConfig
from spectremor.model.folder import read_model_folder
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import DdpmTraining, load_config, parse_config
from spectremor.training.ddpm import DdpmTask
from spectremor.training.export import export_best
from spectremor.training.history import earlier_trainings, is_count, mapping
from spectremor.training.loop import Watch, fit
from spectremor.training.pace import affordable_steps, shortened
from spectremor.training.run_folder import read_json, start_run
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache

#: Share of the time that may go into outputs of stage 1 that are not on disk yet.
_PREPARING = 0.4
VALIDATION_SAMPLES = 4
#: Training samples whose stage 1 is computed whatever it takes, and the fewest steps.
FEWEST_SAMPLES, FEWEST_STEPS = 8, 100

#: Told (done, total, what).
Report = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Regression:
    """The trained baseline.

    Attributes:
        model: its model folder.
        about: how it was trained, in words.
    """

    model: Path
    about: str


def train_regression(
    data: str | Path,
    model: str | Path,
    *,
    minutes: float,
    cache: str | Path | None = None,
    report: Report = lambda _done, _total, _what: None,
) -> Regression:
    """Train the second stage of a model as a plain L1 regression on its own frozen stage 1, or find it trained.

    The network, batch, rate and number of steps are those that the model records of its diffusion stage, fewer steps
    where they would not fit the time. A stopped training goes on where it was.

    Args:
        data: campaign store, whose training split is learned from.
        model: model folder.
        minutes: for everything together, about.
        cache: folder for the run and for outputs of stage 1 (by default beside the store).
        report: told how far it is.

    Raises:
        InputError: a store without training or validation samples, or one that the model's stages do not fit.
    """
    store = CampaignStore.open(data)
    kept = Path(cache) if cache is not None else store.path.with_name(f"{store.path.name}.cache")
    frozen = FrozenStage1(store, str(model))
    config = _config(Path(model))
    outputs = Stage1Cache(kept, frozen, config.model.latent)
    run = kept / f"regression-{_digest(config, frozen, minutes)}"
    run.mkdir(parents=True, exist_ok=True)
    # Another evaluation of the same model may be training it: then wait, and find it trained.
    with locked(run, field="--regression", allowed="a folder that can be locked", wait=True):
        if _finished(run):
            config = _recorded(run)
            return Regression(run / "model", _about(config, read_json(run / "data.json")))
        return _trained(store, frozen, config, outputs, run, minutes, report)


def _trained(
    store: CampaignStore,
    frozen: FrozenStage1,
    config: DdpmTraining,
    outputs: Stage1Cache,
    run: Path,
    minutes: float,
    report: Report,
) -> Regression:
    """Begin the training, or go on with one that was stopped."""
    if (run / "config.json").is_file():
        config = _recorded(run)
        facts = start_run(run, config, _facts(store, frozen), resume=True)
    else:
        started = time.monotonic()
        facts = _facts(store, frozen) | _samples(store, outputs, minutes, report)
        left = minutes - (time.monotonic() - started) / 60
        task = DdpmTask(config, store, outputs, facts["train_ids"], facts["val_ids"])
        fitting = affordable_steps(task, config, max(left, 0.0))
        config = _shortened(config, min(config.steps, max(fitting, FEWEST_STEPS)))
        facts = start_run(run, config, facts, resume=False)
    task = DdpmTask(config, store, outputs, facts["train_ids"], facts["val_ids"])
    watch = Watch(on_step=lambda progress, _: report(progress.step, config.steps, "training the regression baseline"))
    fit(task, config, run, watch)
    export_best(run, task, config, facts)
    return Regression(run / "model", _about(config, facts))


def _config(model: Path) -> DdpmTraining:
    """The model's own training of stage 2, as a regression; the preset `small` for a model without one."""
    judged = read_model_folder(model).config
    config, steps = _recorded_training(judged) or _preset_training(judged)
    process = config.model.process.model_copy(update={"objective": "regression"})
    network = config.model.without_jumps().model_copy(update={"process": process})
    return _shortened(config.model_copy(update={"model": network, "mixed_precision": "no"}), steps)


def _recorded_training(judged: ModelConfig) -> tuple[DdpmTraining, int] | None:
    """The training of stage 2 that a model records, and all steps that its weights took; None where none is sound."""
    record = mapping(mapping(judged.training).get("ddpm"))
    settings = mapping(record.get("config"))
    if judged.diffusion is None or not settings:
        return None
    try:
        config = parse_config({**settings, "model": judged.diffusion}, "ddpm")
    except InputError:
        return None
    assert isinstance(config, DdpmTraining)
    step = mapping(record.get("reached")).get("step")
    sound = is_count(step) and step <= config.steps
    before = sum(training["steps"] for training in earlier_trainings(record))
    return config, int(step if sound else config.steps) + int(before)


def _preset_training(judged: ModelConfig) -> tuple[DdpmTraining, int]:
    """The preset `small` and its steps, with the model's own stage 2 where it has one."""
    config = load_config("small", "ddpm")
    assert isinstance(config, DdpmTraining)
    if judged.diffusion is not None:
        config = config.model_copy(update={"model": judged.diffusion})
    return config, config.steps


def _shortened(config: DdpmTraining, steps: int) -> DdpmTraining:
    """With so many steps, and what hangs on their number; judged often, and briefly."""
    return shortened(config, steps).model_copy(
        update={
            "validate_every": max(1, steps // 8),
            "checkpoint_every": max(1, steps // 16),
            "patience": 0,
            "validation_samples": VALIDATION_SAMPLES,
            "scored_sensors": 0,
        }
    )


def _samples(store: CampaignStore, outputs: Stage1Cache, minutes: float, report: Report) -> dict[str, list[int]]:
    """Validation samples, and as many training samples as have a stage 1 on disk or get one in time."""
    train, val = (store.ids(split).tolist() for split in ("train", "val"))
    if not train or not val:
        found = f"{len(train)} complete samples to train on, {len(val)} for validation"
        raise InputError("--data", found, "at least one of each")
    val = val[:VALIDATION_SAMPLES]
    deadline = time.monotonic() + 60 * minutes * _PREPARING
    ready: list[int] = []
    for done, i in enumerate([*val, *train]):
        # Some in any case; the others while there is time, and what is on disk anyway.
        needed = done < len(val) + FEWEST_SAMPLES or time.monotonic() < deadline
        if (outputs.holds(i) or needed) and outputs.fill([i]):
            ready.append(i)
        report(done + 1, len(val) + len(train), "stage 1 for the regression baseline")
    return {"train_ids": ready[len(val) :], "val_ids": val}


def _facts(store: CampaignStore, frozen: FrozenStage1) -> dict[str, Any]:
    return {"store": str(store.path.resolve()), "stage1": frozen.digest, "earlier": frozen.history}


def _digest(config: DdpmTraining, frozen: FrozenStage1, minutes: float) -> str:
    wanted = {"config": config.model_dump(mode="json"), "stage1": frozen.digest, "minutes": minutes}
    wanted["store"] = str(frozen.store.path.resolve())
    return hashlib.blake2b(json.dumps(wanted, sort_keys=True).encode(), digest_size=8).hexdigest()


def _recorded(run: Path) -> DdpmTraining:
    config = parse_config(read_json(run / "config.json"), "ddpm")
    assert isinstance(config, DdpmTraining)
    return config


def _finished(run: Path) -> bool:
    saved = checkpoints(run)
    return bool(saved) and (run / "model").is_dir() and int(saved[-1].name) >= _recorded(run).steps


def _about(config: DdpmTraining, facts: dict[str, Any]) -> str:
    return (
        f"baseline 'stage 1 + regression': the second stage's network as a plain L1 regression, {config.steps} steps "
        f"of {config.batch} sensors on {len(facts['train_ids'])} training events"
    )
