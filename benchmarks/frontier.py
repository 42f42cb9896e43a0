"""Accuracy against time, on one machine: direct simulation on several grids and orders, and the two-stage model.

    python benchmarks/frontier.py --out FOLDER [--grids 400 300 240 200 150 100] [--orders 8 4] [--steps 1 4 8 20]
                                  [--model DIR] [--samples 0 1 2] [--data FINE.zarr --events 100] [--quick]

Truth: the published SEM3D samples (folder hemew3d/ of SPECTREMOR_SHARED, default ../shared; 0.98-6.36 s, the 64 sensors
within 60 m of the 300 m grid, no shift), and with --data the test cases of a campaign on a fine grid, made by

    spectremor dataset create --preset hemews --n 100 --split test --grid-spacing 100 --out FINE.zarr

with the seed of the campaign that trained the model. Writes frontier.csv, a line as soon as a point is measured, and
frontier.png; run again, it goes on with the points that are missing. Times are worth something on an idle machine only.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.data.store import CampaignStore

SCORES = ("EG", "PG", "rMAE_raw", "rRMSE_raw", "bias_low", "bias_mid", "bias_high")
COLUMNS = ("truth", "case", "contender", "seconds", *SCORES)
WINDOW_S = (0.98, 6.36)


@dataclasses.dataclass(frozen=True)
class Case:
    """Something to predict, and its truth."""

    truth_name: str
    name: str
    geology: xr.DataArray
    source: sp.Source
    truth: xr.DataArray

    def scores(self, field: xr.DataArray) -> dict[str, float]:
        """Of a prediction, at paired sensors and common times."""
        pairing = {"sensors": "nearest", "tolerance_m": 60.0, "window_s": WINDOW_S}
        found = sp.evaluate(field, self.truth, **(pairing if self.truth_name == "SEM3D" else {}))
        return {name: float(found[name]) for name in SCORES}


def sem3d_cases(samples: list[int]) -> Iterator[Case]:
    source = sp.Source.from_angles(
        position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, moment_nm=2.47e16, convention="hemew"
    )
    folder = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d"
    for i in samples:
        path = folder / f"sample{i}.h5"
        yield Case("SEM3D", f"sample{i}", sp.read_geology(path), source, sp.read_wavefield(path))


def store_cases(path: Path, events: int) -> Iterator[Case]:
    store = CampaignStore.open(path)
    for i in map(int, store.ids("test")[:events]):
        truth = store.wavefield(i)
        yield Case(f"{store.grid_spacing_m:g} m", f"{i}", store.geology(i), store.source(i), truth)


def contenders(options: argparse.Namespace) -> dict[str, Callable[[Case], xr.DataArray]]:
    """What is compared, by name: each makes a wavefield of 6.4 s from a case."""

    def simulation(spacing: float, order: int) -> Callable[[Case], xr.DataArray]:
        return lambda case: sp.simulate(case.geology, case.source, grid_spacing_m=spacing, order=order, duration_s=6.4)

    model = sp.load_model(options.model) if options.model else sp.load_model()
    found = {f"{g:g} m, order {o}": simulation(g, o) for o in options.orders for g in options.grids}
    found["stage 1"] = lambda case: model.predict(case.geology, case.source)
    for steps in options.steps:
        found[f"stage 1 + 2, {steps} steps"] = lambda case, k=steps: model.generate(case.geology, case.source, steps=k)
    return found


def measure(options: argparse.Namespace, table: Path) -> None:
    done = {(row["truth"], row["case"], row["contender"]) for row in rows(table)}
    cases = list(sem3d_cases(options.samples)) + (
        list(store_cases(options.data, options.events)) if options.data else []
    )
    for name, make in contenders(options).items():
        missing = [c for c in cases if (c.truth_name, c.name, name) not in done]
        if missing:
            make(missing[0])  # the first call loads libraries
        for case in missing:
            start = time.perf_counter()
            field = make(case)
            seconds = time.perf_counter() - start
            line = {"truth": case.truth_name, "case": case.name, "contender": name, "seconds": round(seconds, 3)}
            append(table, line | {k: round(v, 5) for k, v in case.scores(field).items()})


def rows(table: Path) -> list[dict[str, str]]:
    if not table.is_file():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def append(table: Path, line: dict[str, object]) -> None:
    new = not table.is_file()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(line)


def means(table: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Truth -> contender -> column -> mean over cases (of seconds: the median)."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(table):
        groups.setdefault((row["truth"], row["contender"]), []).append(row)
    result: dict[str, dict[str, dict[str, float]]] = {}
    for (truth, contender), group in groups.items():
        values = {name: float(np.mean([float(r[name]) for r in group])) for name in SCORES}
        values["seconds"] = float(np.median([float(r["seconds"]) for r in group]))
        result.setdefault(truth, {})[contender] = values
    return result


def show(found: dict[str, dict[str, dict[str, float]]]) -> None:
    for truth, lines in found.items():
        print(f"\ntruth: {truth}\n{'':26}{'seconds':>9}" + "".join(f"{name:>11}" for name in SCORES))
        for contender, values in sorted(lines.items(), key=lambda item: item[1]["seconds"]):
            print(f"{contender:26}{values['seconds']:9.2f}" + "".join(f"{values[name]:11.3f}" for name in SCORES))


def draw(found: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    panels = (("EG", "envelope GOF"), ("PG", "phase GOF"), ("bias_high", "bias 2-5 Hz"))
    figure, axes = plt.subplots(len(found), 3, figsize=(14, 4.2 * len(found)), squeeze=False, constrained_layout=True)
    for line, (truth, contenders_) in zip(axes, found.items(), strict=True):
        for axis, (score, label) in zip(line, panels, strict=True):
            for family, marker, colour in families(contenders_):
                points = sorted((contenders_[c]["seconds"], contenders_[c][score], c) for c in family)
                seconds, values, names = zip(*points, strict=True)
                axis.plot(seconds, values, marker, color=colour, label=legend(names[0]))
                for x, y, name in points:
                    axis.annotate(short(name), (x, y), textcoords="offset points", xytext=(4, 5), fontsize=7)
            axis.set(xscale="log", xlabel="seconds for one wavefield of 6.4 s", ylabel=label, title=f"truth: {truth}")
            axis.grid(alpha=0.3)
        line[2].axhline(0, color="0.5", lw=0.8)
        line[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def families(names: dict[str, dict[str, float]]) -> Iterator[tuple[list[str], str, str]]:
    styles = {"order 8": ("o-", "tab:blue"), "order 4": ("s--", "tab:cyan"), "stage": ("D-", "tab:red")}
    for key, (marker, colour) in styles.items():
        family = [n for n in names if key in n]
        if family:
            yield family, marker, colour


def legend(name: str) -> str:
    return "the model" if name.startswith("stage") else f"simulation, {name.split(', ')[1]}"


def short(name: str) -> str:
    return name.split(", ")[-1] if name.startswith("stage 1 +") else name.split(", ")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grids", type=float, nargs="+", default=[400.0, 300.0, 240.0, 200.0, 150.0, 100.0])
    parser.add_argument("--orders", type=int, nargs="+", default=[8, 4])
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 8, 20])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--samples", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="one sample, two coarse grids, one number of steps")
    options = parser.parse_args()
    if options.quick:
        options.grids, options.orders, options.steps = [400.0, 300.0], [8], [2]
        options.samples = options.samples[:1]
    warnings.simplefilter("ignore", InputWarning)
    options.out.mkdir(parents=True, exist_ok=True)
    table = options.out / "frontier.csv"
    measure(options, table)
    found = means(table)
    show(found)
    draw(found, options.out / "frontier.png")


if __name__ == "__main__":
    main()
