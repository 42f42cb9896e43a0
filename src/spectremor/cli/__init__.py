"""The command line: parse, call, show."""

from __future__ import annotations

from spectremor.cli.collection import put_off_collection

# Early: from here on an interruption is one line, also while everything else is imported.
from spectremor.cli.interruption import Interruption, watched

TYPE_CHECKING = False  # of `typing`, which takes its time to load
if TYPE_CHECKING:
    from typing import NoReturn


def process() -> NoReturn:
    """The `spectremor` command: run the command line and end the process with its exit code."""
    put_off_collection()
    watched(_run, until_exit=True)


def main() -> NoReturn:
    """As `process`, for a program that goes on: raises SystemExit, and leaves signals as they were."""
    watched(_run, until_exit=False)


def _run(interruption: Interruption) -> int:
    from spectremor.cli import app

    return app.run(interruption)


__all__ = ["main", "process"]
