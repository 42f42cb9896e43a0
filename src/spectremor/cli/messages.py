"""Lines on standard error that wait until it is clear that the command is not refused: a refusal stands alone."""

from __future__ import annotations

import sys

_waiting: list[str] = []
_said: set[str] = set()
_released = False


def clear() -> None:
    """Forget what waits, and hold back what comes."""
    global _released
    _released = False
    _waiting.clear()
    _said.clear()


def say_once(line: str) -> None:
    """Say a line, or keep it until `release`; the same line once only: several steps of a job may see the same."""
    if line in _said:
        return
    _said.add(line)
    _waiting.append(line)
    if _released:
        release()


def release() -> None:
    """Say what waits, and from now on at once: the work begins, or has ended."""
    global _released
    _released = True
    for line in _waiting:
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    _waiting.clear()
