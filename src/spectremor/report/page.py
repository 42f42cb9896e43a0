"""The page of a report: what the numbers say in sentences, then tables and figures, each with what it shows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from spectremor.core.version import VERSION
from spectremor.judging.benchmark import COHERENCY_EVENTS, FEW_SENSORS, Benchmark
from spectremor.judging.scores import METRICS
from spectremor.report import html
from spectremor.report.ensembles import Checks, crps_findings
from spectremor.report.findings import findings
from spectremor.report.ranking import Ranked
from spectremor.report.tables import IDEAL, PUBLISHED, PUBLISHED_SHARES, SHARES
from spectremor.signal.ensemble import LEVELS

_HEADERS = {"bias_low": "bias 0–1 Hz", "bias_mid": "bias 1–2 Hz", "bias_high": "bias 2–5 Hz"}
_CAPTIONS = {
    "spectra": "What each contender loses: mean Fourier amplitude spectra (smoothed, Konno & Ohmachi, b = 40), and "
    "their ratio to the truth. Grey: outside the usable band of the data.",
    "histograms": "Share of sensors by goodness of fit.",
    "maps": "Mean goodness of fit at each sensor, in blocks of 16 where few were judged. Grey: none there.",
    "deciles": "Scores by the strength of the true motion. Weak motion gives a conditioned model least to go on.",
    "coherency": "Do neighbouring sensors move alike? Lagged coherency of motion above 1 Hz, by distance, over the "
    f"first {COHERENCY_EVENTS} events or fewer. A model that treats each sensor alone falls below the truth.",
    "response": f"Response spectra, for engineers, at {FEW_SENSORS} sensors or fewer of each event. Grey: periods "
    "outside the usable band. Semivariogram: half the mean squared difference of ln(SA predicted / SA true) between "
    "sensors; a model whose errors are alike at neighbours has a small value at short distance.",
    "intensities": "Scalar intensity measures: quartiles (box), 5% to 95% (whiskers). Accelerations hold nothing above "
    "the usable band either.",
    "ensembles": "Is the spread honest? Flat at the line: honest. A U: realizations too alike. A slope: biased.",
}
_HOW_TO_READ = (
    "Large: mean over events; bold: the best of this run's rows. Below it: the 95% bootstrap interval of that mean; "
    "the standard deviation over events; the quartiles over events (25%, 50%, 75%). rMAE and rRMSE: relative "
    "errors of event-normalised traces (_raw: of traces in m/s), 0 is perfect. Bias: signed relative error of the "
    "Fourier amplitude, 0 is perfect. EG, PG: envelope and phase goodness of fit, 10 is perfect, above 8 excellent, "
    "above 6 good, above 4 fair. Published rows: 3,000 events of another data set (arXiv 2504.00757; a dash where the "
    "paper's text states no value), beside and not against. Seconds: median time per event on the machine of this "
    "run, for the judged sensors; second stages exclude the time of stage 1, stored simulations cost only their "
    "reading."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """What the page is made of.

    Attributes:
        result: the run.
        summary: rows of `summary_rows`.
        shares: rows of `share_rows`.
        checks: of realizations; empty for single draws.
        pictures: PNG files by name.
    """

    result: Benchmark
    summary: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    checks: Checks
    pictures: dict[str, bytes]


def write_page(content: Content, ranked: Sequence[Ranked]) -> str:
    """The document."""
    result, pictures = content.result, content.pictures
    parts = [html.paragraph(_lead(result), "lead")]
    parts += [html.bullets(findings(result.tallies, result.settings.seed, result.band_hz[1]) + crps_findings(result))]
    parts += [html.heading("Scores"), _score_table(result, content.summary), html.paragraph(_HOW_TO_READ, "note")]
    if result.settings.sensors is not None:
        parts.append(html.paragraph(_SUBSET, "note"))
    if result.remarks:
        parts += [html.heading("To know when reading"), html.bullets(result.remarks)]
    sections = {
        "Frequency content": ("spectra",),
        "Goodness of fit": ("histograms", "deciles", "maps"),
        "Between sensors": ("coherency",),
        "For engineers": ("response", "intensities"),
    }
    for title, names in sections.items():
        parts.append(html.heading(title))
        if title == "Goodness of fit":
            parts += [_share_table(content.shares), html.paragraph(_HOW_TO_READ_SHARES, "note")]
        parts += [html.picture(pictures[name], _CAPTIONS[name]) for name in names]
    if content.checks:
        parts += [html.heading("Realizations"), _ensemble_table(content.checks), html.paragraph(_ENSEMBLES, "note")]
        parts.append(html.picture(pictures["ensembles"], _CAPTIONS["ensembles"]))
    parts.append(html.heading("Seismograms, chosen by rank"))
    parts += [html.picture(pictures[f"seismograms_{r.word}"], f"The {r.word} sensor.") for r in ranked]
    return html.page("Evaluation of ground-motion predictions", parts)


def _lead(result: Benchmark) -> str:
    facts, settings = result.facts, result.settings
    nx, ny = facts["sensors"]
    judged = f"all {nx * ny} sensors" if settings.sensors is None else f"{settings.sensors} of the {nx * ny} sensors"
    return (
        f"{facts['events']} events of the {settings.split} split of {facts['data']}; {judged} of each, "
        f"{facts['duration_s']:g} s at {facts['sampling_hz']:g} Hz, sound up to {facts['band_high_hz']:g} Hz. "
        f"Spectremor {VERSION}, seed {settings.seed}."
    )


_SUBSET = (
    "Not all sensors were judged: those of each event were drawn one from each stratum of true peak velocity. "
    "“Sampling” is the standard error that this adds to the mean over events."
)
_HOW_TO_READ_SHARES = (
    "Per cent of judged sensors above a threshold. Published row: the one-stage MIFNO (arXiv 2404.10115), of all its "
    "predictions on another data set."
)
_ENSEMBLES = (
    "CRPS and the error of one draw, over the mean of the truth: the first is below the second where the spread is "
    "worth something; of a single prediction the CRPS is its absolute error. Coverage: honest realizations have the "
    "level itself; a dash where so few realizations cannot reach it (95% needs 39). Energies as root-mean-square "
    "velocities of the band. Grey: outside the usable band."
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
            bold = best[metric] == tally.name
            cells.append(html.cell(html.number(row["mean"]), *_under(row, result.settings.sensors), best=bold))
        cells.append(html.cell(html.number(float(np.median([r["seconds"] for r in tally.rows])), 2)))
        rows.append(("", cells))
    for name, published in PUBLISHED.items():
        values = (html.cell(html.number(published.get(m), 2)) for m in METRICS)
        rows.append(("published", [html.cell(name, "3,000 events"), *values, html.cell("–")]))
    return html.table(["", *(_HEADERS.get(m, m) for m in METRICS), "seconds"], rows)


def _under(row: dict[str, Any], sensors: int | None) -> list[str]:
    """The small print of a score."""
    low, high, std, q25, median, q75 = (
        html.number(row[k], 2) for k in ("ci95_low", "ci95_high", "std", "q25", "median", "q75")
    )
    lines = [f"[{low}, {high}]", f"± {std}", f"{q25} | {median} | {q75}"]
    return lines if sensors is None else [*lines, f"sampling {html.number(row['sensor_se'])}"]


def _counts(rows: list[dict[str, float]]) -> str:
    undefined = int(sum(r["undefined_sensors"] for r in rows))
    total = int(sum(r["sensors"] for r in rows))
    return f"{total} sensors" + (f", {undefined} undefined" if undefined else "")


def _best(candidates: list[tuple[float, str]]) -> str | None:
    finite = [c for c in candidates if math.isfinite(c[0])]
    return min(finite)[1] if len(finite) > 1 else None


def _share_table(shares: list[dict[str, Any]]) -> str:
    of = {(r["contender"], r["metric"], r["above"]): r["share"] for r in shares}
    rows = []
    for name in dict.fromkeys(r["contender"] for r in shares):
        cells = [html.cell(html.number(100 * of[name, metric, edge], 0)) for metric, edge in SHARES]
        rows.append(("", [html.cell(name), *cells]))
    for name, published in PUBLISHED_SHARES.items():
        values = (published.get(f"{metric} > {edge}") for metric, edge in SHARES)
        cells = [html.cell(html.number(None if v is None else 100 * v, 0)) for v in values]
        rows.append(("published", [html.cell(name), *cells]))
    return html.table(["% of sensors", *(f"{metric} > {edge}" for metric, edge in SHARES)], rows)


def _ensemble_table(checks: Checks) -> str:
    rows = []
    for contender, by_name in checks.items():
        for name, check in by_name.items():
            cells = [html.cell(f"{contender}: {name}" if len(checks) > 1 else name)]
            cells.append(html.cell(html.number(check["crps_relative"])))
            cells.append(html.cell(html.number(check["error_of_one_draw_relative"])))
            cells += [html.cell(html.number(value)) for value in check["coverage"].values()]
            rows.append(("" if check["usable"] else "unusable", cells))
    header = ["", "CRPS / mean", "error of one draw / mean", *(f"inside the {level:.0%} interval" for level in LEVELS)]
    return html.table(header, rows)
