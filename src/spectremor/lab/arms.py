"""Training the arms of an experiment: diffusion stages on a frozen stage 1, with snapshots of their weights."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.seeds import derive_seed
from spectremor.diffusion.config import DiffusionConfig, LatentConfig, NetworkConfig
from spectremor.diffusion.stage import DiffusionStage
from spectremor.lab.cases import Cases, open_cases
from spectremor.lab.common import Report, TrainingSettings, resolve_size, silent
from spectremor.lab.scoring import score
from spectremor.model.folder import find_model
from spectremor.training.checkpoint import Progress
from spectremor.training.config import DdpmTraining
from spectremor.training.ddpm import DdpmTask
from spectremor.training.loop import Watch, fit
from spectremor.training.pace import affordable_steps
from spectremor.training.samples import Samples
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache, cache_folder
from spectremor.training.task import Task

#: Networks of the sizes "tiny" and "default"; "full" uses the model's own.
NETWORKS = {
    "tiny": NetworkConfig(widths=(16, 16), embedding=16),
    "default": NetworkConfig(widths=(32, 48, 64), embedding=96),
}
#: Minutes for preparing and training together, by size. Of 20 minutes, 5 are left for judging.
MINUTES: dict[str, float | None] = {"tiny": None, "default": 15.0, "full": None}
#: Shares of an experiment's minutes for computing outputs of stage 1, and for training.
PREPARING_SHARE, TRAINING_SHARE = 0.25, 0.75
#: Number of training samples whose stage 1 is computed even if the time is over.
FEWEST_SAMPLES = 8
#: Highest frequency in Hz that a latent grid made for a store must resolve.
LATENT_HZ = 7.5
#: More steps than any training takes.
_ENDLESS = 10**9

State = dict[str, Tensor]
#: Builds a diffusion stage, or a variant of it, from a config.
Build = Callable[[DiffusionConfig], DiffusionStage]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Averaged weights of a training at one moment.

    Attributes:
        step: number of training steps until then.
        seconds: training time until then.
        state: state of the task's module.
    """

    step: int
    seconds: float
    state: State


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """What all arms of an experiment have in common: settings, cases, and the training samples with their stage 1.

    Attributes:
        settings: of the experiment.
        size: numbers of samples, sensors, steps, trainings and minutes.
        cases: true and stage-1 wavefields.
        ids: samples to judge.
        base: config of the diffusion stage that the arms are variants of.
        frozen: cache of the outputs of stage 1.
        train_ids: samples to train on.
    """

    settings: TrainingSettings
    size: Mapping[str, Any]
    cases: Cases
    ids: list[int]
    base: DiffusionConfig
    frozen: Stage1Cache
    train_ids: list[int]

    def task(
        self, config: DdpmTraining, earlier: DiffusionStage | None = None, build: Build = DiffusionStage
    ) -> DdpmTask:
        """A training that starts from random weights, or from those of an earlier stage.

        Args:
            config: of the training.
            earlier: stage of the same config whose weights the training starts from (None: random weights).
            build: builds the stage, or a variant of it, from its config.
        """
        initial = None if earlier is None else earlier.parts()[1]
        # The training loop does not validate here, so any sample will do as its validation sample.
        samples = Samples(train=self.train_ids, val=self.train_ids[:1])
        return DdpmTask(config, self.frozen, samples, initial=initial, build=build)

    def affordable(self, plan: DdpmTraining, trainings: int) -> int:
        """Steps of each of `trainings` trainings of stage 2 that fit into the experiment's time; see `affordable`."""
        return affordable(self.task(plan), plan, trainings, self.size["minutes"])

    def judge(self, stage: DiffusionStage) -> list[dict[str, float]]:
        """Scores of both stages, one row per sample."""
        cases, seed = self.cases, self.settings.seed
        return [
            score(
                stage.generate_at(cases.stage1(i), chosen, seed=seed)[0], at_sensors(cases.truth(i), chosen), cases.dt_s
            )
            for i, chosen in ((i, self.sensors(i)) for i in self.ids)
        ]

    def judge_stage1(self) -> list[dict[str, float]]:
        """Scores of stage 1 alone, one row per sample."""
        cases = self.cases
        return [
            score(at_sensors(cases.stage1(i), chosen), at_sensors(cases.truth(i), chosen), cases.dt_s)
            for i, chosen in ((i, self.sensors(i)) for i in self.ids)
        ]

    def sensors(self, i: int) -> Int[np.ndarray, " k"]:
        """Numbers of the judged sensors of a sample (x-major)."""
        return self.cases.sensors(i, self.size["sensors"], self.settings.seed)

    def describe(self, plan: DdpmTraining, **taken: int) -> dict[str, Any]:
        """Everything needed to repeat the experiment.

        Args:
            plan: training config before its steps were reduced to fit the time.
            taken: numbers of steps that were taken, by name.
        """
        return {
            "settings": self.settings.model_dump(mode="json"),
            **self.size,
            **taken,
            **self.cases.describe(),
            "ids": self.ids,
            "train_ids": self.train_ids,
            "training": plan.model_dump(mode="json"),
        }


