"""Figures of a benchmark run; each function returns a matplotlib figure and writes no file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.axes import COMPONENTS
from spectremor.judging.benchmark import Benchmark
from spectremor.judging.contenders import sensor_positions_m
from spectremor.judging.tally import COHERENCY_HIGH_PASS_HZ, INTENSITIES, PERIODS_S
from spectremor.report.ensembles import Checks
from spectremor.report.motion_tables import (
    frequency_axis,
    intensity_residuals,
    mean_coherency,
    mean_semivariance,
    mean_spectra,
    nanmean,
    response_residuals,
)
from spectremor.report.overview import FULL_COLOUR, STAGE1_COLOUR
from spectremor.signal.response import usable_frequencies
from spectremor.signal.spectra import BANDS_HZ

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

TRUTH_COLOUR = "black"
_OTHER_COLOURS = ("#56b4e9", "#2e8b57", "#8e44ad", "#d68910", "#148f8f", "#a04000")
#: If a smaller share of the sensors was judged, a map shows blocks of sensors.
DENSE_ENOUGH = 0.6
#: Style of the area outside the usable band.
OUTSIDE: dict[str, Any] = {"color": "0.92", "zorder": 0, "lw": 0}


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each contender: the project's colours for both stages of the first model, other colours in turn."""
    rest = itertools.cycle(_OTHER_COLOURS)
    chosen: dict[str, str] = {}
    for name in names:
        if name.endswith("stage 1") and STAGE1_COLOUR not in chosen.values():
            chosen[name] = STAGE1_COLOUR
        elif name.endswith("+ diffusion") and FULL_COLOUR not in chosen.values():
            chosen[name] = FULL_COLOUR
        else:
            chosen[name] = next(rest)
    return chosen


def new_figure(width: float, height: float) -> Figure:
    """An empty figure with automatic layout."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def style_axes(axis: Axes) -> None:
    """Remove the frame at the top and on the right, and add a light grid."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="0.93", lw=0.7)
    axis.set_axisbelow(True)


