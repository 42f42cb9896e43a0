"""benchmarks/frontier.py on one published sample, stopped half way."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(out: Path, hemew3d: Path) -> list[dict[str, str]]:
    command = [sys.executable, str(ROOT / "benchmarks" / "frontier.py"), "--quick", "--out", str(out)]
    subprocess.run(command, check=True, env=os.environ | {"SPECTREMOR_SHARED": str(hemew3d.parent)}, timeout=400)
    with (out / "frontier.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.shared_data
def test_points_are_measured_once(tmp_path, hemew3d):
    first = run(tmp_path, hemew3d)
    assert [r["contender"] for r in first] == [
        "400 m, order 8",
        "300 m, order 8",
        "stage 1",
        "stage 1 + 2, 2 steps",
    ]
    assert float(first[1]["EG"]) > float(first[0]["EG"]) > 6
    assert (tmp_path / "frontier.png").stat().st_size > 10_000
    lines = (tmp_path / "frontier.csv").read_text().splitlines(keepends=True)
    (tmp_path / "frontier.csv").write_text("".join(lines[:-1]))
    again = run(tmp_path, hemew3d)
    assert again[:3] == first[:3]
    assert again[3]["EG"] == first[3]["EG"]
