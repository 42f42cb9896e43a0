"""Experiment: should stage 1 stay frozen? Compares training both stages together with training stage 2 alone."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.diffusion.stage import DiffusionStage
from spectremor.lab.arms import (
    Setup,
    Snapshot,
    affordable,
    at_seconds,
    at_steps,
    part,
    prepare_setup,
    resolve_training_size,
    train,
    training_config,
)
from spectremor.lab.cases import open_cases
from spectremor.lab.common import Positive, Report, Result, TrainingSettings, silent
from spectremor.lab.joint import JointTask
from spectremor.lab.scoring import LOG_BIASES, PUBLISHED_BIASES, mean, score
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
from spectremor.model.campaigns import check_campaign
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.preparation import Preparation
from spectremor.training.config import DdpmTraining
from spectremor.training.mifno import waves_folder

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"samples": 2, "sensors": 8, "warm_steps": 16, "steps": 8, "seeds": 2, "train_samples": 3},
    "default": {"samples": 10, "sensors": 64, "warm_steps": 500, "steps": 24, "seeds": 3, "train_samples": 60},
    "full": {"samples": 50, "sensors": 128, "warm_steps": 8000, "steps": 2000, "seeds": 1, "train_samples": 2000},
}
FROZEN, JOINT = "frozen", "joint"
PANELS = (
    ("PG", "both stages: phase goodness of fit"),
    ("EG", "both stages: envelope goodness of fit"),
    ("stage1_PG", "stage 1 alone: phase goodness of fit"),
    ("ln_bias_high", "both stages: ln(prediction / truth) at 2-5 Hz"),
)
#: Learning rate of both arms: low, as for fine-tuning, because stage 1 is already trained.
LEARNING_RATE = 3e-4
EVENTS_PER_BATCH = 2

Scores = dict[str, float]


class FreezingSettings(TrainingSettings):
    """Settings of this experiment.

    Attributes:
        warm_steps: training steps of stage 2 on the frozen stage 1 before both arms start; 0: from random weights.
        stage1_weight: weight of stage 1's own loss in the joint arm.
        steps: training steps of each arm after the common start.
    """

    warm_steps: Annotated[int, Field(ge=0)] | None = None
    stage1_weight: Annotated[float, Field(ge=0)] = 1.0
    steps: Positive | None = None


def run(settings: FreezingSettings, report: Report = silent) -> Result:
    """Train stage 2 on a frozen stage 1 and both stages together, from the same start, and judge both.

    Raises:
        InputError: a setting, store or model is not suitable.
    """
    size = resolve_training_size(settings, SIZES)
    if settings.stage1_spacing_m is not None:
        typed = f"{settings.stage1_spacing_m:g} m"
        raise InputError("--stage1-spacing", typed, "left out here: simulations have no weights to train")
    cases = open_cases(settings)
    surrogate = cases.surrogate
    if not isinstance(surrogate, MifnoSurrogate):
        raise InputError("--model", cases.model_id, "a model whose stage 1 is a neural operator")
    setup = prepare_setup(settings, cases, size, part(report, 0.0, 0.1, "preparing"))
    preparation = _preparation(setup, surrogate)
    plan = _config(setup, size["steps"], settings.seed)
    timing_task = JointTask(plan, preparation, surrogate, DiffusionStage(setup.base), setup.train_ids, 1.0)
    # A fifth of the training time is for the start that both arms share.
    minutes = size["minutes"]
    steps = affordable(timing_task, plan, 2 * size["seeds"], None if minutes is None else 0.8 * minutes)
    warm_steps = _warm_steps(setup, settings.seed)
    judged: list[Judged] = []
    share = 0.9 / size["seeds"]
    for k in range(size["seeds"]):
        report_training = part(report, 0.1 + k * share, share, f"training {k + 1}")
        config = _config(setup, steps, settings.seed + k)
        warm = _common_start(setup, warm_steps, settings.seed + k, part(report_training, 0.0, 0.2, "start"))
        joint = JointTask(config, preparation, surrogate, _copy(warm), setup.train_ids, settings.stage1_weight)
        joint_snapshots = train(joint, config, report=part(report_training, 0.2, 0.4, JOINT))
        seconds = joint_snapshots[-1].seconds
        frozen = setup.task(config, warm)
        frozen_snapshots = train(frozen, config, seconds=seconds, report=part(report_training, 0.6, 0.4, FROZEN))
        for arm, task, snapshots in ((JOINT, joint, joint_snapshots), (FROZEN, frozen, frozen_snapshots)):
            trained_surrogate = joint.surrogate if arm == JOINT else None
            scores: list[Scores] = []
            states = _states(snapshots, steps, seconds)
            for previous, (at, snapshot) in zip([None, *states], states, strict=False):
                if previous is None or previous[1].step != snapshot.step:
                    task.module.load_state_dict(snapshot.state)
                    scores = _judge(task.stage, trained_surrogate, setup)
                judged.append(Judged.of(snapshot, arm=arm, at=at, training=k, scores=scores))
    stage1_scores = [_with_stage1_scores(row, row) for row in setup.judge_stage1()]
    return Result(
        experiment="freezing",
        table=table(judged, stage1_scores),
        figure=figure(judged, stage1_scores, PANELS, "Stage 1 frozen, and stage 1 trained together with stage 2"),
        paragraph=_paragraph(judged, stage1_scores, warm_steps),
        config=setup.describe(plan, warm_steps_taken=warm_steps, steps_taken=steps),
    )


def _preparation(setup: Setup, surrogate: MifnoSurrogate) -> Preparation:
    store = setup.cases.store
    check_campaign(store, surrogate.recording, surrogate.trained_range)
    waves = waves_folder(store, setup.frozen.folder.parent)
    waves.mkdir(parents=True, exist_ok=True)
    return Preparation(store, surrogate.config, surrogate.normalisation, waves)


def _config(setup: Setup, steps: int, seed: int) -> DdpmTraining:
    """Training config of both arms: few events with many sensors, because the cost of a joint step is per event."""
    sensors_per_event = min(64, len(setup.cases.store.x_m) * len(setup.cases.store.y_m))
    config = training_config(
        setup.base,
        steps,
        seed,
        batch=EVENTS_PER_BATCH * sensors_per_event,
        samples=EVENTS_PER_BATCH,
        learning_rate=LEARNING_RATE,
    )
    return config.model_copy(update={"augment": False})


def _warm_steps(setup: Setup, seed: int) -> int:
    """The steps of the common start: those of the settings, but no more than fit into a fifth of the training time."""
    size = setup.size
    if not size["warm_steps"] or size["minutes"] is None:
        return int(size["warm_steps"])
    config = training_config(setup.base, size["warm_steps"], seed)
    return affordable(setup.task(config), config, size["seeds"], 0.2 * size["minutes"])


def _common_start(setup: Setup, steps: int, seed: int, report: Report) -> DiffusionStage:
    """Stage 2 after `steps` training steps on the frozen stage 1; with random weights for 0 steps."""
    config = training_config(setup.base, max(steps, 8), seed)
    task = setup.task(config)
    if steps:
        task.module.load_state_dict(train(task, config, report=report)[-1].state)
    else:
        task.start()
    return task.stage


def _copy(stage: DiffusionStage) -> DiffusionStage:
    copied = DiffusionStage(stage.config)
    copied.load_state_dict(stage.state_dict())
    return copied


def _states(snapshots: list[Snapshot], steps: int, seconds: float) -> list[tuple[str, Snapshot]]:
    """The states half-way, after equal steps and after equal time."""
    halfway = at_steps(snapshots, max(1, steps // 2))
    return [
        (ON_THE_WAY, halfway),
        (EQUAL_STEPS, at_steps(snapshots, steps)),
        (EQUAL_TIME, at_seconds(snapshots, seconds)),
    ]


def _judge(stage: DiffusionStage, surrogate: MifnoSurrogate | None, setup: Setup) -> list[Scores]:
    """Scores of both stages and of stage 1 alone (`surrogate`; None: the model's own stage 1), one row per sample."""
    rows, cases = [], setup.cases
    for i in setup.ids:
        if surrogate is None:
            field = cases.stage1(i)
        else:
            field = surrogate.predict_arrays([cases.store.geology(i)], [cases.store.source(i)])[0]
        chosen = setup.sensors(i)
        truth = at_sensors(cases.truth(i), chosen)
        both = score(stage.generate_at(field, chosen, seed=setup.settings.seed)[0], truth, cases.dt_s)
        rows.append(_with_stage1_scores(both, score(at_sensors(field, chosen), truth, cases.dt_s)))
    return rows


def _with_stage1_scores(both: Scores, stage1: Scores) -> Scores:
    return both | {f"stage1_{name}": stage1[name] for name in ("EG", "PG", *LOG_BIASES, *PUBLISHED_BIASES)}


def _paragraph(judged: list[Judged], stage1_scores: list[Scores], warm_steps: int) -> str:
    arms = (JOINT, FROZEN)

    def comparison(at: str) -> str:
        fits = [f"{name} is {difference(judged, arms, at, name)}" for name in ("PG", "EG")]
        return ", ".join(
            [*fits, f"the mean ln(prediction / truth) at 2-5 Hz {difference(judged, arms, at, 'ln_bias_high')}"]
        )

    cost = {arm: mean(np.array([j.seconds / j.steps for j in judged if j.arm == arm])) for arm in arms}
    equal_time_steps = round(mean(np.array([j.steps for j in judged if j.arm == FROZEN and j.at == EQUAL_TIME])))
    steps = next(j.steps for j in judged if j.arm == JOINT and j.at == EQUAL_STEPS)
    trainings = len(values(judged, JOINT, EQUAL_STEPS, "PG"))
    before = mean(np.array([row["stage1_PG"] for row in stage1_scores]))
    after = with_spread(values(judged, JOINT, EQUAL_STEPS, "stage1_PG"))
    return (
        f"Both arms start from stage 2 after {warm_steps} steps on the frozen stage 1. After {steps} more steps, "
        f"{comparison(EQUAL_STEPS)}. A step of the joint arm takes {cost[JOINT]:.2f} s, and one of the frozen arm, "
        f"which reads the outputs of stage 1 from disk, {cost[FROZEN]:.2f} s (ratio {cost[JOINT] / cost[FROZEN]:.0f}). "
        f"In the time of {steps} joint steps the frozen arm takes {equal_time_steps} steps; then "
        f"{comparison(EQUAL_TIME)}. PG of stage 1 alone is {before:.2f} before and {after} after joint training. The "
        f"numbers of each arm are {over_trainings(trainings)}, over {len(stage1_scores)} samples."
    )
