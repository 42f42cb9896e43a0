"""Experiment: how similar is the motion of neighbouring sensors? Coherency against distance and frequency.

The diffusion stage restores each sensor alone, so what it adds at one sensor does not depend on its neighbours.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.lab.cases import open_cases
from spectremor.lab.common import Report, Result, Settings, resolve_size, silent
from spectremor.lab.drawing import COLOURS, CORRELATED_NOISE, INDEPENDENT_NOISE, STAGE1, TRUTH, Figure, new_figure, tidy
from spectremor.lab.scoring import mean, score, spread
from spectremor.lab.wording import compare, with_spread
from spectremor.signal.coherence import coherency_by_distance, pairs_by_distance, zero_lag_correlation
from spectremor.signal.spectra import BANDS_HZ, frequencies, in_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = {"tiny": {"samples": 2, "sensors": 36}, "default": {"samples": 30, "sensors": 1024}}
FIELDS = (TRUTH, STAGE1, INDEPENDENT_NOISE, CORRELATED_NOISE)
#: Edges of the distance bins, in sensor spacings.
BIN_EDGES = np.array([0.0, 1.2, 2.2, 3.2, 4.7, 6.7, 9.7, 14.0])
#: Largest number of sensor pairs in a distance bin.
MOST_PAIRS = 400
#: Number of sensors at which goodness of fit is computed, too.
SCORED_SENSORS = 64

Curves = Float[np.ndarray, "distance frequency"]


class CoherenceSettings(Settings):
    """Settings of this experiment.

    Attributes:
        noise_correlation_m: correlation length of the correlated noise: its correlation is exp(-distance / length).
    """

    noise_correlation_m: Annotated[float, Field(gt=0)] = 900.0


def run(settings: CoherenceSettings, report: Report = silent) -> Result:
    """Compare the coherency of truth, stage 1, and both stages with independent and with correlated noise.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    size = resolve_size(settings, SIZES)
    cases = open_cases(settings)
    stage = cases.need_diffusion()
    ids = cases.ids(settings.split, size["samples"])
    sensors, positions = sensor_block(cases.store.x_m, cases.store.y_m, size["sensors"])
    pairs = pairs_by_distance(positions, BIN_EDGES * _spacing(positions), most=MOST_PAIRS, seed=settings.seed)
    pairs = [chosen for chosen in pairs if len(chosen)]
    correlation_length = settings.noise_correlation_m / _spacing(positions)
    findings = Findings.empty(positions, pairs, len(cases.store.time_s), cases.dt_s, settings.seed)
    for done, i in enumerate(ids.tolist()):
        report(done / len(ids), f"sample {i}")
        stage1 = cases.stage1(i)
        traces = {TRUTH: at_sensors(cases.truth(i), sensors), STAGE1: at_sensors(stage1, sensors)}
        for name, correlation in ((INDEPENDENT_NOISE, 0.0), (CORRELATED_NOISE, correlation_length)):
            traces[name] = stage.generate_at(stage1, sensors, seed=settings.seed, noise_correlation=correlation)[0]
        findings.add(traces, pairs)
    config = {"settings": settings.model_dump(mode="json"), **size, **cases.describe(), "ids": ids.tolist()}
    return Result(
        experiment="coherence",
        table=_table(findings),
        figure=_figure(findings),
        paragraph=_paragraph(findings, settings.noise_correlation_m),
        config=config,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """Coherency, correlation and scores: for each field (truth, stage 1, ...) a list with one entry per sample.

    Attributes:
        distances_m: mean distance of the sensor pairs in each distance bin.
        frequency_hz: frequencies of the coherency curves.
        dt_s: sampling step.
        noise_floor: coherency of independent white noise.
        coherency: lagged coherency, arrays (distance, frequency).
        correlation: correlation without a lag in the highest band, arrays (distance,).
        scores: scores against the truth at some of the sensors.
    """

    distances_m: Float[np.ndarray, " distance"]
    frequency_hz: Float[np.ndarray, " frequency"]
    dt_s: float
    noise_floor: float
    coherency: dict[str, list[Curves]]
    correlation: dict[str, list[np.ndarray]]
    scores: dict[str, list[dict[str, float]]]

    @classmethod
    def empty(cls, positions: np.ndarray, pairs: list[np.ndarray], samples: int, dt_s: float, seed: int) -> Findings:
        """Findings without any sample yet, for these pairs of sensors."""
        distances = [np.linalg.norm(positions[p[:, 0]] - positions[p[:, 1]], axis=1).mean() for p in pairs]
        return cls(
            distances_m=np.array(distances),
            frequency_hz=frequencies(samples, dt_s),
            dt_s=dt_s,
            noise_floor=noise_floor(samples, seed),
            coherency={name: [] for name in FIELDS},
            correlation={name: [] for name in FIELDS},
            scores={name: [] for name in FIELDS},
        )

    def add(self, traces: dict[str, np.ndarray], pairs: list[np.ndarray]) -> None:
        """Add a sample, given the traces (sensor, component, time) of every field."""
        sensors = len(traces[TRUTH])
        scored = np.linspace(0, sensors - 1, min(SCORED_SENSORS, sensors)).round().astype(int)
        for name, field in traces.items():
            components = np.moveaxis(field.astype(float), 0, 1)
            self.coherency[name].append(coherency_by_distance(components, pairs))
            correlation = [mean(zero_lag_correlation(components, p, self.dt_s)) for p in pairs]
            self.correlation[name].append(np.array(correlation))
            if name != TRUTH:
                self.scores[name].append(score(field[scored], traces[TRUTH][scored], self.dt_s))

    def in_band(self, name: str, band: tuple[float, float]) -> Float[np.ndarray, "sample distance"]:
        """Coherency of a field, averaged over a frequency band."""
        chosen = in_band(self.frequency_hz, *band)
        return np.stack(self.coherency[name])[..., chosen].mean(axis=-1)


def sensor_block(
    x_m: Float[np.ndarray, " x"], y_m: Float[np.ndarray, " y"], count: int
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, "k two"]]:
    """Numbers (x-major) and positions of a block of about `count` neighbouring sensors in the middle of the grid.

    Raises:
        InputError: `count` is less than 4.
    """
    if count < 4:
        raise InputError("--sensors", count, "4 or more, so that each has neighbours")
    side = int(np.ceil(np.sqrt(count)))
    rows = _middle(len(x_m), side)
    columns = _middle(len(y_m), side)
    numbers = (rows[:, None] * len(y_m) + columns[None, :]).ravel()
    positions = np.stack(np.broadcast_arrays(x_m[rows][:, None], y_m[columns][None, :]), axis=-1).reshape(-1, 2)
    return numbers, positions


