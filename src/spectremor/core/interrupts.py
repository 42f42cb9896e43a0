"""SIGTERM and Ctrl-C as a request, which work takes note of where it can stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether the process was asked to stop.

    Attributes:
        number: the signal that asked for it; None: not asked.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    def is_set(self) -> bool:
        """Whether the process was asked to stop."""
        return self.number is not None


@contextmanager
def asked_to_stop(then: Callable[[], object] = lambda: None) -> Iterator[StopRequest]:
    """A request that SIGTERM and SIGINT set; a second signal ends the process as usual.

    Outside the main thread, where Python takes no signals, it is never set.

    Args:
        then: called as soon as a signal has set the request.
    """
    asked = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def take_note(number: int, _frame: FrameType | None) -> None:
        asked.number = number
        signal.signal(number, before[signal.Signals(number)])
        then()

    for number, handler in before.items():
        # Ignored by the shell that put the command into the background: so it stays.
        if handler is not signal.SIG_IGN:
            signal.signal(number, take_note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
