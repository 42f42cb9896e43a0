"""Figures of a prediction beside records and ground-motion models; each returns a figure and touches no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.hazard.comparison import BesideModels, Recorded
from spectremor.report.figures import OUTSIDE, TRUTH_COLOUR, new_figure, plain_log_axis, style_axes
from spectremor.report.overview import FULL_COLOUR
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MODEL_COLOURS = ("#1f77b4", "#2e8b57", "#8e44ad", "#d68910", "#148f8f")
#: Stations that are drawn at most.
MOST_DRAWN = 4


def record_spectra(recorded: Recorded, beside: BesideModels | None) -> Figure:
    """Response spectra (RotD50) of record, draws and ground-motion models, one panel a station."""
    shown = min(MOST_DRAWN, len(recorded.sites.names))
    figure = new_figure(4.2 * shown + 0.6, 4.2)
    axes = figure.subplots(1, shown, sharey=True, squeeze=False)[0]
    draws, observed = recorded.sites.measures(), recorded.observed_measures()
    for k, axis in enumerate(axes):
        _draws(axis, draws.periods_s, draws.sa[0, :, k] / STANDARD_GRAVITY_M_S2)
        if beside is not None:
            _models(axis, beside, k)
        axis.plot(draws.periods_s, observed.sa[0, k] / STANDARD_GRAVITY_M_S2, color=TRUTH_COLOUR, lw=2, label="record")
        axis.set(xscale="log", yscale="log", xlabel="period (s)", title=recorded.sites.names[k])
        _finish(axis, draws.periods_s, (1 / recorded.band_hz[1], 1 / max(recorded.band_hz[0], 1e-6)))
    axes[0].set_ylabel("SA, RotD50, 5% damping (g)")
    axes[-1].legend(frameon=False, fontsize=8)
    return figure


def record_residuals(rows: list[dict[str, Any]]) -> Figure:
    """ln(observed / predicted) of SA by period: each station, and the mean of all."""
    figure = new_figure(6.5, 4)
    axis = figure.subplots()
    chosen = [r for r in rows if r["measure"].startswith("SA(") and r["measure"].endswith("RotD50") and r["usable"]]
    stations = list(dict.fromkeys(r["station"] for r in chosen))
    periods = list(dict.fromkeys(_period(r["measure"]) for r in chosen))
    table = np.array(
        [[r["ln_observed_over_predicted"] for r in chosen if r["station"] == name] for name in stations]
    ).reshape(len(stations), len(periods))
    for name, values in zip(stations, table, strict=True):
        axis.plot(periods, values, marker="o", ms=4, lw=1, label=name if len(stations) <= 8 else None)
    if len(stations) > 1:
        axis.plot(periods, table.mean(axis=0), color=TRUTH_COLOUR, lw=2.2, label="mean")
    axis.axhline(0, color="0.4", lw=0.8)
    axis.set(xscale="log", xlabel="period (s)", ylabel="ln(observed / predicted)")
    axis.set_title("Above 0: the prediction is too small")
    plain_log_axis(axis.xaxis)
    style_axes(axis)
    if axis.lines and len(stations) <= 8:
        axis.legend(frameon=False, fontsize=8)
    return figure


def record_waveforms(recorded: Recorded) -> Figure:
    """Record and first draw at each station, in the band that is compared."""
    shown = min(MOST_DRAWN, len(recorded.sites.names))
    figure = new_figure(11, 0.8 + 1.7 * shown)
    axes = figure.subplots(shown, 3, sharex=True, sharey="row", squeeze=False)
    draws, observed = recorded.waveforms()
    for k, row in enumerate(axes):
        for c, axis in enumerate(row):
            axis.plot(recorded.sites.time_s, 100 * draws[0, k, c], color=FULL_COLOUR, lw=0.9, label="first draw")
            axis.plot(recorded.sites.time_s, 100 * observed[k, c], color=TRUTH_COLOUR, lw=1.0, label="record")
            style_axes(axis)
        row[0].set_ylabel(f"{recorded.sites.names[k]}\n(cm/s)", fontsize=8)
    for axis, title in zip(axes[0], ("along x (East)", "along y (North)", "up"), strict=True):
        axis.set_title(title, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("time after origin (s)")
    axes[0, 0].legend(frameon=False, fontsize=8)
    return figure


def model_distances(beside: BesideModels) -> Figure:
    """PGV, SA(0.3 s) and SA(1 s) over distance: sites of the prediction, and the models' medians and scatter."""
    figure = new_figure(12, 4)
    measures, motions = beside.sites.measures(), beside.answers.motions
    distance = np.array([site.rrup_km for site in beside.seen])
    order = np.argsort(distance)
    panels: list[tuple[str, np.ndarray, list[np.ndarray], list[np.ndarray]]] = [
        ("PGV (cm/s)", 100 * measures.pgv[0], [100 * m.pgv for m in motions], [m.sigma_pgv for m in motions])
    ]
    for period in (0.3, 1.0):
        k = int(np.abs(measures.periods_s - period).argmin())
        scale = 1 / STANDARD_GRAVITY_M_S2
        medians, sigmas = [scale * m.sa[:, k] for m in motions], [m.sigma_sa[:, k] for m in motions]
        panels.append((f"SA({period:g} s) (g)", scale * measures.sa[0, ..., k], medians, sigmas))
    for axis, (title, draws, medians, sigmas) in zip(figure.subplots(1, 3), panels, strict=True):
        low, middle, high = np.percentile(draws, (16, 50, 84), axis=0)
        # All models together: a standard deviation below the lowest median to one above the highest.
        lowest = np.min([m * np.exp(-s) for m, s in zip(medians, sigmas, strict=True)], axis=0)
        highest = np.max([m * np.exp(s) for m, s in zip(medians, sigmas, strict=True)], axis=0)
        axis.fill_between(distance[order], lowest[order], highest[order], color="0.9", lw=0, label="their 1 sigma")
        for motion, median, colour in zip(motions, medians, _MODEL_COLOURS, strict=False):
            axis.plot(distance[order], median[order], color=colour, lw=1.2, label=motion.name)
        axis.vlines(distance, low, high, color=FULL_COLOUR, lw=0.8, alpha=0.6)
        axis.plot(distance, middle, "o", ms=3.5, color=FULL_COLOUR, label="prediction")
        axis.set(yscale="log", xlabel="distance to the rupture plane (km)", title=f"{title}, RotD50")
        style_axes(axis)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def model_spectra(beside: BesideModels) -> Figure:
    """Response spectra at the nearest, a middle and the farthest site, beside the models."""
    measures, places = beside.sites.measures(), sorted({0, len(beside.seen) // 2, len(beside.seen) - 1})
    order = np.argsort([site.rrup_km for site in beside.seen])
    figure = new_figure(4.2 * len(places) + 0.6, 4.2)
    axes = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axis, place in zip(axes, places, strict=True):
        k = int(order[place])
        site = beside.seen[k]
        _draws(axis, measures.periods_s, measures.sa[0, :, k] / STANDARD_GRAVITY_M_S2)
        _models(axis, beside, k)
        axis.set(xscale="log", yscale="log", xlabel="period (s)")
        axis.set_title(f"{site.rrup_km:.1f} km, Vs30 {site.vs30_m_s:.0f} m/s", fontsize=10)
        low, high = beside.sites.band_hz
        _finish(axis, measures.periods_s, (1 / high, np.inf if low == 0 else 1 / low))
    axes[0].set_ylabel("SA, RotD50, 5% damping (g)")
    axes[-1].legend(frameon=False, fontsize=8)
    return figure


def _draws(axis: Axes, periods_s: np.ndarray, spectra: np.ndarray) -> None:
    low, middle, high = np.percentile(spectra, (16, 50, 84), axis=0)
    if len(spectra) > 1:
        axis.fill_between(periods_s, low, high, color=FULL_COLOUR, alpha=0.25, lw=0, label="16 to 84% of draws")
    axis.plot(periods_s, middle, color=FULL_COLOUR, lw=1.6, label="prediction" if len(spectra) == 1 else "median draw")


def _models(axis: Axes, beside: BesideModels, site: int) -> None:
    from spectremor.hazard.motion import PERIODS_S

    for motion, colour in zip(beside.answers.motions, _MODEL_COLOURS, strict=False):
        axis.plot(PERIODS_S, motion.sa[site] / STANDARD_GRAVITY_M_S2, color=colour, lw=1, ls="--", label=motion.name)


def _finish(axis: Axes, periods_s: np.ndarray, usable_s: tuple[float, float]) -> None:
    axis.set_xlim(periods_s[0], periods_s[-1])
    if usable_s[0] > periods_s[0]:
        axis.axvspan(periods_s[0], min(usable_s[0], periods_s[-1]), **OUTSIDE)
    if usable_s[1] < periods_s[-1]:
        axis.axvspan(max(usable_s[1], periods_s[0]), periods_s[-1], **OUTSIDE)
    plain_log_axis(axis.xaxis)
    style_axes(axis)


def _period(measure: str) -> float:
    return float(measure.removeprefix("SA(").split(" s)")[0])
