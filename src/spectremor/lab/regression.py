"""The baseline that a diffusion stage must beat: its own network, trained as a plain L1 regression.

A trained baseline is a folder with regression.json and regression.safetensors.
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

#: Share of the time for computing outputs of stage 1 that are not on disk yet.
_PREPARING_SHARE = 0.4
VALIDATION_SAMPLES = 4
#: Training samples whose stage 1 is computed even if the time is over, and the fewest training steps.
FEWEST_SAMPLES, FEWEST_STEPS = 8, 100

#: Called with (done, total, what is being done).
Report = Callable[[int, int, str], None]


class RegressionStage(DiffusionStage):
    """The diffusion stage's network as a plain regression: it is evaluated once, without noise."""

    #: Identifies the weights.
    model_id: str = "regression"
    #: The range of training events; only their rise time is recorded.
    trained_range: TrainedRange = TrainedRange()

    def predict(self, condition: Condition) -> Float[Tensor, "b 3 n"]:
        """Latents of a batch: the output of the network for an input of zeros at the noisiest step."""
        zeros = torch.zeros_like(condition.traces)
        return self.network(zeros, condition, torch.ones(len(zeros), device=zeros.device))

    def draw(
        self, condition: Condition, noise: Callable[[], Tensor], *, steps: int | None, sampler: SamplerName | None
    ) -> Float[Tensor, "b 3 n"]:
        """The same as `predict`: a regression draws no random numbers."""
        del noise, steps, sampler
        return self.predict(condition)

    def restore_at(
        self, stage1: Float[np.ndarray, "3 x y time"], sensors: Int[np.ndarray, " k"]
    ) -> Float[np.ndarray, "k 3 time"]:
        """Velocities in m/s at the sensors with these numbers (x-major), from a stage-1 wavefield."""
        return self.generate_at(stage1, sensors)[0]

    @classmethod
    def read(cls, folder: Path) -> RegressionStage:
        """Read a trained baseline.

        Raises:
            InputError: the folder does not exist, or a file in it is missing, damaged or of another format.
        """
        if not (folder / CONFIG).is_file():
            raise InputError("--regression", folder, f"a folder with {CONFIG} and {WEIGHTS}, as `evaluate` trains one")
        about = read_json(folder / CONFIG)
        if about.get("format_version") != FORMAT_VERSION or not isinstance(about.get("rise_time_s"), int | float):
            raise InputError("--regression", folder / CONFIG, f"format_version {FORMAT_VERSION} and a rise_time_s")
        config = validated(DiffusionConfig, mapping(about.get("diffusion")), "diffusion")
        tensors = read_safetensors(folder / WEIGHTS, field="--regression")
        stage = with_tensors(lambda: cls(config), tensors, field="--regression").eval()
        stage.model_id = f"{folder.name}@{hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]}"
        stage.trained_range = TrainedRange(rise_time_s=float(about["rise_time_s"]))
        return stage


class RegressionObjective(nn.Module):
    """The L1 loss of a batch of sensors.

    Args:
        stage: the stage to train.
    """

    def __init__(self, stage: RegressionStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(
        self, stage1: Tensor, truth: Tensor, amplitude: Tensor, field: Tensor, **_process: Tensor
    ) -> Float[Tensor, ""]:
        """Mean absolute error of the latents. Takes the arguments of `DdpmObjective` and ignores steps and noise."""
        latents = self.stage.latents
        output = self.stage.predict(latents.condition(stage1, amplitude, field))
        return (output - latents.target(truth, stage1, amplitude)).abs().mean(dim=(1, 2)).mean()


class RegressionTask(DdpmTask):
    """The regression as a task of the training loop; it sees the same sensors as a diffusion stage of the same seed.

    Args:
        config: of the training run.
        cache: outputs of the frozen stage 1, and the true wavefields.
        samples: samples to train on and to validate on.
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
        """The baseline from the folder of a finished training run."""
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
    """Train stage 2 of a model as a plain L1 regression on the model's frozen stage 1, unless that was done before.

    The network, batch size, learning rate and number of steps are those that the model records for its diffusion stage;
    the steps are fewer if they would not fit into the time. An interrupted training is resumed.

    Args:
        data: campaign store; its training split is used.
        model: model folder.
        minutes: approximate time for preparing and training together.
        cache: folder for the training run and for outputs of stage 1 (None: beside the store).
        report: called with the progress.

    Raises:
        InputError: the store has no training or no validation samples, or does not fit the model's stages.
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
    # Another process may be training the same baseline: then this one waits and uses the result.
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
            shorten=_shortened_to_fit,
            export=_write,
        )
        watch = Watch(on_step=on_step, on_length=on_length)
        outcome = drive(job, resume=resumes, limits=limits, readers=check_readers(None), watch=watch)
        if not outcome.finished:
            raise KeyboardInterrupt
        return Regression.of_run(run)


