r"""How far models carry that were trained on a cube of 9.6 km and 6.4 s: regional cases, which nobody trained on.

    nice -n 19 python benchmarks/regional.py --out DIR [--cases 30] [--seed 2611] [--models simulation]
                                             [--realizations 9] [--share 1.0] [--tables]

Each case of `regional_cases.py` (ground with speeds from 500 m/s, extents to 19.8 km, records to 20 s, every other one
a rupture) is simulated on a 150 m grid, the truth, and given to each model: its stage 1, the mean (`expect`) and draws.
Both are low-passed where the truth's own band ends (`band_high_hz`: what its grid carries within 2% in all but the
slowest twentieth of the ground) and compared at 8 x 8 sensors:

- ln_bias: ln of the ratio of mean moduli of Fourier spectra, by band, mean over sensors; a band that the truth does not
  reach, or of which less than a fifth is left, is empty;
- EG, PG up to the band's end (`signal.gof`);
- coverage: how many truths lie in the draws' central 80% interval, of peak horizontal velocity and of the energy by
  band.

Writes a line for each case and product to DIR/regional.csv as soon as it is there; run again, it goes on with those
that are missing. `seconds` are of processor's time; those of the mean and of the draws are stage 2's alone. --tables
copies the lines to docs/tables/regional.csv and writes medians over the cases, of draws, to
src/spectremor/model/regional_errors.csv, from which the models take what they say outside of what they learned.

Cost: half a minute to three minutes of one core for each case, most of it the truth; less than an hour for all.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from regional_cases import RegionalCase, regional_case

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.core.files import atomic_file
from spectremor.core.source import Source
from spectremor.model.draws import Draws
from spectremor.model.pipeline import GroundMotionModel
from spectremor.model.region import MotionRequest
from spectremor.signal.ensemble import coverage
from spectremor.signal.filters import low_pass
from spectremor.signal.gof import gof

ROOT = Path(__file__).resolve().parents[1]
TRUTH_M = 150.0
BANDS = {"0_1": (0.0, 1.0), "1_2": (1.0, 2.0), "2_5": (2.0, 5.0)}
#: Share of a band that the truth must carry.
LEAST_SHARE = 0.2
ENSEMBLE = 0.8
ABOUT = (
    "case", "model", "weights", "product", "family", "source", "ground", "mw", "points", "vs_slowest_m_s", "extent_m",
    "duration_s", "judged_to_hz", "sensors", "seconds", "truth_seconds",
)  # fmt: skip
SCORES = (
    *(f"ln_bias_{band}" for band in BANDS), "eg", "pg",
    "coverage_80_pgv", *(f"coverage_80_energy_{band}" for band in BANDS),
)  # fmt: skip
SUMMARY = (
    "model", "weights", "source", "ground", "cases", "ln_bias_0_1", "ln_bias_1_2", "ln_bias_2_5", "eg", "pg",
    "coverage_80",
)  # fmt: skip


def truth_of(case: RegionalCase) -> tuple[np.ndarray, float, float]:
    """Velocities (sensor, 3, time), how far they are judged in Hz, and the processor's time."""
    start = time.process_time()
    field = sp.simulate(
        case.geology,
        case.earthquake,
        grid_spacing_m=TRUTH_M,
        duration_s=case.duration_s,
        sensors_m=case.sensors_m,
    )
    return by_sensor(field.values), min(5.0, field.attrs["band_high_hz"]), time.process_time() - start


def by_sensor(values: np.ndarray) -> np.ndarray:
    """From (..., 3, x, y, time) to (..., sensor, 3, time)."""
    flat = values.reshape(*values.shape[:-3], -1, values.shape[-1])
    return np.ascontiguousarray(np.moveaxis(flat, -2, -3), dtype=float)


def products_of(model, case: RegionalCase, realizations: int) -> dict[str, tuple[np.ndarray, float]]:
    """Velocities (realization, sensor, 3, time) of each product, and the processor's time."""
    request = MotionRequest(sensors_m=case.sensors_m, duration_s=case.duration_s)
    times = [time.process_time()]
    motion = model.stage1_motion(case.geology, case.earthquake, request)
    times.append(time.process_time())
    # As `expect` does, without another simulation.
    mean = model.restored(motion, Draws(mean=True))
    times.append(time.process_time())
    draws = model.restored(motion, Draws(realizations=realizations, seed=1))
    times.append(time.process_time())
    fields = {"stage1": motion.field.values[None], "mean": mean.values, "draws": draws.values}
    return {name: (by_sensor(v), s) for (name, v), s in zip(fields.items(), np.diff(times), strict=True)}


def energies(traces: np.ndarray, dt_s: float, judged_hz: float) -> dict[str, np.ndarray]:
    """Energy of all components together in each band that is judged, shape (..., sensor)."""
    power = np.square(np.abs(np.fft.rfft(traces, axis=-1))).sum(axis=-2)
    frequency_hz = np.fft.rfftfreq(traces.shape[-1], dt_s)
    return {name: power[..., _inside(frequency_hz, name, judged_hz)].sum(axis=-1) for name in _judged(judged_hz)}


def ln_biases(draws: np.ndarray, truth: np.ndarray, dt_s: float, judged_hz: float) -> dict[str, float]:
    """Mean over sensors (and draws) of ln of the ratio of mean moduli, in each band that is judged."""
    frequency_hz = np.fft.rfftfreq(truth.shape[-1], dt_s)
    moduli = [np.abs(np.fft.rfft(traces, axis=-1)).mean(axis=-2) for traces in (draws, truth)]
    found = {}
    for name in _judged(judged_hz):
        ours, theirs = (m[..., _inside(frequency_hz, name, judged_hz)].mean(axis=-1) for m in moduli)
        found[f"ln_bias_{name}"] = float(np.log(ours / theirs).mean())
    return found


