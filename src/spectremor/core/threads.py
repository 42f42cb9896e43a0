"""Several batches at once, each on one thread.

On a CPU this is faster than all threads on one small batch after another, where they wait for each other at every
layer; and the result of a batch does not depend on the number of threads.
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
    """A `map` over as many threads as torch may use, at most `most`; within each of them torch uses a single thread.

    Calls that have not begun when an exception (an interruption) leaves the block are dropped.
    """
    torch_threads = torch.get_num_threads()
    if torch_threads == 1:
        yield map
        return
    count = min(torch_threads, most)
    ready = threading.Barrier(count + 1)

    def begin() -> None:
        # Read before it is set: a thread that has never read the number later takes the one last set by any thread.
        torch.get_num_threads()
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(count, initializer=begin)
    try:
        for _ in range(count):
            pool.submit(int)
        ready.wait()
        # The number for threads that start later.
        torch.set_num_threads(torch_threads)
        yield pool.map
    finally:
        # An interruption may come while some threads wait at the barrier.
        ready.abort()
        torch.set_num_threads(torch_threads)
        pool.shutdown(cancel_futures=True)
