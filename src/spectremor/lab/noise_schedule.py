"""Experiment: how do noise schedules differ in the diversity of realizations and in their fidelity?"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from spectremor.core.at_sensors import at_sensors
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.stage import DiffusionStage
from spectremor.judging.tally import ENSEMBLE_QUANTITIES, ensemble_quantities
from spectremor.lab.arms import Build, Setup, at_seconds, at_steps, open_setup, part, train, training_config
from spectremor.lab.common import Report, Result, TrainingSettings, silent
from spectremor.lab.diffusion_variants import stage_of_linear_noise
from spectremor.lab.drawing import ARM_COLOURS, STAGE1_COLOUR, Figure, new_figure, tidy
from spectremor.lab.scoring import mean, score, summary
from spectremor.lab.two_arms import EQUAL_STEPS, EQUAL_TIME
from spectremor.lab.wording import over_trainings, with_spread
from spectremor.signal.ensemble import coverage, crps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"samples": 2, "sensors": 8, "realizations": 3, "steps": 16, "seeds": 2, "train_samples": 3},
    "default": {"samples": 15, "sensors": 64, "realizations": 9, "steps": 1200, "seeds": 3, "train_samples": 150},
    "full": {"samples": 50, "sensors": 128, "realizations": 19, "steps": 16000, "seeds": 1, "train_samples": 2000},
}
LEVELS = (0.5, 0.8)

Schedule = Literal["cosine", "linear"]
Prediction = Literal["velocity", "noise"]
Scores = dict[str, float]

#: The function that builds the diffusion stage with each noise schedule.
SCHEDULES: dict[Schedule, Build] = {"cosine": DiffusionStage, "linear": stage_of_linear_noise}


class NoiseScheduleSettings(TrainingSettings):
    """Settings of this experiment; there is one arm for each pair of a schedule and a prediction.

    Attributes:
        schedules: of the noise variance.
        predictions: what the network learns to predict.
        realizations: number of realizations of each sample.
    """

    schedules: tuple[Schedule, ...] = ("cosine", "linear")
    predictions: tuple[Prediction, ...] = ("velocity",)
    realizations: Annotated[int, Field(ge=2)] | None = None


def run(settings: NoiseScheduleSettings, report: Report = silent) -> Result:
    """Train one arm per noise schedule and prediction; judge single realizations of each, and their ensemble.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    setup = open_setup(settings, SIZES, part(report, 0.0, 0.1, "preparing"))
    size = setup.size
    arms = {
        f"{schedule}, {prediction}": (_predicting(setup.base, prediction), SCHEDULES[schedule])
        for schedule, prediction in itertools.product(settings.schedules, settings.predictions)
    }
    trainings = len(arms) * size["seeds"]
    plan = training_config(next(iter(arms.values()))[0], size["steps"], settings.seed)
    steps = setup.affordable(plan, trainings)
    outcomes: Outcomes = {}
    for number, (k, arm) in enumerate(itertools.product(range(size["seeds"]), arms)):
        model, build = arms[arm]
        config = training_config(model, steps, settings.seed + k)
        task = setup.task(config, build=build)
        share = 0.9 / trainings
        start = 0.1 + number * share
        # Every arm takes `steps` steps, and more if the first arm of the same seed was trained for longer.
        first_arm_s = next((state.seconds for state in outcomes.get((next(iter(arms)), EQUAL_STEPS), [])[k:]), 0.0)
        report_training = part(report, start, 0.6 * share, f"{arm}, training {k + 1}")
        snapshots = train(task, config, seconds=first_arm_s, report=report_training)
        report_judging = part(report, start + 0.6 * share, 0.4 * share, f"{arm}, training {k + 1}")
        states = {EQUAL_STEPS: at_steps(snapshots, steps)}
        states[EQUAL_TIME] = at_seconds(snapshots, first_arm_s or states[EQUAL_STEPS].seconds)
        rows: dict[int, list[Scores]] = {}
        for at, snapshot in states.items():
            if snapshot.step not in rows:
                task.module.load_state_dict(snapshot.state)
                rows[snapshot.step] = _judge(task.stage, setup, report_judging)
            state = JudgedState(step=snapshot.step, seconds=snapshot.seconds, rows=rows[snapshot.step])
            outcomes.setdefault((arm, at), []).append(state)
    stage1_scores = setup.judge_stage1()
    return Result(
        experiment="noise-schedule",
        table=_table(outcomes, stage1_scores),
        figure=_figure(_at(outcomes, EQUAL_STEPS), stage1_scores),
        paragraph=_paragraph(outcomes, stage1_scores, steps, size["realizations"]),
        config=setup.describe(plan, steps_taken=steps),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgedState:
    """The scores of one training at one moment.

    Attributes:
        step: number of training steps.
        seconds: training time.
        rows: scores, one row per sample.
    """

    step: int
    seconds: float
    rows: list[Scores]


#: (arm, equal steps or equal time) -> one state per training.
Outcomes = dict[tuple[str, str], list[JudgedState]]


def _at(outcomes: Outcomes, at: str) -> dict[str, list[list[Scores]]]:
    """Arm -> scores of each training, after equal steps or after equal training time."""
    return {arm: [state.rows for state in states] for (arm, when), states in outcomes.items() if when == at}


def ensemble_scores(
    draws: Float[np.ndarray, "realization sensor 3 time"], truth: Float[np.ndarray, "sensor 3 time"], dt_s: float
) -> Scores:
    """Spread and calibration of an ensemble, in natural logarithms of ground-motion measures.

    Returns:
        `spread`: standard deviation over realizations; `error`: root mean square difference of their mean from the
        truth; `crps`; `cover50` and `cover80`: share of truths inside the central 50% and 80% intervals. Each is
        taken over all sensors and measures.
    """
    ensemble = np.log(np.stack([ensemble_quantities(draw, dt_s) for draw in draws]) + _TINY)
    true = np.log(ensemble_quantities(truth, dt_s) + _TINY)
    # Measures that the record cannot resolve are NaN; they are not judged.
    resolved = np.isfinite(true).any(axis=1)
    ensemble, true = ensemble[:, resolved], true[resolved]
    middle = ensemble.mean(axis=0)
    cover = coverage(ensemble, true, LEVELS)
    return {
        "spread": float(np.sqrt(np.nanmean(ensemble.var(axis=0, ddof=1)))),
        "error": float(np.sqrt(np.nanmean((middle - true) ** 2))),
        "crps": mean(crps(ensemble, true)),
        "cover50": float(cover[0]),
        "cover80": float(cover[1]),
    }


#: Keeps the logarithm of a silent sensor finite, in m/s.
_TINY = 1e-12


def _predicting(base: DiffusionConfig, prediction: Prediction) -> DiffusionConfig:
    process = base.process.model_copy(update={"prediction": prediction})
    return base.model_copy(update={"process": process})


def _judge(stage: DiffusionStage, setup: Setup, report: Report) -> list[Scores]:
    """Scores of the first two realizations, taken singly, and of the whole ensemble; one row per sample."""
    cases, count, seed = setup.cases, setup.size["realizations"], setup.settings.seed
    rows = []
    for done, i in enumerate(setup.ids):
        report(done / len(setup.ids), f"judging sample {i}")
        chosen = setup.sensors(i)
        truth = at_sensors(cases.truth(i), chosen)
        draws = stage.generate_at(cases.stage1(i), chosen, realizations=count, seed=seed)
        single = summary([score(draw, truth, cases.dt_s) for draw in draws[:2]])
        fidelity = {name: value for name, value in single.items() if not name.endswith("_std")}
        rows.append(fidelity | ensemble_scores(draws, truth, cases.dt_s))
    return rows


def _over_trainings(trainings: list[list[Scores]], name: str) -> np.ndarray:
    """Mean of a score over samples, one value per training."""
    return np.array([mean(np.array([row[name] for row in rows])) for rows in trainings])


def _table(outcomes: Outcomes, stage1_scores: list[Scores]) -> list[dict[str, Any]]:
    names = list(summary(next(iter(outcomes.values()))[0].rows))
    rows: list[dict[str, Any]] = []
    for (arm, at), trainings in outcomes.items():
        for k, one in enumerate(trainings):
            about = {"arm": arm, "at": at, "training": k, "steps": one.step, "training_s": one.seconds}
            rows.append({**about, **summary(one.rows), "samples": len(one.rows)})
        scores = [one.rows for one in trainings]
        over = summary([{name: _over_trainings([t], name)[0] for name in scores[0][0]} for t in scores])
        steps, seconds = (mean(np.array([getattr(one, what) for one in trainings])) for what in ("step", "seconds"))
        about = {"arm": arm, "at": at, "training": f"all {len(trainings)}", "steps": round(steps)}
        rows.append({**about, "training_s": seconds, **over, "samples": len(scores[0])})
    blank = dict.fromkeys(names, np.nan) | summary(stage1_scores)
    about = {"arm": "stage 1", "at": "", "training": "", "steps": 0, "training_s": 0.0}
    rows.append({**about, **blank, "samples": len(stage1_scores)})
    return rows


def _figure(outcomes: dict[str, list[list[Scores]]], stage1_scores: list[Scores]) -> Figure:
    figure = new_figure(12.5, 4.0)
    fit, bias, cover = figure.subplots(1, 3)
    _trade(fit, outcomes, "PG", "o", filled=True)
    _trade(fit, outcomes, "EG", "o", filled=False)
    for name, style in (("PG", "-"), ("EG", "--")):
        level = mean(np.array([row[name] for row in stage1_scores]))
        fit.axhline(level, color=STAGE1_COLOUR, lw=1.1, ls=style, label=f"stage 1: {name}")
    # The axis starts at 0, so that nearly equal spreads look nearly equal.
    widest = max(float(_over_trainings(trainings, "spread").max()) for trainings in outcomes.values())
    for axis in (fit, bias):
        axis.set_xlim(0, 1.15 * widest or 1.0)
    fit.set_ylim(0, 10)
    tidy(fit, "fidelity against diversity (filled: PG, open: EG)", "spread of ln(measure) over realizations", "EG, PG")
    fit.legend(frameon=False, fontsize=8, loc="lower left")
    _trade(bias, outcomes, "ln_bias_high", "o", filled=True)
    bias.axhline(0, color="0.8", lw=0.8, zorder=0)
    low, high = bias.get_ylim()
    bias.set_ylim(min(low, -0.2), max(high, 0.2))
    tidy(bias, "bias at 2-5 Hz", "spread of ln(measure) over realizations", "mean ln(prediction / truth)")
    _coverage(cover, outcomes)
    return figure


def _trade(axis: Axes, outcomes: dict[str, list[list[Scores]]], name: str, marker: str, *, filled: bool) -> None:
    for (arm, trainings), colour in zip(outcomes.items(), itertools.cycle(ARM_COLOURS), strict=False):
        x, y = _over_trainings(trainings, "spread"), _over_trainings(trainings, name)
        label = arm if filled else None
        axis.plot(x, y, marker, color=colour, mfc=colour if filled else "none", ms=6, label=label)


def _coverage(axis: Axes, outcomes: dict[str, list[list[Scores]]]) -> None:
    """Share of truths inside the central intervals, and the share that a calibrated ensemble has (dashed)."""
    width = 0.8 / len(outcomes)
    for number, ((arm, trainings), colour) in enumerate(
        zip(outcomes.items(), itertools.cycle(ARM_COLOURS), strict=False)
    ):
        shares = [_over_trainings(trainings, name) for name in ("cover50", "cover80")]
        x = np.arange(2) + (number - (len(outcomes) - 1) / 2) * width
        axis.bar(x, [mean(s) for s in shares], 0.9 * width, color=colour, alpha=0.85, label=arm)
        for place, share in zip(x, shares, strict=True):
            axis.plot([place, place], [share.min(), share.max()], color="black", lw=1)
    for place, level in enumerate(LEVELS):
        axis.plot([place - 0.45, place + 0.45], [level, level], color="black", lw=1.2, ls="--")
    axis.set(xticks=[0, 1], xticklabels=["50% interval", "80% interval"], ylim=(0, 1))
    tidy(axis, "truths inside the interval (dashed: calibrated)", "", "share")
    axis.legend(frameon=False, fontsize=8)


def _paragraph(outcomes: Outcomes, stage1_scores: list[Scores], steps: int, realizations: int) -> str:
    by_arm, equal_time = _at(outcomes, EQUAL_STEPS), _at(outcomes, EQUAL_TIME)

    def sentence(arm: str) -> str:
        v = {name: with_spread(_over_trainings(by_arm[arm], name)) for name in by_arm[arm][0][0]}
        return (
            f"{arm}: spread {v['spread']}, error of the mean {v['error']}, CRPS {v['crps']}, share of truths inside "
            f"the 50% and 80% intervals {v['cover50']} and {v['cover80']}, EG {v['EG']}, PG {v['PG']}, mean "
            f"ln(prediction / truth) at 2-5 Hz {v['ln_bias_high']}"
        )

    def lowest(name: str) -> str:
        return min(by_arm, key=lambda arm: mean(_over_trainings(by_arm[arm], name)))

    ratio = {
        arm: mean(_over_trainings(by_arm[arm], "spread")) / mean(_over_trainings(by_arm[arm], "error"))
        for arm in by_arm
    }
    widest = max(by_arm, key=lambda arm: mean(_over_trainings(by_arm[arm], "spread")))
    highest_pg = max(by_arm, key=lambda arm: mean(_over_trainings(by_arm[arm], "PG")))
    stage1_mean = {name: mean(np.array([row[name] for row in stage1_scores])) for name in ("EG", "PG")}
    return (
        f"Each arm was trained for {steps} steps and drew {realizations} realizations of {len(stage1_scores)} samples. "
        f"Spread, error, CRPS and intervals are of the natural logarithms of {', '.join(ENSEMBLE_QUANTITIES)}; "
        f"each number is {over_trainings(len(next(iter(by_arm.values()))))}. "
        + ". ".join(sentence(arm) for arm in by_arm)
        + f". The spread is largest for {widest}, PG is highest for {highest_pg}, and CRPS is lowest for "
        f"{lowest('crps')}. The ratio of spread to error of the mean is "
        + ", ".join(f"{value:.2f} ({arm})" for arm, value in ratio.items())
        + "; it is about 1 for a calibrated ensemble. After equal training time PG is "
        + ", ".join(f"{with_spread(_over_trainings(equal_time[arm], 'PG'))} ({arm})" for arm in equal_time)
        + " and CRPS "
        + ", ".join(f"{with_spread(_over_trainings(equal_time[arm], 'crps'))} ({arm})" for arm in equal_time)
        + f". Stage 1 alone: EG {stage1_mean['EG']:.2f}, PG {stage1_mean['PG']:.2f}."
    )
