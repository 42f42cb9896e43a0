"""Background work of which only the latest request counts: an earlier one is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from spectremor.web.jobs import Job

T = TypeVar("T")
#: Threads for short work of all visitors, separate from those for models and uploads so that it need not wait.
_WORKERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="measuring")


class LatestWork:
    """One kind of work for one page.

    Args:
        on_page: calls a function while the page's document is locked.
        showing_errors: context manager that shows errors inside it on the page.
    """

    def __init__(
        self, on_page: Callable[[Callable[[], None]], None], showing_errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._on_page, self._showing_errors = on_page, showing_errors
        self._job: Job | None = None
        self._task: asyncio.Future[None] | None = None

    def ask(self, make: Callable[[Job], T], show: Callable[[T], None]) -> None:
        """Compute something in a thread and show it; cancels what was asked for before.

        Without an event loop, as in a notebook or a test, it is computed and shown at once.

        Args:
            make: runs in the thread; its job raises an error at the next report after it was cancelled.
            show: shows the result while the page's document is locked, unless the job was cancelled.
        """
        self.cancel()
        job = self._job = Job()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with self._showing_errors():
                show(make(job))
            return
        # The reference is kept because the event loop holds only weak references to tasks.
        self._task = asyncio.ensure_future(self._work(make, show, job))

    def cancel(self) -> None:
        """Cancel the work in progress."""
        if self._job is not None:
            self._job.cancel()

    async def _work(self, make: Callable[[Job], T], show: Callable[[T], None], job: Job) -> None:
        with self._showing_errors():
            try:
                result = await asyncio.get_running_loop().run_in_executor(_WORKERS, _unless_cancelled, make, job)
            except Exception:
                if job.cancelled:
                    return
                raise
            self._on_page(lambda: None if job.cancelled else show(result))


def _unless_cancelled(make: Callable[[Job], T], job: Job) -> T:
    job.report(0.0)
    return make(job)
