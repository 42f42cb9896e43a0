"""How far a running simulation is, told to whoever listens in the thread that started it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

#: Steps of a run between two reports: a moment in which nothing is told, and a run that is stopped goes on.
STEPS_BETWEEN = 10

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("simulation_progress", default=None)


@contextlib.contextmanager
def progress_told_to(listener: Callable[[float], None]) -> Iterator[None]:
    """Tell a listener which share of a simulation's steps is done, in [0, 1], while the block runs.

    What the listener raises stops the simulation and reaches the caller. Only simulations of the same thread are told
    of; results do not depend on it.

    Args:
        listener: called after every `STEPS_BETWEEN` steps.

    Example:
        >>> shares = []
        >>> with progress_told_to(shares.append):
        ...     pass  # spectremor.simulate(...)
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def deepwave_options() -> dict[str, Any]:
    """Arguments of a call to deepwave by which the listener is told; none where nobody listens."""
    listener = _listener.get()
    if listener is None:
        return {}
    return {
        "forward_callback": lambda state: listener(min(1.0, state.step / max(1, state.n_steps))),
        "callback_frequency": STEPS_BETWEEN,
    }
