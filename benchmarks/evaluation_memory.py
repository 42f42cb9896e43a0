"""How much memory does the evaluation of a large test set take, from the first event to the report?

    python benchmarks/evaluation_memory.py [--events 3000] [--contenders 6]

Events of 32 x 32 sensors, all judged. What costs time but keeps nothing is left out: every event has the same motion,
whose traits are computed once, and scores are random numbers of the right shape. Everything that is kept, and the whole
report, are real. The first event is also scored for real, so that the peak holds the work arrays of a goodness of fit.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.judging import benchmark, tally
from spectremor.judging.contenders import Case
from spectremor.report import benchmark_report as report

SENSORS, SAMPLES, HZ = 32, 320, 50.0
NAMES = ("stage 1", "stage 1 x gain", "stage 1 + regression", "stage 1 + diffusion")


class SameEvent:
    """A campaign store whose events are all alike."""

    def __init__(self, events: int) -> None:
        rng = np.random.default_rng(0)
        shape = (3, SENSORS, SENSORS, SAMPLES)
        self.field = np.cumsum(rng.standard_normal(shape), axis=-1).astype(np.float32) * 1e-3
        self.count, self.path, self.also_m, self.grid_spacing_m = events, Path("same.zarr"), (), 150.0
        self.x_m = self.y_m = 150.0 + 300.0 * np.arange(SENSORS)
        self.time_s, self.sampling_hz, self.attrs = np.arange(SAMPLES) / HZ, HZ, {"band_high_hz": 5.0}

        self.stations = None
        self.recording = Recording(
            sensors=SensorGrid(self.x_m, self.y_m), samples=SAMPLES, sampling_hz=HZ, lowpass_hz=5.0
        )

    def band_high_hz(self, _event: int) -> float:
        """Of the campaign."""
        return 5.0

    def ids(self, _split: str) -> np.ndarray:
        """All of them."""
        return np.arange(self.count)

    def velocity(self, _event: int) -> np.ndarray:
        """The same motion, m/s."""
        return self.field

    def geology(self, _event: int) -> Any:
        """Something uniform."""
        return make_geology(np.full((8, 8, 8), 2000.0, np.float32), (9600.0, 9600.0, 9600.0))

    def source(self, _event: int) -> Source:
        """Something deep."""
        return Source.from_angles(position_m=(4800, 4800, -5000), strike_deg=10, dip_deg=50, rake_deg=80)


class Perfect:
    """A stage 1 that knows the truth."""

    model_id, diffusion = "none", None

    def __init__(self, store: SameEvent) -> None:
        self.store = store

    def predict(self, _geology: Any, _source: Source) -> Any:
        """The truth."""
        store = self.store
        return make_wavefield(store.field, x_m=store.x_m, y_m=store.y_m, time_s=store.time_s)


class Named:
    """A contender that predicts the truth."""

    product = "mean"

    def __init__(self, name: str, model: Perfect) -> None:
        self.name, self.model = name, model

    def __call__(self, case: Case) -> np.ndarray:
        """The truth, as one realization."""
        return case.at_sensors(case.store.velocity(case.sample))


def leave_out_the_work() -> None:
    """After the first event: random scores, and copies of the first traits."""
    score, look = tally.sensor_scores, tally.Traits.of.__func__
    rng, seen = np.random.default_rng(1), {}

    def scores(prediction: np.ndarray, truth: np.ndarray, *about: float) -> dict[str, np.ndarray]:
        if "scores" not in seen:
            seen["scores"] = score(prediction, truth, *about)
        return {name: 10 * rng.random(len(truth)) for name in tally.METRICS}

    def traits(cls: type, traces: np.ndarray, dt_s: float, few: np.ndarray, pairs: Any, highest_hz: float) -> Any:
        key = pairs is None
        if key not in seen:
            seen[key] = look(cls, traces, dt_s, few, pairs, highest_hz)
        values = {f.name: getattr(seen[key], f.name) for f in dataclasses.fields(cls)}
        return cls(**{name: None if v is None else v.copy() for name, v in values.items()})

    tally.sensor_scores, tally.Traits.of = scores, classmethod(traits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--contenders", type=int, default=6)
    arguments = parser.parse_args()
    names = [*NAMES, *(f"simulation at {200 + 100 * k} m" for k in range(arguments.contenders))][: arguments.contenders]
    store: Any = SameEvent(arguments.events)
    model: Any = Perfect(store)
    benchmark._contenders = lambda *_: ([Named(name, model) for name in names], [])
    leave_out_the_work()
    start = time.perf_counter()
    result = benchmark.run_benchmark(store, {"none": model}, settings=benchmark.Settings(field_events=0))
    told = f"{arguments.events} events of {SENSORS * SENSORS} sensors, {arguments.contenders} contenders"
    print(f"{told}: {memory_gb():.2f} GB after the run ({time.perf_counter() - start:.0f} s)")
    with tempfile.TemporaryDirectory() as folder:
        report.write_report(result, Path(folder) / "report")
    print(f"{memory_gb():.2f} GB with the report")


def memory_gb() -> float:
    """Peak of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
