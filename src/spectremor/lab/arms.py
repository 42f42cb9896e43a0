"""Training the arms of an experiment: a diffusion stage on a frozen stage 1, with its weights kept along the way."""

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
from spectremor.lab.common import Report, TrainingSettings, silent, sized
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

#: Networks of the sizes below "full", which takes the model's own.
NETWORKS = {
    "tiny": NetworkConfig(widths=(16, 16), embedding=16),
    "default": NetworkConfig(widths=(32, 48, 64), embedding=96),
}
#: Minutes for preparing and training together, by size; of 20 minutes the rest is for judging.
MINUTES: dict[str, float | None] = {"tiny": None, "default": 15.0, "full": None}
#: Share of an experiment's minutes that may go into outputs of stage 1, and the share that goes into training.
PREPARING, TRAINING = 0.25, 0.75
#: Training samples that are prepared however long it takes.
FEWEST_SAMPLES = 8
#: Highest frequency that a latent grid made for a store holds, in Hz.
LATENT_HZ = 7.5
#: More steps than any training takes.
_ENDLESS = 10**9

State = dict[str, Tensor]
#: Makes a diffusion stage, or a variant of it, from a config.
Build = Callable[[DiffusionConfig], DiffusionStage]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Averaged weights of a training at one moment.

    Attributes:
        step: steps done.
        seconds: spent training until then.
        state: of the task's module.
    """

    step: int
    seconds: float
    state: State


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """What all arms of an experiment have in common: settings, cases, and the training samples with their stage 1.

    Attributes:
        settings: of the experiment.
        size: numbers of samples, sensors, steps and trainings, and minutes.
        cases: truth and stage 1.
        ids: samples to judge.
        base: the diffusion stage that arms are variants of.
        frozen: outputs of stage 1, computed once.
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
        """A training from fresh weights, or from those of an earlier stage.

        Args:
            config: of the training.
            earlier: of the same config.
            build: makes the stage from its config, where that is a variant of the product's.
        """
        initial = None if earlier is None else earlier.parts()[1]
        # The loop judges nothing here, so it needs no validation samples of its own.
        samples = Samples(train=self.train_ids, val=self.train_ids[:1])
        return DdpmTask(config, self.frozen, samples, initial=initial, build=build)

    def affordable(self, plan: DdpmTraining, trainings: int) -> int:
        """Steps that each of so many trainings of stage 2 may take in the experiment's minutes; see `affordable`."""
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
        """The judged sensors of a sample."""
        return self.cases.sensors(i, self.size["sensors"], self.settings.seed)

    def describe(self, plan: DdpmTraining, **taken: int) -> dict[str, Any]:
        """Everything needed to repeat the experiment.

        Args:
            plan: of the first training.
            taken: numbers of steps that the minutes allowed.
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


def sized_training(settings: TrainingSettings, sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """As `sized`, with the minutes that each size stands for where a person names none.

    Raises:
        InputError: no such size, or a split to judge on that holds training samples.
    """
    if settings.split in ("train", "all"):
        raise InputError("--split", settings.split, "val or test: arms are trained on the training split")
    return sized(settings, {name: {**values, "minutes": MINUTES[name]} for name, values in sizes.items()})


def open_setup(settings: TrainingSettings, sizes: Mapping[str, Mapping[str, Any]], report: Report) -> Setup:
    """The cases and training samples of an experiment on stage 2 alone, which a store may serve without a model.

    Raises:
        InputError: a setting, store or model that does not allow it.
    """
    size = sized_training(settings, sizes)
    return prepare_setup(settings, open_cases(settings, model_needed=False), size, report)


def prepare_setup(settings: TrainingSettings, cases: Cases, size: Mapping[str, Any], report: Report) -> Setup:
    """Choose the samples and compute what stage 1 says of those to train on.

    Raises:
        InputError: no training sample, or a stage 1 that does not fit the store.
    """
    ids = cases.ids(settings.split, size["samples"]).tolist()
    base = base_config(settings, cases)
    offered = cases.ids("train", size["train_samples"]).tolist()
    spacing = settings.stage1_spacing_m
    name = str(find_model(settings.model)) if spacing is None else f"simulation:{spacing:g}"
    cache = Stage1Cache(cache_folder(cases.store, settings.cache), FrozenStage1(cases.store, name), base.latent)
    train_ids = _ready(cache, offered, size["minutes"], report)
    return Setup(settings=settings, size=size, cases=cases, ids=ids, base=base, frozen=cache, train_ids=train_ids)


def _ready(cache: Stage1Cache, offered: list[int], minutes: float | None, report: Report) -> list[int]:
    """Samples whose stage 1 is on disk, or can be computed in the share of `minutes` for preparing."""
    deadline = math.inf if minutes is None else time.monotonic() + 60 * PREPARING * minutes
    ready: list[int] = []
    for done, i in enumerate(offered):
        report(done / len(offered), "stage 1 of the training samples")
        if cache.holds(i) or len(ready) < FEWEST_SAMPLES or time.monotonic() < deadline:
            cache.fill([i])
            ready.append(i)
    return ready


def base_config(settings: TrainingSettings, cases: Cases) -> DiffusionConfig:
    """The model's own diffusion stage where it has one that fits the store; below "full" with a small network.

    Raises:
        InputError: size "full" with a model that has no diffusion stage.
    """
    if settings.size == "full":
        return cases.need_diffusion().config.without_jumps()
    recording = cases.store.recording
    samples, sampling_hz = recording.samples, round(recording.sampling_hz, 6)
    network = NETWORKS[settings.size]
    own = None if cases.diffusion is None else cases.diffusion.config
    if own is not None and not own.latent.time_differences(recording):
        return own.without_jumps().model_copy(update={"network": network})
    multiple = network.patch * 2 ** (len(network.widths) - 1)
    resolving_samples = 2 * LATENT_HZ / sampling_hz * samples
    latent_samples = min(math.ceil(resolving_samples / multiple), samples // multiple) * multiple
    latent = LatentConfig(time_samples=samples, sampling_hz=sampling_hz, latent_samples=latent_samples)
    return DiffusionConfig(latent=latent, network=network)


def training_config(
    model: DiffusionConfig, steps: int, seed: int, *, batch: int = 64, samples: int = 4, learning_rate: float = 1e-3
) -> DdpmTraining:
    """A short training at a constant rate, so that a state stands for its own step and not for the run's length."""
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
    """Steps at which a training is judged: 1/16, 1/8, 1/4, 1/2 and all of it."""
    unit = max(1, steps // 16)
    return sorted({unit, 2 * unit, 4 * unit, 8 * unit, steps})


def affordable(task: Task, config: DdpmTraining, trainings: int, minutes: float | None) -> int:
    """Steps that each of so many trainings may take, by timing a few of them; `config.steps` without a limit.

    `minutes` are the whole experiment's, of which training gets its share.
    """
    return config.steps if minutes is None else affordable_steps(task, config, TRAINING * minutes, trainings)


def train(task: Task, config: DdpmTraining, *, seconds: float = 0.0, report: Report = silent) -> list[Snapshot]:
    """Train for `config.steps` steps and for so many seconds, whichever is later.

    Args:
        task: fresh, or with the weights to start from.
        config: of the loop, at a constant learning rate.
        seconds: spent training at the least.
        report: told the fraction done.

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
    """The state after so many steps; the last one where the training was shorter."""
    return next((snapshot for snapshot in snapshots if snapshot.step >= step), snapshots[-1])


def at_seconds(snapshots: Sequence[Snapshot], seconds: float) -> Snapshot:
    """The last state within so much training time; the first one where none is."""
    within = [snapshot for snapshot in snapshots if snapshot.seconds <= seconds]
    return within[-1] if within else snapshots[0]


def part(report: Report, start: float, share: float, what: str) -> Report:
    """A report for a part of the work that starts at fraction `start` and makes up `share` of it."""
    return lambda fraction, doing: report(start + share * fraction, f"{what}: {doing}")


def _copy(module: torch.nn.Module) -> State:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
