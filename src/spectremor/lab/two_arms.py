"""Tables, figures and sentences for experiments that compare two arms after equal steps and equal training time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.lab.arms import Snapshot
from spectremor.lab.drawing import ARM_COLOURS, STAGE1_COLOUR, Figure, log_step_axis, new_figure, tidy
from spectremor.lab.scoring import mean, spread, summary
from spectremor.lab.wording import with_spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EQUAL_STEPS, EQUAL_TIME, ON_THE_WAY = "equal steps", "equal time", "on the way"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """The scores of one training at one moment.

    Attributes:
        arm: name of the arm.
        at: `EQUAL_STEPS`, `EQUAL_TIME`, or `ON_THE_WAY` for a moment before both.
        training: number of the training, from 0.
        steps: number of training steps.
        seconds: training time.
        scores: one row per sample.
    """

    arm: str
    at: str
    training: int
    steps: int
    seconds: float
    scores: list[dict[str, float]]

    @classmethod
    def of(cls, snapshot: Snapshot, *, arm: str, at: str, training: int, scores: list[dict[str, float]]) -> Judged:
        """A snapshot with its scores."""
        return cls(arm=arm, at=at, training=training, steps=snapshot.step, seconds=snapshot.seconds, scores=scores)

    def value(self, name: str) -> float:
        """Mean of a score over samples."""
        return mean(np.array([row[name] for row in self.scores], dtype=float))


def table(judged: Sequence[Judged], stage1_scores: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Rows for stage 1, for every state of every training, and for mean and spread over the trainings of each arm."""
    rows = [_row("stage 1", "", "", 0, 0.0, summary(stage1_scores), len(stage1_scores))]
    rows += [_row(j.arm, j.at, j.training, j.steps, j.seconds, summary(j.scores), len(j.scores)) for j in judged]
    for arm, at in dict.fromkeys((j.arm, j.at) for j in judged if j.at != ON_THE_WAY):
        group = [j for j in judged if (j.arm, j.at) == (arm, at)]
        over = summary([{name: j.value(name) for name in j.scores[0]} for j in group])
        steps, seconds = round(mean(np.array([j.steps for j in group]))), mean(np.array([j.seconds for j in group]))
        rows.append(_row(arm, at, f"all {len(group)}", steps, seconds, over, len(group[0].scores)))
    return rows


def _row(
    arm: str, at: str, training: Any, steps: int, seconds: float, scores: dict[str, float], samples: int
) -> dict[str, Any]:
    about = {"arm": arm, "at": at, "training": training, "steps": steps, "training_s": seconds}
    return {**about, **scores, "samples": samples}


def values(judged: Sequence[Judged], arm: str, at: str, name: str) -> np.ndarray:
    """Mean over samples of a score, one value per training."""
    return np.array([j.value(name) for j in judged if (j.arm, j.at) == (arm, at)])


def difference(judged: Sequence[Judged], arms: tuple[str, str], at: str, name: str) -> str:
    """A score of two arms, in words; the arms differ if their means do by more than the sum of both spreads."""
    first, second = (values(judged, arm, at, name) for arm in arms)
    gap = mean(first) - mean(second)
    apart = len(first) > 1 and abs(gap) > spread(first) + spread(second)
    verdict = "apart by more than the spreads over trainings" if apart else "within the spreads over trainings"
    if len(first) == 1:
        verdict = "one training each, too few to tell the arms apart"
    return f"{with_spread(first)} {arms[0]} and {with_spread(second)} {arms[1]} ({verdict})"


def figure(
    judged: Sequence[Judged], stage1_scores: list[dict[str, float]], panels: Sequence[tuple[str, str]], title: str
) -> Figure:
    """Each score against training steps, one colour per arm; open squares: after equal time; dashed: stage 1 alone."""
    drawn = new_figure(4.3 * len(panels), 4.2)
    axes = np.atleast_1d(drawn.subplots(1, len(panels)))
    arms = list(dict.fromkeys(j.arm for j in judged))
    for axis, (name, label) in zip(axes, panels, strict=True):
        for arm, colour in zip(arms, ARM_COLOURS, strict=False):
            _arm(axis, [j for j in judged if j.arm == arm], name, arm, colour)
        log_step_axis(axis, [j.steps for j in judged if j.at != EQUAL_TIME])
        level = mean(np.array([row[name] for row in stage1_scores], dtype=float))
        axis.axhline(level, color=STAGE1_COLOUR, lw=1.2, ls="--", label="stage 1 alone")
        if name in ("EG", "PG"):
            axis.set_ylim(0, 10)
        else:
            axis.axhline(0, color="0.8", lw=0.8, zorder=0)
            low, high = axis.get_ylim()
            axis.set_ylim(min(low, -0.2), max(high, 0.2))
        is_bias = name.startswith("ln_bias")
        score_label = "mean ln(prediction / truth)" if is_bias else name.removeprefix("stage1_")
        tidy(axis, label, "training steps", score_label)
    axes[0].legend(frameon=False, fontsize=8)
    drawn.suptitle(title, fontsize=11)
    return drawn


def _arm(axis: Axes, judged: list[Judged], name: str, arm: str, colour: str) -> None:
    """Plot mean and range over trainings against steps, and the single states after equal time."""
    steps = sorted({j.steps for j in judged if j.at != EQUAL_TIME})
    by_step = [[j.value(name) for j in judged if j.steps == step and j.at != EQUAL_TIME] for step in steps]
    axis.plot(steps, [np.mean(v) for v in by_step], color=colour, marker="o", ms=4, label=arm)
    axis.fill_between(steps, [min(v) for v in by_step], [max(v) for v in by_step], color=colour, alpha=0.15, lw=0)
    equal_time = [j for j in judged if j.at == EQUAL_TIME]
    if equal_time:
        label = f"{arm}, equal time"
        axis.plot(
            [j.steps for j in equal_time],
            [j.value(name) for j in equal_time],
            "s",
            mfc="none",
            color=colour,
            label=label,
        )
