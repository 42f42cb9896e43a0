r"""What recordings at some sensors are worth at all others: a model is given the truth there, and judged elsewhere.

    python benchmarks/observed.py --data STORE [--model mifno] [--events 50] [--draws 47] [--bf16] --out DIR

Of each test event, 0, 2, 5 and 10% of the sensors of the grid, drawn at random (those of a smaller share are among
those of a larger one), hand over their true motion with white noise of the error that the model assumes. Judged are,
at the same `--sensors` others at every share: EG, PG and mean ln(prediction / truth) by band of draws, EG and PG of
the mean of all draws, ln of the ratio of durations (D5-95), CRPS of ln, and the shares of the truths within the
intervals of 1 and 2 standard deviations (68.3% and 95.4%). At the recorded sensors: the misfit in units of the error,
and how alike they and the sensors 300 m from them move at 2 to 5 Hz (correlation without lag, and coherency once a
delay is taken out), in draws less in the truth.

Writes DIR/events.csv, to which a run that was stopped adds what is missing, and DIR/observed.csv, means with 95%
intervals from resampling events.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from table_files import write_table

import spectremor as sp
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.seeds import derive_seed, generator
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import OBSERVED_ERROR
from spectremor.judging.benchmark import sound_up_to_hz
from spectremor.judging.fields import SLOWEST_M_S, band_up_to
from spectremor.judging.intervals import bootstrap_interval
from spectremor.judging.scores import LOG_BIASES, mean, sensor_scores
from spectremor.judging.subset import stratified_sensors
from spectremor.judging.tally import ENSEMBLE_QUANTITIES, ensemble_quantities, log_ratio
from spectremor.model.draws import Draws
from spectremor.model.pipeline import GroundMotionModel
from spectremor.model.region import MotionRequest
from spectremor.signal.coherence import aligned_coherency, zero_lag_correlation
from spectremor.signal.ensemble import crps, inside
from spectremor.signal.intensity import horizontal_duration, peak_norm

SHARES = (0.0, 0.02, 0.05, 0.1)
#: Central intervals of 1 and 2 standard deviations of a normal law, and their names.
LEVELS = {"inside_1_sigma": 0.6827, "inside_2_sigma": 0.9545}
#: Draws that scores of waveforms are averaged over.
SCORED_DRAWS = 2


def event_rows(
    model: GroundMotionModel, store: CampaignStore, sample: int, *, draws: int, sensors: int, seed: int = 0
) -> list[dict[str, float]]:
    """One row for each share of recorded sensors."""
    geology, source = store.geology(sample), store.source(sample)
    motion = model.stage1_motion(geology, source, MotionRequest())
    truth = np.ascontiguousarray(np.moveaxis(store.velocity(sample).reshape(3, -1, len(store.time_s)), 0, 1))
    order = generator(seed, "recorded sensors", sample).permutation(len(truth))
    most = round(max(SHARES) * len(truth))
    others = np.sort(order[most:])
    judged = others[stratified_sensors(peak_norm(truth[others]), sensors, seed, sample)]
    rows = []
    for share in SHARES:
        recorded = order[: round(share * len(truth))]
        records = recordings(store, truth, recorded, generator(seed, "errors of records", sample))
        observed = model.parsed_observed(records, OBSERVED_ERROR)
        asked = Draws(realizations=draws, seed=derive_seed(seed, "observed", sample) % 2**31, observed=observed)
        fields = model.restored(motion, asked).values
        drawn = np.moveaxis(fields.reshape(draws, 3, -1, len(store.time_s)), 1, 2)
        row = {"sample": sample, "share": share, "recorded": len(recorded)}
        dt_s, highest_hz = 1 / store.sampling_hz, sound_up_to_hz(store, sample)
        row |= scores(drawn[:, judged], truth[judged], dt_s, highest_hz)
        row |= at_records(store, drawn, truth, recorded, dt_s, highest_hz)
        rows.append(row)
    return rows


def recordings(
    store: CampaignStore, truth: Float[np.ndarray, "sensor 3 time"], recorded: Int[np.ndarray, " r"],
    rng: np.random.Generator,
) -> xr.DataArray | None:  # fmt: skip
    """The true motion at some sensors, with the error that the model assumes; None of no sensor."""
    if len(recorded) == 0:
        return None
    x_m, y_m = (axis.ravel() for axis in np.meshgrid(store.x_m, store.y_m, indexing="ij"))
    true = truth[recorded].astype(float)
    error_m_s = OBSERVED_ERROR * np.sqrt((true**2).mean(axis=-1, keepdims=True))
    return xr.DataArray(
        np.moveaxis(true + error_m_s * rng.standard_normal(true.shape), 0, 1),
        dims=("component", "station", "time"),
        coords={
            "x": ("station", x_m[recorded]),
            "y": ("station", y_m[recorded]),
            "time": np.arange(len(store.time_s)) / store.sampling_hz,
        },
        name="velocity",
        attrs={"units": "m/s"},
    )


def scores(
    drawn: Float[np.ndarray, "draw sensor 3 time"],
    truth: Float[np.ndarray, "sensor 3 time"],
    dt_s: float,
    highest_hz: float,
) -> dict[str, float]:
    """Of draws, their mean and their spread at sensors without a recording."""
    each = [sensor_scores(one, truth, dt_s, highest_hz=highest_hz) for one in drawn[:SCORED_DRAWS]]
    of_mean = sensor_scores(drawn.mean(axis=0), truth, dt_s, highest_hz=highest_hz)
    found = {f"draw_{name}": mean(np.concatenate([one[name] for one in each])) for name in ("EG", "PG", *LOG_BIASES)}
    found |= {f"mean_{name}": mean(of_mean[name]) for name in ("EG", "PG")}
    durations = [horizontal_duration(one[..., :2, :], dt_s) for one in (drawn[:SCORED_DRAWS], truth)]
    found["ln_D5_95"] = mean(log_ratio(durations[0], durations[1]))
    quantities = np.stack([ensemble_quantities(one, dt_s, highest_hz) for one in drawn])
    true = ensemble_quantities(truth, dt_s, highest_hz)
    for k, name in enumerate(ENSEMBLE_QUANTITIES):
        usable = np.isfinite(true[k]) & (true[k] > 0)
        members, values = np.log(quantities[:, k][:, usable]), np.log(true[k][usable])
        found[f"crps_ln {name}"] = mean(crps(members, values)) if usable.any() else np.nan
        shares = inside(members, values, tuple(LEVELS.values())).mean(axis=-1) if usable.any() else [np.nan] * 2
        found |= {f"{level} {name}": float(value) for level, value in zip(LEVELS, shares, strict=True)}
    return found


def at_records(
    store: CampaignStore,
    drawn: Float[np.ndarray, "draw sensor 3 time"],
    truth: Float[np.ndarray, "sensor 3 time"],
    recorded: Int[np.ndarray, " r"],
    dt_s: float,
    highest_hz: float,
) -> dict[str, float]:
    """How well recordings are honoured, and whether draws move on from them to their neighbours as the truth does."""
    names = ("misfit_over_error", "correlation_with_neighbours", "coherency_with_neighbours")
    if len(recorded) == 0:
        return dict.fromkeys(names, float("nan"))
    error_m_s = OBSERVED_ERROR * np.sqrt((truth[recorded] ** 2).mean(axis=-1, keepdims=True))
    misfit = np.sqrt((((drawn[0, recorded] - truth[recorded]) / error_m_s) ** 2).mean())
    pairs = neighbours(recorded, (len(store.x_m), len(store.y_m)))
    spacing_m, band_hz = float(store.x_m[1] - store.x_m[0]), band_up_to(highest_hz)
    alike = []
    for field in (drawn[0], truth):
        traces = np.moveaxis(field, 1, 0)
        correlation = zero_lag_correlation(traces, pairs, dt_s, band_hz)
        coherency = aligned_coherency(traces, pairs, dt_s, spacing_m / SLOWEST_M_S, band_hz)
        alike.append([np.nanmean(correlation), np.nanmean(coherency)])
    differences = np.subtract(*alike)
    return dict(zip(names, (float(misfit), *map(float, differences)), strict=True))


def neighbours(recorded: Int[np.ndarray, " r"], shape: tuple[int, int]) -> Int[np.ndarray, "pair 2"]:
    """Pairs of a recorded sensor and one without a recording beside it, x-major numbers."""
    is_recorded = np.zeros(shape, bool)
    is_recorded.flat[recorded] = True
    pairs = []
    for number in recorded:
        x, y = divmod(int(number), shape[1])
        for i, j in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
            if 0 <= i < shape[0] and 0 <= j < shape[1] and not is_recorded[i, j]:
                pairs.append((number, i * shape[1] + j))
    return np.array(pairs, dtype=int).reshape(-1, 2)


def summary(rows: list[dict[str, float]]) -> list[dict[str, object]]:
    """Means over events, with their 95% intervals."""
    of_share = defaultdict(list)
    for row in rows:
        of_share[row["share"]].append(row)
    lines: list[dict[str, object]] = []
    for share, events in sorted(of_share.items()):
        for measure in events[0].keys() - {"sample", "share", "recorded"}:
            values = np.array([row[measure] for row in events])
            values = values[np.isfinite(values)]
            low, high = bootstrap_interval(values)
            lines.append(
                {"share": share, "measure": measure, "mean": mean(values), "low": low, "high": high}
                | {"events": len(values)}
            )
    return sorted(lines, key=lambda line: (str(line["measure"]), line["share"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="mifno")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--draws", type=int, default=47, help="44 or more reach the interval of 2 standard deviations")
    parser.add_argument("--sensors", type=int, default=64)
    parser.add_argument("--bf16", action="store_true", help="draw in bfloat16")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    try:
        store, model = CampaignStore.open(options.data), sp.load_model(options.model)
        stage2 = model.need_diffusion()
        stage2.config.check_takes_recordings()
    except InputError as error:
        parser.error(str(error))
    stage2.network.bf16 = options.bf16
    kept = options.out / "events.csv"
    rows: list[dict[str, float]] = []
    if kept.exists():
        with kept.open(encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    done = {int(row["sample"]) for row in rows}
    for sample in map(int, store.ids(options.split)[: options.events]):
        if sample in done:
            continue
        rows += event_rows(model, store, sample, draws=options.draws, sensors=options.sensors)
        write_table(rows, kept)
        write_table(summary(rows), options.out / "observed.csv")
        print(f"event {sample}: {len(rows) // len(SHARES)} of {options.events}", flush=True)
    for line in summary(rows):
        interval = f"{line['mean']:.3f} [{line['low']:.3f}, {line['high']:.3f}]"
        print(f"{line['measure']:36} {float(str(line['share'])):5.0%}  {interval}")


if __name__ == "__main__":
    main()
