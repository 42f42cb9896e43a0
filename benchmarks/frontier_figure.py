"""The figure of benchmarks/frontier.py: each score against time, a curve for each family of contenders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from frontier_contenders import Contender, simulation_curve
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

PANELS = {
    "EG": "envelope GOF",
    "PG": "phase GOF",
    "rMAE_raw": "rMAE, m/s",
    "rRMSE_raw": "rRMSE, m/s",
    "ln_bias_low": "mean ln(prediction / truth), 0-1 Hz",
    "ln_bias_mid": "mean ln(prediction / truth), 1-2 Hz",
    "ln_bias_high": "mean ln(prediction / truth), 2-5 Hz",
}
CLOCKS = {
    "seconds": "seconds for one wavefield of 6.4 s",
    "cpu_seconds": "processor seconds for one wavefield of 6.4 s",
}
Lines = dict[str, dict[str, float]]


def draw(found: dict[str, Lines], compared: list[Contender], path: Path, clock: str) -> None:
    """Truth -> contender -> column -> value, two rows of panels for each truth."""
    height = 7.0 * len(found)
    figure, axes = plt.subplots(2 * len(found), 4, figsize=(17, height), squeeze=False, layout="constrained")
    for block, (truth, lines) in enumerate(found.items()):
        spots = list(axes[2 * block : 2 * block + 2].flat)
        there = sorted((c for c in compared if c.name in lines), key=lambda c: lines[c.name][clock])
        for axis, (score, label) in zip(spots, PANELS.items(), strict=False):
            panel(axis, there, lines, score, clock)
            axis.set(xscale="log", xlabel=CLOCKS[clock], ylabel=label, title=f"truth: {truth}")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_locator(NullLocator())
        spots[-1].axis("off")
        spots[-1].legend(*spots[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def panel(axis: Axes, compared: list[Contender], lines: Lines, score: str, clock: str) -> None:
    for curve, (style, colour) in styles(compared).items():
        points = [c for c in compared if c.curve == curve]
        times, values = ([lines[c.name][column] for c in points] for column in (clock, score))
        axis.plot(times, values, style, color=colour, label=curve)
        if curve == simulation_curve(4):
            continue
        # Simulations are labelled above their points, models below: the curves lie close together.
        place = {"xytext": (-3, 5), "ha": "right"} if curve == simulation_curve(8) else {"xytext": (0, -11)}
        for point, *at in zip(points, times, values, strict=True):
            axis.annotate(point.label, at, textcoords="offset points", fontsize=6, color=colour, **place)
    if score.startswith("ln_bias"):
        axis.axhline(0, color="0.5", lw=0.8)
        # Biases of a hundredth are none: they must not fill the panel.
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, -0.1), max(high, 0.1))
    axis.grid(alpha=0.3)


def styles(compared: Iterable[Contender]) -> dict[str, tuple[str, str]]:
    """Line style and colour of each curve: a model's other samplers are dotted in the model's colour."""
    found = {simulation_curve(8): ("o-", "tab:blue"), simulation_curve(4): ("s--", "tab:cyan")}
    curves = list(dict.fromkeys(c.curve for c in compared))
    models = sorted(c for c in curves if c not in found and ", sampler " not in c)
    for model, colour in zip(models, itertools.cycle(("tab:red", "tab:orange", "tab:purple")), strict=False):
        found[model] = ("D-", colour)
        found |= {c: ("x:", colour) for c in curves if c.startswith(f"{model}, sampler ")}
    return {curve: style for curve, style in found.items() if curve in curves}
