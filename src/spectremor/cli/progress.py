"""What a person sees while work goes on, on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def spinner(message: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with a message, on a terminal; yields a function that changes the message."""
    from rich.console import Console

    with Console(stderr=True).status(message) as status:
        yield lambda text: status.update(text)


#: Seconds between lines where stderr is not a terminal.
_LOG_EVERY_S = 30.0


@contextlib.contextmanager
def counted() -> Iterator[Callable[[int, int, str], None]]:
    """Yields a function of (done, total, what): a bar with the time left on a terminal, a line now and then in a log.

    Where `done` falls or `total` changes, other work has begun, and its time is counted afresh.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Log()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        before = (0, 0)

        def advance(done: int, total: int, what: str) -> None:
            nonlocal before
            if total != before[1] or done < before[0]:
                bar.reset(task, total=total)
            before = (done, total)
            bar.update(task, completed=done, total=total, description=what)

        yield advance


class _Log:
    """One line when work begins, and then one every half minute."""

    def __init__(self) -> None:
        self._before = (0, 0)
        self._start = self._last = 0.0
        self._from = 0

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        begins = total != self._before[1] or done < self._before[0]
        if begins:
            self._start, self._from = now, done
        self._before = (done, total)
        if begins or now - self._last >= _LOG_EVERY_S:
            self._last = now
            rate = (now - self._start) / (done - self._from) if done > self._from else 0.0
            left = f", {rate * (total - done) / 60:.1f} min left" if rate else ""
            print(f"{what}: {done} of {total}{left}", file=sys.stderr, flush=True)  # noqa: T201
