"""What a cold command loads: torch and what it computes with, and nothing else that is large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dask.array
import numpy as np
import pytest
import xarray as xr
from xarray.core import variable
from xarray.namedarray import utils

import spectremor
from spectremor.cli.without_dask import leave_dask_out

GEOLOGY = Path(spectremor.__file__).parent / "examples" / "geology.nc"
#: Nothing of this is needed to generate.
IDLE = ["torch._dynamo", "torch._inductor", "sympy", "diffusers", "transformers", "accelerate", "matplotlib"]
IDLE += ["obspy", "pyproj", "panel", "bokeh", "zarr", "dask", "distributed", "pytest"]
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


def test_arrays_of_dask_are_still_known_where_dask_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "is_dask_collection", utils.is_dask_collection)
    monkeypatch.setattr(variable, "array_type", variable.array_type)
    leave_dask_out()
    assert utils.is_duck_dask_array(dask.array.ones(3))
    assert not utils.is_duck_dask_array(np.ones(3))
    hidden = dask.array.ma.masked_greater(dask.array.arange(3, dtype=float), 1)
    field = xr.DataArray(hidden, dims="x")
    assert field.chunks is not None
    np.testing.assert_array_equal(field, [0, 1, np.nan])


@pytest.mark.parametrize(("words", "put_off"), [(["generate", "--help"], True), (["simulate", "--help"], False)])
def test_garbage_is_put_off_in_a_short_verb_alone(words: list[str], put_off: bool) -> None:
    program = "import atexit, gc; atexit.register(lambda: print(gc.get_threshold()[0]))\n"
    program += "from spectremor.cli import process\nprocess()"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert (int(done.stdout.split()[-1]) > 700) == put_off