def regression_config(model: Path) -> DdpmTraining:
    """The training config of the model's own stage 2, changed for a regression; the preset `small` without one.

    A stage 2 that restores all sensors together gives its network without the exchange between sensors: the regression
    restores each sensor alone.
    """
    model_config = read_model_folder(model).config
    config, steps = _recorded_training(model_config) or _preset_training(model_config)
    network = config.model.without_jumps().model_copy(update={"field": None, "level_errors": None})
    return _with_steps(config.model_copy(update={"model": network, "mixed_precision": "no"}), steps)


def _recorded_training(model_config: ModelConfig) -> tuple[DdpmTraining, int] | None:
    """The config of the training of stage 2 that a model records, and the number of steps behind its weights.

    None if there is no valid record.
    """
    record = mapping(mapping(model_config.training).get("ddpm"))
    settings = mapping(record.get("config"))
    if model_config.diffusion is None or not settings:
        return None
    try:
        config = parse_config({**settings, "model": model_config.diffusion}, "ddpm")
    except InputError:
        return None
    assert isinstance(config, DdpmTraining)
    step = mapping(record.get("reached")).get("step")
    steps = step if is_count(step) and step <= config.steps else config.steps
    earlier_steps = sum(training["steps"] for training in earlier_trainings(record))
    return config, int(steps) + int(earlier_steps)


def _preset_training(model_config: ModelConfig) -> tuple[DdpmTraining, int]:
    """The preset `small` and its number of steps, with the model's own stage 2 if it has one."""
    config = load_config("small", "ddpm")
    assert isinstance(config, DdpmTraining)
    if model_config.diffusion is not None:
        config = config.model_copy(update={"model": model_config.diffusion})
    return config, config.steps


def _shortened_to_fit(config: TrainingConfig, steps: int) -> DdpmTraining:
    """The config with the number of steps that fit into the time, and with `FEWEST_STEPS` at least."""
    assert isinstance(config, DdpmTraining)
    return _with_steps(config, min(config.steps, max(steps, FEWEST_STEPS)))


def _with_steps(config: DdpmTraining, steps: int) -> DdpmTraining:
    """The config with this number of steps and the settings that depend on it; validates often, on few samples."""
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
    """Validation samples, and the training samples whose stage 1 is on disk or can be computed in time."""
    assert limits.budget is not None
    available = Samples.of(store)
    val = list(available.val[:VALIDATION_SAMPLES])
    deadline_s = limits.began_s + 60 * limits.budget * _PREPARING_SHARE
    ready: list[int] = []
    for done, i in enumerate([*val, *available.train]):
        # The first ones are computed in any case, the others while there is time.
        compute = done < len(val) + FEWEST_SAMPLES or time.monotonic() < deadline_s
        if (outputs.holds(i) or compute) and outputs.fill([i]):
            ready.append(i)
        report(done + 1, len(val) + len(available.train), "stage 1 for the regression baseline")
    return Samples(train=ready[len(val) :], val=val)


def _digest(config: DdpmTraining, frozen: FrozenStage1, minutes: float) -> str:
    identity = {"config": config.model_dump(mode="json"), "stage1": frozen.digest, "minutes": minutes}
    identity["store"] = str(frozen.store.path.resolve())
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=8).hexdigest()


def _is_finished(run: Path) -> bool:
    saved = checkpoints(run)
    return bool(saved) and (run / "model").is_dir() and int(saved[-1].name) >= recorded_config(run, "ddpm").steps


def _write(run: Path, task: RegressionTask, config: TrainingConfig, facts: Facts) -> None:
    """Write the averaged weights with the lowest validation loss to the folder `model` of the run."""
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
    with atomic_folder(run / "model") as folder:
        (folder / CONFIG).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
