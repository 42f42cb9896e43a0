"""The HTML page of a report: findings in sentences, then tables and figures with captions."""

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
    "mean": "Single predictions. They aim at the mean motion and are compared with one another.",
    "draw": "Draws. Each is one possible motion; they are compared with one another.",
}
_CAPTIONS = {
    "spectra": "Mean Fourier amplitude spectra of each contender (smoothed, Konno & Ohmachi, b = 40), and their ratio "
    "to the truth. Grey: outside the usable band of the data.",
    "histograms": "Share of sensors by goodness of fit.",
    "maps": "Mean goodness of fit at each sensor, or in blocks of 4 x 4 sensors if few sensors were judged. Grey: no "
    "sensor was judged.",
    "deciles": "Scores by decile of the peak velocity of stage 1.",
    "coherency": "Lagged coherency of the motion at two sensors above 1 Hz, by distance, over at most "
    f"{COHERENCY_EVENTS} events. A model that restores each sensor alone tends to have less than the truth.",
    "response": f"Response spectra at no more than {FEW_SENSORS} sensors of each event. Grey: periods outside the "
    "usable band. Semivariogram: half the mean squared difference of ln(SA predicted / SA true) between sensors; it "
    "is small at short distance if neighbouring sensors have similar errors.",
    "intensities": "Scalar intensity measures: quartiles (box), 5% to 95% (whiskers). Acceleration, too, contains "
    "no frequencies above the usable band.",
    "ensembles": "Rank histograms of the truth among the realizations. Flat at the line: the spread is right. "
    "U-shaped: too little spread. Sloping: biased.",
}
_HOW_TO_READ = (
    "Large number: mean over events; bold: the best value of the column in this table. Small numbers below it: the 95% "
    "bootstrap interval of that mean; the standard deviation over events; the quartiles over events (25%, 50%, 75%). "
    "rMAE and rRMSE: relative errors of event-normalised traces (_raw: of traces in m/s), 0 is perfect. ln bias: "
    "ln(prediction / truth) of the Fourier amplitude, 0 is perfect. Published relative bias: (prediction - truth) / "
    "truth of the Fourier amplitude; its mean is above 0 even for perfect draws. EG, PG: envelope and phase goodness "
    "of fit, 10 is perfect, above 8 excellent, above 6 good, above 4 fair. Draws and single predictions have separate "
    "tables because a draw scatters around the mean and so has a larger error. Seconds: median time per event for the "
    "judged sensors on the machine of this run; for second stages without the time of stage 1, for stored simulations "
    "the time to read them."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """The contents of the page.

    Attributes:
        result: the run.
        summary: rows of `summary_rows`.
        shares: rows of `share_rows`.
        checks: result of `ensemble_checks`; empty if no contender draws more than one realization.
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
    """The HTML document."""
    result, pictures = content.result, content.pictures
    parts = [html.paragraph(_lead(result), "lead")]
    parts += [html.bullets(findings(result.tallies, result.settings.seed, result.band_hz[1]) + crps_findings(result))]
    parts += [html.heading("Scores"), *_score_tables(result, content.summary), html.paragraph(_HOW_TO_READ, "note")]
    parts += [_published_table(), html.paragraph(PUBLISHED_DATA, "note")]
    if result.settings.sensors is not None:
        parts.append(html.paragraph(_SUBSET, "note"))
    if result.remarks:
        parts += [html.heading("Remarks"), html.bullets(result.remarks)]
    sections = {
        "Frequency content": ("spectra",),
        "Goodness of fit": ("histograms", "deciles", "maps"),
        "Between sensors": ("coherency",),
        "Response spectra and intensity measures": ("response", "intensities"),
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
    parts.append(html.heading("Seismograms of the best, median and worst sensors"))
    parts += [html.picture(pictures[f"seismograms_{r.word}"], f"The {r.word} sensor.") for r in ranked]
    return html.page("Evaluation of ground-motion predictions", parts)


def _lead(result: Benchmark) -> str:
    facts, settings = result.facts, result.settings
    nx, ny = facts["sensors"]
    judged = f"all {nx * ny} sensors" if settings.sensors is None else f"{settings.sensors} of the {nx * ny} sensors"
    return (
        f"{facts['events']} events of the {settings.split} split of {facts['data']}; {judged} of each, "
        f"{facts['duration_s']:g} s at {facts['sampling_hz']:g} Hz, usable up to {facts['band_high_hz']:g} Hz. "
        f"Spectremor {VERSION}, seed {settings.seed}."
    )


_SUBSET = (
    "Not all sensors were judged: for each event, one sensor was drawn from each stratum of true peak velocity. "
    "“Sampling” is the standard error of the mean over events that is due to this choice."
)
_HOW_TO_READ_SHARES = (
    "Percentage of judged sensors whose goodness of fit is above a threshold. Published row: the one-stage MIFNO "
    "(arXiv 2404.10115), all its predictions on another data set."
)
_ENSEMBLES = (
    "CRPS: the fair CRPS of natural logarithms, which gives strong and weak events equal weight; for a single "
    "prediction it is the absolute error. Inside: the share of truths in the central interval; for calibrated "
    "realizations it equals the level of the interval; a dash means too few realizations (95% needs 39). Small "
    "numbers: 95% intervals from resampling events. “Dressed with its errors”: a single prediction times exp(error), "
    "with errors drawn from those that it made on the validation split. PGV and SA are RotD50; energies are given as "
    "root-mean-square velocities in the band. Grey: outside the usable band."
)
_FIELDS = (
    "Measures of whole wavefields. Difference: ln(prediction / truth) for shares of power and peak differences, "
    "prediction minus truth for coherency and correlation; small numbers: its 95% interval from resampling events. "
    "Apparent velocity is frequency divided by horizontal wavenumber, with Hann tapers along x and y; motion that is "
    "the same at all sensors at one time has an infinite apparent velocity. Aligned coherency: after the delay between "
    "the two sensors is removed. Distances below the spacing of the sensor grid come from a group of close stations."
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
    row_of = {(r["contender"], r["metric"]): r for r in summary}
    best = {m: _best([(abs(row_of[n, m]["mean"] - IDEAL[m]), n) for n in names]) for m in METRICS}
    rows = []
    for tally in tallies:
        cells = [html.cell(tally.name, _counts(tally.rows))]
        for metric in METRICS:
            row = row_of[tally.name, metric]
            cells.append(
                html.cell(html.number(row["mean"]), *_small_numbers(row, sensors), best=best[metric] == tally.name)
            )
        cells.append(html.cell(html.number(float(np.median([r["seconds"] for r in tally.rows])), 2)))
        rows.append(("", cells))
    return html.table(["", *(_HEADERS.get(m, m) for m in METRICS), "seconds"], rows)


def _published_table() -> str:
    shown = (PUBLISHED_BIASES[-1], "PG")
    rows = [
        ("published", [html.cell(name), *(html.cell(html.number(values.get(m), 2)) for m in shown)])
        for name, values in PUBLISHED.items()
    ]
    return html.table(["published, on other data", *(_HEADERS.get(m, m) for m in shown)], rows)


def _small_numbers(row: dict[str, Any], sensors: int | None) -> list[str]:
    """The small numbers below a mean score."""
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
    share_of = {(r["contender"], r["metric"], r["above"]): r["share"] for r in shares}
    rows = []
    for name in dict.fromkeys(r["contender"] for r in shares):
        cells = [html.cell(html.number(100 * share_of[name, metric, edge], 0)) for metric, edge in SHARES]
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