def _judged(judged_hz: float) -> list[str]:
    return [name for name, (low, high) in BANDS.items() if min(high, judged_hz) - low >= LEAST_SHARE * (high - low)]


def _inside(frequency_hz: np.ndarray, band: str, judged_hz: float) -> np.ndarray:
    low, high = BANDS[band]
    return (frequency_hz >= low) & (frequency_hz < min(high, judged_hz)) & (frequency_hz > 0)


def scores_of(draws: np.ndarray, truth: np.ndarray, dt_s: float, judged_hz: float) -> dict[str, float]:
    """Scores of one product of one case."""
    if judged_hz < 0.45 / dt_s / 2:
        draws, truth = (low_pass(traces, dt_s, judged_hz) for traces in (draws, truth))
    fits = np.array([gof(draw, truth, dt_s, fmax_hz=judged_hz) for draw in draws])
    found = ln_biases(draws, truth, dt_s, judged_hz)
    found |= {"eg": float(np.nanmean(fits[:, 0])), "pg": float(np.nanmean(fits[:, 1]))}
    if len(draws) > 1:
        ours, theirs = (_quantities(traces, dt_s, judged_hz) for traces in (draws, truth))
        found |= {f"coverage_80_{n}": float(coverage(ours[n], theirs[n], (ENSEMBLE,))[0]) for n in ours}
    return found


def _quantities(traces: np.ndarray, dt_s: float, judged_hz: float) -> dict[str, np.ndarray]:
    peak = np.sqrt(np.square(traces[..., :2, :]).sum(axis=-2)).max(axis=-1)
    bands = {f"energy_{name}": values for name, values in energies(traces, dt_s, judged_hz).items()}
    return {"pgv": peak} | bands


def about(case: RegionalCase, slowest_learned_m_s: float) -> dict[str, object]:
    slowest = float(case.geology.vs_m_s.min())
    point = isinstance(case.earthquake, Source)
    return {
        "case": case.name,
        "family": case.family,
        "source": "point" if point else "rupture",
        "ground": "slow" if slowest < slowest_learned_m_s else "ordinary",
        "mw": round(case.earthquake.mw, 2),
        "points": 1 if point else len(case.earthquake),
        "vs_slowest_m_s": round(slowest),
        "extent_m": " ".join(f"{side:g}" for side in case.geology.extent_m),
        "duration_s": case.duration_s,
        "sensors": len(case.sensors_m[0]) * len(case.sensors_m[1]),
    }


def rows_of(case: RegionalCase, models: list[GroundMotionModel], realizations: int) -> list[dict[str, object]]:
    truth, judged_hz, truth_seconds = truth_of(case)
    rows = []
    for model in models:
        common = about(case, model.trained_range.vs_low_m_s) | identity(model)
        for product, (draws, seconds) in products_of(model, case, realizations).items():
            scores = scores_of(draws[..., : truth.shape[-1]], truth, 0.02, judged_hz)
            row = common | {"product": product, "judged_to_hz": round(judged_hz, 2)}
            row |= {"seconds": round(seconds, 1), "truth_seconds": round(truth_seconds, 1)}
            rows.append(row | {key: round(value, 4) for key, value in scores.items()})
    return rows


def identity(model: GroundMotionModel) -> dict[str, str]:
    """The model's name and the digest of its weights."""
    name, _, weights = model.model_id.rpartition("@")
    return {"model": name, "weights": weights}


def read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, columns: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    with atomic_file(path) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)


def summary(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    """Medians of draws over the cases of each kind."""
    found = []
    about_kind = ("model", "weights", "source", "ground")
    kinds = sorted({tuple(row[name] for name in about_kind) for row in rows})
    for kind in kinds:
        of_kind = [r for r in rows if tuple(r[n] for n in about_kind) == kind and r["product"] == "draws"]
        covered = [f"coverage_80_{name}" for name in ("pgv", *(f"energy_{band}" for band in BANDS))]
        middle = {name: _median(of_kind, [name]) for name in SUMMARY if name.startswith("ln_") or name in ("eg", "pg")}
        line = dict(zip(about_kind, kind, strict=True)) | {"cases": len(of_kind)} | middle
        found.append(line | {"coverage_80": _mean(of_kind, covered)})
    return found


def _numbers(rows: list[dict[str, str]], names: list[str]) -> list[float]:
    return [float(row[name]) for row in rows for name in names if row[name]]


def _median(rows: list[dict[str, str]], names: list[str]) -> object:
    values = _numbers(rows, names)
    return round(float(np.median(values)), 2) if values else ""


def _mean(rows: list[dict[str, str]], names: list[str]) -> object:
    values = _numbers(rows, names)
    return round(float(np.mean(values)), 2) if values else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--seed", type=int, default=2611)
    parser.add_argument("--models", nargs="+", default=["simulation"])
    parser.add_argument("--realizations", type=int, default=9)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--tables", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "regional.csv"
    models = [sp.load_model(name) for name in options.models]
    for number in range(options.cases):
        case = regional_case(options.seed, number, share=options.share)
        done = [{name: row[name] for name in ("case", "model", "weights")} for row in read(path)]
        missing = [model for model in models if {"case": case.name} | identity(model) not in done]
        if not missing:
            continue
        rows = rows_of(case, missing, options.realizations)
        write(path, (*ABOUT, *SCORES), [*read(path), *rows])
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if options.tables:
        rows = read(path)
        write(ROOT / "docs" / "tables" / "regional.csv", (*ABOUT, *SCORES), rows)
        write(ROOT / "src" / "spectremor" / "model" / "regional_errors.csv", SUMMARY, summary(rows))


if __name__ == "__main__":
    main()
