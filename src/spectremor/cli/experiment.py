"""`spectremor experiment`: the system's experiments, one command each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectremor.cli.groups import Options, grouped

if TYPE_CHECKING:
    from spectremor.lab.common import Report, Result, Settings

SpacingOption = Annotated[
    float | None,
    typer.Option("--stage1-spacing", help="Take the store's simulations on this coarser grid (m) for stage 1."),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgingOptions(Options):
    """What each experiment takes."""

    data: Annotated[Path, typer.Option("--data", help="Campaign store.")]
    out: Annotated[Path, typer.Option("--out", help="Folder for table.csv, figure.png, summary.md, config.json.")]
    model: Annotated[Path | None, typer.Option("--model", help="Model folder (default: what ships).")] = None
    size: Annotated[str, typer.Option("--size", help="tiny (seconds), default (minutes) or, to train, full.")] = (
        "default"
    )
    split: Annotated[str, typer.Option("--split", help="Which samples are judged: train, val, test or all.")] = "test"
    samples: Annotated[int | None, typer.Option("--samples", help="How many samples are judged.")] = None
    sensors: Annotated[int | None, typer.Option("--sensors", help="How many sensors of each sample are judged.")] = None
    seed: Annotated[int, typer.Option("--seed", help="One seed, one result.")] = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """What those that train take besides."""

    steps: Annotated[int | None, typer.Option("--steps", help="Training steps of each arm.")] = None
    minutes: Annotated[float | None, typer.Option("--minutes", help="To prepare and train; fewer steps if needed.")] = (
        None
    )
    seeds: Annotated[int | None, typer.Option("--seeds", help="Trainings of each arm.")] = None
    train_samples: Annotated[int | None, typer.Option("--train-samples", help="Samples to train on.")] = None
    cache: Annotated[Path | None, typer.Option("--cache", help="For outputs of stage 1 (default: by the store).")] = (
        None
    )


def register(app: typer.Typer) -> None:
    """Attach the verb and its parts."""
    experiment = typer.Typer(
        no_args_is_help=True,
        help=(
            "Run one of the system's experiments on any data and model.\n\n[bold]Example[/bold]\n\n"
            "spectremor experiment coherence --data hemews.zarr --out results/coherence"
        ),
    )
    experiment.command("spectral-bias")(grouped(spectral_bias))
    experiment.command("conditioning")(grouped(conditioning))
    experiment.command("coherence")(grouped(coherence))
    experiment.command("phase-shift")(grouped(phase_shift))
    experiment.command("freezing")(grouped(freezing))
    experiment.command("noise-schedule")(grouped(noise_schedule))
    app.add_typer(experiment, name="experiment")


def spectral_bias(judging: JudgingOptions, training: TrainingOptions, stage1_spacing: SpacingOption = None) -> None:
    """What does stage 1 lose, and after how many steps does the diffusion stage give it back?

    [bold]Example[/bold]

    spectremor experiment spectral-bias --data hemews.zarr --minutes 15 --out results/spectral-bias
    """
    from spectremor.lab.common import TrainingSettings
    from spectremor.lab.spectral_bias import run

    _run(run, TrainingSettings, judging, training, stage1_spacing_m=stage1_spacing)


def coherence(
    judging: JudgingOptions,
    stage1_spacing: SpacingOption = None,
    noise_correlation: Annotated[
        float | None, typer.Option("--noise-correlation", help="Correlation length of an extra arm's noise, m.")
    ] = None,
) -> None:
    """Is the motion of neighbouring sensors as coherent as in the truth?

    Coherency against distance and frequency: truth, stage 1, both stages.

    [bold]Example[/bold]

    spectremor experiment coherence --data hemews.zarr --out results/coherence
    """
    from spectremor.lab.coherence import CoherenceSettings, run

    _run(run, CoherenceSettings, judging, stage1_spacing_m=stage1_spacing, noise_correlation_m=noise_correlation)


def phase_shift(
    judging: JudgingOptions,
    stage1_spacing: SpacingOption = None,
    shift: Annotated[
        list[float] | None, typer.Option("--shift", help="Delay of the condition in s (repeatable).")
    ] = None,
) -> None:
    """What does a late stage 1 cost? The condition is delayed by known times, and the result judged.

    [bold]Example[/bold]

    spectremor experiment phase-shift --data hemews.zarr --shift 0.05 --shift 0.2 --out results/phase-shift
    """
    from spectremor.lab.phase_shift import PhaseShiftSettings, run

    _run(run, PhaseShiftSettings, judging, stage1_spacing_m=stage1_spacing, shifts=shift)


def conditioning(judging: JudgingOptions, training: TrainingOptions, stage1_spacing: SpacingOption = None) -> None:
    """What is the condition worth? The diffusion stage trained with and without the stage-1 traces.

    [bold]Example[/bold]

    spectremor experiment conditioning --data hemews.zarr --minutes 15 --out results/conditioning
    """
    from spectremor.lab.common import TrainingSettings
    from spectremor.lab.conditioning import run

    _run(run, TrainingSettings, judging, training, stage1_spacing_m=stage1_spacing)


def freezing(
    judging: JudgingOptions,
    training: TrainingOptions,
    warm_steps: Annotated[
        int | None, typer.Option("--warm-steps", help="Steps of stage 2 that both arms start from (0: fresh weights).")
    ] = None,
    stage1_weight: Annotated[
        float, typer.Option("--stage1-weight", help="Of stage 1's own loss in the joint arm.")
    ] = 1.0,
) -> None:
    """Should stage 1 stay frozen? Both stages trained together against stage 2 alone, at equal steps and equal time.

    [bold]Example[/bold]

    spectremor experiment freezing --data hemews.zarr --model hybrid --minutes 15 --out results/freezing
    """
    from spectremor.lab.freezing import FreezingSettings, run

    _run(run, FreezingSettings, judging, training, warm_steps=warm_steps, stage1_weight=stage1_weight)


def noise_schedule(
    judging: JudgingOptions,
    training: TrainingOptions,
    stage1_spacing: SpacingOption = None,
    schedule: Annotated[
        list[str] | None, typer.Option("--schedule", help="cosine or linear (repeatable; default: both).")
    ] = None,
    prediction: Annotated[
        list[str] | None, typer.Option("--prediction", help="velocity or noise (repeatable; default: velocity).")
    ] = None,
    realizations: Annotated[int | None, typer.Option("--realizations", help="Drawn of each sample.")] = None,
) -> None:
    """How does the noise schedule trade the diversity of realizations for their fidelity?

    [bold]Example[/bold]

    spectremor experiment noise-schedule --data hemews.zarr --prediction velocity --prediction noise --out results/noise
    """
    from spectremor.lab.noise_schedule import NoiseScheduleSettings, run

    _run(
        run,
        NoiseScheduleSettings,
        judging,
        training,
        stage1_spacing_m=stage1_spacing,
        schedules=schedule,
        predictions=prediction,
        realizations=realizations,
    )


def _run(run: Callable[[Any, Report], Result], kind: type[Settings], *groups: Options, **own: Any) -> None:
    """Check everything, then work, then write.

    Args:
        run: the experiment.
        kind: of its settings.
        groups: options, the folder of the result among them; None takes the experiment's own value.
        own: settings of this experiment alone, likewise.
    """
    from spectremor.cli.progress import fraction_shown
    from spectremor.lab.common import check_out, parse, write_result

    chosen = {name: value for group in groups for name, value in vars(group).items()} | own
    folder = check_out(chosen.pop("out"))
    settings = parse(kind, {name: value for name, value in chosen.items() if value is not None})
    with fraction_shown() as report:
        result = run(settings, report)
    write_result(result, folder)
    typer.echo(result.paragraph)
