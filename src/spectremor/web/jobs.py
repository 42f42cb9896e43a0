"""Work in progress: its current step, its progress, and whether it was cancelled."""

from __future__ import annotations

import threading
import time


class JobCancelledError(Exception):
    """The job was cancelled."""


class Job:
    """Work in progress: its current step, the share that is done, and whether it was cancelled.

    One thread works and reports; another one shows the progress and may cancel.
    """

    def __init__(self) -> None:
        self.doing, self.share = "waiting", 0.0
        self._step_start_s = time.monotonic()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let the work stop at its next report."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled."""
        return self._cancelled.is_set()

    def begin(self, doing: str) -> None:
        """Start another step.

        Raises:
            JobCancelledError: the job was cancelled.
        """
        self.report(0.0)
        self.doing, self._step_start_s = doing, time.monotonic()

    def report(self, share: float) -> None:
        """Report the share of this step that is done.

        Raises:
            JobCancelledError: the job was cancelled.
        """
        if self.cancelled:
            raise JobCancelledError
        self.share = share

    @property
    def status(self) -> str:
        """The current step, with the remaining time if it can be estimated."""
        passed_s = time.monotonic() - self._step_start_s
        if not 0.02 < self.share < 1:
            return self.doing
        left_s = passed_s * (1 - self.share) / self.share
        return f"{self.doing}: about {max(1, round(left_s))} s left"
