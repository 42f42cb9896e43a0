r"""Accuracy against time, on one machine: direct simulation on several grids and orders, and the two-stage models.

    python benchmarks/frontier.py --out FOLDER [--grids 400 300 240 200 150 100] [--orders 8 4] [--steps 1 4 8 20]
                                  [--samplers dpm-solver++] [--model default mifno] [--samples 0 1 2]
                                  [--data FINE.zarr --events 100]
                                  [--every 1] [--parts simulation stage1 diffusion] [--clock seconds] [--quick]

Truth: the published SEM3D samples (folder hemew3d/ of SPECTREMOR_SHARED, default ../shared; 0.98-6.36 s, the 64 sensors
within 60 m of the 300 m grid, no shift), and with --data the test cases of a campaign on a fine grid, made by

    spectremor dataset create --preset benchmarks/hemews_8x8.yaml --n 100 --split test --grid-spacing 100 \
        --out FINE.zarr

with the seed of the campaign that trained the model. Judged are the sensors that FINE.zarr has (here every fourth along
x and y; of one with all of them, --every 4 takes these), and grids as fine as the truth's own are left out. Writes
frontier.csv, a line as soon as a case is measured; run again, it
goes on with those that are missing (a line of another solver version or of other weights does not count). From it come
frontier_table.csv, which is also printed, and frontier.png. At equal time: a contender's score less the simulation's
(order 8, linear in the logarithm of time; its nearest end outside). `seconds` are of wall time on all cores, `load` how
busy the machine was; on a busy one, compare by the processor's time: --clock cpu_seconds.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import itertools
import math
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
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import SamplerName
from spectremor.simulation.elastic import SOLVER_VERSION

SCORES = ("EG", "PG", "rMAE_raw", "rRMSE_raw", "bias_low", "bias_mid", "bias_high")
COLUMNS = ("truth", "case", "contender", "made_by", "seconds", "cpu_seconds", "load", *SCORES)
MEASURES = ("seconds", "cpu_seconds", "load")
PANELS = {
    "EG": "envelope GOF",
    "PG": "phase GOF",
    "rMAE_raw": "rMAE, m/s",
    "rRMSE_raw": "rRMSE, m/s",
    "bias_low": "bias 0-1 Hz",
    "bias_mid": "bias 1-2 Hz",
    "bias_high": "bias 2-5 Hz",
}
CLOCKS = {
    "seconds": "seconds for one wavefield of 6.4 s",
    "cpu_seconds": "processor seconds for one wavefield of 6.4 s",
}
PARTS = ("simulation", "stage1", "diffusion")
WINDOW_S = (0.98, 6.36)
#: Judged of a campaign's event.
USUAL_SENSORS = 64


@dataclasses.dataclass(frozen=True)
class Case:
    """Something to predict, and its truth; judged at one in `every` sensors along x and along y."""

    truth_name: str
    name: str
    geology: xr.DataArray
    source: sp.Source
    truth: xr.DataArray
    spacing_m: float = 0.0
    every: int = 1

    def scores(self, field: xr.DataArray) -> dict[str, float]:
        """Of a prediction, at paired sensors and common times."""
        pairing = {"sensors": "nearest", "tolerance_m": 60.0, "window_s": WINDOW_S}
        truth = self.truth.isel(x=slice(None, None, self.every), y=slice(None, None, self.every))
        if self.truth_name == "SEM3D":
            found = sp.evaluate(field, truth, **pairing)
        else:
            found = sp.evaluate(field.sel(x=truth.x, y=truth.y, method="nearest", tolerance=1.0), truth)
        return {name: float(found[name]) for name in SCORES}


def sem3d_cases(samples: list[int]) -> Iterator[Case]:
    source = sp.Source.from_angles(
        position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, moment_nm=2.47e16, convention="hemew"
    )
    folder = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d"
    for i in samples:
        path = folder / f"sample{i}.h5"
        yield Case("SEM3D", f"sample{i}", sp.read_geology(path), source, sp.read_wavefield(path))


def store_cases(path: Path, events: int, every: int) -> Iterator[Case]:
    store = CampaignStore.open(path)
    for i in map(int, store.ids("test")[:events]):
        truth = store.wavefield(i)
        spacing = float(store.grid_spacing_m or 0.0)
        judged = math.ceil(truth.sizes["x"] / every) * math.ceil(truth.sizes["y"] / every)
        # Scores of other sensors are scores of another truth.
        name = f"{spacing:g} m" + ("" if judged == USUAL_SENSORS else f", {judged} sensors")
        yield Case(name, f"{i}", store.geology(i), store.source(i), truth, spacing, every)


@dataclasses.dataclass(frozen=True)
class Contender:
    """Something that makes a wavefield of 6.4 s from a case.

    Attributes:
        name: in the table.
        made_by: solver version or digest of the weights.
        make: does the work that is timed.
        warm: loads what the first call loads.
        spacing_m: of a simulation's grid.
    """

    name: str
    made_by: str
    make: Callable[[Case], xr.DataArray]
    warm: Callable[[Case], object]
    spacing_m: float = math.inf

    def suits(self, case: Case) -> bool:
        """Whether the comparison says anything: a grid is not judged by one that is no finer."""
        return self.spacing_m > case.spacing_m


def simulations(grids: list[float], orders: list[int]) -> Iterator[Contender]:
    def simulate(case: Case, spacing: float, order: int, duration_s: float = 6.4) -> xr.DataArray:
        return sp.simulate(case.geology, case.source, grid_spacing_m=spacing, order=order, duration_s=duration_s)

    def warm(case: Case) -> object:
        return simulate(case, max(grids), 8, 0.2)

    for order in orders:
        for spacing in grids:
            make = functools.partial(simulate, spacing=spacing, order=order)
            yield Contender(f"{spacing:g} m, order {order}", f"solver {SOLVER_VERSION}", make, warm, spacing)


def model_stages(folder: Path, options: argparse.Namespace) -> Iterator[Contender]:
    model = sp.load_model(folder)
    name, parts = folder.name, options.parts

    def predict(case: Case) -> xr.DataArray:
        return model.predict(case.geology, case.source)

    def generate(case: Case, k: int, sampler: SamplerName | None = None) -> xr.DataArray:
        return model.generate(case.geology, case.source, steps=k, sampler=sampler)

    if "stage1" in parts:
        yield Contender(f"{name}: stage 1", model.model_id, predict, predict)
    for sampler, k in itertools.product((None, *options.samplers), options.steps) if "diffusion" in parts else ():
        make = functools.partial(generate, k=k, sampler=sampler)
        called = f"{name}: both, {k} steps" + (f", {sampler}" if sampler else "")
        yield Contender(called, model.model_id, make, functools.partial(generate, k=1))


def contenders(options: argparse.Namespace) -> Iterator[Contender]:
    if "simulation" in options.parts:
        yield from simulations(options.grids, options.orders)
    if {"stage1", "diffusion"} & set(options.parts):
        for folder in options.model:
            yield from model_stages(folder, options)


def measure(options: argparse.Namespace, table: Path) -> list[Contender]:
    cases = list(sem3d_cases(options.samples))
    cases += list(store_cases(options.data, options.events, options.every)) if options.data else []
    compared = list(contenders(options))
    for contender in compared:
        done = {(row["truth"], row["case"], row["contender"], row["made_by"]) for row in rows(table)}
        key = (contender.name, contender.made_by)
        missing = [c for c in cases if contender.suits(c) and (c.truth_name, c.name, *key) not in done]
        if missing:
            contender.warm(missing[0])
        for case in missing:
            append(table, timed(contender, case))
    return compared


def timed(contender: Contender, case: Case) -> dict[str, object]:
    wall, cpu = time.perf_counter(), time.process_time()
    field = contender.make(case)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    line = {"truth": case.truth_name, "case": case.name, "contender": contender.name, "made_by": contender.made_by}
    line |= {"seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "load": round(os.getloadavg()[0], 1)}
    return line | {name: round(value, 5) for name, value in case.scores(field).items()}


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


Means = dict[str, dict[str, dict[str, float]]]


def means(table: Path, compared: list[Contender], clock: str) -> Means:
    """Truth -> contender -> column -> mean over cases (median of what was measured), in the order of time."""
    known = {(c.name, c.made_by) for c in compared}
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(table):
        if (row["contender"], row["made_by"]) in known:
            groups.setdefault((row["truth"], row["contender"]), []).append(row)
    found: Means = {}
    for (truth, contender), group in groups.items():
        values = {"cases": float(len(group))}
        values |= {name: float(np.median([float(r[name]) for r in group])) for name in MEASURES}
        values |= {name: float(np.nanmean([float(r[name]) for r in group])) for name in SCORES}
        found.setdefault(truth, {})[contender] = values
    for truth, lines in found.items():
        for contender, values in lines.items():
            values |= {f"{name}_at_equal_time": ahead(lines, contender, name, clock) for name in ("EG", "PG")}
        found[truth] = dict(sorted(lines.items(), key=lambda item: item[1][clock]))
    return found


def ahead(lines: dict[str, dict[str, float]], contender: str, score: str, clock: str) -> float:
    """Score of a contender less the simulation's at equal time; NaN where no simulation was measured."""
    points = sorted((v[clock], v[score]) for name, v in lines.items() if name.endswith("order 8"))
    if not points:
        return math.nan
    seconds, values = np.array(points).T
    own = lines[contender]
    return float(own[score] - np.interp(np.log(own[clock]), np.log(seconds), values))


