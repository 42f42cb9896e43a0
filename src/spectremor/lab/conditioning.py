"""What is the condition worth? The same diffusion stage with the stage-1 traces hidden from it."""

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
        InputError: a setting, store or model that does not allow it.
    """
    setup = open_setup(settings, SIZES, part(report, 0.0, 0.1, "preparing"))
    size = setup.size
    model = arm_config(setup.base)
    plan = training_config(model, size["steps"], settings.seed)
    steps = setup.affordable(plan, 2 * size["seeds"])
    share = 0.9 / (2 * size["seeds"])
    judged: list[Judged] = []
    for k in range(size["seeds"]):
        # A step of the arm without a condition is a little cheaper: this arm is trained for as long as the other.
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
            for before, (at, snapshot) in zip([None, *states], states, strict=False):
                if before is None or before[1].step != snapshot.step:
                    task.module.load_state_dict(snapshot.state)
                    scores = setup.judge(task.stage)
                judged.append(Judged.of(snapshot, arm=arm, at=at, training=k, scores=scores))
    alone = setup.judge_stage1()
    return Result(
        experiment="conditioning",
        table=table(judged, alone),
        figure=figure(judged, alone, PANELS, "The diffusion stage with its condition, and with the condition hidden"),
        paragraph=_paragraph(judged, alone),
        config=setup.describe(plan, steps_taken=steps),
    )


def arm_config(base: DiffusionConfig) -> DiffusionConfig:
    """The config of both arms, in which the waveform of stage 1 enters through the condition alone.

    So the trace is generated and not what stage 1 lacks, and nothing of stage 1 is kept below a corner. What both arms
    know of stage 1 is each sensor's amplitude; only the arm that sees it is kept still until it moves.
    """
    latent = base.latent.model_copy(update={"target": "trace", "keep_below_hz": 0.0})
    return base.model_copy(update={"latent": latent})


def _paragraph(judged: list[Judged], alone: list[dict[str, float]]) -> str:
    arms = (WITH, WITHOUT)
    last = [j for j in judged if j.at == EQUAL_STEPS]
    stage1 = {name: with_spread([row[name] for row in alone]) for name in ("PG", "EG", "ln_bias_high")}
    lost = values(judged, WITH, EQUAL_STEPS, "PG").mean() - values(judged, WITHOUT, EQUAL_STEPS, "PG").mean()
    return (
        f"After {last[0].steps} steps and over {len(alone)} samples, PG is "
        f"{difference(judged, arms, EQUAL_STEPS, 'PG')}: hiding the stage-1 traces costs {lost:.2f} of PG (stage 1 "
        f"alone: {stage1['PG']}). EG is {difference(judged, arms, EQUAL_STEPS, 'EG')}, against {stage1['EG']}; the "
        f"mean ln(prediction / truth) at 2-5 Hz is {difference(judged, arms, EQUAL_STEPS, 'ln_bias_high')}, "
        f"against {stage1['ln_bias_high']}. For equal training time PG is "
        f"{difference(judged, arms, EQUAL_TIME, 'PG')}. Numbers of arms: "
        f"{over_trainings(len(values(judged, WITH, EQUAL_STEPS, 'PG')))}. Both arms know each sensor's stage-1 "
        f"amplitude, so the bias, which sees no phase, judges the condition little."
    )
