"""Ctrl-C and SIGTERM: one line, and the exit code by which shells know a command that was stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


class Interruption:
    """What has stopped the command.

    Attributes:
        number: of the signal; 0 when none came.
    """

    number: int = 0

    @property
    def code(self) -> int:
        """The exit code: 130 after Ctrl-C (SIGINT), 143 after SIGTERM."""
        return 128 + (self.number or signal.SIGINT)

    def on_signal(self, number: int, _frame: FrameType | None) -> NoReturn:
        """Stop in an orderly way; at once, when asked again."""
        if self.number:
            os._exit(self.code)
        self.number = number
        # What destructors and callbacks say of the interruption is no news.
        sys.unraisablehook = lambda _unraisable: None
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptions() -> Iterator[Interruption]:
    """Watch for signals; end with the line "interrupted" and the signal's exit code where one stops the block."""
    interruption = Interruption()
    numbers = [signal.SIGINT, signal.SIGTERM]
    # Ignored by the shell that put the command into the background: so it stays.
    numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interruption.on_signal) for number in numbers}
    hook = sys.unraisablehook
    try:
        yield interruption
    except BaseException as error:
        # An interrupted import often ends as another error.
        if not interruption.number and not isinstance(error, KeyboardInterrupt):
            raise
        with contextlib.suppress(OSError, ValueError):
            print("interrupted", file=sys.stderr, flush=True)  # noqa: T201
        raise SystemExit(interruption.code) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
