"""The report that compares one wavefield with another: scores, a table of sensors, figures, an HTML page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.files import atomic_folder
from spectremor.core.version import VERSION
from spectremor.judging.pairing import Pair
from spectremor.judging.scores import METRICS, Scores
from spectremor.report import html
from spectremor.report.figures import OUTSIDE, TRUTH_COLOUR, new_figure, plain_log_axis, seismograms, style_axes
from spectremor.report.overview import FULL_COLOUR
from spectremor.report.pair_response import pair_response, response_figure
from spectremor.report.report_folder import FIGURES, PAGE, PER_SENSOR, SCORES, check_report_folder
from spectremor.report.tables import write_csv
from spectremor.signal.spectra import amplitude_spectrum, frequencies

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: The meaning of each score, in one line.
MEANINGS = {
    "rMAE": "mean over time of |error| / (|motion| + 0.01), of event-normalised traces; 0 is perfect",
    "rRMSE": "root mean square over time of the same ratio, dominated by large ratios; 0 is perfect",
    "ln_bias_low": "0 to 1 Hz: ln(prediction / reference) of the Fourier amplitude; 0 is perfect, 0.1 is about 10%",
    "ln_bias_mid": "the same from 1 to 2 Hz",
    "ln_bias_high": "the same from 2 to 5 Hz",
    "published_relative_bias_low": "0 to 1 Hz: (prediction - reference) / reference, as in the paper; 0 is perfect",
    "published_relative_bias_mid": "the same from 1 to 2 Hz",
    "published_relative_bias_high": "the same from 2 to 5 Hz",
    "EG": "envelope goodness of fit: amplitude in time and frequency; 10 is perfect, above 4 fair, 6 good, 8 excellent",
    "PG": "phase goodness of fit: timing of the waves; 10 is perfect, above 4 fair, 6 good, 8 excellent",
    "rMAE_raw": "rMAE of the traces in m/s, not normalised: weak motion has little weight",
    "rRMSE_raw": "rRMSE of the traces in m/s, not normalised",
}


def write_pair_report(scores: Scores, pair: Pair, names: tuple[str, str], out: str | Path) -> Path:
    """Write scores.json, per_sensor.csv, figures/*.png and index.html, all or nothing; returns the path of the page."""
    out = check_report_folder(out)
    pictures = {"spectra": html.png(_spectra(pair))}
    response = pair_response(pair)
    if response is not None:
        pictures["response"] = html.png(response_figure(response))
    pictures["maps"] = html.png(_maps(scores))
    pictures |= {
        f"seismograms_{word}": html.png(_seismograms(pair, scores, word, k))
        for word, k in _ranked_sensors(scores).items()
    }
    title = f"{names[0]} against {names[1]}"
    parts = [
        html.paragraph(f"{scores.sensors} sensors, {scores.undefined_sensors} undefined. {title}.", "lead"),
        html.table(("score", "mean", "what it means"), [("", _score_cells(name, scores[name])) for name in METRICS]),
        html.bullets(scores.notes),
        *(html.picture(data, name.replace("_", ", ")) for name, data in pictures.items()),
    ]
    with atomic_folder(out) as folder:
        content: dict[str, Any] = {k: v if math.isfinite(v) else None for k, v in scores.items()}
        content |= {"sensors": scores.sensors, "undefined_sensors": scores.undefined_sensors}
        content |= {"notes": scores.notes, "version": VERSION, "prediction": names[0]}
        (folder / SCORES).write_text(json.dumps(content | {"reference": names[1]}, indent=1), encoding="utf-8")
        write_csv(folder / PER_SENSOR, _rows(scores))
        (folder / FIGURES).mkdir()
        for name, data in pictures.items():
            (folder / FIGURES / f"{name}.png").write_bytes(data)
        (folder / PAGE).write_text(html.page(title, parts), encoding="utf-8")
    return out / PAGE


def _score_cells(name: str, value: float) -> list[str]:
    return [html.cell(name), html.cell(html.number(value)), f'<td class="words">{MEANINGS[name]}</td>']


def _rows(scores: Scores) -> list[dict[str, float]]:
    return [
        {"x_m": float(x), "y_m": float(y), **{m: float(scores.per_sensor[m][k]) for m in METRICS}}
        for k, (x, y) in enumerate(scores.positions_m)
    ]


def _spectra(pair: Pair) -> Figure:
    figure = new_figure(8, 4)
    axis = figure.subplots()
    frequency = frequencies(len(pair.time_s), pair.dt_s)
    for traces, label, colour in (
        (pair.reference, "reference", TRUTH_COLOUR),
        (pair.prediction, "prediction", FULL_COLOUR),
    ):
        finite = traces[np.isfinite(traces).all(axis=(-1, -2))]
        if not len(finite):
            continue
        level = amplitude_spectrum(finite, pair.dt_s).reshape(-1, len(frequency)).mean(axis=0)
        axis.loglog(frequency[1:], level[1:], color=colour, label=label)
        shown = level[1:][(frequency[1:] <= pair.band_hz[1]) & (level[1:] > 0)]
        if label == "reference" and len(shown):
            axis.set_ylim(shown.min() / 8, 2 * shown.max())
    axis.set(xlim=(frequency[1], min(frequency[-1], 2 * pair.band_hz[1])), xlabel="frequency (Hz)")
    axis.set(
        ylabel="mean Fourier amplitude (m)", title="Mean over sensors and components (grey: outside the usable band)"
    )
    axis.axvspan(pair.band_hz[1], frequency[-1] * 2, **OUTSIDE)
    plain_log_axis(axis.xaxis)
    style_axes(axis)
    if axis.lines:
        axis.legend(frameon=False, loc="lower left")
    return figure


def _maps(scores: Scores) -> Figure:
    figure = new_figure(10, 4.2)
    x_km, y_km = scores.positions_m.T / 1000
    for axis, metric in zip(figure.subplots(1, 2), ("EG", "PG"), strict=True):
        axis.set(
            facecolor="0.85", aspect="equal", xlabel="East (km)", ylabel="North (km)", title=f"{metric}, 10 is perfect"
        )
        points = axis.scatter(
            x_km, y_km, c=scores.per_sensor[metric], cmap="viridis", s=22, marker="s", plotnonfinite=False
        )
        figure.colorbar(points, ax=axis)
    return figure


def _ranked_sensors(scores: Scores) -> dict[str, int]:
    """Numbers of the best, median and worst sensors by the mean of EG and PG."""
    score = (scores.per_sensor["EG"] + scores.per_sensor["PG"]) / 2
    order = np.argsort(-score, kind="stable")[: int((~np.isnan(score)).sum())]
    if not len(order):
        return {}
    return {"best": int(order[0]), "median": int(order[len(order) // 2]), "worst": int(order[-1])}


def _seismograms(pair: Pair, scores: Scores, word: str, k: int) -> Figure:
    x, y = scores.positions_m[k] / 1000
    eg, pg = scores.per_sensor["EG"][k], scores.per_sensor["PG"][k]
    place = f"{x:.2f} km East, {y:.2f} km North"
    title = f"{word.capitalize()} sensor: {place}, EG {eg:.2f}, PG {pg:.2f}. Black: reference."
    colour = {"prediction": FULL_COLOUR}
    return seismograms(title, pair.time_s, pair.reference[k], {"prediction": pair.prediction[0, k]}, colour)
