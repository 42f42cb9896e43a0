"""What a step costs here, and how many of them a given time allows."""

from __future__ import annotations

import time

import torch

from spectremor.training.batches import batches
from spectremor.training.processes import processes
from spectremor.training.task import Task

#: Steps that are timed; with readers, whose first batches are there before they are asked for, the last of more.
_TIMED, _TIMED_READERS = 5, 30
#: The optimizer and the average take about a tenth beside.
_BESIDE = 1.1


def affordable_steps(
    task: Task,
    steps: int,
    minutes: float,
    trainings: int = 1,
    *,
    readers: int = 0,
    validate_every: int | None = None,
) -> int:
    """Steps that each of so many trainings may take together within `minutes`: at least 1, at most `steps`.

    Args:
        task: prepared, not started; a few of its steps are timed, which leaves its weights as they are.
        steps: wanted.
        minutes: for all trainings together.
        trainings: how many share them.
        readers: processes that make batches ahead.
        validate_every: steps between validations, one of which is timed too; None counts none.
    """
    begun = time.perf_counter()
    task.start()
    task.module.to(processes().device)
    each = _BESIDE * _seconds_of_a_step(task, readers)
    first = 0.0
    if validate_every is not None:
        first = _seconds_of_a_validation(task)
        each += first / validate_every
    left = (60 * minutes - (time.perf_counter() - begun)) / trainings - first
    return max(1, int(min(steps, left / each)))


def _seconds_of_a_step(task: Task, readers: int) -> float:
    device = processes().device
    count = _TIMED_READERS if readers else _TIMED
    times = []
    # The first one also loads and compiles: not counted.
    stream = batches(task, 0, count + 1, rank=0, world=1, readers=readers)
    for _ in range(count + 1):
        start = time.perf_counter()
        task.module(**{name: tensor.to(device) for name, tensor in next(stream).items()}).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    task.module.zero_grad(set_to_none=True)
    times = times[1:]
    if readers:
        # Waits come in bursts: the mean of the second half.
        return sum(times[count // 2 :]) / len(times[count // 2 :])
    return sorted(times)[count // 2]


def _seconds_of_a_validation(task: Task) -> float:
    start = time.perf_counter()
    task.module.eval()
    with torch.no_grad():
        task.validate()
    task.module.train()
    return time.perf_counter() - start
