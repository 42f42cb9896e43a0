"""Uniform and layered ground against pyprop8, an independent code that integrates over wavenumbers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "layered.py"
#: 11 points per shear wavelength at the corner of the low-pass in the uniform ground, 6.7 in the slowest layer.
SPACING_M = 150.0


@pytest.fixture(scope="module")
def layered():
    spec = importlib.util.spec_from_file_location("layered_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("ground", ["uniform", "layered", "steps"])
def test_within_three_percent_of_an_independent_code(layered, ground):
    """Relative rms over 12 sensors from 2 to 7.4 km, three azimuths; and no distance is much worse.

    The interfaces of "steps" are sharper than a cell.
    """
    sources = layered.mechanisms()
    ours = layered.simulated(layered.GROUNDS[ground], list(sources.values()), SPACING_M)
    theirs = layered.reference(layered.GROUNDS[ground], list(sources.values()))
    for i, name in enumerate(sources):
        assert layered.relative_rms(ours[i], theirs[i]) <= 0.03, name
        for x in range(ours.shape[2]):
            assert layered.relative_rms(ours[i][:, x], theirs[i][:, x]) <= 0.04, name
        assert np.sum(ours[i] * theirs[i]) / np.sum(theirs[i] ** 2) == pytest.approx(1.0, abs=0.01), name


@pytest.mark.slow
def test_the_independent_code_has_converged(layered):
    """Longer padding and denser wavenumbers move it by far less than what is asked of the simulator."""
    sources = list(layered.mechanisms().values())
    ground = layered.GROUNDS["uniform"]
    usual, better = layered.reference(ground, sources), layered.reference(ground, sources, period_s=40.0, finer=2.0)
    assert layered.relative_rms(usual, better) <= 0.006
