"""What a person sees while work goes on: on stderr, and only on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def spinner(message: str) -> Iterator[Callable[[str], None]]:
    """Show a spinner with a message; yields a function that changes the message."""
    from rich.console import Console

    with Console(stderr=True).status(message) as status:
        yield lambda text: status.update(text)
