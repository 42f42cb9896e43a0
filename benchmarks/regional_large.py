r"""One large case, model against direct simulation: at the same 2-5 Hz bias and SA error, what do time and memory cost?

    python benchmarks/regional_large.py --out DIR [--grids 300 200 150 120 100] [--truth 75] [--share 1.0]
                                        [--model simulation] [--realizations 9] [--seed 2611] [--table]

Ground of 30 km x 30 km x 15 km with Vs from 1000 m/s, a random rupture of magnitude 5.8, 20 s to 5 Hz at 8 x 8 sensors.
Truth is the direct simulation on the finest grid. Every contender runs in a process of its own, whose processor's time
and largest memory are taken; its motion is kept in DIR, so that the benchmark goes on where it was stopped. Judged are,
against the truth,

- bias: mean over sensors of ln of the ratio of mean moduli between 2 and 5 Hz,
- SA error: mean over sensors and periods of 0.2 (5 Hz), 0.3, 0.5 and 1 s of |ln(RotD50 of SA / truth's)|, of a draw.

The last lines say by what factor the coarsest direct simulation that is at least as good in both costs more. --table
copies the lines to docs/tables/regional_large.csv. --share shrinks the domain and the record, for a rehearsal.

Cost at full size: the truth at 75 m takes 7 GB and an hour or two of one core, 100 m half an hour, the model a minute.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from regional import ROOT, ln_biases

import spectremor as sp
from spectremor.campaign.perturbation import perturb_geology
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.files import atomic_file
from spectremor.signal.response import rotd

EXTENT_M, DURATION_S, SENSORS, MW = (30_000.0, 30_000.0, 15_000.0), 20.0, 8, 5.8
SLOWEST_M_S, FASTEST_M_S = 1000.0, 4200.0
#: Least distance of the rupture from sides and bottom; half of it from the surface.
MARGIN_M = 1200.0
PERIODS_S = np.array([0.2, 0.3, 0.5, 1.0])
COLUMNS = (
    "contender", "made_by", "bias_2_5", "sa_error", "cpu_seconds", "memory_mib", "sensors", "draws", "extent_m",
    "duration_s",
)  # fmt: skip


def problem(share: float, seed: int) -> dict[str, object]:
    """Ground, earthquake, sensors and length of the record."""
    extent_m = tuple(600.0 * max(4, round(share * side / 600.0)) for side in EXTENT_M)
    depth_m = np.linspace(extent_m[2], 0, round(extent_m[2] / 100) + 1)
    vs = SLOWEST_M_S * 1.2 + (FASTEST_M_S - SLOWEST_M_S * 1.2) * np.sqrt(depth_m / depth_m[0])
    shape = (round(extent_m[0] / 300) + 1, round(extent_m[1] / 300) + 1, len(depth_m))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        smooth = sp.make_geology(np.broadcast_to(vs, shape), extent_m)
        rough = perturb_geology(smooth, seed=seed, coefficient_of_variation=0.08)
        geology = sp.make_geology(np.clip(rough.vs_m_s, SLOWEST_M_S, 4500.0), extent_m)
    margin_m = 0.05 * extent_m[0]
    axes = [np.linspace(margin_m, side - margin_m, SENSORS) for side in extent_m[:2]]
    return {
        "geology": geology,
        "earthquake": _rupture(geology, MW + 2 * np.log10(share), seed),
        "sensors_m": (axes[0], axes[1]),
        "duration_s": max(3.0, share * DURATION_S),
    }


def _rupture(geology: sp.Geology, mw: float, seed: int) -> sp.Rupture:
    middle = (0.45 * geology.extent_m[0], 0.5 * geology.extent_m[1], -0.5 * geology.extent_m[2])
    for attempt in range(100):
        try:
            rupture = sp.Rupture.from_magnitude(
                mw=mw, hypocentre_m=middle, strike_deg=40, dip_deg=70, rake_deg=20, seed=seed + attempt, geology=geology
            ).check_inside(geology.extent_m, MARGIN_M)
        except InputError:
            continue
        if rupture.position_m[:, 2].max() <= -MARGIN_M / 2:
            return rupture
    raise RuntimeError("no rupture fits into this ground")


def compute(contender: str, out: Path, options: argparse.Namespace) -> None:
    """Compute a contender's motion in this process, and keep it with what it took."""
    torch.set_num_threads(1)
    given = problem(options.share, options.seed)
    where = {"sensors_m": given["sensors_m"], "duration_s": given["duration_s"]}
    kind, _, name = contender.partition(" ")
    if kind == "grid":
        start = time.process_time()
        field = sp.simulate(given["geology"], given["earthquake"], grid_spacing_m=float(name), **where)
        values, made_by = field.values[None], field.attrs["solver"]
    else:
        model = sp.load_model(name)
        start = time.process_time()
        field = model.generate(
            given["geology"], given["earthquake"], realizations=options.realizations, seed=1, **where
        )
        values, made_by = field.values, model.model_id
    seconds = time.process_time() - start
    about = {
        "made_by": made_by,
        "cpu_seconds": round(seconds, 1),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "extent_m": " ".join(f"{side:g}" for side in given["geology"].extent_m),
        "duration_s": given["duration_s"],
    }
    traces = np.moveaxis(values.reshape(len(values), 3, -1, values.shape[-1]), 2, 1)
    with atomic_file(out) as part, part.open("wb") as file:
        np.savez(file, traces=traces, about=json.dumps(about))