def show(found: Means, path: Path) -> None:
    """Print the table, and write it."""
    columns = ("cases", *MEASURES, *SCORES, "EG_at_equal_time", "PG_at_equal_time")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("truth", "contender", *columns))
        for truth, lines in found.items():
            writer.writerows((truth, c, *(f"{v[name]:.4g}" for name in columns)) for c, v in lines.items())
    for truth, lines in found.items():
        heads = [name.replace("_at_equal_time", " ahead") for name in columns]
        print(f"\ntruth: {truth}\n{'':26}" + "".join(f"{head:>12}" for head in heads))
        for contender, values in lines.items():
            print(f"{contender:26}" + "".join(f"{values[name]:12.3f}" for name in columns))


def draw(found: Means, path: Path, clock: str) -> None:
    height = 7.0 * len(found)
    figure, axes = plt.subplots(2 * len(found), 4, figsize=(17, height), squeeze=False, layout="constrained")
    for block, (truth, lines) in enumerate(found.items()):
        spots = list(axes[2 * block : 2 * block + 2].flat)
        for axis, (score, label) in zip(spots, PANELS.items(), strict=False):
            panel(axis, lines, score, clock)
            axis.set(xscale="log", xlabel=CLOCKS[clock], ylabel=label, title=f"truth: {truth}")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_locator(NullLocator())
        spots[-1].axis("off")
        spots[-1].legend(*spots[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def panel(axis: Axes, lines: dict[str, dict[str, float]], score: str, clock: str) -> None:
    for family, label, marker, colour in families(list(lines)):
        times, values = ([lines[c][column] for c in family] for column in (clock, score))
        axis.plot(times, values, marker, color=colour, label=label)
        if label.endswith("order 4"):
            continue
        # Simulations are labelled above their points, models below: the curves lie close together.
        place = {"xytext": (-3, 5), "ha": "right"} if label.startswith("simulation") else {"xytext": (0, -11)}
        for name in family:
            at = (lines[name][clock], lines[name][score])
            axis.annotate(short(name), at, textcoords="offset points", fontsize=6, color=colour, **place)
    if score.startswith("bias"):
        axis.axhline(0, color="0.5", lw=0.8)
        # Biases of a hundredth are none: they must not fill the panel.
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, -0.1), max(high, 0.1))
    axis.grid(alpha=0.3)


