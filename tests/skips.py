"""A skipped test is named at the end of the run, and on CI it fails the run unless a committed list allows it."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

import pytest

_ALLOWED = Path(__file__).with_name("allowed_skips.txt")


class SkipGuard:
    """Collects the reasons of skipped tests and judges them when the session ends."""

    def __init__(self) -> None:
        lines = _ALLOWED.read_text(encoding="utf-8").splitlines()
        self.patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self.unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skip that no pattern of the list allows."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            if not any(fnmatch.fnmatch(f"{report.nodeid}: {reason}", pattern) for pattern in self.patterns):
                self.unexpected.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """On CI, an unexpected skip is a failure."""
        if self.unexpected and os.environ.get("CI") == "true":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was skipped and is not on the list."""
        if self.unexpected:
            terminalreporter.section("skips that tests/allowed_skips.txt does not allow (a failure on CI)")
            for line in self.unexpected:
                terminalreporter.write_line(line)
