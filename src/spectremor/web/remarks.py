"""Collects warnings about the input, to be shown on the visitor's page instead of on the terminal."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from spectremor.core.errors import InputWarning

T = TypeVar("T")
_collected: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


@contextlib.contextmanager
def collecting_remarks() -> Iterator[list[str]]:
    """Collect the input warnings of this thread in the block; needs `enable_remark_collection` once before."""
    collected: list[str] = []
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


def with_remarks(make: Callable[[], T]) -> Callable[[], tuple[T, list[str]]]:
    """A function that calls `make` and returns its result and the warnings of the call."""

    def made() -> tuple[T, list[str]]:
        with collecting_remarks() as collected:
            return make(), collected

    return made


def enable_remark_collection() -> None:
    """From now on, collect input warnings inside `collecting_remarks`; show all other warnings as before.

    This changes the warning settings of the whole process for good, so it is only for a process that serves pages. The
    settings belong to all threads together; threads that changed them temporarily would undo each other's changes.
    """
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        collected = _collected.get()
        if collected is None or not issubclass(category, InputWarning):
            before(message, category, *where, **more)
        elif str(message) not in collected:
            collected.append(str(message))

    warnings.showwarning = show
    # Also warnings that were given before, perhaps for another visitor.
    warnings.simplefilter("always", InputWarning)
