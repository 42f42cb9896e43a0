"""Warnings of readers and simulations about their input, shown on the page that asked instead of on the terminal."""

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
    """Collects the warnings of this thread while the block runs, in a process that called `hear_remarks`."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def with_remarks(make: Callable[[], T]) -> Callable[[], tuple[T, list[str]]]:
    """A function that calls `make` and returns its result together with the warnings collected meanwhile."""

    def made() -> tuple[T, list[str]]:
        with remarks() as heard:
            return make(), heard

    return made


def hear_remarks() -> None:
    """From now on, warnings within `remarks` are collected there; all others are shown as before.

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
    # Also a warning that was given before, perhaps to another visitor.
    warnings.simplefilter("always", InputWarning)
