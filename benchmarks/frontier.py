r"""Accuracy against time, on one machine: direct simulation on several grids and orders, and the two-stage models.

    python benchmarks/frontier.py --out FOLDER [--grids 400 300 240 200 150 100] [--orders 8 4] [--steps 1 4 8 20]
                                  [--samplers dpm-solver++] [--model simulation hybrid] [--samples 0 1 2]
                                  [--data FINE.zarr --events 100]
                                  [--every 1] [--parts simulation stage1 expect diffusion] [--clock seconds] [--quick]

Truth: the published SEM3D samples (folder hemew3d/ of SPECTREMOR_SHARED, default ../shared; 0.98-6.36 s, the 64 sensors
within 60 m of the 300 m grid, no shift), and with --data the test cases of a campaign on a fine grid, made by

    spectremor dataset create --preset benchmarks/hemews_8x8.yaml --n 100 --split test --grid-spacing 100 \
        --out FINE.zarr

with the seed of the campaign that trained the model. Judged are the sensors that FINE.zarr has (here every fourth along
x and y; of one with all of them, --every 4 takes these), and grids as fine as the truth's own are left out.

Case by case, all contenders take their turn, each in a process of its own that it keeps: so what the machine does
meanwhile falls on all alike, and no contender runs in the memory that another has left behind (half a GB for each).
Writes frontier.csv, a line as soon as a case is measured; run again, it goes on with those that are missing (a line of
another solver version or of other weights does not count). From it come frontier_table.csv, which is also printed, and
frontier.png. At equal time: a contender's score less the simulation's (order 8, linear in the logarithm of time; its
nearest end outside). `seconds` are of wall time on all cores, `load` how busy the machine was; on a busy one, compare
by the processor's time: --clock cpu_seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import math
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from frontier_contenders import (
    SCORES,
    Case,
    Contender,
    Maker,
    sem3d_cases,
    simulation_curve,
    simulations,
    stages,
    store_cases,
)
from frontier_figure import CLOCKS, Lines, draw
from rich.progress import track

from spectremor.core.errors import InputWarning

MEASURES = ("seconds", "cpu_seconds", "load")
COLUMNS = ("truth", "case", "contender", "made_by", *MEASURES, *SCORES)
PARTS = ("simulation", "stage1", "expect", "diffusion")


def contenders(options: argparse.Namespace) -> Iterator[Contender]:
    if "simulation" in options.parts:
        yield from simulations(options.grids, options.orders)
    for folder in options.model if {"stage1", "expect", "diffusion"} & set(options.parts) else ():
        yield from stages(folder, options.parts, options.steps, options.samplers)


def measure(cases: list[Case], compared: list[Contender], table: Path) -> None:
    """Append a line for each suitable pair that the table lacks."""
    done = {(row["truth"], row["case"], row["contender"], row["made_by"]) for row in rows(table)}
    missing = [
        (case, contender)
        for case in cases
        for contender in compared
        if contender.suits(case) and (case.truth_name, case.name, contender.name, contender.made_by) not in done
    ]
    with contextlib.ExitStack() as stack:
        own = {contender: stack.enter_context(process()) for contender in dict.fromkeys(c for _, c in missing)}
        for case, contender in track(missing, "measuring"):
            append(table, own[contender].submit(timed, contender, case).result())


def process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def timed(contender: Contender, case: Case) -> dict[str, object]:
    """A line of the table; in the contender's own process."""
    make = prepared(contender, case)
    wall, cpu = time.perf_counter(), time.process_time()
    field = make(case)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    line = {"truth": case.truth_name, "case": case.name, "contender": contender.name, "made_by": contender.made_by}
    line |= {"seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "load": round(os.getloadavg()[0], 1)}
    return line | {name: round(value, 5) for name, value in case.scores(field).items()}


_PREPARED: dict[Contender, Maker] = {}


def prepared(contender: Contender, case: Case) -> Maker:
    """The contender's work, loaded by its first case."""
    if contender not in _PREPARED:
        warnings.simplefilter("ignore", InputWarning)
        _PREPARED[contender] = contender.prepare(case)
    return _PREPARED[contender]


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


def means(table: Path, compared: list[Contender], clock: str) -> dict[str, Lines]:
    """Truth -> contender -> column -> mean over cases (median of what was measured), in the order of time."""
    known = {(c.name, c.made_by) for c in compared}
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(table):
        if (row["contender"], row["made_by"]) in known:
            groups.setdefault((row["truth"], row["contender"]), []).append(row)
    found: dict[str, Lines] = {}
    for (truth, contender), group in groups.items():
        values = {"cases": float(len(group))}
        values |= {name: float(np.median([float(r[name]) for r in group])) for name in MEASURES}
        values |= {name: defined_mean([r[name] for r in group]) for name in SCORES}
        found.setdefault(truth, {})[contender] = values
    simulated = [c.name for c in compared if c.curve == simulation_curve(8)]
    for truth, lines in found.items():
        curve = [lines[name] for name in simulated if name in lines]
        for values in lines.values():
            values |= {f"{name}_at_equal_time": ahead(values, curve, name, clock) for name in ("EG", "PG")}
        found[truth] = dict(sorted(lines.items(), key=lambda item: item[1][clock]))
    return found


def defined_mean(cells: list[str]) -> float:
    """Mean of the numbers; tables of earlier versions lack the mean logarithms."""
    numbers = [value for value in (float(cell or "nan") for cell in cells) if math.isfinite(value)]
    return float(np.mean(numbers)) if numbers else math.nan


def ahead(own: dict[str, float], curve: list[dict[str, float]], score: str, clock: str) -> float:
    """Score of a contender less the simulation's at equal time; NaN where no simulation was measured."""
    if not curve:
        return math.nan
    seconds, values = np.array(sorted((point[clock], point[score]) for point in curve)).T
    return float(own[score] - np.interp(np.log(own[clock]), np.log(seconds), values))


def show(found: dict[str, Lines], path: Path) -> None:
    """Print the table, and write it."""
    columns = ("cases", *MEASURES, *SCORES, "EG_at_equal_time", "PG_at_equal_time")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("truth", "contender", *columns))
        for truth, lines in found.items():
            writer.writerows((truth, c, *(f"{v[name]:.4g}" for name in columns)) for c, v in lines.items())
    for truth, lines in found.items():
        heads = [name.replace("_at_equal_time", " ahead") for name in columns]
        print(f"\ntruth: {truth}\n{'':38}" + "".join(f"{head:>12}" for head in heads))
        for contender, values in lines.items():
            print(f"{contender:38}" + "".join(f"{values[name]:12.3f}" for name in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grids", type=float, nargs="+", default=[400.0, 300.0, 240.0, 200.0, 150.0, 100.0])
    parser.add_argument("--orders", type=int, nargs="+", default=[8, 4])
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 8, 20])
    parser.add_argument(
        "--samplers", nargs="+", default=[], choices=["ddpm", "ddim", "dpm-solver++"], help="beside each model's own"
    )
    parser.add_argument("--model", type=Path, nargs="+", default=[Path("simulation"), Path("hybrid")])
    parser.add_argument("--samples", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--every", type=int, default=1, help="sensors of --data: one in so many, along x and y")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--clock", choices=list(CLOCKS), default="seconds")
    parser.add_argument("--quick", action="store_true", help="one sample, two coarse grids, one number of steps")
    options = parser.parse_args()
    for name, lowest in (("--every", options.every), ("--steps", min(options.steps))):
        if lowest < 1:
            parser.error(f"{name}: got {lowest}; allowed: 1 or more")
    if options.quick:
        options.grids, options.orders, options.steps = [400.0, 300.0], [8], [2]
        options.samples = options.samples[:1]
    warnings.simplefilter("ignore", InputWarning)
    cases = list(sem3d_cases(options.samples))
    cases += list(store_cases(options.data, options.events, options.every)) if options.data else []
    compared = list(contenders(options))
    if len({c.name for c in compared}) < len(compared):
        parser.error(f"--model: got {', '.join(map(str, options.model))}; allowed: folders of different names")
    options.out.mkdir(parents=True, exist_ok=True)
    table = options.out / "frontier.csv"
    measure(cases, compared, table)
    found = means(table, compared, options.clock)
    show(found, options.out / "frontier_table.csv")
    draw(found, compared, options.out / "frontier.png", options.clock)


if __name__ == "__main__":
    main()
