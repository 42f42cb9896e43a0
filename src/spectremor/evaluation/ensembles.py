"""Is the spread of a contender's realizations honest? CRPS, coverage and rank histograms over all cases of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.evaluation.benchmark import Benchmark
from spectremor.evaluation.tally import ENSEMBLE_QUANTITIES
from spectremor.signal.ensemble import LEVELS, coverage, crps, rank_histogram

#: By contender, by quantity.
Checks = dict[str, dict[str, dict[str, Any]]]


def ensemble_checks(result: Benchmark) -> Checks:
    """CRPS, coverage and rank histogram of every contender that draws realizations; empty for single draws."""
    if not result.truth_ensemble:
        return {}
    truth = np.concatenate(result.truth_ensemble, axis=1)
    checks: Checks = {}
    for tally in result.tallies:
        if tally.ensemble:
            members = np.concatenate(tally.ensemble, axis=2)
            checks[tally.name] = {
                name: _check(members[:, k], truth[k], usable=_usable(result, *needs))
                for k, (name, needs) in enumerate(ENSEMBLE_QUANTITIES.items())
            }
    return checks


def _usable(result: Benchmark, low_hz: float, high_hz: float) -> bool:
    """Whether the data hold the frequencies that a quantity is made of."""
    return high_hz <= result.band_hz[1] * (1 + 1e-9) and (low_hz == 0 or low_hz >= result.band_hz[0])


def _check(draws: np.ndarray, true: np.ndarray, *, usable: bool) -> dict[str, Any]:
    """One quantity: draws (realization, case) against truth (case,)."""
    known = np.isfinite(true) & np.isfinite(draws).all(axis=0)
    draws, true = draws[:, known], true[known]
    scale = float(true.mean()) if len(true) else np.nan
    inside = coverage(draws, true) if len(true) else np.full(len(LEVELS), np.nan)
    return {
        "usable": usable,
        "crps_relative": float(crps(draws, true).mean()) / scale if len(true) else np.nan,
        "error_of_one_draw_relative": float(np.abs(draws - true).mean()) / scale if len(true) else np.nan,
        "coverage": {f"{level:.0%}": float(share) for level, share in zip(LEVELS, inside, strict=True)},
        "rank_histogram": rank_histogram(draws, true).tolist(),
        "realizations": len(draws),
        "cases": len(true),
    }


def check_rows(checks: Checks) -> list[dict[str, Any]]:
    """One row per contender and quantity, for a table."""
    rows = []
    for contender, by_name in checks.items():
        for name, check in by_name.items():
            row: dict[str, Any] = {"contender": contender, "quantity": name, "usable": check["usable"]}
            row |= {k: check[k] for k in ("crps_relative", "error_of_one_draw_relative", "realizations", "cases")}
            row |= {f"inside_{level}": share for level, share in check["coverage"].items()}
            row["rank_histogram"] = " ".join(str(n) for n in check["rank_histogram"])
            rows.append(row)
    return rows
