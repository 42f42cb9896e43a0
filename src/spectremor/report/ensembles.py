"""Is the spread of a contender's realizations honest? CRPS, coverage and rank histograms over all cases of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.judging.benchmark import Benchmark
from spectremor.judging.tally import ENSEMBLE_QUANTITIES, Tally
from spectremor.report.tables import bootstrap_interval
from spectremor.signal.ensemble import LEVELS, coverage, crps, rank_histogram

#: By contender, by quantity.
Checks = dict[str, dict[str, dict[str, Any]]]


def ensemble_checks(result: Benchmark) -> Checks:
    """CRPS of every contender, and of those that draw realizations coverage and rank histogram.

    The CRPS of a single prediction is its absolute error. Empty where nothing draws more than one.
    """
    if not any(len(members) > 1 for tally in result.tallies for members in tally.ensemble[:1]):
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
    finite = np.isfinite(true) & np.isfinite(draws).all(axis=0)
    draws, true = draws[:, finite], true[finite]
    scale = float(true.mean()) if len(true) else np.nan
    inside = coverage(draws, true) if len(true) else np.full(len(LEVELS), np.nan)
    return {
        "usable": usable,
        "crps_relative": float(crps(draws, true).mean()) / scale if len(true) else np.nan,
        "error_of_one_draw_relative": float(np.abs(draws - true).mean()) / scale if len(true) else np.nan,
        "coverage": {f"{level:.0%}": float(share) for level, share in zip(LEVELS, inside, strict=True)},
        "rank_histogram": rank_histogram(draws, true).tolist() if len(draws) > 1 else [],
        "realizations": len(draws),
        "cases": len(true),
    }


def crps_findings(result: Benchmark) -> list[str]:
    """Where the realizations of diffusion have a lower CRPS than each baseline, in sentences.

    Backed by the 95% interval of a paired bootstrap over events.
    """
    full = next((t for t in result.tallies if t.ensemble and t.name.endswith("+ diffusion")), None)
    if full is None or not result.truth_ensemble:
        return []
    prefix = full.name.removesuffix("stage 1 + diffusion")
    own = _event_crps(full, result)
    names = [name for name, needs in ENSEMBLE_QUANTITIES.items() if _usable(result, *needs)]
    columns = [k for k, name in enumerate(ENSEMBLE_QUANTITIES) if name in names]
    said = []
    for other in result.tallies:
        if other is full or not other.ensemble or not other.name.startswith((prefix, "simulation")):
            continue
        difference = (_event_crps(other, result) - own)[:, columns]
        intervals = [bootstrap_interval(d[np.isfinite(d)], result.settings.seed) for d in difference.T]
        low, high = np.array(intervals).T
        verdicts = np.where(low > 0, "lower", np.where(high < 0, "higher", "not told apart"))
        parts = [
            f"{word} in {', '.join(n for n, v in zip(names, verdicts, strict=True) if v == word)}"
            for word in ("lower", "higher", "not told apart")
            if word in verdicts
        ]
        said.append(f"Against '{other.name}', the CRPS of diffusion is {'; '.join(parts)}.")
    return said


def _event_crps(tally: Tally, result: Benchmark) -> np.ndarray:
    """Mean CRPS over the sensors of each event, shape (event, quantity)."""
    pairs = zip(tally.ensemble, result.truth_ensemble, strict=True)
    scores = [crps(members, truth) for members, truth in pairs]
    finite = [np.isfinite(score) for score in scores]
    # Of an event without a defined sensor: NaN.
    sums = np.array([np.where(k, s, 0.0).sum(axis=-1) for k, s in zip(finite, scores, strict=True)])
    counts = np.array([k.sum(axis=-1) for k in finite])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


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
