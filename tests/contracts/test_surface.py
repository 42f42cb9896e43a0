"""The public names, the layers, and how quickly the command answers."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import spectremor

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", spectremor.__all__)
def test_public_name_exists(name: str) -> None:
    assert getattr(spectremor, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        spectremor.nonsense


def test_layers_hold() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_help_is_quick_and_loads_no_torch() -> None:
    code = "import sys, spectremor.cli.app, spectremor.cli.verbs as v; v.register(spectremor.cli.app.app); "
    code += "assert 'torch' not in sys.modules and 'xarray' not in sys.modules, 'heavy import'"
    subprocess.run([sys.executable, "-c", code], check=True)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "spectremor", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 1.0


VERBS = ["simulate", "dataset", "train", "generate", "evaluate", "export", "serve"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "spectremor", verb, "--help"], check=True, capture_output=True, text=True
    )
    assert f"spectremor {verb}" in result.stdout
