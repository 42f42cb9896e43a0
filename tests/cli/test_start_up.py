"""What a cold command loads: torch and what it computes with, and nothing else that is large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import spectremor

GEOLOGY = Path(spectremor.__file__).parent / "examples" / "geology.nc"
#: Nothing of this is needed to generate.
IDLE = ["torch._dynamo", "torch._inductor", "sympy", "diffusers", "transformers", "accelerate", "matplotlib"]
IDLE += ["obspy", "pyproj", "panel", "bokeh", "zarr", "distributed", "pytest"]
IDLE += [f"scipy.{part}" for part in ("interpolate", "linalg", "ndimage", "optimize", "signal", "spatial", "stats")]

PROGRAM = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, sep="\\n"))
from spectremor.cli import main
main()
"""


def loaded_by_generate(out: Path, *model: str | Path) -> set[str]:
    arguments = ["generate", "--geology", GEOLOGY, "--source", "4800,4800,-8400,48,45,88", *model]
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments), "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert out.is_file()
    return set(result.stdout.splitlines())


def test_a_network_alone(tiny_model: Path, tmp_path: Path) -> None:
    loaded = loaded_by_generate(tmp_path / "out.nc", "--model", tiny_model)
    assert "torch" in loaded
    assert not loaded & {*IDLE, "deepwave"}


def test_the_default_model_which_simulates(tmp_path: Path) -> None:
    loaded = loaded_by_generate(tmp_path / "out.nc")
    assert "deepwave" in loaded
    assert not loaded & set(IDLE)
