"""The report of a prediction beside records and ground-motion models: tables, figures, one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectremor.core.files import atomic_folder
from spectremor.core.version import VERSION
from spectremor.hazard import figures
from spectremor.hazard.comparison import BesideModels, Recorded, model_rows, record_rows, waveform_rows
from spectremor.hazard.ground_motion_models import reference_of
from spectremor.report import html
from spectremor.report.report_folder import FIGURES, PAGE, check_report_folder
from spectremor.report.tables import write_csv

_CAPTIONS = {
    "record_spectra": "Response spectra of the record (black), of the draws, and of ground-motion models at the same "
    "magnitude, distance, depth and Vs30. Grey: periods that record or prediction do not hold.",
    "record_residuals": "ln(observed / predicted median) of SA, RotD50, at the periods that both hold.",
    "record_waveforms": "Record and first draw in the band in which waveforms are compared.",
    "model_distances": "Sites of the prediction (points; lines are 16 to 84% of the draws) and ground-motion models "
    "over the distance to the rupture plane.",
    "model_spectra": "Response spectra at the nearest, a middle and the farthest site. Grey: periods that the "
    "prediction does not hold.",
}
_HOW_TO_READ = (
    "Percentile: where the record stands among the draws; of honest draws, every percentile is as likely as another. "
    "RotD50 is the median over all horizontal directions, RotD100 the largest. D5-95 ends with the compared times."
)


def write_hazard_report(
    recorded: Recorded | None, beside: BesideModels | None, prediction: str, out: str | Path
) -> Path:
    """Write csv tables, figures/*.png and index.html, whole or not at all; returns the page's path.

    Args:
        recorded: the prediction beside records, if there are any.
        beside: the prediction beside ground-motion models, if they were asked.
        prediction: what it is called.
        out: the folder.
    """
    out = check_report_folder(out)
    tables: dict[str, list[dict[str, Any]]] = {}
    pictures: dict[str, bytes] = {}
    parts = [html.paragraph(f"{prediction}. Spectremor {VERSION}.", "lead")]
    if recorded is not None:
        tables["recorded"] = record_rows(recorded)
        tables["waveforms"] = waveform_rows(recorded)
        pictures["record_spectra"] = html.png(figures.record_spectra(recorded, beside))
        pictures["record_residuals"] = html.png(figures.record_residuals(tables["recorded"]))
        pictures["record_waveforms"] = html.png(figures.record_waveforms(recorded))
        parts += _recorded_parts(recorded, tables["recorded"], tables["waveforms"], pictures)
    if beside is not None:
        tables["ground_motion_models"] = model_rows(beside)
        of_models = {} if recorded is not None else {"model_distances": html.png(figures.model_distances(beside))}
        of_models["model_spectra"] = html.png(figures.model_spectra(beside))
        parts += _model_parts(beside, tables["ground_motion_models"], of_models)
        pictures |= of_models
    with atomic_folder(out) as folder:
        for name, rows in tables.items():
            if rows:
                write_csv(folder / f"{name}.csv", rows)
        (folder / FIGURES).mkdir()
        for name, data in pictures.items():
            (folder / FIGURES / f"{name}.png").write_bytes(data)
        (folder / PAGE).write_text(
            html.page(f"{prediction} beside what was recorded and known", parts), encoding="utf-8"
        )
    return out / PAGE


def _recorded_parts(
    recorded: Recorded,
    rows: Sequence[dict[str, Any]],
    waveforms: Sequence[dict[str, Any]],
    pictures: dict[str, bytes],
) -> list[str]:
    low, high = recorded.band_hz
    said = f"{len(recorded.sites.names)} stations, {len(recorded.sites.draws)} draws; both hold {low:g} to {high:g} Hz."
    parts = [html.heading("Beside records"), html.paragraph(said), html.bullets(recorded.notes)]
    shown = [r for r in rows if "RotD100" not in r["measure"] and not r["measure"].startswith("FAS")]
    header = ("station", "measure", "unit", "observed", "median of draws", "16%", "84%", "ln(obs / pred)", "percentile")
    parts.append(html.table(header, [("" if r["usable"] else "unusable", _record_cells(r)) for r in shown]))
    parts.append(html.paragraph(_HOW_TO_READ, "note"))
    if waveforms:
        keys = ("station", "from_hz", "to_hz", "EG_mean", "PG_mean", "EG_best", "PG_best")
        cells = [("", [html.cell(_text(row[key])) for key in keys]) for row in waveforms]
        parts += [html.heading("Waveforms"), html.table(keys, cells)]
    parts += [html.picture(pictures[name], _CAPTIONS[name]) for name in pictures if name.startswith("record_")]
    return parts


def _record_cells(row: dict[str, Any]) -> list[str]:
    numbers = (row[k] for k in ("observed", "predicted_median", "predicted_16", "predicted_84"))
    texts = [f"{value:.3g}" for value in numbers]
    percentile = html.number(row["percentile"], 0)
    last = (html.number(row["ln_observed_over_predicted"], 2), percentile)
    return [html.cell(text) for text in (row["station"], row["measure"], row["unit"], *texts, *last)]


def _model_parts(beside: BesideModels, rows: Sequence[dict[str, Any]], pictures: dict[str, bytes]) -> list[str]:
    site = beside.seen[0]
    said = (
        f"Mw {site.mw:.2f}, {_MECHANISMS[site.mechanism]}, source {site.hypocentre_depth_km:.1f} km deep, "
        f"{len(beside.seen)} sites. Medians are of RotD50. The models know records of other earthquakes, not this "
        "ground."
    )
    parts = [html.heading("Beside ground-motion models"), html.paragraph(said), html.bullets(beside.answers.notes)]
    names = [motion.name for motion in beside.answers.motions]
    measures = list(dict.fromkeys(r["measure"] for r in rows if r["usable"]))
    body = []
    for name in names:
        cells = [html.cell(name, reference_of(name))]
        for measure in measures:
            logs = [r["ln_predicted_over_model"] for r in rows if r["model"] == name and r["measure"] == measure]
            cells.append(html.cell(html.number(sum(logs) / len(logs), 2)))
        body.append(("", cells))
    parts.append(html.table(("mean ln(predicted / model)", *measures), body))
    return parts + [html.picture(data, _CAPTIONS[name]) for name, data in pictures.items()]


_MECHANISMS = {"SS": "strike-slip", "NS": "normal", "RS": "reverse"}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"
