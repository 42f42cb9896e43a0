"""Tables of scores: per event, summary with bootstrap intervals, amplitude deciles, shares; published values."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.judging.intervals import bootstrap_interval, bootstrap_of_ratio
from spectremor.judging.scores import METRICS, PUBLISHED_BIASES, mean
from spectremor.judging.tally import Tally

#: Published means on 3,000 test events (arXiv 2504.00757), where the paper's abstract or text states them.
PUBLISHED: dict[str, dict[str, float]] = {
    "MIFNO (published)": {PUBLISHED_BIASES[-1]: -0.44, "PG": 6.65},
    "MIFNO + DDPM (published)": {PUBLISHED_BIASES[-1]: 0.11, "PG": 7.52},
}
#: Why the published values are not ranked with the others.
PUBLISHED_DATA = (
    "Published values come from other work: arXiv 2504.00757 (shares of sensors: arXiv 2404.10115) tests on 3,000 "
    "events of HEMEW^S-3D, a database of SEM3D simulations; its MIFNO was trained on 27,000 others. Nothing here was "
    "tested on those events, so the published values cannot be ranked with those above. A dash: the paper's text "
    "states no value."
)
#: Goodness of fit above which shares of sensors are counted.
SHARES: tuple[tuple[str, int], ...] = tuple((metric, edge) for metric in ("EG", "PG") for edge in (4, 6, 8))
#: Published shares of predictions (arXiv 2404.10115).
PUBLISHED_SHARES: dict[str, dict[str, float]] = {"MIFNO (published)": {"EG > 6": 0.87, "EG > 8": 0.28, "PG > 8": 0.80}}
#: The best value of each metric.
IDEAL = {**dict.fromkeys(METRICS, 0.0), "EG": 10.0, "PG": 10.0}
DECILES = 10


def summary_rows(tallies: Sequence[Tally], seed: int = 0) -> list[dict[str, Any]]:
    """One row per contender and metric: mean over events with bootstrap interval, standard deviation, quartiles."""
    return [summarise(t, metric, seed) for t in tallies for metric in METRICS]


def summarise(tally: Tally, metric: str, seed: int = 0) -> dict[str, Any]:
    """Statistics of one metric over events; events whose score is NaN are counted as undefined and left out."""
    values = np.array([row[metric] for row in tally.rows])
    errors = np.array([row[f"{metric}_se"] for row in tally.rows])
    is_defined = ~np.isnan(values)
    defined, errors = values[is_defined], errors[is_defined]
    low, high = bootstrap_interval(defined, seed)
    quartiles = np.percentile(defined, [25, 50, 75]) if len(defined) else [math.nan] * 3
    return {
        "contender": tally.name,
        "product": tally.product,
        "metric": metric,
        "mean": mean(values),
        "std": float(defined.std(ddof=1)) if len(defined) > 1 else math.nan,
        "q25": float(quartiles[0]),
        "median": float(quartiles[1]),
        "q75": float(quartiles[2]),
        "ci95_low": low,
        "ci95_high": high,
        "sensor_se": float(np.sqrt((errors**2).sum()) / max(len(defined), 1)),
        "events": len(defined),
        "undefined_events": len(values) - len(defined),
    }


def decile_rows(tallies: Sequence[Tally], seed: int = 0) -> list[dict[str, Any]]:
    """Mean scores of sensors grouped into deciles of the peak velocity of stage 1, over all judged sensors of the run.

    Deciles of the truth would bias the result: where the truth happens to be weak, any prediction is too strong. For
    each contender the deciles are those of its own stage 1; for a simulation, those of the first model's stage 1.
    """
    return [row for tally in tallies for row in _deciles_of(tally, seed)]


def _deciles_of(tally: Tally, seed: int) -> list[dict[str, Any]]:
    edges = np.nanquantile(np.concatenate(tally.stage1_peak_velocity), np.linspace(0, 1, DECILES + 1))
    rows = []
    for metric in METRICS:
        events = list(zip(tally.sensors, tally.stage1_peak_velocity, strict=True))
        sums, counts = np.zeros((2, DECILES, len(events)))
        for k, (scores, amplitude) in enumerate(events):
            values = scores[metric].astype(float)
            defined = ~(np.isnan(values) | np.isnan(amplitude))
            decile = decile_of(amplitude[defined], edges)
            sums[:, k] = np.bincount(decile, values[defined], DECILES)
            counts[:, k] = np.bincount(decile, minlength=DECILES)
        for k in range(DECILES):
            total = counts[k].sum()
            low, high = bootstrap_of_ratio(sums[k], counts[k], seed)
            where = {"stage1_peak_from_m_s": float(edges[k]), "stage1_peak_to_m_s": float(edges[k + 1])}
            what = {"contender": tally.name, "product": tally.product, "metric": metric, "decile": k + 1}
            statistics = {
                "mean": float(sums[k].sum() / total) if total else math.nan,
                "ci95_low": low,
                "ci95_high": high,
            }
            rows.append({**what, **where, **statistics, "sensors": int(total)})
    return rows


def decile_of(amplitude: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Number of the decile, from 0, that each amplitude falls into."""
    return np.clip(np.searchsorted(edges, amplitude, side="right") - 1, 0, DECILES - 1)


def share_rows(tallies: Sequence[Tally], seed: int = 0) -> list[dict[str, Any]]:
    """Share of sensors whose score is above each threshold, with intervals over events; NaN scores are left out."""
    rows = []
    for tally in tallies:
        for metric, edge in SHARES:
            by_event = [scores[metric][~np.isnan(scores[metric])] for scores in tally.sensors]
            counts = np.array([len(values) for values in by_event], dtype=float)
            above = np.array([(values > edge).sum() for values in by_event], dtype=float)
            share = float(above.sum() / counts.sum()) if counts.sum() else math.nan
            low, high = bootstrap_of_ratio(above, counts, seed)
            row = {"contender": tally.name, "product": tally.product, "metric": metric, "above": edge, "share": share}
            rows.append(row | {"share_ci95_low": low, "share_ci95_high": high})
    return rows


def per_sample_rows(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """One row per contender and event."""
    return [{"contender": tally.name, "product": tally.product, **row} for tally in tallies for row in tally.rows]


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows below a header; NaN is written as `nan`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
