"""The command line: parse, call, show."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    # First: from here on an interruption is one line, also while everything else is imported.
    from spectremor.cli.interruption import interruptions

    with interruptions() as interruption:
        from spectremor.cli import app

        code = app.run(interruption)
    raise SystemExit(code)


__all__ = ["main"]