def resolve_training_size(settings: TrainingSettings, sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """As `resolve_size`, including the minutes of the chosen size.

    Raises:
        InputError: there is no such size, or the split to judge on contains training samples.
    """
    if settings.split in ("train", "all"):
        raise InputError("--split", settings.split, "val or test: arms are trained on the training split")
    return resolve_size(settings, {name: {**values, "minutes": MINUTES[name]} for name, values in sizes.items()})


def open_setup(settings: TrainingSettings, sizes: Mapping[str, Mapping[str, Any]], report: Report) -> Setup:
    """The cases and training samples of an experiment on stage 2; coarser simulations of the store need no model.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    size = resolve_training_size(settings, sizes)
    return prepare_setup(settings, open_cases(settings, model_needed=False), size, report)


def prepare_setup(settings: TrainingSettings, cases: Cases, size: Mapping[str, Any], report: Report) -> Setup:
    """Choose the samples, and compute stage 1 of the training samples.

    Raises:
        InputError: the store has no training sample, or stage 1 does not fit the store.
    """
    ids = cases.ids(settings.split, size["samples"]).tolist()
    base = base_config(settings, cases)
    available = cases.ids("train", size["train_samples"]).tolist()
    spacing = settings.stage1_spacing_m
    name = str(find_model(settings.model)) if spacing is None else f"simulation:{spacing:g}"
    cache = Stage1Cache(cache_folder(cases.store, settings.cache), FrozenStage1(cases.store, name), base.latent)
    train_ids = _prepared_ids(cache, available, size["minutes"], report)
    return Setup(settings=settings, size=size, cases=cases, ids=ids, base=base, frozen=cache, train_ids=train_ids)


def _prepared_ids(cache: Stage1Cache, available: list[int], minutes: float | None, report: Report) -> list[int]:
    """Samples whose stage 1 is on disk, or can be computed in the share of `minutes` for preparation."""
    deadline = math.inf if minutes is None else time.monotonic() + 60 * PREPARING_SHARE * minutes
    ready: list[int] = []
    for done, i in enumerate(available):
        report(done / len(available), "stage 1 of the training samples")
        if cache.holds(i) or len(ready) < FEWEST_SAMPLES or time.monotonic() < deadline:
            cache.fill([i])
            ready.append(i)
    return ready


def base_config(settings: TrainingSettings, cases: Cases) -> DiffusionConfig:
    """The config of the model's diffusion stage; with a small network for sizes "tiny" and "default".

    Those sizes use a config made for the store if the model has no diffusion stage with the store's times.

    Raises:
        InputError: the size is "full" and the model has no diffusion stage that fits the store.
    """
    if settings.size == "full":
        return cases.need_diffusion().config.without_jumps()
    recording = cases.store.recording
    samples, sampling_hz = recording.samples, round(recording.sampling_hz, 6)
    network = NETWORKS[settings.size]
    model_config = None if cases.diffusion is None else cases.diffusion.config
    if model_config is not None and not model_config.latent.time_differences(recording):
        return model_config.without_jumps().model_copy(update={"network": network})
    multiple = network.patch * 2 ** (len(network.widths) - 1)
    resolving_samples = 2 * LATENT_HZ / sampling_hz * samples
    latent_samples = min(math.ceil(resolving_samples / multiple), samples // multiple) * multiple
    latent = LatentConfig(time_samples=samples, sampling_hz=sampling_hz, latent_samples=latent_samples)
    return DiffusionConfig(latent=latent, network=network)


def training_config(
    model: DiffusionConfig, steps: int, seed: int, *, batch: int = 64, samples: int = 4, learning_rate: float = 1e-3
) -> DdpmTraining:
    """A short training at a constant learning rate, so that the state after n steps does not depend on `steps`."""
    return DdpmTraining(
        model=model,
        seed=derive_seed(seed, "arm") % 2**31,
        steps=steps,
        batch=batch,
        samples_per_batch=samples,
        learning_rate=learning_rate,
        final_rate=1.0,
        warmup=min(50, steps // 8),
        ema_decay=max(0.9, 1 - 10 / steps),
        validate_every=max(1, steps // 16),
        checkpoint_every=steps,
        validation_samples=1,
        scored_sensors=0,
    )


def marks(steps: int) -> list[int]:
    """Steps at which a training is judged: 1/16, 1/8, 1/4, 1/2 and all of its steps."""
    unit = max(1, steps // 16)
    return sorted({unit, 2 * unit, 4 * unit, 8 * unit, steps})


def affordable(task: Task, config: DdpmTraining, trainings: int, minutes: float | None) -> int:
    """Steps of each of `trainings` trainings that fit into the time, from timing a few steps; at most `config.steps`.

    `minutes` is the time of the whole experiment, and training gets `TRAINING_SHARE` of it; None: no limit.
    """
    return config.steps if minutes is None else affordable_steps(task, config, TRAINING_SHARE * minutes, trainings)


def train(task: Task, config: DdpmTraining, *, seconds: float = 0.0, report: Report = silent) -> list[Snapshot]:
    """Train for at least `config.steps` steps and at least `seconds`.

    Args:
        task: the training; it has the weights to start from.
        config: training config with a constant learning rate.
        seconds: shortest training time.
        report: called with the fraction done.

    Returns:
        Averaged weights after every `config.validate_every` steps and at the end.
    """
    snapshots: list[Snapshot] = []
    spent_s, done = 0.0, 0

    def on_step(progress: Progress, loss: float) -> None:
        nonlocal spent_s, done
        spent_s, done = progress.seconds, progress.step
        left = max(1 - done / config.steps, 1 - spent_s / seconds if seconds else 0.0)
        report(1 - max(left, 0.0), f"step {done}, loss {loss:.3f}")

    def keep() -> dict[str, float]:
        snapshots.append(Snapshot(step=done, seconds=spent_s, state=_copy(task.module)))
        return {"loss": math.nan}

    watch = Watch(stop=lambda: done >= config.steps and spent_s >= seconds, on_step=on_step)
    fit(task, config.model_copy(update={"steps": _ENDLESS}), None, watch, judge=keep)
    if not snapshots or snapshots[-1].step != done:
        # The loop leaves the averaged weights in the module.
        keep()
    return snapshots


def at_steps(snapshots: Sequence[Snapshot], step: int) -> Snapshot:
    """The first state after at least `step` steps; the last state if the training was shorter."""
    return next((snapshot for snapshot in snapshots if snapshot.step >= step), snapshots[-1])


def at_seconds(snapshots: Sequence[Snapshot], seconds: float) -> Snapshot:
    """The last state within `seconds` of training time; the first state if there is none."""
    within = [snapshot for snapshot in snapshots if snapshot.seconds <= seconds]
    return within[-1] if within else snapshots[0]


def part(report: Report, start: float, share: float, what: str) -> Report:
    """A progress report for a part of the work, from fraction `start` to `start + share` of the whole."""
    return lambda fraction, doing: report(start + share * fraction, f"{what}: {doing}")


def _copy(module: torch.nn.Module) -> State:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
