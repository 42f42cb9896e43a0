"""How far a running simulation is, told to whoever listens in the thread that started it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("simulation_progress", default=None)


@contextlib.contextmanager
def progress_told_to(hearer: Callable[[float], None]) -> Iterator[None]:
    """Tell somebody which share of a simulation's steps is done, in [0, 1], while the block runs.

    This reaches simulations inside of models, whose calls have no argument for it. What the hearer raises stops the
    simulation and reaches the caller. Only simulations of the same thread are told of; results do not depend on it.

    Args:
        hearer: called now and then with the share.

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
    """The function that is called with the progress of simulations in this thread; None: there is none."""
    return _listener.get()
