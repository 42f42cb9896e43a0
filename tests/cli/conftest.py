"""The command line in the tests' own process."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from spectremor.cli.app import main


@pytest.fixture
def here() -> Callable[..., int]:
    """Runs a command in this process, and gives its exit code."""

    def run(*arguments: str | Path) -> int:
        terminate, argv = signal.getsignal(signal.SIGTERM), sys.argv
        try:
            sys.argv = ["spectremor", *map(str, arguments)]
            with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
                main()
        finally:
            sys.argv = argv
            signal.signal(signal.SIGTERM, terminate)
        return int(left.value.code)

    return run
