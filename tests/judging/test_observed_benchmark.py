"""The benchmark of recordings at some sensors: what it hands over, and whom it compares."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("observed_benchmark", BENCHMARKS / "observed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_pairs_are_of_a_recorded_sensor_and_one_beside_it_that_is_not(benchmark: ModuleType) -> None:
    # Of 3 x 4 sensors: a corner, and two that stand beside each other.
    pairs = benchmark.neighbours(np.array([0, 6, 7]), (3, 4))
    assert {tuple(map(int, pair)) for pair in pairs} == {(0, 4), (0, 1), (6, 2), (6, 10), (6, 5), (7, 3), (7, 11)}


def test_recordings_are_the_truth_with_the_error_that_the_model_assumes(benchmark: ModuleType) -> None:
    store = SimpleNamespace(
        x_m=np.array([100.0, 400.0]), y_m=np.array([50.0, 350.0, 650.0]), time_s=np.arange(500) / 50, sampling_hz=50.0
    )
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((6, 3, 500)) * np.array([1, 2, 3, 4, 5, 6])[:, None, None]
    records = benchmark.recordings(store, truth, np.array([4, 1]), rng)
    assert (records.x.values.tolist(), records.y.values.tolist()) == ([400.0, 100.0], [350.0, 350.0])
    errors = records.transpose("station", "component", "time").values - truth[[4, 1]]
    assert np.std(errors, axis=(1, 2)) == pytest.approx([0.05, 0.02], rel=0.05)
    assert benchmark.recordings(store, truth, np.array([], int), rng) is None


def test_perfect_draws_score_fully_and_hold_the_truth(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((5, 3, 320)) * np.exp(-np.arange(320) / 60)
    factors = np.exp(0.1 * rng.standard_normal((47, 5, 1, 1)))
    found = benchmark.scores(truth * factors, truth, 0.02, 5.0)
    assert found["draw_PG"] == pytest.approx(10.0)
    assert found["ln_D5_95"] == pytest.approx(0.0, abs=1e-9)
    assert found["inside_2_sigma PGV"] == 1.0
    # A factor of all components and times is the same for every quantity.
    assert found["crps_ln PGV"] == pytest.approx(found["crps_ln SA(1 s)"])
    assert found["crps_ln PGV"] > 0
