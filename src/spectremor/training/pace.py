"""How long a step of a training takes on this machine, and how many steps a given time allows."""

from __future__ import annotations

import itertools
import time

import torch

from spectremor.training.config import FEWEST_VALIDATIONS, LoopConfig
from spectremor.training.state import TrainingState, make_accelerator
from spectremor.training.task import Task

#: The fewest steps that are timed, and a number of steps that no timing reaches.
_TIMED, _ENDLESS = 5, 1 << 40
#: Share of the time that timing may take, beyond the fewest steps.
_TIMING = 0.1


def affordable_steps(
    task: Task,
    config: LoopConfig,
    minutes: float,
    trainings: int = 1,
    *,
    readers: int = 0,
    validate_every: int | None = None,
) -> int:
    """Steps that each of so many trainings may take together within `minutes`: at least 1, at most the config's.

    Args:
        task: prepared, not started; a few of its steps are taken, and its weights put back.
        config: of the training.
        minutes: for all trainings together.
        trainings: how many share them.
        readers: processes that make batches ahead.
        validate_every: steps between validations, one of which is timed too; None counts none.
    """
    began_s = time.monotonic()
    each, start = _seconds_of_a_step(task, config, readers, longest_s=60 * _TIMING * minutes)
    judging = 0.0 if validate_every is None else _seconds_of_a_validation(task)
    left = (60 * minutes - (time.monotonic() - began_s)) / trainings - start
    steps = (left - FEWEST_VALIDATIONS * judging) / each
    if validate_every is not None and steps > FEWEST_VALIDATIONS * validate_every:
        steps = left / (each + judging / validate_every)
    return max(1, int(min(config.steps, steps)))


def _seconds_of_a_step(task: Task, config: LoopConfig, readers: int, *, longest_s: float) -> tuple[float, float]:
    """Seconds of a step of a fresh training here, and of what comes before the first.

    Args:
        task: prepared, not started; its weights are put back.
        config: of the training.
        readers: processes that make batches ahead.
        longest_s: time after which no more than the fewest steps are timed.
    """
    weights = {name: tensor.detach().clone() for name, tensor in task.module.state_dict().items()}
    began_s = time.monotonic()
    state = TrainingState(make_accelerator(), task, config.model_copy(update={"steps": _ENDLESS}), None, readers)
    start_s = time.monotonic() - began_s
    # The first step also loads and compiles. With readers, batches arrive in rounds, one of each reader: whole rounds
    # are timed.
    skipped, together = 1 + readers, max(1, readers)
    stamps_s: list[float] = []
    while True:
        state.step()
        stamps_s.append(time.monotonic())
        count = len(stamps_s) - skipped
        enough = count >= _TIMED and (not readers or count >= 4 * readers or stamps_s[-1] - began_s > longest_s)
        if enough and count % together == 0:
            break
    state.close()
    task.module.zero_grad(set_to_none=True)
    task.module.load_state_dict(weights)
    each_s = sorted(b - a for a, b in itertools.pairwise(stamps_s[skipped - 1 :]))
    return (sum(each_s) / len(each_s) if readers else each_s[len(each_s) // 2]), start_s


def _seconds_of_a_validation(task: Task) -> float:
    start = time.monotonic()
    task.module.eval()
    with torch.no_grad():
        task.validate()
    return time.monotonic() - start
