"""The signals that stop a training, and the lock that keeps other commands out of its folder."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from spectremor.core.files import locked
from spectremor.training.processes import processes


def alone_in(run: Path) -> AbstractContextManager[None]:
    """The run's lock: two commands in one run would take away each other's checkpoints.

    Raises:
        InputError: another command is training there.
    """
    if not processes().is_main_process:
        return nullcontext()
    return locked(run, field="--out", allowed="a run that no other command is training")


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; a second one ends the process as usual."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def remember(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, remember)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
