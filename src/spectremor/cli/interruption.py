"""Ctrl-C and SIGTERM: one line, and the exit code by which shells know a command that was stopped."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys

# What `typing` would say; loading it would leave signals unwatched for longer while Python starts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn


class Interruption:
    """What has stopped the command.

    Attributes:
        number: of the signal; 0 when none came.
        result: the exit code of the work, once it is over: from then on a signal stops nothing.
    """

    number: int = 0
    result: int | None = None

    @property
    def code(self) -> int:
        """The exit code: that of the work, once it is over, else 130 after Ctrl-C (SIGINT), 143 after SIGTERM."""
        return 128 + (self.number or signal.SIGINT) if self.result is None else self.result

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Stop the work in an orderly way; end the process at once, when asked again."""
        if self.number:
            os._exit(self.code)
        self.number = number
        # What destructors and callbacks say of the interruption is no news.
        sys.unraisablehook = lambda _unraisable: None
        if self.result is not None:
            return
        if _loads_torch():
            # Its C++ aborts the process where an exception comes out of Python. Nothing has been begun so early.
            os.write(2, b"interrupted\n")
            os._exit(self.code)
        raise KeyboardInterrupt


def _loads_torch() -> bool:
    """Whether torch is being imported just now."""
    spec = getattr(sys.modules.get("torch"), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def watched(work: Callable[[Interruption], int], *, until_exit: bool) -> NoReturn:
    """Do the work and leave with its exit code; say "interrupted" and leave with the signal's where one stops it.

    Args:
        work: gives the exit code.
        until_exit: whether the process ends with the work. What comes while Python shuts down is then too late to
            stop anything, and ignored; a second signal ends a shutdown that takes too long. Else signals do
            afterwards what they did before.
    """
    interruption = Interruption()
    hook, before = sys.unraisablehook, {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            # Ignored by the shell that put the command into the background: so it stays.
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, interruption.on_signal)
        interruption.result = work(interruption)
    except BaseException as error:
        # An interrupted import often ends as another error.
        if not interruption.number and not isinstance(error, KeyboardInterrupt):
            raise
        interruption.result = interruption.code
        with contextlib.suppress(OSError, ValueError):
            print("interrupted", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        if until_exit:
            # Threads have ended by then. Python takes its handlers away later still, but leaves an ignored signal so.
            atexit.register(_ignore, tuple(before))
        else:
            for number, handler in before.items():
                signal.signal(number, handler)
            sys.unraisablehook = hook
    raise SystemExit(interruption.result)


def _ignore(numbers: tuple[signal.Signals, ...]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
