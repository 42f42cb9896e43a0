"""The baseline that a diffusion stage must beat: its own network as a plain L1 regression, trained once and kept.

A trained one is a folder: regression.json, regression.safetensors.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import save
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder, locked
from spectremor.core.trained_range import TrainedRange
from spectremor.core.validation import validated
from spectremor.data.store import CampaignStore
from spectremor.data.tensors import load_tensors, read_safetensors, with_tensors
from spectremor.diffusion.config import DiffusionConfig, SamplerName
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.stage import DiffusionStage
from spectremor.model.config import ModelConfig
from spectremor.model.folder import read_model_folder
from spectremor.training.batches import check_readers
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import DdpmTraining, TrainingConfig, load_config, parse_config, shortened
from spectremor.training.ddpm import DdpmTask
from spectremor.training.driver import Facts, Job, TimeLimits, drive
from spectremor.training.history import earlier_trainings, is_count, mapping
from spectremor.training.loop import Watch
from spectremor.training.run_folder import BEST, is_run, read_json, recorded_config, recorded_facts
from spectremor.training.samples import Samples
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache, cache_folder

CONFIG, WEIGHTS = "regression.json", "regression.safetensors"
FORMAT_VERSION = 1

#: Share of the time that may go into outputs of stage 1 that are not on disk yet.
_PREPARING = 0.4
VALIDATION_SAMPLES = 4
#: Training samples whose stage 1 is computed however long it takes, and the fewest training steps.
FEWEST_SAMPLES, FEWEST_STEPS = 8, 100

#: Told (done, total, what).
Report = Callable[[int, int, str], None]


class RegressionStage(DiffusionStage):
    """The diffusion stage's network as a plain regression: one evaluation in place of all steps, without noise."""

    #: Names the weights.
    model_id: str = "regression"
    #: The events that it was trained on, of which the rise time alone is recorded.
    trained_range: TrainedRange = TrainedRange()

    def predict(self, condition: Condition) -> Float[Tensor, "b 3 n"]:
        """Latents of a batch: the output of the network for zero latents at the noisiest step."""
        nothing = torch.zeros_like(condition.traces)
        return self.network(nothing, condition, torch.ones(len(nothing), device=nothing.device))

    def draw(
        self, condition: Condition, noise: Callable[[], Tensor], *, steps: int | None, sampler: SamplerName | None
    ) -> Float[Tensor, "b 3 n"]:
        """As `predict`: nothing is drawn."""
        del noise, steps, sampler
        return self.predict(condition)

    def restore_at(
        self, stage1: Float[np.ndarray, "3 x y time"], sensors: Int[np.ndarray, " k"]
    ) -> Float[np.ndarray, "k 3 time"]:
        """Velocities in m/s at some sensors (x-major), from a stage-1 wavefield."""
        return self.generate_at(stage1, sensors)[0]

    @classmethod
    def read(cls, folder: Path) -> RegressionStage:
        """A trained one.

        Raises:
            InputError: no such folder, or a file of it that is missing, damaged or foreign.
        """
        if not (folder / CONFIG).is_file():
            raise InputError("--regression", folder, f"a folder with {CONFIG} and {WEIGHTS}, as `evaluate` trains one")
        about = read_json(folder / CONFIG)
        if about.get("format_version") != FORMAT_VERSION or not isinstance(about.get("rise_time_s"), int | float):
            raise InputError("--regression", folder / CONFIG, f"format_version {FORMAT_VERSION}, and a rise_time_s")
        config = validated(DiffusionConfig, mapping(about.get("diffusion")), "diffusion")
        tensors = read_safetensors(folder / WEIGHTS, field="--regression")
        stage = with_tensors(lambda: cls(config), tensors, field="--regression").eval()
        stage.model_id = f"{folder.name}@{hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]}"
        stage.trained_range = TrainedRange(rise_time_s=float(about["rise_time_s"]))
        return stage


