"""Campaigns on a disk of their own that fills up, and on a queue whose jobs die: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store

pytestmark = pytest.mark.slow

CREATE = [sys.executable, "-m", "spectremor", "dataset", "create", "--preset", "tiny", "--grid-spacing", "600"]
ENVIRONMENT = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}

#: A disk of 4 MB that something else fills while the campaign runs; then there is room again.
FULL_DISK = """
mount -t tmpfs -o size=4m tmpfs "$1" 2> /dev/null || exit 77
cd "$1"; shift
"$@" > out 2> err &
command=$!
until [ "$(ls d.zarr/velocity 2> /dev/null | grep -c '^c[.]')" -ge 5 ]; do
    kill -0 $command 2> /dev/null || break
    sleep 0.02
done
cat /dev/zero > filler 2> /dev/null
wait $command; echo "code $?"
tail -n 1 err
find . -name '*.partial'
rm filler
"$@" > out 2> err; echo "code $?"
python -m spectremor dataset check d.zarr
"""

#: What SLURM's commands do, without a queue: the script is copied, as SLURM copies it, and runs at once.
SBATCH = """#!/bin/bash
here=$(dirname "$0")/..
cp "$1" "$here/script.$$"
setsid bash "$here/script.$$" > "$here/job.$$.log" 2>&1 &
echo "$!" >> "$here/jobs"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/bash
for job in "$@"; do kill -9 -- "-$job" 2> /dev/null; done
exit 0
"""


def test_a_disk_that_fills_up(tmp_path):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    alone = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", FULL_DISK, "bash", str(tmp_path)]
    command = [*CREATE, "--n", "60", "--workers", "2", "--out", "d.zarr"]
    try:
        done = subprocess.run(
            [*alone, *command], capture_output=True, text=True, check=False, env=ENVIRONMENT | {"PATH": path}
        )
    except FileNotFoundError:
        pytest.skip("needs a small disk of its own (unshare)")
    if "code" not in done.stdout:
        pytest.skip("needs a small disk of its own (mounting one is not allowed here)")
    first, said, *rest = done.stdout.splitlines()
    assert first == "code 1"
    assert "could not be written: No space left on device; make room, and the same command continues" in said
    # No half-written chunk was left; with room, the same command finishes.
    assert rest[0] == "code 0", done.stdout + done.stderr
    assert rest[1] == "d.zarr: 60 of 60 samples complete, 0 with problems"


def test_slurm_jobs_are_submitted_and_replaced(tmp_path):
    pytest.importorskip("dask_jobqueue")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "slurm.yaml").write_text("queue: cpu\ncores: 2\nmemory: 4GB\njobs: 1\n")
    out = tmp_path / "d.zarr"
    process = subprocess.Popen(
        [*CREATE, "--n", "80", "--slurm", str(tmp_path / "slurm.yaml"), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PATH": f"{programs}:{os.environ['PATH']}"},
    )
    try:
        _wait_for(lambda: out.exists() and len(CampaignStore.open(out).ids()) >= 3, process)
        subprocess.run([programs / "scancel", (tmp_path / "jobs").read_text().split()[0]], check=True)
        _, errors = process.communicate(timeout=400)
    finally:
        process.kill()
        subprocess.run([programs / "scancel", *(tmp_path / "jobs").read_text().split()], check=True)
    assert process.returncode == 0, errors
    assert len((tmp_path / "jobs").read_text().split()) == 2
    store = CampaignStore.open(out)
    assert len(store.ids()) == 80
    assert check_store(store) == {}


def _wait_for(condition, process) -> None:
    import time

    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for too long"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
