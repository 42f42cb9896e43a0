"""What a step costs here, how many of them a given time allows, and a training laid over that time."""

from __future__ import annotations

import time
from typing import TypeVar

import torch

from spectremor.training.config import LoopConfig
from spectremor.training.loop import seconds_of_a_step
from spectremor.training.task import Task

Config = TypeVar("Config", bound=LoopConfig)

#: Part of the time that timing may take, beyond the steps that it needs.
_TIMING = 0.1
#: Validations of a training that is shorter than its config's interval between two.
_FEWEST_VALIDATIONS = 2
#: What hangs on the number of steps.
LENGTH = ("steps", "warmup", "ema_decay", "validate_every", "checkpoint_every")


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
    begun = time.monotonic()
    each, start = seconds_of_a_step(task, config, readers, longest_s=60 * _TIMING * minutes)
    judging = 0.0 if validate_every is None else _seconds_of_a_validation(task)
    left = (60 * minutes - (time.monotonic() - begun)) / trainings - start
    steps = (left - _FEWEST_VALIDATIONS * judging) / each
    if validate_every is not None and steps > _FEWEST_VALIDATIONS * validate_every:
        steps = left / (each + judging / validate_every)
    return max(1, int(min(config.steps, steps)))


def shortened(config: Config, steps: int) -> Config:
    """With so many steps, and what hangs on their number."""
    return config.model_copy(
        update={
            "steps": steps,
            "warmup": min(config.warmup, max(1, steps // 10)),
            "ema_decay": min(config.ema_decay, max(0.9, 1 - 10 / steps)),
            "validate_every": max(1, min(config.validate_every, steps // _FEWEST_VALIDATIONS)),
            "checkpoint_every": max(1, min(config.checkpoint_every, steps // 10)),
        }
    )


def _seconds_of_a_validation(task: Task) -> float:
    start = time.monotonic()
    task.module.eval()
    with torch.no_grad():
        task.validate()
    return time.monotonic() - start