def result(contender: str, options: argparse.Namespace) -> tuple[np.ndarray, dict[str, object]]:
    """Motion (realization, sensor, 3, time) of a contender, computed in another process where it is not there yet."""
    name = f"{contender}_share{options.share:g}_seed{options.seed}.npz".replace(" ", "_")
    path = options.out / name
    if not path.is_file():
        own = [sys.executable, __file__, *sys.argv[1:], "--compute", contender, str(path)]
        subprocess.run(own, check=True)
    with np.load(path) as kept:
        return kept["traces"].astype(float), json.loads(str(kept["about"]))


def row(contender: str, truth: np.ndarray, options: argparse.Namespace) -> dict[str, object]:
    traces, about = result(contender, options)
    dt_s = 0.02
    ours, theirs = (rotd(motion[..., :2, :], dt_s, PERIODS_S, (50.0,))[0] for motion in (traces, truth))
    return about | {
        "contender": contender,
        "bias_2_5": round(ln_biases(traces, truth, dt_s, 5.0)["ln_bias_2_5"], 4),
        "sa_error": round(float(np.abs(np.log(ours / theirs)).mean()), 4),
        "sensors": traces.shape[1],
        "draws": len(traces),
    }


def factors(model: dict[str, object], grids: list[dict[str, object]]) -> str:
    """How much more the coarsest direct simulation costs that is as good as a model."""
    as_good = [
        grid
        for grid in grids
        if abs(grid["bias_2_5"]) <= abs(model["bias_2_5"]) and grid["sa_error"] <= model["sa_error"]
    ]
    if not as_good:
        return f"{model['contender']}: no direct simulation here is as good in both"
    cheapest = min(as_good, key=lambda grid: grid["cpu_seconds"])
    time_factor = cheapest["cpu_seconds"] / model["cpu_seconds"]
    memory_factor = cheapest["memory_mib"] / model["memory_mib"]
    return (
        f"{model['contender']}: as good in both is {cheapest['contender']} m, at {time_factor:.2g} times its time and "
        f"{memory_factor:.2g} times its memory"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grids", type=float, nargs="*", default=[300.0, 200.0, 150.0, 120.0, 100.0])
    parser.add_argument("--truth", type=float, default=75.0)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--model", nargs="*", default=["simulation"])
    parser.add_argument("--realizations", type=int, default=9)
    parser.add_argument("--seed", type=int, default=2611)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--compute", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    if options.compute:
        compute(options.compute[0], Path(options.compute[1]), options)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    # The quick ones first, the truth last: a machine too small for it shows at once what fits.
    models, grids = ([f"model {name}" for name in options.model], [f"grid {grid:g}" for grid in options.grids])
    for contender in (*models, *grids):
        result(contender, options)
    truth = result(f"grid {options.truth:g}", options)[0][0]
    rows = {contender: row(contender, truth, options) for contender in (*models, *grids, f"grid {options.truth:g}")}
    for found in rows.values():
        print("  ".join(f"{key} {found[key]}" for key in COLUMNS), flush=True)
    for contender in models:
        print(factors(rows[contender], [rows[grid] for grid in (*grids, f"grid {options.truth:g}")]))
    paths = [options.out / "regional_large.csv"]
    if options.table:
        paths.append(ROOT / "docs" / "tables" / "regional_large.csv")
    for path in paths:
        with atomic_file(path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows.values())


if __name__ == "__main__":
    main()