def noise_floor(samples: int, seed: int) -> float:
    """Mean lagged coherency of independent white noise."""
    noise = generator(seed, "coherency of noise").standard_normal((1, 400, samples))
    pairs = np.arange(400).reshape(200, 2)
    return mean(coherency_by_distance(noise, [pairs])[0])


def _middle(available: int, count: int) -> Int[np.ndarray, " n"]:
    used = min(available, count)
    first = (available - used) // 2
    return np.arange(first, first + used)


def _spacing(positions: Float[np.ndarray, "k two"]) -> float:
    """Smallest distance between neighbouring sensors along x or y, in m."""
    steps = [np.diff(np.unique(axis)) for axis in positions.T]
    return float(min(step.min() for step in steps if len(step)))


def _table(findings: Findings) -> list[dict[str, Any]]:
    rows = []
    for name, band in itertools.product(FIELDS, BANDS_HZ):
        values = findings.in_band(name, band)
        for k, distance in enumerate(findings.distances_m):
            row = {"field": name, "distance_m": float(distance), "low_hz": band[0], "high_hz": band[1]}
            row |= {
                "coherency": mean(values[:, k]),
                "coherency_std": spread(values[:, k]),
                "noise_floor": findings.noise_floor,
            }
            correlations = np.stack(findings.correlation[name])[:, k] if band == BANDS_HZ[-1] else np.array([])
            row |= {"correlation": mean(correlations), "correlation_std": spread(correlations), "samples": len(values)}
            rows.append(row)
    return rows