def plain_log_axis(axis: Axis) -> None:
    """Put ticks of a logarithmic axis at 1, 2 and 5 times powers of ten, with plain numbers that do not overlap."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def spectra(result: Benchmark) -> Figure:
    """Smoothed Fourier amplitude spectra of truth and contenders, and their ratio to the truth."""
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    frequency = frequency_axis(result)
    means = mean_spectra(result, smooth=True)
    truth = means["truth"]
    for name, mean in means.items():
        colour, width = (TRUTH_COLOUR, 2.0) if name == "truth" else (_colour(result, name), 1.3)
        left.loglog(frequency[1:], mean[1:], color=colour, lw=width, label=name)
        if name != "truth":
            right.plot(frequency[1:], (mean / truth)[1:], color=colour, lw=width, label=name)
    low, high = result.band_hz
    seen = truth[usable_frequencies(frequency, (low, high)) & np.isfinite(truth)]
    left.set_xlim(frequency[1], max(2 * high, 2 * frequency[1]))
    if len(seen):
        left.set_ylim(seen.min() / 8, 2 * seen.max())
    right.set(xlim=(0, 1.2 * high), ylim=(0, 2))
    right.axhline(1, color=TRUTH_COLOUR, lw=1)
    for _, edge in BANDS_HZ[:-1]:
        right.axvline(edge, color="0.7", lw=0.8, ls=":")
    for axis in (left, right):
        style_axes(axis)
        axis.axvspan(high, 10 * high, **OUTSIDE)
        axis.axvspan(0, 0.999 * low, **OUTSIDE)
        axis.set_xlabel("frequency (Hz)")
    plain_log_axis(left.xaxis)
    left.set_ylabel("mean Fourier amplitude (m)")
    left.set_title("Mean over events, sensors and components")
    right.set(ylabel="prediction / truth", title="Ratio (dotted: edges of the bias bands)")
    left.legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def histograms(result: Benchmark) -> Figure:
    """Histograms of envelope and phase goodness of fit over sensors."""
    figure = new_figure(11, 3.6)
    bins = np.linspace(0, 10, 41)
    for axis, metric in zip(figure.subplots(1, 2, sharey=True), ("EG", "PG"), strict=True):
        for tally in result.tallies:
            values = np.concatenate([s[metric] for s in tally.sensors])
            values = values[~np.isnan(values)]
            if len(values):
                weights = np.full(len(values), 100 / len(values))
                colour = _colour(result, tally.name)
                axis.hist(values, bins, weights=weights, histtype="step", color=colour, lw=1.5, label=tally.name)
                axis.axvline(values.mean(), color=colour, lw=0.9, ls="--")
        for edge, word in ((4, "fair"), (6, "good"), (8, "excellent")):
            axis.axvline(edge, color="0.75", lw=0.7, zorder=0)
            axis.text(edge + 0.06, 0.98, word, transform=axis.get_xaxis_transform(), fontsize=8, color="0.45", va="top")
        style_axes(axis)
        name = {"EG": "Envelope", "PG": "Phase"}[metric]
        axis.set(xlim=(0, 10), xlabel=f"{metric}, 10 is perfect", title=f"{name} goodness of fit (dashed: means)")
    figure.axes[0].set_ylabel("sensors (%)")
    _legend_below(figure)
    return figure


def maps(result: Benchmark) -> Figure:
    """Maps of mean EG and PG at each sensor, or in blocks of sensors if few were judged."""
    tallies = [t for t in result.tallies if not t.name.startswith("simulation at ")]
    figure = new_figure(1.2 + 2.7 * len(tallies), 5.6)
    x_km, y_km = result.store.x_m / 1000, result.store.y_m / 1000
    grid = figure.subplots(2, len(tallies), squeeze=False, sharex=True, sharey=True)
    for row, metric in zip(grid, ("EG", "PG"), strict=True):
        fields = [_map_of(result, t.sensors, metric) for t in tallies]
        low, high = np.nanpercentile(np.concatenate([f.ravel() for f in fields]), [1, 99])
        for axis, tally, field in zip(row, tallies, fields, strict=True):
            mesh = axis.pcolormesh(x_km, y_km, field.T, vmin=low, vmax=high, cmap="viridis", shading="nearest")
            axis.set(aspect="equal", facecolor="0.85")
            axis.set_title(f"{metric}: {tally.name}", fontsize=9)
        figure.colorbar(mesh, ax=row.tolist(), shrink=0.85, label=f"mean {metric}")
    for axis in grid[-1]:
        axis.set_xlabel("East (km)")
    for axis in grid[:, 0]:
        axis.set_ylabel("North (km)")
    return figure


def _map_of(result: Benchmark, sensors: list[dict[str, np.ndarray]], metric: str) -> np.ndarray:
    shape = (len(result.store.x_m), len(result.store.y_m))
    total, count = np.zeros(shape[0] * shape[1]), np.zeros(shape[0] * shape[1])
    for chosen, scores in zip(result.chosen, sensors, strict=True):
        defined = ~np.isnan(scores[metric])
        total[chosen[defined]] += scores[metric][defined]
        count[chosen[defined]] += 1
    total, count = total.reshape(shape), count.reshape(shape)
    if (count > 0).mean() < DENSE_ENOUGH:
        total, count = _in_blocks(total), _in_blocks(count)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


def _in_blocks(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of 4 x 4 sensors, repeated at every sensor of the block."""
    padded = np.pad(values, [(0, -n % 4) for n in values.shape])
    sums = padded.reshape(padded.shape[0] // 4, 4, padded.shape[1] // 4, 4).sum(axis=(1, 3))
    return sums.repeat(4, axis=0).repeat(4, axis=1)[: values.shape[0], : values.shape[1]]


def deciles(result: Benchmark, rows: list[dict[str, Any]]) -> Figure:
    """Scores against the decile of the amplitude of stage 1."""
    figure = new_figure(11, 3.7)
    for axis, metric in zip(figure.subplots(1, 3), ("EG", "PG", "ln_bias_high"), strict=True):
        for tally in result.tallies:
            chosen = [r for r in rows if r["contender"] == tally.name and r["metric"] == metric]
            decile, mean = [r["decile"] for r in chosen], [r["mean"] for r in chosen]
            axis.plot(decile, mean, "o-", ms=3.5, lw=1.3, color=_colour(result, tally.name), label=tally.name)
        style_axes(axis)
        title = {"EG": "Envelope", "PG": "Phase", "ln_bias_high": "Mean ln(prediction / truth), 2-5 Hz"}[metric]
        axis.set(xlabel="decile of stage-1 peak velocity (1: weakest)", title=title, xticks=range(1, 11))
        if metric == "ln_bias_high":
            axis.axhline(0, color=TRUTH_COLOUR, lw=0.8)
    _legend_below(figure)
    return figure


def coherency(result: Benchmark) -> Figure:
    """Lagged coherency of truth and contenders against frequency, one panel per distance bin."""
    edges = np.array(result.facts["distance_edges_m"])
    curves = {"truth": mean_coherency(result, result.truth)}
    curves |= {t.name: mean_coherency(result, t.traits) for t in result.tallies}
    filled = [k for k in range(len(edges) - 1) if not np.isnan(curves["truth"][k]).all()]
    figure = new_figure(max(3.1 * len(filled), 4.5), 3.9)
    if not filled:
        figure.text(0.5, 0.5, "no pairs of judged sensors, or the record is too short", ha="center")
        return figure
    frequency = frequency_axis(result)
    shown = (frequency >= COHERENCY_HIGH_PASS_HZ) & (frequency <= result.band_hz[1])
    for axis, k in zip(np.atleast_1d(figure.subplots(1, len(filled), sharey=True)), filled, strict=True):
        for name, curve in curves.items():
            colour, width = (TRUTH_COLOUR, 2.2) if name == "truth" else (_colour(result, name), 1.3)
            axis.plot(frequency[shown], curve[k, shown], color=colour, lw=width, label=name)
        style_axes(axis)
        axis.axhline(0.35, color="0.6", lw=0.8, ls=":")
        axis.set(xlabel="frequency (Hz)", ylim=(0.2, 1), xlim=(1, result.band_hz[1]))
        axis.set_title(f"{edges[k] / 1000:.2g} to {edges[k + 1] / 1000:.2g} km", fontsize=10)
    figure.axes[0].set_ylabel("lagged coherency\n(dotted: independent noise)")
    _legend_below(figure)
    return figure


def response(result: Benchmark) -> Figure:
    """Ratio of response spectra to the truth, its scatter, and the semivariogram of the residuals."""
    figure = new_figure(11.5, 4.0)
    left, middle, right = figure.subplots(1, 3)
    usable = usable_frequencies(1 / PERIODS_S, result.band_hz)
    centres_km = _distance_centres(result)
    for tally in result.tallies:
        colour = _colour(result, tally.name)
        residual = response_residuals(result, tally)
        mean = nanmean(residual)
        spread = np.sqrt(nanmean((residual - mean) ** 2))
        left.semilogx(PERIODS_S, np.exp(mean), color=colour, lw=1.4, marker="o", ms=3, label=tally.name)
        middle.semilogx(PERIODS_S, spread, color=colour, lw=1.4, marker="o", ms=3)
        gamma = nanmean(mean_semivariance(tally)[:, usable].T)
        right.plot(centres_km, gamma, color=colour, lw=1.4, marker="o", ms=3)
    left.axhline(1, color=TRUTH_COLOUR, lw=0.9)
    left.set(ylabel="SA prediction / truth", title="RotD50 of SA, 5% damping: geometric mean ratio")
    middle.set(ylabel="standard deviation of ln ratio", title="Scatter", ylim=(0, None))
    right.set(
        xlabel="distance (km)", ylabel="semivariance of ln ratio", title="Semivariogram, usable periods", ylim=(0, None)
    )
    for axis in (left, middle):
        axis.set_xlabel("period (s)")
        axis.axvspan(PERIODS_S[0] / 1.1, 1 / result.band_hz[1], **OUTSIDE)
        if 1 / result.band_hz[0] < PERIODS_S[-1]:
            axis.axvspan(1 / result.band_hz[0], PERIODS_S[-1] * 1.1, **OUTSIDE)
        axis.set_xlim(PERIODS_S[0] / 1.1, PERIODS_S[-1] * 1.1)
    for axis in (left, middle, right):
        style_axes(axis)
    _legend_below(figure)
    return figure


def intensities(result: Benchmark) -> Figure:
    """Box plots of residuals of scalar intensity measures: quartiles, and whiskers at 5% and 95%."""
    figure = new_figure(11, 3.4)
    axis = figure.subplots()
    width = 0.8 / len(result.tallies)
    for k, tally in enumerate(result.tallies):
        residual = intensity_residuals(result, tally)
        boxes = [column[~np.isnan(column)] for column in residual.T]
        colour = _colour(result, tally.name)
        plot = axis.boxplot(
            boxes,
            positions=np.arange(len(INTENSITIES)) + (k - (len(result.tallies) - 1) / 2) * width,
            widths=0.8 * width,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            medianprops={"color": "white"},
        )
        for part in plot["boxes"]:
            part.set(facecolor=colour, edgecolor=colour)
        for part in plot["whiskers"] + plot["caps"]:
            part.set(color=colour)
        axis.plot([], [], color=colour, lw=6, label=tally.name)
    style_axes(axis)
    axis.axhline(0, color=TRUTH_COLOUR, lw=0.9)
    axis.set_xticks(range(len(INTENSITIES)), INTENSITIES)
    axis.set(ylabel="ln (prediction / truth)", title="Intensity measures, geometric mean of the horizontal components")
    low, high = axis.get_ylim()
    # Make room for the legend: matplotlib's search for the best place can take seconds.
    axis.set_ylim(low, high + 0.3 * (high - low))
    axis.legend(frameon=False, fontsize=8, ncols=min(3, len(result.tallies)), loc="upper left")
    return figure


def ensembles(checks: Checks) -> Figure:
    """Rank histograms of the truth within the realizations, one row per contender; flat if calibrated."""
    checks = {
        contender: by_name for contender, by_name in checks.items() if next(iter(by_name.values()))["rank_histogram"]
    }
    names = list(next(iter(checks.values())))
    figure = new_figure(2.2 * len(names), 0.6 + 2.3 * len(checks))
    grid = figure.subplots(len(checks), len(names), squeeze=False, sharex=True, sharey=True)
    for row, (contender, by_name) in zip(grid, checks.items(), strict=True):
        for axis, (name, check) in zip(row, by_name.items(), strict=True):
            counts = np.array(check["rank_histogram"])
            colour = FULL_COLOUR if check["usable"] else "0.8"
            axis.bar(range(len(counts)), counts / max(counts.sum(), 1), color=colour, width=0.9)
            axis.axhline(1 / len(counts), color=TRUTH_COLOUR, lw=1)
            axis.set_title(name if check["usable"] else f"{name} (outside the usable band)", fontsize=9)
            axis.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{contender}\nshare of cases" if len(checks) > 1 else "share of cases", fontsize=9)
    for axis in grid[-1]:
        axis.set_xlabel("rank of the truth", fontsize=9)
    return figure


def seismograms(
    title: str, time_s: np.ndarray, truth: np.ndarray, predictions: dict[str, np.ndarray], colour: dict[str, str]
) -> Figure:
    """Seismograms of one sensor: a column per component, a row per prediction, each over the truth in black."""
    figure = new_figure(11, 1.0 + 1.3 * len(predictions))
    axes = figure.subplots(len(predictions), 3, sharex=True, sharey="col", squeeze=False)
    for row, (name, traces) in zip(axes, predictions.items(), strict=True):
        for axis, true, predicted in zip(row, truth, traces, strict=True):
            axis.plot(time_s, true * 100, color=TRUTH_COLOUR, lw=1.0)
            axis.plot(time_s, predicted * 100, color=colour[name], lw=0.9)
            axis.spines[["top", "right"]].set_visible(False)
            axis.tick_params(labelsize=8)
        row[0].set_ylabel(f"{_two_lines(name)}\n(cm/s)", fontsize=7.5)
    for axis, component in zip(axes[0], COMPONENTS, strict=True):
        axis.set_title({"E": "East", "N": "North", "Z": "Up"}[component], fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("time after origin (s)")
    figure.suptitle(title, fontsize=10)
    return figure


def _colour(result: Benchmark, name: str) -> str:
    return colours([t.name for t in result.tallies])[name]


def _distance_centres(result: Benchmark) -> np.ndarray:
    edges = np.array(result.facts["distance_edges_m"])
    return np.sqrt(edges[:-1] * edges[1:]) / 1000


def sensor_position_km(result: Benchmark, sensor: int) -> tuple[float, float]:
    """Position of a sensor in km, East and North."""
    x, y = sensor_positions_m(result.store)[sensor] / 1000
    return float(x), float(y)


def _legend_below(figure: Figure) -> None:
    """Add one legend for all panels, below them."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    columns = min(len(labels), 4 if len(labels) > 6 else 6)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


def _two_lines(name: str) -> str:
    """A contender's name with its model on a separate line."""
    return name.replace(": ", ":\n")
