"""Several batches at once, each on a thread of its own.

On a CPU this is faster than all threads on one small batch after another, where they wait for each other at every
layer; and what a batch gives does not depend on the number of threads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextlib.contextmanager
def thread_map(most: int) -> Iterator[Map]:
    """A `map` over as many threads as torch may use, at most `most`; in each of them torch itself uses one.

    What is not begun when the block is left by an exception (an interruption) is dropped.
    """
    own = torch.get_num_threads()
    if own == 1:
        yield map
        return
    count = min(own, most)
    ready = threading.Barrier(count + 1)

    def begin() -> None:
        # Asked first: a thread that was never asked takes the number that was set last anywhere, later on.
        torch.get_num_threads()
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(count, initializer=begin)
    try:
        for _ in range(count):
            pool.submit(int)
        ready.wait()
        # What threads that start later are given.
        torch.set_num_threads(own)
        yield pool.map
    finally:
        # An interruption may come while some of them wait.
        ready.abort()
        torch.set_num_threads(own)
        pool.shutdown(cancel_futures=True)
