"""benchmarks/frontier.py: on one published sample, stopped half way; on a campaign's case; tables of other weights."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(out: Path, hemew3d: Path, *more: str) -> list[dict[str, str]]:
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "frontier.py"),
        "--quick",
        "--model",
        "hybrid",
        "--out",
        str(out),
        *more,
    ]
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
        "hybrid: stage 1",
        "hybrid: expect",
        "hybrid: both, 1 steps",
    ]
    assert float(first[1]["EG"]) > float(first[0]["EG"]) > 6
    assert (tmp_path / "frontier.png").stat().st_size > 10_000
    lines = (tmp_path / "frontier.csv").read_text().splitlines(keepends=True)
    (tmp_path / "frontier.csv").write_text("".join(lines[:-1]))
    again = run(tmp_path, hemew3d)
    assert again[:4] == first[:4]
    assert again[4]["EG"] == first[4]["EG"]
    table = {
        row["contender"]: row for row in csv.DictReader((tmp_path / "frontier_table.csv").read_text().splitlines())
    }
    assert float(table["300 m, order 8"]["EG_at_equal_time"]) == 0
    assert float(table["hybrid: stage 1"]["EG"]) == pytest.approx(float(again[2]["EG"]), rel=1e-3)
    others = (tmp_path / "frontier.csv").read_text().replace("solver ", "solver 0")
    (tmp_path / "frontier.csv").write_text(others)
    assert [r["made_by"][:8] for r in run(tmp_path, hemew3d, "--parts", "simulation")].count("solver 0") == 2
    assert len((tmp_path / "frontier_table.csv").read_text().splitlines()) == 1 + 2


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_campaigns_cases_are_truth_for_coarser_grids(tmp_path, hemew3d):
    words = ["dataset", "create", "--preset", "hemews", "--n", "1", "--split", "test", "--grid-spacing", "300", "--out"]
    subprocess.run([sys.executable, "-m", "spectremor", *words, str(tmp_path / "fine.zarr")], check=True, timeout=400)
    words = ["--samples", "--data", str(tmp_path / "fine.zarr"), "--parts", "simulation"]
    found = run(tmp_path, hemew3d, *words, "--every", "4")
    assert [(r["truth"], r["case"], r["contender"]) for r in found] == [("300 m", "3", "400 m, order 8")]
    # Scores at other sensors are measured anew, and stand apart.
    both = run(tmp_path, hemew3d, *words)
    assert [r["truth"] for r in both] == ["300 m", "300 m, 1024 sensors"]
    assert 6 < float(found[0]["EG"]) < 10
