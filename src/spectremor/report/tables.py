"""From tallies to tables: per event, summary with bootstrap intervals, the published table, amplitude deciles."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special

from spectremor.core.seeds import generator
from spectremor.judging.scores import METRICS, mean
from spectremor.judging.tally import Tally

#: Published means on 3,000 test events (arXiv 2504.00757); what the paper's abstract and text don't state is absent.
PUBLISHED: dict[str, dict[str, float]] = {
    "MIFNO (published)": {"bias_high": -0.44, "PG": 6.65},
    "MIFNO + DDPM (published)": {"bias_high": 0.11, "PG": 7.52},
}
#: Goodness of fit above which shares of sensors are counted.
SHARES: tuple[tuple[str, int], ...] = tuple((metric, edge) for metric in ("EG", "PG") for edge in (4, 6, 8))
#: Published shares of predictions (arXiv 2404.10115).
PUBLISHED_SHARES: dict[str, dict[str, float]] = {"MIFNO (published)": {"EG > 6": 0.87, "EG > 8": 0.28, "PG > 8": 0.80}}
#: The best value of each metric.
IDEAL = {**dict.fromkeys(METRICS, 0.0), "EG": 10.0, "PG": 10.0}
BOOTSTRAP_DRAWS = 2000
DECILES = 10


def summary_rows(tallies: Sequence[Tally], seed: int = 0) -> list[dict[str, Any]]:
    """One row per contender and metric, over events: mean, std, quartiles, bootstrap interval of the mean."""
    return [summarise(t, metric, seed) for t in tallies for metric in METRICS]


def summarise(tally: Tally, metric: str, seed: int = 0) -> dict[str, Any]:
    """Statistics over events of one metric; NaN events are counted, not averaged."""
    values = np.array([row[metric] for row in tally.rows])
    errors = np.array([row[f"{metric}_se"] for row in tally.rows])
    scored = ~np.isnan(values)
    defined, errors = values[scored], errors[scored]
    low, high = bootstrap_interval(defined, seed)
    quartiles = np.percentile(defined, [25, 50, 75]) if len(defined) else [math.nan] * 3
    return {
        "contender": tally.name,
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


def bootstrap_interval(values: np.ndarray, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean (Efron & Tibshirani 1993, ch. 13), `widened`; NaN of fewer than two."""
    if len(values) < 2:
        return math.nan, math.nan
    draws = generator(seed, "bootstrap").integers(0, len(values), (BOOTSTRAP_DRAWS, len(values)))
    means = values[draws].mean(axis=1)
    return widened(means, len(values), level)


def widened(draws: np.ndarray, events: int, level: float = 0.95) -> tuple[float, float]:
    """Percentiles of a bootstrap, as much wider as Student's t is than the normal: of few events it is too sure."""
    middle, ends = draws.mean(), np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    upper = 0.5 + 0.5 * level
    factor = scipy.special.stdtrit(events - 1, upper) / scipy.special.ndtri(upper) * math.sqrt(events / (events - 1))
    low, high = middle + factor * (ends - middle)
    return float(low), float(high)


def decile_rows(tallies: Sequence[Tally], peak_velocity: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Mean scores of sensors grouped by the truth's peak velocity, tenths of all judged sensors of the run."""
    amplitude = np.concatenate(peak_velocity)
    edges = np.nanquantile(amplitude, np.linspace(0, 1, DECILES + 1))
    decile = np.clip(np.searchsorted(edges, amplitude, side="right") - 1, 0, DECILES - 1)
    rows = []
    for tally in tallies:
        for metric in METRICS:
            values = np.concatenate([scores[metric] for scores in tally.sensors])
            for k in range(DECILES):
                chosen = values[decile == k].astype(float)
                rows.append(
                    {
                        "contender": tally.name,
                        "metric": metric,
                        "decile": k + 1,
                        "pgv_from_m_s": float(edges[k]),
                        "pgv_to_m_s": float(edges[k + 1]),
                        "mean": mean(chosen),
                        "sensors": int((~np.isnan(chosen)).sum()),
                    }
                )
    return rows


def share_rows(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """Share of the sensors with a score whose score is above each threshold."""
    rows = []
    for tally in tallies:
        for metric, edge in SHARES:
            values = np.concatenate([scores[metric] for scores in tally.sensors])
            values = values[~np.isnan(values)]
            share = float((values > edge).mean()) if len(values) else math.nan
            rows.append({"contender": tally.name, "metric": metric, "above": edge, "share": share})
    return rows


def per_sample_rows(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """One row per contender and event."""
    return [{"contender": tally.name, **row} for tally in tallies for row in tally.rows]


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with one header; NaN stands as `nan`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
