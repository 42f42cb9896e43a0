r"""What coarse grids are worth against a 100 m simulation, as simulated and with the grid's dispersion taken out.

    python benchmarks/coarse_grids.py --out DIR [--grids 300 240 200 150] [--truth 100] [--events 10] [--seed 4711]

Random events of the preset hemews with 8 x 8 of its sensors. Each is simulated once on every grid, elastic; the traces
are kept in DIR/traces (run again, or beside itself, it goes on with those that are missing) and judged

- as simulated,
- with the grid's dispersion taken out along the paths (`signal.dispersion`),
- and either times a gain: for each frequency the ratio of the mean moduli of truth and simulation, over the other
  events.

The truth is the simulation on the finest grid as `simulate` gives it, dispersion taken out; `--raw-truth` leaves it in.
Writes coarse_grids.csv: means over events and sensors. `cpu_seconds` is the processor's time of the run, and
`cpu_seconds_correction` that of the correction at all 32 x 32 sensors; medians over events.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from spectremor.campaign.config import load_scenario
from spectremor.campaign.random_geology import random_geology
from spectremor.campaign.random_source import random_source
from spectremor.core.errors import InputWarning
from spectremor.core.files import atomic_file
from spectremor.core.recording import Recording, SensorGrid
from spectremor.judging.scores import LOG_BIASES, PUBLISHED_BIASES, sensor_scores
from spectremor.signal.dispersion import DifferenceScheme, remove_grid_dispersion
from spectremor.simulation.elastic import simulate_many
from spectremor.simulation.settings import SimulationSettings

SCORES = ("EG", "PG", *LOG_BIASES, *PUBLISHED_BIASES, "rRMSE_raw")
ORDER, EVERY = 8, 4


class Bench:
    """Events, their traces on every grid, and where they are kept."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        scenario = load_scenario("hemews")
        self.all_m = scenario.sensors_x.positions_m()
        judged = self.all_m[EVERY // 2 :: EVERY]
        self.recording = Recording(
            sensors=SensorGrid(judged, judged),
            samples=scenario.samples,
            sampling_hz=scenario.sampling_hz,
            lowpass_hz=scenario.lowpass_hz,
        )

    def traces(self, event: int, spacing_m: float) -> tuple[np.ndarray, float]:
        """Elastic velocities in m/s (3, x, y, time) as simulated, and the processor's time that they took."""
        path = self.folder / "traces" / f"seed{self.seed}_event{event}_{spacing_m:g}m.npz"
        if not path.is_file():
            settings = SimulationSettings(
                grid_spacing_m=spacing_m, order=ORDER, attenuation=False, remove_dispersion=False
            )
            geology, source = random_geology(self.seed, event), random_source(self.seed, event)
            start = time.process_time()
            (field,) = simulate_many([geology], [source], self.recording, settings)
            path.parent.mkdir(parents=True, exist_ok=True)
            seconds = time.process_time() - start
            with atomic_file(path) as part, part.open("wb") as file:
                np.savez(file, velocity=field.values, seconds=seconds)
        with np.load(path) as kept:
            return kept["velocity"], float(kept["seconds"])

    def corrected(self, traces: np.ndarray, event: int, spacing_m: float, axis_m: np.ndarray | None = None):
        """Traces without the grid's dispersion."""
        axis_m = self.recording.sensors.x_m if axis_m is None else axis_m
        return remove_grid_dispersion(
            traces,
            self.recording.time_s,
            random_geology(self.seed, event),
            random_source(self.seed, event),
            tuple(np.meshgrid(axis_m, axis_m, indexing="ij")),
            DifferenceScheme(spacing_m, ORDER),
            self.recording.lowpass_hz,
        )

    def correction_seconds(self, event: int, spacing_m: float) -> float:
        """Processor's time of the correction at all sensors of the preset."""
        noise = np.random.default_rng(0).normal(size=(3, len(self.all_m), len(self.all_m), self.recording.samples))
        start = time.process_time()
        self.corrected(noise.astype(np.float32), event, spacing_m, self.all_m)
        return time.process_time() - start


def with_gain(found: list[np.ndarray], truth: list[np.ndarray]) -> list[np.ndarray]:
    """Each event's traces times the gain of the other events."""
    moduli = [[np.abs(np.fft.rfft(t)).mean(axis=(0, 1, 2)) for t in fields] for fields in (found, truth)]
    result = []
    for i, traces in enumerate(found):
        ours, theirs = (np.delete(np.array(m), i, axis=0).mean(axis=0) for m in moduli)
        result.append(np.fft.irfft(np.fft.rfft(traces) * (theirs / ours), traces.shape[-1]))
    return result


def mean_scores(found: list[np.ndarray], truth: list[np.ndarray], dt_s: float) -> dict[str, float]:
    def sensors(traces: np.ndarray) -> np.ndarray:
        return np.moveaxis(traces.reshape(3, -1, traces.shape[-1]), 0, 1).astype(float)

    scores = [sensor_scores(sensors(f), sensors(t), dt_s) for f, t in zip(found, truth, strict=True)]
    return {name: round(float(np.nanmean([s[name] for s in scores])), 4) for name in SCORES}


def rows(bench: Bench, events: range, spacing_m: float, truth: list[np.ndarray]) -> list[dict[str, object]]:
    traces, seconds = zip(*(bench.traces(i, spacing_m) for i in events), strict=True)
    corrected = [bench.corrected(t, i, spacing_m) for i, t in zip(events, traces, strict=True)]
    cost = float(np.median([bench.correction_seconds(i, spacing_m) for i in events]))
    contenders = {
        "as simulated": list(traces),
        "dispersion taken out": corrected,
        "as simulated x gain": with_gain(list(traces), truth),
        "dispersion taken out x gain": with_gain(corrected, truth),
    }
    return [
        {
            "grid_spacing_m": spacing_m,
            "motion": name,
            "events": len(events),
            "cpu_seconds": round(float(np.median(seconds)), 2),
            "cpu_seconds_correction": round(cost, 3) if "out" in name else 0.0,
            **mean_scores(found, truth, 1 / bench.recording.sampling_hz),
        }
        for name, found in contenders.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grids", type=float, nargs="+", default=[300.0, 240.0, 200.0, 150.0])
    parser.add_argument("--truth", type=float, default=100.0)
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--raw-truth", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    torch.set_num_threads(1)
    bench, events = Bench(options.out, options.seed), range(options.events)
    truth = [bench.traces(i, options.truth)[0] for i in events]
    if not options.raw_truth:
        truth = [bench.corrected(t, i, options.truth) for i, t in zip(events, truth, strict=True)]
    table = []
    for spacing_m in options.grids:
        found = rows(bench, events, spacing_m, truth)
        table += found
        for line in found:
            print("  ".join(f"{key} {value}" for key, value in line.items()), flush=True)
    with (options.out / "coarse_grids.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
