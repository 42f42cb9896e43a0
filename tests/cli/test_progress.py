"""What a log shows of long work: where it is, and how long it will still take."""

from __future__ import annotations

import re

import pytest

from spectremor.cli import progress


def test_a_log_has_a_line_for_each_part_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.counted() as advance:
        for total, what, seconds in ((50, "training", 6.0), (10, "events", 60.0)):
            for done in range(total + 1):
                advance(done, total, what)
                clock[0] += seconds
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training: 0 of 50"
    # Every half minute, not every step; 6 s a step.
    assert lines[1] == "training: 5 of 50, 4.5 min left"
    events = [line for line in lines if line.startswith("events")]
    # The other work's time is counted afresh: a minute an event.
    assert events[0] == "events: 0 of 10"
    assert re.fullmatch(r"events: 4 of 10, 6.0 min left", events[4])
    assert events[-1].endswith("0.0 min left")
