"""Experiment: how much does the condition help? A diffusion stage with and without the stage-1 traces as input."""

from __future__ import annotations

from typing import Any

from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.stage import DiffusionStage
from spectremor.lab.arms import Build, at_seconds, at_steps, marks, open_setup, part, train, training_config
from spectremor.lab.common import Report, Result, TrainingSettings, silent
from spectremor.lab.diffusion_variants import BlindStage
from spectremor.lab.two_arms import (
    EQUAL_STEPS,
    EQUAL_TIME,
    ON_THE_WAY,
    Judged,
    difference,
    figure,
    table,
    values,
)
from spectremor.lab.wording import over_trainings, with_spread

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"samples": 2, "sensors": 8, "steps": 16, "seeds": 2, "train_samples": 3},
    "default": {"samples": 20, "sensors": 64, "steps": 1200, "seeds": 3, "train_samples": 150},
    "full": {"samples": 50, "sensors": 128, "steps": 16000, "seeds": 1, "train_samples": 2000},
}
WITH, WITHOUT = "with the condition", "without"
ARMS: dict[str, Build] = {WITH: DiffusionStage, WITHOUT: BlindStage}
PANELS = (
    ("PG", "phase goodness of fit"),
    ("EG", "envelope goodness of fit"),
    ("ln_bias_high", "ln(prediction / truth) at 2-5 Hz"),
)


def run(settings: TrainingSettings, report: Report = silent) -> Result:
    """Train the diffusion stage with and without its condition, and judge both.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    setup = open_setup(settings, SIZES, part(report, 0.0, 0.1, "preparing"))
    size = setup.size
    model = arm_config(setup.base)
    plan = training_config(model, size["steps"], settings.seed)
    steps = setup.affordable(plan, 2 * size["seeds"])
    share = 0.9 / (2 * size["seeds"])
    judged: list[Judged] = []
    for k in range(size["seeds"]):
        # A step without the condition takes a little less time, so this arm is trained for as long as the other one.
        seconds = 0.0
        for number, (arm, build) in enumerate(ARMS.items()):
            config = training_config(model, steps, settings.seed + k)
            task = setup.task(config, build=build)
            report_training = part(report, 0.1 + (2 * k + number) * share, share, f"{arm}, training {k + 1}")
            snapshots = train(task, config, seconds=seconds, report=report_training)
            seconds = seconds or snapshots[-1].seconds
            states = [(ON_THE_WAY, at_steps(snapshots, step)) for step in marks(steps)[:-1]]
            states += [(EQUAL_STEPS, at_steps(snapshots, steps)), (EQUAL_TIME, at_seconds(snapshots, seconds))]
            scores: list[dict[str, float]] = []
            for previous, (at, snapshot) in zip([None, *states], states, strict=False):
                if previous is None or previous[1].step != snapshot.step:
                    task.module.load_state_dict(snapshot.state)
                    scores = setup.judge(task.stage)
                judged.append(Judged.of(snapshot, arm=arm, at=at, training=k, scores=scores))
    stage1_scores = setup.judge_stage1()
    return Result(
        experiment="conditioning",
        table=table(judged, stage1_scores),
        figure=figure(judged, stage1_scores, PANELS, "The diffusion stage with and without its condition"),
        paragraph=_paragraph(judged, stage1_scores),
        config=setup.describe(plan, steps_taken=steps),
    )


def arm_config(base: DiffusionConfig) -> DiffusionConfig:
    """The config of both arms, in which only the condition carries the waveform of stage 1.

    The stage therefore generates the trace itself, not its difference from stage 1, and keeps nothing of stage 1 below
    a corner frequency. Both arms know each sensor's stage-1 amplitude. Only the arm with the condition is set to rest
    before the onset of stage 1.
    """
    latent = base.latent.model_copy(update={"target": "trace", "keep_below_hz": 0.0})
    return base.model_copy(update={"latent": latent})


def _paragraph(judged: list[Judged], stage1_scores: list[dict[str, float]]) -> str:
    arms = (WITH, WITHOUT)
    last = [j for j in judged if j.at == EQUAL_STEPS]
    stage1 = {name: with_spread([row[name] for row in stage1_scores]) for name in ("PG", "EG", "ln_bias_high")}
    pg_loss = values(judged, WITH, EQUAL_STEPS, "PG").mean() - values(judged, WITHOUT, EQUAL_STEPS, "PG").mean()
    return (
        f"After {last[0].steps} steps and over {len(stage1_scores)} samples, PG is "
        f"{difference(judged, arms, EQUAL_STEPS, 'PG')}: without the stage-1 traces PG is lower by {pg_loss:.2f} "
        f"(stage 1 alone: {stage1['PG']}). EG is {difference(judged, arms, EQUAL_STEPS, 'EG')} "
        f"(stage 1: {stage1['EG']}); the mean ln(prediction / truth) at 2-5 Hz is "
        f"{difference(judged, arms, EQUAL_STEPS, 'ln_bias_high')} (stage 1: {stage1['ln_bias_high']}). After equal "
        f"training time PG is {difference(judged, arms, EQUAL_TIME, 'PG')}. The numbers of each arm are "
        f"{over_trainings(len(values(judged, WITH, EQUAL_STEPS, 'PG')))}. Both arms know each sensor's stage-1 "
        f"amplitude, and the bias does not depend on phases, so the bias says little about the condition."
    )
