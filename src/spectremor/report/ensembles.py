"""Calibration of the realizations of each contender: CRPS, coverage and rank histograms over all cases of a run.

Two kinds of ensembles are compared: draws of models, and single predictions "dressed" with the errors that they made on
the validation split. The CRPS of a single prediction alone is its absolute error; it is listed as another product.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from spectremor.judging.benchmark import Benchmark, few_of
from spectremor.judging.calibration import Calibration, Estimate, calibration
from spectremor.judging.intervals import bootstrap_interval, bootstrap_of_ratio
from spectremor.judging.tally import ENSEMBLE_QUANTITIES, Tally
from spectremor.report.tables import DECILES, decile_of
from spectremor.signal.ensemble import LEVELS, crps, rank_histogram

#: Contender -> quantity -> its statistics.
Checks = dict[str, dict[str, dict[str, Any]]]

DRESSED = "dressed with its errors"


def ensembles_of(result: Benchmark) -> list[Tally]:
    """All contenders whose ensemble quantities were judged, and baselines dressed with their validation errors."""
    with_quantities = [tally for tally in result.tallies if tally.ensemble]
    dressed = []
    for tally in with_quantities:
        residuals = result.residuals.get(tally.name)
        if residuals is not None:
            count, seed = result.settings.realizations, result.settings.seed
            pairs = zip(tally.ensemble, result.samples, strict=True)
            drawn = [residuals.dress(members[0], count, seed, sample) for members, sample in pairs]
            name = f"{tally.name}, {DRESSED}"
            dressed.append(dataclasses.replace(tally, name=name, product="draw", ensemble=drawn))
    return with_quantities + dressed


def ensemble_checks(result: Benchmark) -> Checks:
    """CRPS of every contender; coverage and rank histogram of those that draw realizations.

    The CRPS of a single prediction is its absolute error. Empty if no contender draws more than one realization.
    """
    if not any(len(members) > 1 for tally in result.tallies for members in tally.ensemble[:1]):
        return {}
    return {
        tally.name: {
            name: _check(tally, result, k, usable=_usable(result, *needs))
            for k, (name, needs) in enumerate(ENSEMBLE_QUANTITIES.items())
        }
        for tally in ensembles_of(result)
    }


def _usable(result: Benchmark, low_hz: float, high_hz: float) -> bool:
    """Whether the usable band of the data contains the frequencies that a quantity needs."""
    return high_hz <= result.band_hz[1] * (1 + 1e-9) and (low_hz == 0 or low_hz >= result.band_hz[0])


def _check(tally: Tally, result: Benchmark, quantity: int, *, usable: bool) -> dict[str, Any]:
    """Statistics of one quantity of one contender, over all events."""
    by_event = [members[:, quantity] for members in tally.ensemble]
    truths = [truth[quantity] for truth in result.truth_ensemble]
    judged = calibration(by_event, truths, result.settings.seed)
    draws, true = np.concatenate(by_event, axis=1), np.concatenate(truths)
    finite = np.isfinite(true) & np.isfinite(draws).all(axis=0)
    draws, true = draws[:, finite], true[finite]
    scale = float(true.mean()) if len(true) else math.nan
    return {
        "product": tally.product,
        "usable": usable,
        **_calibrated(judged),
        "crps_relative": float(crps(draws, true).mean()) / scale if len(true) else math.nan,
        "error_of_one_draw_relative": float(np.abs(draws - true).mean()) / scale if len(true) else math.nan,
        "rank_histogram": rank_histogram(draws, true).tolist() if len(draws) > 1 else [],
        "realizations": len(draws),
        "cases": len(true),
        "events": judged.events,
    }


def _calibrated(judged: Calibration) -> dict[str, Any]:
    levels = [f"{level:.0%}" for level in LEVELS]
    return {
        "crps_ln": judged.crps_ln.mean,
        "crps_ln_ci95": _ends(judged.crps_ln),
        "coverage": {level: share.mean for level, share in zip(levels, judged.shares, strict=True)},
        "coverage_ci95": {level: _ends(share) for level, share in zip(levels, judged.shares, strict=True)},
    }


def _ends(estimate: Estimate) -> list[float]:
    return [estimate.low, estimate.high]


def crps_findings(result: Benchmark) -> list[str]:
    """Sentences that compare the CRPS of the diffusion model's draws with that of every other ensemble.

    The CRPS is of natural logarithms. It is called lower or higher if the 95% interval of a paired bootstrap over
    events excludes 0.
    """
    tallies = ensembles_of(result) if result.truth_ensemble else []
    full = next((t for t in tallies if t.name.endswith("+ diffusion")), None)
    if full is None:
        return []
    full_crps = event_crps_ln(full, result)
    names = [name for name, needs in ENSEMBLE_QUANTITIES.items() if _usable(result, *needs)]
    columns = [k for k, name in enumerate(ENSEMBLE_QUANTITIES) if name in names]
    others = [t for t in tallies if t is not full and len(t.ensemble[0]) > 1]
    return [
        f"Against '{other.name}', the CRPS of diffusion is "
        f"{_in_words((event_crps_ln(other, result) - full_crps)[:, columns], names, result.settings.seed)}."
        for other in others
    ]


def _in_words(difference: np.ndarray, names: list[str], seed: int) -> str:
    """Which quantities have a lower and which a higher CRPS, given the other's CRPS minus ours, (event, quantity)."""
    intervals = [bootstrap_interval(d[np.isfinite(d)], seed) for d in difference.T]
    low, high = np.array(intervals).T
    verdicts = np.where(low > 0, "lower", np.where(high < 0, "higher", "not distinguishable"))
    parts = [
        f"{word} in {', '.join(n for n, v in zip(names, verdicts, strict=True) if v == word)}"
        for word in ("lower", "higher", "not distinguishable")
        if word in verdicts
    ]
    return "; ".join(parts)