def families(names: list[str]) -> Iterator[tuple[list[str], str, str, str]]:
    styles = {
        "order 8": ("simulation, order 8", "o-", "tab:blue"),
        "order 4": ("simulation, order 4", "s--", "tab:cyan"),
    }
    models = dict.fromkeys(name.partition(":")[0] for name in names if ":" in name)
    for model, colour in zip(models, itertools.cycle(("tab:red", "tab:orange", "tab:purple")), strict=False):
        styles[f"{model}: "] = (f"model {model}", "D-", colour)
        for sampler in dict.fromkeys(
            n.split(" steps, ")[1] for n in names if n.startswith(f"{model}: ") and " steps, " in n
        ):
            styles[f"{model}: {sampler}"] = (f"model {model}, sampler {sampler}", "x:", colour)
    for key, style in styles.items():
        family = [n for n in names if belongs(n, key)]
        if family:
            yield family, *style


def belongs(name: str, key: str) -> bool:
    """Whether a contender is one of a curve: an order, a model, or a model with another sampler than its own."""
    model, _, stage = name.partition(": ")
    if not stage:
        return key in name
    _, _, sampler = stage.partition(" steps, ")
    return key == f"{model}: {sampler}"


def short(name: str) -> str:
    label = (name.split(": ")[1].removeprefix("both, ") if ":" in name else name).partition(", ")[0]
    return "1 step" if label == "1 steps" else label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grids", type=float, nargs="+", default=[400.0, 300.0, 240.0, 200.0, 150.0, 100.0])
    parser.add_argument("--orders", type=int, nargs="+", default=[8, 4])
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 8, 20])
    parser.add_argument(
        "--samplers", nargs="+", default=[], choices=["ddpm", "ddim", "dpm-solver++"], help="beside each model's own"
    )
    parser.add_argument("--model", type=Path, nargs="+", default=[Path("default"), Path("mifno")])
    parser.add_argument("--samples", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument(
        "--every", type=int, default=1, help="one in so many sensors of --data is judged, along x and along y"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--clock", choices=list(CLOCKS), default="seconds")
    parser.add_argument("--quick", action="store_true", help="one sample, two coarse grids, one number of steps")
    options = parser.parse_args()
    if options.every < 1:
        parser.error(f"--every: got {options.every}; allowed: 1 or more")
    if options.quick:
        options.grids, options.orders, options.steps = [400.0, 300.0], [8], [2]
        options.samples = options.samples[:1]
    warnings.simplefilter("ignore", InputWarning)
    options.out.mkdir(parents=True, exist_ok=True)
    table = options.out / "frontier.csv"
    found = means(table, measure(options, table), options.clock)
    show(found, options.out / "frontier_table.csv")
    draw(found, options.out / "frontier.png", options.clock)


if __name__ == "__main__":
    main()
