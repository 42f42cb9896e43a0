"""The report folder of a benchmark run: tables, figures and an HTML page."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.files import atomic_folder
from spectremor.core.version import VERSION
from spectremor.judging.benchmark import Benchmark, case_of
from spectremor.report import figures, html
from spectremor.report import motion_tables as tables
from spectremor.report.ensembles import Checks, check_rows, crps_findings, decile_crps_rows, ensemble_checks
from spectremor.report.field_tables import field_rows
from spectremor.report.findings import findings
from spectremor.report.page import Content, write_page
from spectremor.report.ranking import Ranked, ranked_sensors
from spectremor.report.report_folder import (
    FIGURES,
    PAGE,
    PER_SAMPLE,
    SETTINGS,
    SUMMARY,
    check_report_folder,
)
from spectremor.report.tables import (
    PUBLISHED,
    PUBLISHED_DATA,
    PUBLISHED_SHARES,
    decile_rows,
    per_sample_rows,
    share_rows,
    summary_rows,
    write_csv,
)


def write_report(result: Benchmark, out: str | Path) -> Path:
    """Write the report folder, all or nothing; returns the path of the page.

    The folder holds per_sample.csv and .json, summary.csv and .json, csv files of the other tables, figures/*.png,
    settings.json and the self-contained index.html.
    """
    out = check_report_folder(out)
    summary = summary_rows(result.tallies, result.settings.seed)
    deciles = decile_rows(result.tallies, result.settings.seed)
    checks = ensemble_checks(result)
    shares = share_rows(result.tallies, result.settings.seed)
    fields = field_rows(result)
    pictures = {name: html.png(figure) for name, figure in _figures(result, deciles, checks).items()}
    ranked = ranked_sensors(result)
    pictures |= {f"seismograms_{r.word}": html.png(_seismograms(result, r)) for r in ranked}
    per_sample = per_sample_rows(result.tallies)
    with atomic_folder(out) as folder:
        all_rows = {
            "per_sample": per_sample,
            "summary": summary,
            "deciles": deciles + decile_crps_rows(result),
            "shares": shares,
            "spectra": tables.spectra_rows(result),
            "response": tables.response_rows(result),
            "intensities": tables.intensity_rows(result),
            "coherency": tables.coherency_rows(result),
            "semivariogram": tables.semivariance_rows(result),
            "ensembles": check_rows(checks),
            "fields": fields,
        }
        for name, rows in all_rows.items():
            if rows:
                write_csv(folder / f"{name}.csv", rows)
        _write_json(folder / PER_SAMPLE, per_sample)
        _write_json(folder / SUMMARY, _summary_json(result, summary, checks))
        _write_json(folder / SETTINGS, dataclasses.asdict(result.settings) | result.facts)
        (folder / FIGURES).mkdir()
        for name, data in pictures.items():
            (folder / FIGURES / f"{name}.png").write_bytes(data)
        content = Content(
            result=result, summary=summary, shares=shares, checks=checks, fields=fields, pictures=pictures
        )
        (folder / PAGE).write_text(write_page(content, ranked), encoding="utf-8")
    return out / PAGE


def _figures(result: Benchmark, deciles: list[dict[str, Any]], checks: Checks) -> dict[str, Any]:
    all_figures = {
        "spectra": figures.spectra(result),
        "histograms": figures.histograms(result),
        "maps": figures.maps(result),
        "deciles": figures.deciles(result, deciles),
        "coherency": figures.coherency(result),
        "response": figures.response(result),
        "intensities": figures.intensities(result),
    }
    return all_figures | ({"ensembles": figures.ensembles(checks)} if checks else {})


def _seismograms(result: Benchmark, ranked: Ranked) -> Any:
    sensors = np.array([ranked.sensor])
    case = case_of(result, ranked.sample, sensors)
    truth = case.at_sensors(result.store.velocity(ranked.sample))[0, 0]
    predictions = {c.name: c(case)[0, 0] for c in result.contenders}
    east, north = figures.sensor_position_km(result, ranked.sensor)
    title = (
        f"{ranked.word.capitalize()} of {ranked.count} sensors by EG and PG of {ranked.contender} "
        f"(mean {ranked.score:.2f}): "
        f"event {ranked.sample}, sensor at {east:.2f} km East, {north:.2f} km North. Black: truth."
    )
    colour = figures.colours([t.name for t in result.tallies])
    return figures.seismograms(title, result.store.time_s, truth, predictions, colour)


def _summary_json(result: Benchmark, summary: list[dict[str, Any]], checks: Checks) -> dict[str, Any]:
    scores: dict[str, dict[str, Any]] = {}
    for row in summary:
        rest = {k: v for k, v in row.items() if k not in ("contender", "metric")}
        scores.setdefault(row["contender"], {})[row["metric"]] = rest
    return {
        "version": VERSION,
        "facts": result.facts,
        "scores": scores,
        "undefined_sensors": {t.name: int(sum(r["undefined_sensors"] for r in t.rows)) for t in result.tallies},
        "seconds_per_event": {t.name: float(np.median([r["seconds"] for r in t.rows])) for t in result.tallies},
        "ensembles": checks,
        "fields": field_rows(result),
        "products": {t.name: t.product for t in result.tallies},
        "published": PUBLISHED,
        "published_data": PUBLISHED_DATA,
        "published_shares": PUBLISHED_SHARES,
        "findings": findings(result.tallies, result.settings.seed, result.band_hz[1]) + crps_findings(result),
        "remarks": result.remarks,
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(_json_value(content), indent=1), encoding="utf-8")


def _json_value(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinite numbers become null."""
    if isinstance(value, Mapping):
        return {str(k): _json_value(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json_value(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
