"""Batches of a training, and other work, prepared ahead by other processes so that a GPU does not wait for them.

A batch is a function of (seed, step) alone: the process that prepares it, and the moment, change nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from spectremor.core.errors import InputError
from spectremor.training.processes import processes
from spectremor.training.task import Task

Batch = Mapping[str, Tensor]
Made = TypeVar("Made")

#: Results that each reader may be ahead.
_AHEAD = 3
#: Readers beside a GPU, as far as there are cores for them.
_READERS_GPU = 14


def check_readers(readers: int | None) -> int:
    """How many processes prepare batches: the number asked for; by default none for a training on the CPU.

    Raises:
        InputError: a negative number, or a system on which a process cannot be forked.
    """
    if readers is None:
        return _beside_a_gpu() if torch.cuda.is_available() else 0
    if readers < 0:
        raise InputError("--readers", readers, "0 or more")
    if readers and "fork" not in multiprocessing.get_all_start_methods():
        raise InputError("--readers", readers, "0 on this system")
    return readers


def _beside_a_gpu() -> int:
    """As many as the cores that this process may use allow it, two of them left for itself."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_READERS_GPU, max(0, usable // processes().num_processes - 2))


def batches(task: Task, first: int, last: int, *, rank: int, world: int, readers: int) -> Generator[Batch]:
    """This process's share of the items of each of the steps from `first` up to `last`.

    Args:
        task: whose.
        first: step, from 0.
        last: step before which they end.
        rank: of this process among the `world` that train together.
        world: see `rank`.
        readers: processes that make them ahead; none: they are made here when they are asked for.
    """
    if first < last:
        # The first batch is always prepared in this process. It fills what the task derives from its module, which may
        # be on a GPU; the readers are forked afterwards and have it.
        yield task.batch(first, rank, world)
    yield from made_ahead(lambda step: task.batch(step, rank, world), range(first + 1, last), readers)


def made_ahead(make: Callable[[int], Made], numbers: Sequence[int], readers: int) -> Generator[Made]:
    """`make` of each number, in order.

    Args:
        make: must not touch a GPU where there are readers.
        numbers: what it is called with.
        readers: processes that call it ahead; none: it is called here, for each result when that is asked for.

    Raises:
        InputError: what `make` raised.
    """
    if not readers or not numbers:
        yield from map(make, numbers)
        return
    with warnings.catch_warnings():
        # More readers than cores were asked for.
        warnings.filterwarnings("ignore", "This DataLoader will create")
        loader = DataLoader(
            _Made(make),
            batch_size=None,
            sampler=numbers,
            num_workers=readers,
            prefetch_factor=_AHEAD,
            pin_memory=torch.cuda.is_available(),
            multiprocessing_context="fork",
            worker_init_fn=_apart,
            # Its own: a draw from torch's would shift what the training draws.
            generator=torch.Generator(),
        )
    for result in loader:
        if isinstance(result, InputError):
            raise result
        yield result


def _apart(_worker: int) -> None:
    """Leave the command's process group: a signal to the group reaches the command, which then ends its readers."""
    os.setpgid(0, 0)


def all_made(
    make: Callable[[int], object],
    numbers: Sequence[int],
    *,
    stop: Callable[[], bool],
    report: Callable[[float], None],
    readers: int,
) -> bool:
    """Call `make`, which stores its own result, with each number; False when stopped before the end.

    Args:
        make: see `made_ahead`.
        numbers: what it is called with.
        stop: asked before the first and after each.
        report: told the fraction done.
        readers: processes that call it.
    """
    if stop():
        return False
    # A reader's result stays in its process; only whether there is one is sent back.
    for done, _ in enumerate(made_ahead(lambda number: make(number) is not None, numbers, readers), start=1):
        report(done / len(numbers))
        if stop() and done < len(numbers):
            return False
    return True


class _Made(Dataset, Generic[Made]):
    """Results by number, as a loader asks for them."""

    def __init__(self, make: Callable[[int], Made]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Made | InputError:
        try:
            return self.make(number)
        except InputError as error:
            # Returned as a value: raised here, it would reach the main process as a text with a traceback.
            return error
