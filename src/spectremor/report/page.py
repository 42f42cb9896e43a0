"""The page of a report: what the numbers say in sentences, then tables and figures, each with what it shows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from spectremor.core.version import VERSION
from spectremor.judging.benchmark import COHERENCY_EVENTS, FEW_SENSORS, Benchmark
from spectremor.judging.scores import LOG_BIASES, METRICS, PUBLISHED_BIASES
from spectremor.judging.tally import Tally
from spectremor.report import html
from spectremor.report.ensembles import Checks, crps_findings
from spectremor.report.findings import findings
from spectremor.report.ranking import Ranked
from spectremor.report.tables import IDEAL, PUBLISHED, PUBLISHED_DATA, PUBLISHED_SHARES, SHARES
from spectremor.signal.ensemble import LEVELS

_BANDS = ("0–1 Hz", "1–2 Hz", "2–5 Hz")
_HEADERS = {name: f"ln bias {band}" for name, band in zip(LOG_BIASES, _BANDS, strict=True)}
_HEADERS |= {name: f"published relative bias {band}" for name, band in zip(PUBLISHED_BIASES, _BANDS, strict=True)}
_PRODUCTS = {
    "mean": "Single predictions, whose aim is the mean: held against one another",
    "draw": "Draws, each one possible motion: held against one another",
}
_CAPTIONS = {
    "spectra": "What each contender loses: mean Fourier amplitude spectra (smoothed, Konno & Ohmachi, b = 40), and "
    "their ratio to the truth. Grey: outside the usable band of the data.",
    "histograms": "Share of sensors by goodness of fit.",
    "maps": "Mean goodness of fit at each sensor, in blocks of 16 where few were judged. Grey: none there.",
    "deciles": "Scores by the strength of stage 1. Weak motion gives a conditioned model least to go on.",
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
    "errors of event-normalised traces (_raw: of traces in m/s), 0 is perfect. ln bias: ln(prediction / "
    "truth) of the Fourier amplitude, 0 is perfect; published relative bias: (prediction - truth) / truth of the same, "
    "which is above 0 in the mean even of perfect draws. EG, PG: envelope and phase goodness of fit, 10 is perfect, "
    "above 8 excellent, above 6 good, above 4 fair. A draw has more error than the mean that it is drawn around, so "
    "draws and single predictions have tables of their own. Seconds: median time per event on the machine of this run, "
    "for the judged sensors; second stages exclude the time of stage 1, stored simulations cost only their reading."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """What the page is made of.

    Attributes:
        result: the run.
        summary: rows of `summary_rows`.
        shares: rows of `share_rows`.
        checks: of realizations; empty for single draws.
        fields: rows of `field_rows`.
        pictures: PNG files by name.
    """

    result: Benchmark
    summary: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    checks: Checks
    fields: list[dict[str, Any]]
    pictures: dict[str, bytes]


def write_page(content: Content, ranked: Sequence[Ranked]) -> str:
    """The document."""
    result, pictures = content.result, content.pictures
    parts = [html.paragraph(_lead(result), "lead")]
    parts += [html.bullets(findings(result.tallies, result.settings.seed, result.band_hz[1]) + crps_findings(result))]
    parts += [html.heading("Scores"), *_score_tables(result, content.summary), html.paragraph(_HOW_TO_READ, "note")]
    parts += [_published_table(), html.paragraph(PUBLISHED_DATA, "note")]
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
        if title == "Between sensors" and content.fields:
            parts += [_field_table(content.fields), html.paragraph(_FIELDS, "note")]
    if content.checks:
        parts += [html.heading("Realizations"), *_ensemble_tables(content.checks), html.paragraph(_ENSEMBLES, "note")]
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
    "CRPS: fair, of natural logarithms, so that every event counts alike; of a single prediction it is its absolute "
    "error. Inside: the share of truths in the central interval, which for honest realizations is the level itself; a "
    "dash where so few realizations cannot reach it (95% needs 39). Small: 95% intervals from resampling events. "
    "“Dressed with its errors”: a single prediction times exp(error), errors drawn from those that it made on the "
    "validation split. PGV and SA are RotD50; energies root-mean-square velocities of the band. Grey: outside the "
    "usable band."
)
_FIELDS = (
    "Of whole fields. Difference: ln(prediction / truth) for shares of power and peak differences, prediction less "
    "truth for coherency and correlation; small: its 95% interval from resampling events. Apparent velocity is "
    "frequency over horizontal wavenumber, with Hann tapers along x and y: what all sensors share at one time has none "
    "that is finite. Aligned coherency: with the delay between two sensors taken out. Distances below the grid's "
    "spacing are of a patch of close stations."
)


def _score_tables(result: Benchmark, summary: list[dict[str, Any]]) -> list[str]:
    parts = []
    for product, words in _PRODUCTS.items():
        tallies = [t for t in result.tallies if t.product == product]
        if tallies:
            parts += [html.paragraph(words), _score_table(tallies, summary, result.settings.sensors)]
    return parts


def _score_table(tallies: Sequence[Tally], summary: list[dict[str, Any]], sensors: int | None) -> str:
    names = [t.name for t in tallies]
    of = {(r["contender"], r["metric"]): r for r in summary}
    best = {m: _best([(abs(of[n, m]["mean"] - IDEAL[m]), n) for n in names]) for m in METRICS}
    rows = []
    for tally in tallies:
        cells = [html.cell(tally.name, _counts(tally.rows))]
        for metric in METRICS:
            row = of[tally.name, metric]
            cells.append(html.cell(html.number(row["mean"]), *_under(row, sensors), best=best[metric] == tally.name))
        cells.append(html.cell(html.number(float(np.median([r["seconds"] for r in tally.rows])), 2)))
        rows.append(("", cells))
    return html.table(["", *(_HEADERS.get(m, m) for m in METRICS), "seconds"], rows)


def _published_table() -> str:
    shown = (PUBLISHED_BIASES[-1], "PG")
    rows = [
        ("published", [html.cell(name), *(html.cell(html.number(values.get(m), 2)) for m in shown)])
        for name, values in PUBLISHED.items()
    ]
    return html.table(["published, of other data", *(_HEADERS.get(m, m) for m in shown)], rows)


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


def _ensemble_tables(checks: Checks) -> list[str]:
    parts = []
    for product, words in (("draw", "Ensembles"), ("mean", "Single predictions")):
        chosen = {name: by for name, by in checks.items() if next(iter(by.values()))["product"] == product}
        if chosen:
            parts += [html.paragraph(words), _ensemble_table(chosen, with_shares=product == "draw")]
    return parts


def _ensemble_table(checks: Checks, *, with_shares: bool) -> str:
    rows = []
    for contender, by_name in checks.items():
        for name, check in by_name.items():
            cells = [
                html.cell(f"{contender}: {name}"),
                html.cell(html.number(check["crps_ln"]), _interval(check["crps_ln_ci95"])),
            ]
            if with_shares:
                for level, share in check["coverage"].items():
                    cells.append(html.cell(html.number(share), _interval(check["coverage_ci95"][level])))
            rows.append(("" if check["usable"] else "unusable", cells))
    shares = [f"inside the {level:.0%} interval" for level in LEVELS] if with_shares else []
    return html.table(["", "CRPS of ln" if with_shares else "absolute error of ln", *shares], rows)


def _field_table(fields: list[dict[str, Any]]) -> str:
    rows = []
    for row in fields:
        where = f", {row['distance_m']:g} m" if row["distance_m"] != "" else ""
        numbers = [html.cell(html.number(row[name])) for name in ("prediction", "truth")]
        difference = html.cell(
            html.number(row["difference"]), _interval((row["difference_ci95_low"], row["difference_ci95_high"]))
        )
        name = f"{row['contender']}: {row['measure']}{where}"
        rows.append(("", [html.cell(name), *numbers, difference, html.cell(str(row["events"]))]))
    return html.table(["", "prediction", "truth", "difference", "events"], rows)


def _interval(ends: Sequence[float]) -> str:
    low, high = (html.number(end) for end in ends)
    return f"[{low}, {high}]"
