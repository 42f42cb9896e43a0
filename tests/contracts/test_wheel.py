"""A wheel built from the tree, installed in an empty environment, runs the main job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import numpy as np, spectremor as sp
from spectremor.examples import example_geology, example_source
field = sp.load_model().generate(example_geology(), example_source())
assert field.shape == (1, 3, 32, 32, 320) and np.isfinite(field.values).all()
sp.write_wavefield(field, "field.nc")
"""


def run(*command: str | Path, cwd: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_wheel_in_an_empty_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run("bash", ROOT / "scripts" / "install_torch.sh", python, cwd=ROOT)
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "requirements.lock", wheel, cwd=tmp_path)
    run(python, "-c", PROGRAM, cwd=tmp_path)
    assert (tmp_path / "field.nc").stat().st_size > 1_000_000
