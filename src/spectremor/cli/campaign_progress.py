"""How a campaign shows its progress: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from spectremor.simulation.campaign import Progress

#: Seconds between lines of a log.
_EVERY_S = 30.0


@contextlib.contextmanager
def progress_reporter() -> Iterator[Callable[[Progress], None]]:
    """A function to call after every sample."""
    if sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _log()


@contextlib.contextmanager
def counter(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with how many are done, of how many: a bar on a terminal, silent in a log."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, total=total, completed=done)


def _log() -> Callable[[Progress], None]:
    last = -_EVERY_S

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S or progress.done == progress.total:
            last = now
            print(f"{progress.done}/{progress.total} samples, {_pace(progress)}", file=sys.stderr, flush=True)  # noqa: T201

    return report


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("simulating", total=None, pace="starting")
        yield lambda progress: bar.update(task, total=progress.total, completed=progress.done, pace=_pace(progress))


def _pace(progress: Progress) -> str:
    if progress.left_s is None:
        return "starting" if progress.threads else "waiting for workers"
    return f"{progress.per_hour:.0f} per hour, {_duration(progress.left_s)} left"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
