"""The report of a benchmark run: tables, figures, and one page that a person can read from top to bottom."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import spectremor
from spectremor.core.files import atomic_folder
from spectremor.evaluation import figures, html
from spectremor.evaluation.benchmark import Benchmark, case_of
from spectremor.evaluation.ranking import Ranked, ranked_sensors
from spectremor.evaluation.scores import METRICS
from spectremor.evaluation.tables import IDEAL, PUBLISHED, decile_rows, per_sample_rows, summary_rows, write_csv
from spectremor.evaluation.tally import ENSEMBLE_QUANTITIES, INTENSITIES, PERIODS_S, log_ratio
from spectremor.signal.ensemble import LEVELS, coverage, crps, rank_histogram
from spectremor.signal.response import usable_frequencies
from spectremor.signal.spectra import frequencies

_HEADERS = {"bias_low": "bias 0–1 Hz", "bias_mid": "bias 1–2 Hz", "bias_high": "bias 2–5 Hz"}
_CAPTIONS = {
    "spectra": "What each contender loses: mean Fourier amplitude spectra, and their ratio to the truth. Grey: outside "
    "the usable band of the data.",
    "histograms": "Share of sensors by goodness of fit.",
    "maps": "Mean goodness of fit at each sensor, in blocks of 16 where few were judged. Grey: none there.",
    "deciles": "Scores by the strength of the true motion. Weak motion gives a conditioned model least to go on.",
    "coherency": "Do neighbouring sensors move alike? Lagged coherency of motion above 1 Hz, by distance. A model that "
    "treats each sensor alone falls below the truth.",
    "response": "Response spectra, for engineers. Grey: periods outside the usable band.",
    "intensities": "Scalar intensity measures: quartiles (box), 5% to 95% (whiskers).",
    "ensembles": "Is the spread honest? Where realizations are too alike, the ends rise.",
}


def write_report(result: Benchmark, out: str | Path) -> Path:
    """Write the report folder, whole or not at all; returns the page's path.

    Holds per_sample.csv, summary.csv, summary.json, deciles.csv, spectra.csv, response.csv, figures/*.png,
    settings.json and index.html.
    """
    out = Path(out)
    summary = summary_rows(result.tallies, result.settings.seed)
    deciles = decile_rows(result.tallies, result.peak_velocity)
    checks = ensemble_checks(result)
    pictures = {name: html.png(figure) for name, figure in _figures(result, deciles, checks).items()}
    ranked = ranked_sensors(result)
    pictures |= {f"seismograms_{r.word}": html.png(_seismograms(result, r)) for r in ranked}
    with atomic_folder(out) as folder:
        write_csv(folder / "per_sample.csv", per_sample_rows(result.tallies))
        write_csv(folder / "summary.csv", summary)
        write_csv(folder / "deciles.csv", deciles)
        write_csv(folder / "spectra.csv", _spectra_rows(result))
        write_csv(folder / "response.csv", _response_rows(result))
        write_csv(folder / "intensities.csv", _intensity_rows(result))
        _write_json(folder / "summary.json", _summary_json(result, summary, checks))
        _write_json(folder / "settings.json", dataclasses.asdict(result.settings) | result.facts)
        (folder / "figures").mkdir()
        for name, data in pictures.items():
            (folder / "figures" / f"{name}.png").write_bytes(data)
        (folder / "index.html").write_text(_page(result, summary, checks, pictures, ranked), encoding="utf-8")
    return out / "index.html"


def ensemble_checks(result: Benchmark) -> dict[str, dict[str, Any]]:
    """CRPS, coverage and rank histogram of the main contender's ensemble, by quantity; empty for single draws."""
    tally = next((t for t in result.tallies if t.ensemble), None)
    if tally is None:
        return {}
    members = np.concatenate(tally.ensemble, axis=2)
    truth = np.concatenate(result.truth_ensemble, axis=1)
    checks = {}
    for k, name in enumerate(ENSEMBLE_QUANTITIES):
        draws, true = members[:, k], truth[k]
        scale = float(np.nanmean(true))
        checks[name] = {
            "contender": tally.name,
            "crps_relative": float(np.nanmean(crps(draws, true))) / scale,
            "error_of_one_draw_relative": float(np.nanmean(np.abs(draws - true))) / scale,
            "coverage": {f"{level:.0%}": float(c) for level, c in zip(LEVELS, coverage(draws, true), strict=True)},
            "rank_histogram": rank_histogram(draws, true).tolist(),
            "cases": len(true),
        }
    return checks


def _figures(result: Benchmark, deciles: list[dict[str, Any]], checks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    drawn = {
        "spectra": figures.spectra(result),
        "histograms": figures.histograms(result),
        "maps": figures.maps(result),
        "deciles": figures.deciles(result, deciles),
        "coherency": figures.coherency(result),
        "response": figures.response(result),
        "intensities": figures.intensities(result),
    }
    return drawn | ({"ensembles": figures.ensembles(checks)} if checks else {})


def _seismograms(result: Benchmark, ranked: Ranked) -> Any:
    sensors = np.array([ranked.sensor])
    case = case_of(result, ranked.sample, sensors)
    truth = case.at_sensors(result.store.velocity(ranked.sample))[0, 0]
    predictions = {c.name: c(case)[0, 0] for c in result.contenders}
    east, north = figures.place_of(result, ranked.sensor)
    title = (
        f"{ranked.word.capitalize()} of {ranked.count} sensors by {ranked.contender} "
        f"(mean of EG and PG {ranked.score:.2f}): "
        f"event {ranked.sample}, sensor at {east:.2f} km East, {north:.2f} km North. Black: truth."
    )
    colour = figures.colours([t.name for t in result.tallies])
    return figures.seismograms(title, result.store.time_s, truth, predictions, colour)


def _spectra_rows(result: Benchmark) -> list[dict[str, Any]]:
    frequency = frequencies(len(result.store.time_s), 1 / result.store.sampling_hz)
    usable = usable_frequencies(frequency, result.band_hz)
    sets = {"truth": result.truth} | {t.name: t.traits for t in result.tallies}
    means = {name: np.nanmean([t.spectrum for t in traits], axis=0) for name, traits in sets.items()}
    return [
        {"frequency_hz": float(f), "usable": bool(u), **{f"{n} (m)": float(m[k]) for n, m in means.items()}}
        for k, (f, u) in enumerate(zip(frequency, usable, strict=True))
    ]


def _response_rows(result: Benchmark) -> list[dict[str, Any]]:
    usable = usable_frequencies(1 / PERIODS_S, result.band_hz)
    truth = np.concatenate([t.response for t in result.truth])
    rows = []
    for tally in result.tallies:
        residual = log_ratio(np.concatenate([t.response for t in tally.traits]), truth)
        for k, period in enumerate(PERIODS_S):
            mean, std = float(np.nanmean(residual[:, k])), float(np.nanstd(residual[:, k]))
            fields = {"period_s": float(period), "usable": bool(usable[k]), "mean_ln_ratio": mean, "std_ln_ratio": std}
            rows.append({"contender": tally.name, **fields})
    return rows


def _intensity_rows(result: Benchmark) -> list[dict[str, Any]]:
    truth = np.concatenate([t.measures for t in result.truth])
    rows = []
    for tally in result.tallies:
        residual = log_ratio(np.concatenate([t.measures for t in tally.traits]), truth)
        for k, name in enumerate(INTENSITIES):
            mean, std = float(np.nanmean(residual[:, k])), float(np.nanstd(residual[:, k]))
            rows.append({"contender": tally.name, "measure": name, "mean_ln_ratio": mean, "std_ln_ratio": std})
    return rows


def _summary_json(result: Benchmark, summary: list[dict[str, Any]], checks: dict[str, Any]) -> dict[str, Any]:
    scores: dict[str, dict[str, Any]] = {}
    for row in summary:
        rest = {k: v for k, v in row.items() if k not in ("contender", "metric")}
        scores.setdefault(row["contender"], {})[row["metric"]] = rest
    return {
        "version": spectremor.__version__,
        "facts": result.facts,
        "scores": scores,
        "undefined_sensors": {t.name: int(sum(r["undefined_sensors"] for r in t.rows)) for t in result.tallies},
        "seconds_per_event": {t.name: float(np.median([r["seconds"] for r in t.rows])) for t in result.tallies},
        "ensembles": checks,
        "published": PUBLISHED,
        "remarks": result.remarks,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(_plain(content), indent=1), encoding="utf-8")


def _plain(value: Any) -> Any:
    """NaN has no place in JSON: null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# -- the page ---------------------------------------------------------------------------------------------------------


def _page(
    result: Benchmark,
    summary: list[dict[str, Any]],
    checks: dict[str, dict[str, Any]],
    pictures: dict[str, bytes],
    ranked: list[Ranked],
) -> str:
    facts, settings = result.facts, result.settings
    nx, ny = facts["sensors"]
    judged = "all" if settings.sensors is None else f"{settings.sensors} of each event's"
    lead = (
        f"{facts['events']} events of the {settings.split} split of {facts['data']}; {judged} {nx * ny} sensors, "
        f"{facts['duration_s']:g} s at {facts['sampling_hz']:g} Hz, sound up to {facts['band_high_hz']:g} Hz. "
        f"Spectremor {spectremor.__version__}, seed {settings.seed}."
    )
    parts = [html.paragraph(lead, "lead"), html.bullets(findings(summary, [t.name for t in result.tallies]))]
    parts += [html.heading("Scores"), _score_table(result, summary), html.paragraph(_HOW_TO_READ, "note")]
    if result.remarks:
        parts += [html.heading("Left out, or missing"), html.bullets(result.remarks)]
    titles = {
        "Frequency content": ("spectra",),
        "Goodness of fit": ("histograms", "deciles", "maps"),
        "Between sensors": ("coherency",),
        "For engineers": ("response", "intensities"),
    }
    for title, names in titles.items():
        parts += [html.heading(title), *(html.picture(pictures[n], _CAPTIONS[n]) for n in names)]
    if checks:
        parts += [
            html.heading("Realizations"),
            _ensemble_table(checks),
            html.picture(pictures["ensembles"], _CAPTIONS["ensembles"]),
        ]
    parts.append(html.heading("Seismograms, chosen by rank"))
    parts += [html.picture(pictures[f"seismograms_{r.word}"], f"The {r.word} sensor.") for r in ranked]
    return html.page("Evaluation of ground-motion predictions", parts)


_HOW_TO_READ = (
    "Mean over events, with the 95% bootstrap interval of that mean and the standard deviation over events below it; "
    "bold: the best of this run's rows. rMAE and rRMSE: relative errors of event-normalised traces (_raw: of traces in "
    "m/s), 0 is perfect. Bias: signed relative error of the Fourier amplitude, 0 is perfect. EG, PG: envelope, phase "
    "goodness of fit, 10 is perfect, above 8 excellent, above 6 good. Published rows: 3,000 events of another data set "
    "(arXiv 2504.00757), beside and not against. Seconds: median time per event on the machine of this run, for the "
    "judged sensors; second stages exclude the time of stage 1, stored simulations cost only their reading."
)


def _score_table(result: Benchmark, summary: list[dict[str, Any]]) -> str:
    names = [t.name for t in result.tallies]
    of = {(r["contender"], r["metric"]): r for r in summary}
    best = {m: _best([(abs(of[n, m]["mean"] - IDEAL[m]), n) for n in names]) for m in METRICS}
    rows = []
    for tally in result.tallies:
        cells = [html.cell(tally.name, _counts(tally.rows))]
        for metric in METRICS:
            row = of[tally.name, metric]
            low, high, std = (html.number(row[k], 2) for k in ("ci95_low", "ci95_high", "std"))
            cells.append(
                html.cell(html.number(row["mean"]), f"[{low}, {high}] ± {std}", best=best[metric] == tally.name)
            )
        cells.append(html.cell(html.number(float(np.median([r["seconds"] for r in tally.rows])), 2)))
        rows.append(("", cells))
    for name, known in PUBLISHED.items():
        cells = [
            html.cell(name, "3,000 events"),
            *(html.cell(html.number(known.get(m), 2)) for m in METRICS),
            html.cell("–"),
        ]
        rows.append(("published", cells))
    return html.table(["", *(_HEADERS.get(m, m) for m in METRICS), "seconds"], rows)


def _counts(rows: list[dict[str, float]]) -> str:
    undefined = int(sum(r["undefined_sensors"] for r in rows))
    total = int(sum(r["sensors"] for r in rows))
    return f"{total} sensors" + (f", {undefined} undefined" if undefined else "")


def _best(candidates: list[tuple[float, str]]) -> str | None:
    known = [c for c in candidates if math.isfinite(c[0])]
    return min(known)[1] if len(known) > 1 else None


def _ensemble_table(checks: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, check in checks.items():
        cells = [html.cell(name), html.cell(html.number(check["crps_relative"]))]
        cells.append(html.cell(html.number(check["error_of_one_draw_relative"])))
        cells += [html.cell(html.number(value)) for value in check["coverage"].values()]
        rows.append(("", cells))
    header = ["", "CRPS / mean", "error of one draw / mean", *(f"inside the {level:.0%} interval" for level in LEVELS)]
    return html.table(header, rows)


def findings(summary: list[dict[str, Any]], names: list[str]) -> list[str]:
    """What the numbers say, in sentences; only where an interval backs them."""
    of = {(r["contender"], r["metric"]): r for r in summary}
    stage1 = next((n for n in names if n.endswith("stage 1")), None)
    full = next((n for n in names if n.endswith("+ diffusion")), None)
    if stage1 is None or full is None:
        return []
    said = []
    for metric, words in (
        ("bias_high", "bias at 2–5 Hz"),
        ("PG", "phase goodness of fit"),
        ("EG", "envelope goodness of fit"),
    ):
        before, after = of[stage1, metric], of[full, metric]
        gain = abs(before["mean"] - IDEAL[metric]) - abs(after["mean"] - IDEAL[metric])
        apart = before["ci95_high"] < after["ci95_low"] or after["ci95_high"] < before["ci95_low"]
        verdict = ("better" if gain > 0 else "worse") if apart else "not told apart by these events"
        said.append(f"Diffusion takes the {words} from {before['mean']:.2f} to {after['mean']:.2f}: {verdict}.")
    for baseline in (n for n in names if n.endswith(("x gain", "+ regression")) or n.startswith("simulation")):
        wins = [m for m in ("EG", "PG") if of[full, m]["ci95_low"] > of[baseline, m]["ci95_high"]]
        losses = [m for m in ("EG", "PG") if of[full, m]["ci95_high"] < of[baseline, m]["ci95_low"]]
        verdict = "; ".join(
            text
            for text, metrics in (
                (f"beats it in {' and '.join(wins)}", wins),
                (f"loses in {' and '.join(losses)}", losses),
            )
            if metrics
        )
        said.append(f"Against '{baseline}', diffusion {verdict or 'is not told apart in EG and PG by these events'}.")
    return said
