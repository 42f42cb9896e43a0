"""The training loop, for whatever can be trained, on one device or many.

Everything random is a function of (seed, step), so the state of a run is its weights, their average, the optimizer and
a few counters. A run that is resumed from a checkpoint takes the same steps as one that was never stopped.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from spectremor.core.errors import InputError
from spectremor.training.batches import check_readers
from spectremor.training.checkpoint import Progress
from spectremor.training.config import LoopConfig
from spectremor.training.logs import Log
from spectremor.training.state import TrainingState, make_accelerator
from spectremor.training.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watch:
    """Functions that the loop calls while it runs.

    Attributes:
        stop: returns True when the run is to end at the next step (time over, a signal).
        on_step: called with the progress and the loss after every step.
        on_validation: called with the steps done and the scores.
        on_length: called with the number of steps of the whole training, before the first of them.
        on_prepare: called with what is computed once before training, and the fraction done.
    """

    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[Progress, float], None] = lambda _progress, _loss: None
    on_validation: Callable[[int, dict[str, float]], None] = lambda _step, _scores: None
    on_length: Callable[[int], None] = lambda _steps: None
    on_prepare: Callable[[str, float], None] = lambda _what, _fraction: None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        progress: where it stands.
        finished: whether nothing is left to do: all steps are taken, or validation no longer improved.
        steps: of the whole training.
    """

    progress: Progress
    finished: bool
    steps: int


def fit(
    task: Task,
    config: LoopConfig,
    run: Path | None,
    watch: Watch,
    readers: int | None = None,
    *,
    prepared: bool = False,
    judge: Callable[[], dict[str, float]] | None = None,
) -> Outcome:
    """Train, from the newest checkpoint of the run if it has one; leaves the averaged weights in the task's module.

    Args:
        task: what to train.
        config: how.
        run: folder of the run, which has the log, the checkpoints and the best weights; None keeps nothing on disk.
        watch: functions that follow the training, and may stop it.
        readers: processes that prepare batches ahead; None: none on a CPU, many beside a GPU.
        prepared: whether the task has just been prepared.
        judge: called in place of the task's own validation, while its module has the averaged weights.
    """
    # Processes and devices.
    readers = check_readers(readers)
    accelerator = make_accelerator()
    _check_share(config, accelerator.num_processes)
    keeps = run if accelerator.is_main_process else None

    # What is computed once.
    rank, world = accelerator.process_index, accelerator.num_processes
    ready = prepared or task.prepare(rank, world, watch.stop, watch.on_prepare, readers)
    if _agree(accelerator, not ready):
        return Outcome(Progress(), finished=False, steps=config.steps)

    # Weights, average, optimizer: fresh, or from the newest checkpoint.
    state = TrainingState(accelerator, task, config, run, readers)
    progress = state.progress
    log = None if keeps is None else Log(keeps, progress.step)
    watch.on_length(config.steps)
    started_s, before_s = time.monotonic(), progress.seconds

    finished = _is_finished(progress, config)
    while not finished and not _agree(accelerator, watch.stop()):
        # One step.
        loss = state.step()
        progress.seconds = before_s + time.monotonic() - started_s
        watch.on_step(progress, loss)

        # Now and then: the averaged weights are judged, and kept where they are the best so far.
        if progress.step % config.validate_every == 0 or progress.step == config.steps:
            scores = state.judge(judge or task.validate)
            if log is not None and keeps is not None:
                _write(log, state, loss, scores)
                if progress.worse == 0:
                    state.keep_best(keeps)
            watch.on_validation(progress.step, scores)

        # Now and then: everything is written down.
        finished = _is_finished(progress, config)
        if keeps is not None and (progress.step % config.checkpoint_every == 0 or finished):
            state.save(keeps)

    # The end, or a pause.
    if log is not None and keeps is not None:
        if progress.step:
            state.save(keeps)
        log.close()
    state.close()
    accelerator.wait_for_everyone()
    return Outcome(progress, finished=finished, steps=config.steps)


def _write(log: Log, state: TrainingState, loss: float, scores: dict[str, float]) -> None:
    values = {"seconds": state.progress.seconds, "learning_rate": state.learning_rate, "train_loss": loss}
    log.write(state.progress.step, values | {f"val_{name}": value for name, value in scores.items()})


def _check_share(config: LoopConfig, processes: int) -> None:
    """Refuse a batch that cannot be shared evenly: its mean would not be that of one process."""
    if config.batch % processes:
        raise InputError("batch", config.batch, f"a multiple of the number of processes, {processes}")


def _is_finished(progress: Progress, config: LoopConfig) -> bool:
    return progress.step >= config.steps or bool(config.patience and progress.worse >= config.patience)


def _agree(accelerator: Any, stop: bool) -> bool:
    """Whether any process wants to stop; all of them then stop at the same step."""
    if accelerator.num_processes == 1:
        return stop
    wish = torch.tensor(float(stop), device=accelerator.device)
    return bool(accelerator.reduce(wish, "sum") > 0)