class RegressionObjective(nn.Module):
    """The mean modulus of the error, of a batch of sensors.

    Args:
        stage: what is trained.
    """

    def __init__(self, stage: RegressionStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(
        self, stage1: Tensor, truth: Tensor, amplitude: Tensor, field: Tensor, **_process: Tensor
    ) -> Float[Tensor, ""]:
        """Mean loss; the arguments are those of `DdpmObjective`, of which steps and noise play no part."""
        latents = self.stage.latents
        output = self.stage.predict(latents.condition(stage1, amplitude, field))
        return (output - latents.target(truth, stage1, amplitude)).abs().mean(dim=(1, 2)).mean()


class RegressionTask(DdpmTask):
    """The regression as a task of the loop: the sensors that a diffusion stage of the same seed sees.

    Args:
        config: of the run.
        cache: outputs of the frozen stage 1, and truth.
        samples: to train and to judge on.
    """

    def __init__(self, config: DdpmTraining, cache: Stage1Cache, samples: Samples) -> None:
        super().__init__(config, cache, samples, build=RegressionStage)
        assert isinstance(self.stage, RegressionStage)
        self.module = RegressionObjective(self.stage)


@dataclasses.dataclass(frozen=True)
class Regression:
    """The trained baseline.

    Attributes:
        model: its folder.
        about: how it was trained, in words.
    """

    model: Path
    about: str

    @classmethod
    def of_run(cls, run: Path) -> Regression:
        """The baseline that a finished run has trained."""
        config, facts = recorded_config(run, "ddpm"), recorded_facts(run)
        about = (
            f"baseline 'stage 1 + regression': the second stage's network as a plain L1 regression, {config.steps} "
            f"steps of {config.batch} sensors on {len(facts['train_ids'])} training events"
        )
        return cls(run / "model", about)


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
    limits = TimeLimits(budget=minutes)
    store = CampaignStore.open(data)
    cache_root = cache_folder(store, cache)
    frozen = FrozenStage1(store, str(model))
    config = regression_config(Path(model))
    outputs = Stage1Cache(cache_root, frozen, config.model.latent)
    folder = cache_root / f"regression-{_digest(config, frozen, minutes)}"
    run = folder / "run"
    folder.mkdir(parents=True, exist_ok=True)
    # Another evaluation of the same model may be training it: then this one waits and uses the result.
    with locked(folder, field="--regression", allowed="a folder that can be locked", wait=True):
        if _is_finished(run):
            return Regression.of_run(run)
        resumes = is_run(run)
        samples = Samples.of(store) if resumes else _samples_in_time(store, outputs, limits, report)
        facts = {"store": str(store.path.resolve()), "stage1": frozen.digest, "earlier": frozen.history}

        def make_task(recorded: Facts) -> RegressionTask:
            chosen = Samples(train=recorded["train_ids"], val=recorded["val_ids"])
            return RegressionTask(config, outputs, chosen)

        def on_step(progress: Any, _loss: float) -> None:
            report(progress.step, length, "training the regression baseline")

        length = config.steps

        def on_length(steps: int) -> None:
            nonlocal length
            length = steps

        job = Job(
            config=config,
            facts=facts | {"train_ids": list(samples.train), "val_ids": list(samples.val)},
            run=run,
            make_task=make_task,
            shorten=_of_fitting_length,
            export=_write,
        )
        watch = Watch(on_step=on_step, on_length=on_length)
        outcome = drive(job, resume=resumes, limits=limits, readers=check_readers(None), watch=watch)
        if not outcome.finished:
            raise KeyboardInterrupt
        return Regression.of_run(run)


def regression_config(model: Path) -> DdpmTraining:
    """The model's own training of stage 2, for a regression; the preset `small` for a model without one.

    Of a stage that sees the field the network is taken without its exchange: each sensor is restored alone.
    """
    judged = read_model_folder(model).config
    config, steps = _recorded_training(judged) or _preset_training(judged)
    network = config.model.without_jumps().model_copy(update={"field": None, "level_errors": None})
    return _of_length(config.model_copy(update={"model": network, "mixed_precision": "no"}), steps)


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
    steps = step if is_count(step) and step <= config.steps else config.steps
    before = sum(training["steps"] for training in earlier_trainings(record))
    return config, int(steps) + int(before)


def _preset_training(judged: ModelConfig) -> tuple[DdpmTraining, int]:
    """The preset `small` and its steps, with the model's own stage 2 where it has one."""
    config = load_config("small", "ddpm")
    assert isinstance(config, DdpmTraining)
    if judged.diffusion is not None:
        config = config.model_copy(update={"model": judged.diffusion})
    return config, config.steps


def _of_fitting_length(config: TrainingConfig, steps: int) -> DdpmTraining:
    """In as many steps as fit, but not too few."""
    assert isinstance(config, DdpmTraining)
    return _of_length(config, min(config.steps, max(steps, FEWEST_STEPS)))


def _of_length(config: DdpmTraining, steps: int) -> DdpmTraining:
    """With so many steps, and the settings that follow from their number; validated often, on few samples."""
    return shortened(config, steps).model_copy(
        update={
            "validate_every": max(1, steps // 8),
            "checkpoint_every": max(1, steps // 16),
            "patience": 0,
            "validation_samples": VALIDATION_SAMPLES,
            "scored_sensors": 0,
        }
    )


def _samples_in_time(store: CampaignStore, outputs: Stage1Cache, limits: TimeLimits, report: Report) -> Samples:
    """Validation samples, and as many training samples as have a stage 1 on disk or get one in time."""
    assert limits.budget is not None
    everything = Samples.of(store)
    val = list(everything.val[:VALIDATION_SAMPLES])
    deadline_s = limits.began_s + 60 * limits.budget * _PREPARING
    ready: list[int] = []
    for done, i in enumerate([*val, *everything.train]):
        # Some in any case; the others while there is time, and what is on disk anyway.
        needed = done < len(val) + FEWEST_SAMPLES or time.monotonic() < deadline_s
        if (outputs.holds(i) or needed) and outputs.fill([i]):
            ready.append(i)
        report(done + 1, len(val) + len(everything.train), "stage 1 for the regression baseline")
    return Samples(train=ready[len(val) :], val=val)


def _digest(config: DdpmTraining, frozen: FrozenStage1, minutes: float) -> str:
    identity = {"config": config.model_dump(mode="json"), "stage1": frozen.digest, "minutes": minutes}
    identity["store"] = str(frozen.store.path.resolve())
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=8).hexdigest()


def _is_finished(run: Path) -> bool:
    saved = checkpoints(run)
    return bool(saved) and (run / "model").is_dir() and int(saved[-1].name) >= recorded_config(run, "ddpm").steps


def _write(run: Path, task: RegressionTask, config: TrainingConfig, facts: Facts) -> None:
    """Write RUN/model, the averaged weights with the lowest validation loss."""
    load_tensors(task.module, read_safetensors(run / BEST, field="run"), field="run")
    diffusion, tensors = task.stage.parts()
    about = {
        "format_version": FORMAT_VERSION,
        "store": Path(facts["store"]).name,
        "stage1": facts["stage1"],
        "rise_time_s": task.store.source(facts["train_ids"][0]).rise_time_s,
        "training": config.model_dump(mode="json", exclude={"model"}),
        "diffusion": diffusion.model_dump(mode="json"),
    }
    with atomic_folder(run / "model") as aside:
        (aside / CONFIG).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        (aside / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
