"""Work of which only the newest counts: done in a thread, and given up as soon as the visitor wants something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from spectremor.web.jobs import Job

T = TypeVar("T")
#: Shared by all visitors: short pieces of work, which must wait neither for models nor for uploads.
_WORKERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="measuring")


class Newest:
    """One kind of work for one page.

    Args:
        on_page: runs something while the page's document is locked.
        complaints: says on the page what goes wrong inside it.
    """

    def __init__(
        self, on_page: Callable[[Callable[[], None]], None], complaints: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._on_page, self._complaints = on_page, complaints
        self._job: Job | None = None
        self._task: asyncio.Future[None] | None = None

    def ask(self, make: Callable[[Job], T], show: Callable[[T], None]) -> None:
        """Make something in a thread and show it, in place of whatever was asked for before.

        Without an event loop, as in a notebook or a test, it is made and shown at once.

        Args:
            make: runs in the thread; is told by its job when nobody waits for it any more.
            show: runs while the page's document is locked, unless something else has been asked for.
        """
        self.cancel()
        job = self._job = Job()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with self._complaints():
                show(make(job))
            return
        # Kept: the loop itself holds tasks but loosely.
        self._task = asyncio.ensure_future(self._work(make, show, job))

    def cancel(self) -> None:
        """Give up what is being made."""
        if self._job is not None:
            self._job.cancel()

    async def _work(self, make: Callable[[Job], T], show: Callable[[T], None], job: Job) -> None:
        with self._complaints():
            try:
                made = await asyncio.get_running_loop().run_in_executor(_WORKERS, _unless_cancelled, make, job)
            except Exception:
                if job.cancelled:
                    return
                raise
            self._on_page(lambda: None if job.cancelled else show(made))


def _unless_cancelled(make: Callable[[Job], T], job: Job) -> T:
    job.report(0.0)
    return make(job)
