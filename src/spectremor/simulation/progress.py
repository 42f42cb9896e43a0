"""Progress of a running simulation, reported to a function that the same thread has set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("simulation_progress", default=None)


@contextlib.contextmanager
def progress_told_to(hearer: Callable[[float], None]) -> Iterator[None]:
    """Report the share of a simulation's steps that is done, in [0, 1], to a function while the block runs.

    This reaches simulations inside models, whose calls have no argument for it. An exception in the function stops the
    simulation and reaches the caller. Only simulations in the same thread are reported; results do not depend on it.

    Args:
        hearer: function that is called from time to time with the share.

    Example:
        >>> shares = []
        >>> with progress_told_to(shares.append):
        ...     pass  # spectremor.simulate(...)
    """
    token = _listener.set(hearer)
    try:
        yield
    finally:
        _listener.reset(token)


def listener() -> Callable[[float], None] | None:
    """The function that is called with the progress of simulations in this thread; None where none is set."""
    return _listener.get()
