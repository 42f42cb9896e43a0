"""Experiment: what does a delay of stage 1 cost? Stage 2 gets delayed stage-1 wavefields, and its result is judged."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import scipy.fft
from jaxtyping import Float
from pydantic import Field

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.lab.cases import open_cases
from spectremor.lab.common import Report, Result, Settings, resolve_size, silent
from spectremor.lab.drawing import BAND_COLOURS, BOTH, COLOURS, STAGE1, Figure, new_figure, tidy
from spectremor.lab.scoring import LOG_BIASES, mean, score, summary
from spectremor.lab.wording import compare, with_spread

SIZES = {"tiny": {"samples": 2, "sensors": 8}, "default": {"samples": 40, "sensors": 128}}
#: The wavefields that results are judged against.
AGAINST_TRUTH, AGAINST_DELAYED = "truth", "delayed truth"

_VERDICTS = {
    "not distinguishable from": "the result is only late, not worse otherwise",
    "lower than": "a late condition also makes what the diffusion stage adds worse",
    "higher than": "the delayed field, whose end is outside the record, is easier to match",
}

Traces = Float[np.ndarray, "*batch time"]
Scores = dict[str, float]


class PhaseShiftSettings(Settings):
    """Settings of this experiment.

    Attributes:
        shifts: delays in s; 0 is always among them.
    """

    shifts: tuple[Annotated[float, Field(ge=0)], ...] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


def run(settings: PhaseShiftSettings, report: Report = silent) -> Result:
    """Delay the condition of the diffusion stage, and measure how much worse the result becomes.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    size = resolve_size(settings, SIZES)
    cases = open_cases(settings)
    stage = cases.need_diffusion()
    ids = cases.ids(settings.split, size["samples"])
    shifts = sorted({0.0, *settings.shifts})
    _check_shifts(shifts, cases.store.time_s)
    rows: dict[tuple[float, str, str], list[Scores]] = {}
    for done, i in enumerate(ids.tolist()):
        stage1, sensors = cases.stage1(i), cases.sensors(i, size["sensors"], settings.seed)
        truth = at_sensors(cases.truth(i), sensors)
        for k, shift in enumerate(shifts):
            report((done + k / len(shifts)) / len(ids), f"sample {i}, delay {shift:g} s")
            late = delay(stage1, cases.dt_s, shift)
            late_truth = delay(truth, cases.dt_s, shift)
            fields = {STAGE1: at_sensors(late, sensors)}
            fields[BOTH] = stage.generate_at(late, sensors, seed=settings.seed)[0]
            for name, traces in fields.items():
                rows.setdefault((shift, name, AGAINST_TRUTH), []).append(score(traces, truth, cases.dt_s))
                rows.setdefault((shift, name, AGAINST_DELAYED), []).append(score(traces, late_truth, cases.dt_s))
    return Result(
        experiment="phase-shift",
        table=[_row(key, scores) for key, scores in rows.items()],
        figure=_figure(rows, shifts),
        paragraph=_paragraph(rows, shifts),
        config={
            "settings": settings.model_dump(mode="json"),
            **size,
            **cases.describe(),
            "shifts_s": shifts,
            "ids": ids.tolist(),
        },
    )


def delay(traces: Traces, dt_s: float, delay_s: float) -> Traces:
    """The traces delayed by `delay_s`: zero before their start; what moves past the end of the record is lost.

    A delay by a whole number of samples is exact; any other is a phase shift of the zero-padded Fourier transform.
    """
    samples = traces.shape[-1]
    whole = round(delay_s / dt_s)
    out = np.zeros_like(traces)
    if abs(delay_s / dt_s - whole) < 1e-6:
        out[..., whole:] = traces[..., : samples - whole]
        return out
    length = scipy.fft.next_fast_len(2 * samples, real=True)
    frequency = np.fft.rfftfreq(length, dt_s)
    shifted = np.fft.rfft(traces, length, axis=-1) * np.exp(-2j * np.pi * frequency * delay_s)
    return np.fft.irfft(shifted, length, axis=-1)[..., :samples].astype(traces.dtype)


def _check_shifts(shifts: list[float], time_s: np.ndarray) -> None:
    longest = float(time_s[-1] - time_s[0]) / 2
    if shifts[-1] > longest:
        raise InputError("--shift", f"{shifts[-1]:g} s", f"0 to {longest:g} s, half the record")


