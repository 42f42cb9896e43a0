"""Tables of spatial measures of whole wavefields and of the truth, with intervals over events."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.judging.benchmark import Benchmark
from spectremor.judging.fields import DISTANCES_M, STRAIN_M, Measures
from spectremor.judging.intervals import bootstrap_interval
from spectremor.judging.tally import Tally
from spectremor.signal.wavenumber import FAST_M_S

Rows = list[dict[str, Any]]

FAST = f"share of 2-5 Hz power above {FAST_M_S / 1000:g} km/s"
RESIDUAL_FAST = f"{FAST}, of what a draw adds to the mean"
STRAIN = f"RotD50 of the peak velocity difference {STRAIN_M:g} m apart"
ALIGNED = "aligned coherency, 2-5 Hz"
CORRELATION = "correlation without lag, 2-5 Hz"


def field_rows(result: Benchmark) -> Rows:
    """One row per contender, measure and distance; empty if no whole wavefield was judged.

    `difference` is a mean over events: of ln(prediction / truth) for shares of power and peak differences, of
    prediction minus truth for coherency and correlation.
    """
    return [row for tally in result.tallies if tally.fields for row in _rows_of(tally, result)]


def _rows_of(tally: Tally, result: Benchmark) -> Rows:
    pairs = list(zip(tally.fields, result.truth_fields, strict=True))
    seed = result.settings.seed
    rows = [
        _row(tally, FAST, *_logarithms(pairs, "fast_share", "fast_share"), seed),
        _row(tally, STRAIN, _column(pairs, "ln_difference", 0), _column(pairs, "ln_difference", 1), seed),
    ]
    if tally.product == "draw":
        # The measures of a contender hold both its own residuals and those of the truth.
        own_pairs = [(measures, measures) for measures, _ in pairs]
        rows.append(
            _row(
                tally,
                RESIDUAL_FAST,
                *_logarithms(own_pairs, "residual_fast_share", "true_residual_fast_share"),
                seed,
            )
        )
    # These are means of logarithms; the table gives their exponentials.
    for row in rows:
        row |= {"prediction": float(np.exp(row["prediction"])), "truth": float(np.exp(row["truth"]))}
    for name, words in (("aligned_coherency", ALIGNED), ("correlation", CORRELATION)):
        for k, distance_m in enumerate(DISTANCES_M):
            own, true = (np.array([pair[side][name][k] for pair in pairs]) for side in (0, 1))
            rows.append(_row(tally, words, own, true, seed) | {"distance_m": distance_m})
    return [row for row in rows if row["events"]]


def _logarithms(pairs: list[tuple[Measures, Measures]], own: str, true: str) -> tuple[np.ndarray, np.ndarray]:
    columns = _column(pairs, own, 0), _column(pairs, true, 1)
    first, second = (np.log(np.where(values > 0, values, np.nan)) for values in columns)
    return first, second


def _column(pairs: list[tuple[Measures, Measures]], name: str, side: int) -> np.ndarray:
    return np.array([float(pair[side][name]) for pair in pairs])


def _row(tally: Tally, words: str, own: np.ndarray, true: np.ndarray, seed: int) -> dict[str, Any]:
    defined = ~(np.isnan(own) | np.isnan(true))
    own, true = own[defined], true[defined]
    low, high = bootstrap_interval(own - true, seed)
    means = [float(values.mean()) if len(values) else float("nan") for values in (own, true, own - true)]
    row: dict[str, Any] = {"contender": tally.name, "product": tally.product, "measure": words, "distance_m": ""}
    row |= dict(zip(("prediction", "truth", "difference"), means, strict=True))
    return row | {"difference_ci95_low": low, "difference_ci95_high": high, "events": len(own)}
