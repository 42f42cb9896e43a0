"""One training from its config and data to its result: the run's folder, the time that it has, the loop, the export."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.interrupts import asked_to_stop
from spectremor.training.checkpoint import Progress
from spectremor.training.config import TrainingConfig, shortened
from spectremor.training.loop import Outcome, Watch, fit
from spectremor.training.pace import affordable_steps
from spectremor.training.processes import processes
from spectremor.training.run_folder import BEST, BUDGET, alone_in, check_run, is_run, record_run, with_recorded_length
from spectremor.training.task import Task

#: What a run records of what it learns from.
Facts = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimeLimits:
    """The time that a training has.

    Attributes:
        minutes: after which this call stops, in a state that can be resumed (None: never).
        budget: minutes for a new training as a whole: it takes as many of its config's steps as fit into them, and the
            learning rate falls over these (None: all of them). What is resumed keeps its length.
        began_s: on the monotonic clock, when both began to count.

    Raises:
        InputError: a number that is not positive.
    """

    minutes: float | None = None
    budget: float | None = None
    began_s: float = dataclasses.field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name, value in (("--minutes", self.minutes), ("--budget", self.budget)):
            if value is not None and not value > 0:
                raise InputError(name, value, "a positive number")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be trained.

    Attributes:
        config: of the run.
        facts: what it learns from; holds `train_ids` and `val_ids`.
        run: its folder.
        make_task: makes the task from the facts; of a resumed run these are the facts recorded at its start.
        shorten: the config in fewer steps, where a budget asks for it.
        export: writes the result down: (run, task, config, facts); None: the run itself is the result.
    """

    config: TrainingConfig
    facts: Facts
    run: Path
    make_task: Callable[[Facts], Task]
    shorten: Callable[[TrainingConfig, int], TrainingConfig] = shortened
    export: Callable[[Path, Any, TrainingConfig, Facts], object] | None = None


def drive(job: Job, *, resume: bool, limits: TimeLimits, readers: int, watch: Watch) -> Outcome:
    """Train, from the beginning or from where the run stands.

    Args:
        job: what.
        resume: go on with the run in its folder; a run that was killed takes the steps that it would have taken.
        limits: the time that it has.
        readers: processes that make batches ahead.
        watch: functions that follow the training, and may stop it.

    Raises:
        InputError: a folder that cannot hold this run, or that another command is training in.
    """
    run, main = job.run, processes().is_main_process
    config = with_recorded_length(run, job.config) if resume else job.config
    budget = None if is_run(run) else limits.budget
    with processes().main_process_first():
        # The other processes resume the run that the first process has just begun.
        facts = check_run(run, config, job.facts, resume=resume or not main)
        # Where the task refuses its input no run is left behind: the corrected command could not use its folder.
        task = job.make_task(facts)
        if budget is None:
            record_run(run, config, facts)
        else:
            run.mkdir(parents=True, exist_ok=True)

    # `minutes` are counted from here, so that what is read and refused before takes nothing from the training.
    deadline_s = None if limits.minutes is None else time.monotonic() + 60 * limits.minutes
    with alone_in(run), asked_to_stop() as asked:
        watch = dataclasses.replace(watch, stop=_any_reason(asked.is_set, watch.stop, deadline_s))

        # A budget decides how long the training is.
        if budget is not None:
            if is_run(run):
                raise InputError("--out", run, "a new folder; another command has just begun a run there")
            steps = _steps_until(limits.began_s + 60 * budget, task, config, readers, watch)
            if steps is None:
                return Outcome(Progress(), finished=False, steps=config.steps)
            config = job.shorten(config, steps)
            record_run(run, config, facts | {BUDGET: budget})

        # The training itself, and its result.
        outcome = fit(task, config, run, watch, readers, prepared=budget is not None)
        if job.export is not None and main and (run / BEST).is_file():
            job.export(run, task, config, facts)
    return outcome


def _any_reason(asked: Callable[[], bool], wished: Callable[[], bool], deadline_s: float | None) -> Callable[[], bool]:
    return lambda: asked() or wished() or (deadline_s is not None and time.monotonic() >= deadline_s)


def _steps_until(end_s: float, task: Task, config: TrainingConfig, readers: int, watch: Watch) -> int | None:
    """Steps that can be taken until then, after the task has been prepared; None when asked to stop before that."""
    if not task.prepare(0, 1, watch.stop, watch.on_prepare, readers):
        return None
    watch.on_prepare("timing a few steps", 1.0)
    left = max(0.0, end_s - time.monotonic()) / 60
    return affordable_steps(task, config, left, readers=readers, validate_every=config.validate_every)
