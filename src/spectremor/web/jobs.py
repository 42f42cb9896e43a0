"""Work in progress: what a page's worker does, how far it is, and whether it is still wanted."""

from __future__ import annotations

import threading
import time


class JobCancelledError(Exception):
    """The visitor does not want the result any more."""


class Job:
    """A piece of work in progress: what it does, which share is done, and whether it is still wanted.

    One thread works and reports, another one shows and cancels.
    """

    def __init__(self) -> None:
        self.doing, self.share = "waiting", 0.0
        self._begun_s = time.monotonic()
        self._unwanted = threading.Event()

    def cancel(self) -> None:
        """Stop at the next report."""
        self._unwanted.set()

    @property
    def cancelled(self) -> bool:
        """Whether it is not wanted any more."""
        return self._unwanted.is_set()

    def begin(self, doing: str) -> None:
        """Another step begins.

        Raises:
            JobCancelledError: the work is not wanted any more.
        """
        self.report(0.0)
        self.doing, self._begun_s = doing, time.monotonic()

    def report(self, share: float) -> None:
        """A share of this step is done.

        Raises:
            JobCancelledError: the work is not wanted any more.
        """
        if self.cancelled:
            raise JobCancelledError
        self.share = share

    @property
    def words(self) -> str:
        """What is being done, and how long that will still take where it can be told."""
        passed_s = time.monotonic() - self._begun_s
        if not 0.02 < self.share < 1:
            return self.doing
        left_s = passed_s * (1 - self.share) / self.share
        return f"{self.doing}: about {max(1, round(left_s))} s left"
