"""What a step costs here, and how many of them a given time allows."""

from __future__ import annotations

import time

import torch

from spectremor.training.processes import processes
from spectremor.training.task import Task

#: Steps that are timed.
_TIMED = 5


def affordable_steps(task: Task, steps: int, minutes: float, trainings: int = 1) -> int:
    """Steps that each of so many trainings may take together within `minutes`: at least 1, at most `steps`.

    Args:
        task: prepared, not started; a few of its steps are timed, which leaves its weights as they are.
        steps: wanted.
        minutes: for all trainings together.
        trainings: how many share them.
    """
    task.start()
    device = processes().device
    task.module.to(device)
    times = []
    # The first one also loads and compiles: not counted.
    for step in range(_TIMED + 1):
        start = time.perf_counter()
        batch = {name: tensor.to(device) for name, tensor in task.batch(step, 0, 1).items()}
        task.module(**batch).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    times = times[1:]
    task.module.zero_grad(set_to_none=True)
    # The optimizer and the average take about a tenth beside.
    each = 1.1 * sorted(times)[_TIMED // 2]
    return max(1, int(min(steps, 60 * minutes / trainings / each)))