def _figure(findings: Findings) -> Figure:
    figure = new_figure(12.5, 6.4)
    top, bottom = figure.subplots(2, 3, sharey=True)
    distances = findings.distances_m
    # The nearest, the second and a middle distance.
    for axis, k in zip(top, (0, min(1, len(distances) - 1), min(3, len(distances) - 1)), strict=True):
        for name in FIELDS:
            _mean_and_spread(axis, findings.frequency_hz, np.stack(findings.coherency[name])[:, k], name)
        axis.set(xlim=(0.3, BANDS_HZ[-1][1]), ylim=(0, 1))
        tidy(axis, f"{distances[k]:.0f} m apart", "frequency (Hz)", "")
    for axis, (low, high) in zip(bottom, BANDS_HZ, strict=True):
        for name in FIELDS:
            _mean_and_spread(axis, distances / 1000, findings.in_band(name, (low, high)), name, "o")
        axis.set(xlim=(0, distances[-1] / 1000 * 1.03))
        tidy(axis, f"{low:g}-{high:g} Hz", "distance between sensors (km)", "")
    for axis in (*top, *bottom):
        axis.axhline(findings.noise_floor, color="0.6", lw=0.9, ls=":", zorder=0)
    for row in (top, bottom):
        row[0].set_ylabel("lagged coherency")
    top[0].annotate("independent noise", (0.98, findings.noise_floor), (0, -10), xycoords=("axes fraction", "data"),
                    textcoords="offset points", ha="right", fontsize=8, color="0.45")  # fmt: skip
    top[-1].legend(frameon=False, fontsize=9, loc="lower left")
    figure.suptitle("Coherency of the motion at two sensors: mean and spread over samples", fontsize=11)
    return figure


def _mean_and_spread(axis: Axes, x: np.ndarray, values: np.ndarray, name: str, marker: str = "") -> None:
    middle, width = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
    axis.fill_between(x, middle - width, middle + width, color=COLOURS[name], alpha=0.12, lw=0)
    axis.plot(x, middle, color=COLOURS[name], lw=1.6, marker=marker, ms=4, label=name)


def _paragraph(findings: Findings, correlation_m: float) -> str:
    low, high = BANDS_HZ[-1]
    coherency = {name: findings.in_band(name, (low, high))[:, 0] for name in FIELDS}
    correlation = {name: with_spread(np.stack(findings.correlation[name])[:, 0]) for name in FIELDS}
    misfit = {name: mean(np.abs(coherency[name] - coherency[TRUTH])) for name in FIELDS}
    fit = {
        name: tuple(mean(np.array([row[key] for row in findings.scores[name]])) for key in ("EG", "PG"))
        for name in (INDEPENDENT_NOISE, CORRELATED_NOISE)
    }
    return (
        f"Between sensors {findings.distances_m[0]:.0f} m apart and at {low:g}-{high:g} Hz the lagged coherency is "
        f"{with_spread(coherency[TRUTH])} in the truth, {with_spread(coherency[STAGE1])} in stage 1 and "
        f"{with_spread(coherency[INDEPENDENT_NOISE])} after both stages with independent noise at each sensor (mean "
        f"and spread over {len(coherency[TRUTH])} samples; independent white noise has {findings.noise_floor:.2f}). "
        f"The coherency after both stages is {compare(coherency[INDEPENDENT_NOISE], coherency[TRUTH])} that of the "
        f"truth and {compare(coherency[INDEPENDENT_NOISE], coherency[STAGE1])} that of stage 1; its mean absolute "
        f"difference from the truth is {misfit[STAGE1]:.2f} before the diffusion stage and "
        f"{misfit[INDEPENDENT_NOISE]:.2f} after it. The correlation of the same traces without a lag is "
        f"{correlation[TRUTH]} in the truth, {correlation[STAGE1]} in stage 1 and {correlation[INDEPENDENT_NOISE]} "
        f"after both. With the same weights and noise that is correlated over {correlation_m:g} m, the coherency is "
        f"{with_spread(coherency[CORRELATED_NOISE])} (difference from the truth {misfit[CORRELATED_NOISE]:.2f}) and "
        f"the correlation {correlation[CORRELATED_NOISE]}; EG and PG are {fit[CORRELATED_NOISE][0]:.2f} and "
        f"{fit[CORRELATED_NOISE][1]:.2f}, against {fit[INDEPENDENT_NOISE][0]:.2f} and "
        f"{fit[INDEPENDENT_NOISE][1]:.2f} with independent noise."
    )
