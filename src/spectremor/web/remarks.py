"""What readers and simulations remark on their input: heard by the page that asked, instead of by the terminal."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from spectremor.core.errors import InputWarning

T = TypeVar("T")
_heard: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


@contextlib.contextmanager
def remarks() -> Iterator[list[str]]:
    """The remarks made in this thread while the block runs, where the process hears them (`hear_remarks`)."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def with_remarks(make: Callable[[], T]) -> Callable[[], tuple[T, list[str]]]:
    """Makes something, and gives it together with the remarks made meanwhile."""

    def made() -> tuple[T, list[str]]:
        with remarks() as heard:
            return make(), heard

    return made


def hear_remarks() -> None:
    """From now on, what this process warns of within `remarks` is kept there; all else is shown as before.

    For a process that serves pages and does nothing else: the list of warnings that Python keeps belongs to all threads
    together, and threads that change it for a while undo each other's changes.
    """
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        heard = _heard.get()
        if heard is None or not issubclass(category, InputWarning):
            before(message, category, *where, **more)
        elif str(message) not in heard:
            heard.append(str(message))

    warnings.showwarning = show
    # Also what has been said before: to another visitor, perhaps.
    warnings.simplefilter("always", InputWarning)