def _row(key: tuple[float, str, str], scores: list[Scores]) -> dict[str, Any]:
    shift, name, against = key
    return {"delay_s": shift, "field": name, "against": against, **summary(scores), "samples": len(scores)}


def _figure(rows: dict[tuple[float, str, str], list[Scores]], shifts: list[float]) -> Figure:
    figure = new_figure(12.5, 3.9)
    axes = figure.subplots(1, 3)
    for axis, name, title in zip(axes, ("PG", "EG"), ("phase", "envelope"), strict=False):
        for field in (STAGE1, BOTH):
            for against, style in ((AGAINST_TRUTH, "-"), (AGAINST_DELAYED, "--")):
                summaries = [summary(rows[shift, field, against]) for shift in shifts]
                middle = np.array([row[name] for row in summaries])
                axis.plot(
                    shifts, middle, style, color=COLOURS[field], marker="o", ms=4, label=f"{field}, against {against}"
                )
                if against == AGAINST_TRUTH:
                    width = np.array([row[f"{name}_std"] for row in summaries])
                    axis.fill_between(shifts, middle - width, middle + width, color=COLOURS[field], alpha=0.12, lw=0)
        axis.set_ylim(0, 10)
        tidy(axis, f"{title} goodness of fit (10 is perfect)", "delay of the condition (s)", name)
    for band, colour, label in zip(LOG_BIASES, BAND_COLOURS, ("0-1 Hz", "1-2 Hz", "2-5 Hz"), strict=True):
        middle = np.array([summary(rows[shift, BOTH, AGAINST_TRUTH])[band] for shift in shifts])
        axes[2].plot(shifts, middle, color=colour, marker="o", ms=4, label=label)
    axes[2].axhline(0, color="0.8", lw=0.8, zorder=0)
    low, high = axes[2].get_ylim()
    # The axis spans at least 0.4, so that negligible differences do not look large.
    axes[2].set_ylim(min(low, -0.2), max(high, 0.2))
    tidy(axes[2], "frequency bias after both stages", "delay of the condition (s)", "mean ln(prediction / truth)")
    for axis in axes[1:]:
        axis.legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def _paragraph(rows: dict[tuple[float, str, str], list[Scores]], shifts: list[float]) -> str:
    def values(shift: float, field: str, name: str, against: str = AGAINST_TRUTH) -> np.ndarray:
        return np.array([row[name] for row in rows[shift, field, against]])

    last = shifts[-1]
    start, end = values(0.0, BOTH, "PG"), values(last, BOTH, "PG")
    stage1_end = values(last, STAGE1, "PG")
    against_late_truth = compare(values(last, BOTH, "PG", AGAINST_DELAYED), start)
    lost = compare(end, start) == "lower than"
    verdict = (
        _VERDICTS[against_late_truth]
        if lost
        else "the delay has no distinguishable cost here, so nothing can be concluded"
    )
    bias = values(0.0, BOTH, "ln_bias_high")
    drift = max(abs(mean(values(shift, BOTH, "ln_bias_high") - bias)) for shift in shifts)
    return (
        f"Over {len(start)} samples and without a delay, both stages reach PG {with_spread(start)} and EG "
        f"{with_spread(values(0.0, BOTH, 'EG'))} (stage 1 alone: {with_spread(values(0.0, STAGE1, 'PG'))} and "
        f"{with_spread(values(0.0, STAGE1, 'EG'))}). A delay changes PG by "
        + ", ".join(f"{mean(values(s, BOTH, 'PG') - start):+.2f} ({s:g} s)" for s in shifts[1:])
        + f". At {last:g} s it is {with_spread(end)}, {compare(end, stage1_end)} that of stage 1 with the same delay "
        f"({with_spread(stage1_end)}); EG is {with_spread(values(last, BOTH, 'EG'))}. Judged against a truth with the "
        f"same delay, PG is {with_spread(values(last, BOTH, 'PG', AGAINST_DELAYED))}, {against_late_truth} the value "
        f"without delay: {verdict}. "
        f"The mean ln(prediction / truth) at 2-5 Hz changes by at most {drift:.2f}."
    )