def _crps_ln(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Fair CRPS of logarithms, (quantity, sensor); NaN where a value is not positive."""
    positive = (truth > 0) & (members > 0).all(axis=0)
    logarithms = (np.log(np.where(positive, values, 1.0).astype(float)) for values in (members, truth))
    return np.where(positive, crps(*logarithms), np.nan)


def event_crps_ln(tally: Tally, result: Benchmark) -> np.ndarray:
    """Mean fair CRPS of logarithms over the sensors of each event, shape (event, quantity); NaN without sensors."""
    scores = [_crps_ln(m, truth) for m, truth in zip(tally.ensemble, result.truth_ensemble, strict=True)]
    finite = [np.isfinite(score) for score in scores]
    sums = np.array([np.where(k, s, 0.0).sum(axis=-1) for k, s in zip(finite, scores, strict=True)])
    counts = np.array([k.sum(axis=-1) for k in finite])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def decile_crps_rows(result: Benchmark) -> list[dict[str, Any]]:
    """CRPS of logarithms by decile of stage-1 amplitude, with intervals over events; absolute error without draws."""
    return [
        row for tally in (ensembles_of(result) if result.truth_ensemble else []) for row in _decile_crps(tally, result)
    ]


def _decile_crps(tally: Tally, result: Benchmark) -> list[dict[str, Any]]:
    edges = np.nanquantile(np.concatenate(tally.stage1_peak_velocity), np.linspace(0, 1, DECILES + 1))
    sums, counts = np.zeros((2, len(ENSEMBLE_QUANTITIES), DECILES, len(tally.ensemble)))
    events = zip(tally.ensemble, result.truth_ensemble, tally.stage1_peak_velocity, strict=True)
    for event, (members, truth, amplitude) in enumerate(events):
        decile = decile_of(amplitude[few_of(len(amplitude))], edges)
        for k, scores in enumerate(_crps_ln(members, truth)):
            defined = ~np.isnan(scores)
            sums[k, :, event] = np.bincount(decile[defined], scores[defined], DECILES)
            counts[k, :, event] = np.bincount(decile[defined], minlength=DECILES)
    rows = []
    for k, name in enumerate(ENSEMBLE_QUANTITIES):
        for d in range(DECILES):
            total = counts[k, d].sum()
            low, high = bootstrap_of_ratio(sums[k, d], counts[k, d], result.settings.seed)
            what: dict[str, Any] = {
                "contender": tally.name,
                "product": tally.product,
                "metric": f"CRPS of ln {name}",
                "decile": d + 1,
            }
            where = {"stage1_peak_from_m_s": float(edges[d]), "stage1_peak_to_m_s": float(edges[d + 1])}
            mean = float(sums[k, d].sum() / total) if total else math.nan
            rows.append({**what, **where, "mean": mean, "ci95_low": low, "ci95_high": high, "sensors": int(total)})
    return rows


def check_rows(checks: Checks) -> list[dict[str, Any]]:
    """One row per contender and quantity."""
    rows = []
    for contender, by_name in checks.items():
        for name, check in by_name.items():
            row: dict[str, Any] = {"contender": contender, "product": check["product"], "quantity": name}
            row |= {"usable": check["usable"], "crps_ln": check["crps_ln"]}
            row |= dict(zip(("crps_ln_ci95_low", "crps_ln_ci95_high"), check["crps_ln_ci95"], strict=True))
            columns = ("crps_relative", "error_of_one_draw_relative", "realizations", "cases", "events")
            row |= {k: check[k] for k in columns}
            for level, share in check["coverage"].items():
                low, high = check["coverage_ci95"][level]
                row |= {f"inside_{level}": share, f"inside_{level}_ci95_low": low, f"inside_{level}_ci95_high": high}
            row["rank_histogram"] = " ".join(str(n) for n in check["rank_histogram"])
            rows.append(row)
    return rows
