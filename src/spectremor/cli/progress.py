"""What a person sees while work goes on, on stderr: the one display of progress."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from spectremor.cli import messages

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from spectremor.campaign.run import Progress as Campaign

#: Seconds between lines where stderr is not a terminal, and before the first: what is refused at once says no more.
_LOG_EVERY_S = 30.0
_FIRST_AFTER_S = 2.0


@contextlib.contextmanager
def spinner(message: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with a message, on a terminal; yields a function that changes the message."""
    from rich.console import Console

    messages.release()
    with Console(stderr=True).status(message) as status:
        yield lambda text: status.update(text)


class Display(Protocol):
    """Where work stands; where `done` falls or `total` changes, other work has begun, and its time starts afresh."""

    def __call__(self, done: float, total: float, what: str) -> None:
        """Show how much is done, of how much, and of what."""
        ...

    def say(self, line: str) -> None:
        """Print a line that stays."""
        ...


@contextlib.contextmanager
def counted(*, percent: bool = False, quiet: bool = False) -> Iterator[Display]:
    """A display: a bar with the time left on a terminal, a line now and then in a log.

    Args:
        percent: show the share that is done, in place of the numbers.
        quiet: show nothing, as a process that trains beside the main one.
    """
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet)
    if quiet or not console.is_terminal:
        log = _Log(percent=percent, quiet=quiet)
        try:
            yield log
        finally:
            log.close()
        return
    messages.release()
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    amount = TaskProgressColumn() if percent else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar)


@contextlib.contextmanager
def fraction_shown() -> Iterator[Callable[[float, str], None]]:
    """As `counted`: yields a function of (fraction done, what)."""
    with counted(percent=True) as display:
        yield lambda fraction, what: display(fraction, 1.0, what)


@contextlib.contextmanager
def campaign_shown() -> Iterator[Callable[[Campaign], None]]:
    """As `counted`: yields a function of where a campaign stands."""
    with counted() as display:
        yield lambda campaign: display(campaign.done, campaign.total, _doing(campaign))


def _doing(campaign: Campaign) -> str:
    if campaign.left_s is None:
        return "simulating: starting" if campaign.threads else "simulating: waiting for workers"
    return f"simulating {campaign.per_hour:.0f} samples per hour"


class _Bar:
    """A bar on a terminal."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)
        self._before = (0.0, 0.0)

    def __call__(self, done: float, total: float, what: str) -> None:
        if total != self._before[1] or done < self._before[0]:
            self._bar.reset(self._task, total=total)
        self._before = (done, total)
        self._bar.update(self._task, completed=done, total=total, description=what)

    def say(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False)


class _Log:
    """One line when work has begun that takes long, and then one every half minute."""

    def __init__(self, *, percent: bool, quiet: bool) -> None:
        self._percent, self._quiet = percent, quiet
        self._before = (0.0, 0.0)
        self._start_s = self._last_s = 0.0
        self._from = 0.0
        self._first: str | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __call__(self, done: float, total: float, what: str) -> None:
        now_s = time.monotonic()
        begins = total != self._before[1] or done < self._before[0]
        self._before = (done, total)
        amount = f"{done / total:.0%}" if self._percent else f"{done:g} of {total:g}"
        if begins:
            self._start_s, self._last_s, self._from = now_s, now_s, done
            self._say_soon(f"{what}: {amount}")
            return
        if now_s - self._start_s >= _FIRST_AFTER_S:
            self._say_first()
        if now_s - self._last_s >= _LOG_EVERY_S:
            self._last_s = now_s
            rate = (now_s - self._start_s) / (done - self._from) if done > self._from else 0.0
            left = f", {rate * (total - done) / 60:.1f} min left" if rate else ""
            self.say(f"{what}: {amount}{left}")

    def say(self, line: str) -> None:
        if not self._quiet:
            messages.release()
            print(line, file=sys.stderr, flush=True)  # noqa: T201

    def close(self) -> None:
        """The work has ended: what has not been said by now is not worth saying."""
        if self._timer is not None:
            self._timer.cancel()

    def _say_soon(self, line: str) -> None:
        self.close()
        with self._lock:
            self._first = line
        self._timer = threading.Timer(_FIRST_AFTER_S, self._say_first)
        self._timer.daemon = True
        self._timer.start()

    def _say_first(self) -> None:
        with self._lock:
            line, self._first = self._first, None
        if line is not None:
            self.say(line)
