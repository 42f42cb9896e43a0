"""The worked example of a region: its parts are what the page says, and its program runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import spectremor as sp
from spectremor.model.folder import read_model_folder
from spectremor.model.region import MotionRequest, plan_region

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "regional"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regional_example", EXAMPLE / "regional.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ground_rupture_and_stations_are_what_a_model_takes(example: ModuleType) -> None:
    geology = example.ground()
    rupture, stations = example.rupture(geology), sp.read_stations(EXAMPLE / "stations.csv")
    assert geology.extent_m == (24_000.0, 24_000.0, 15_000.0)
    assert (geology.vs_m_s.min(), geology.vs_m_s.max()) == (800.0, 3700.0)
    in_basin, beside = (float(geology.vs.sel(x=x, y=12_000, z=0)) for x in (14_100, 3000))
    assert in_basin == 800.0
    assert beside == 1200.0
    assert rupture.mw == pytest.approx(5.8, abs=1e-3)
    assert len(stations.names) == 20
    learned = read_model_folder("simulation").config.learned
    assert learned is not None
    region = plan_region(learned, geology, rupture, MotionRequest(stations=stations, duration_s=16.0))
    assert region.similarity.length == 1.0
    assert region.recording.shape == (3, 20, 800)
    assert region.outside == ("slower ground", "a rupture", "a longer record", "a wider region")


@pytest.mark.slow
def test_the_program_generates_and_simulates(tmp_path: Path) -> None:
    program = [sys.executable, str(EXAMPLE / "regional.py"), "--out", str(tmp_path), "--draws", "2"]
    short = ["--duration", "8", "--grid-spacing", "300"]
    done = subprocess.run([*program, *short], env=os.environ, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    generated, simulated = (sp.read_wavefield(tmp_path / f"{name}.nc") for name in ("generated", "simulated"))
    assert generated.shape == (2, 3, 20, 400)
    assert simulated.shape == (3, 20, 400)
    # Both see the same long waves.
    long = [np.fft.rfft(field.values, axis=-1)[..., 1:4] for field in (generated[0], simulated)]
    assert np.abs(long[0] - long[1]).max() < 0.2 * np.abs(long[1]).max()
    assert done.stdout.splitlines()[1].split() == ["station", "generated", "simulated"]
    assert len(done.stdout.splitlines()) == 22
