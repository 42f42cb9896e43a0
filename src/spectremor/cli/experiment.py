"""`spectremor experiment`: the system's experiments, one command each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spectremor.lab.common import Report, Result, Settings

DataOption = Annotated[Path, typer.Option("--data", help="Campaign store.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for table.csv, figure.png, summary.md, config.json.")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="Model folder (default: what ships).")]
SpacingOption = Annotated[
    float | None,
    typer.Option("--stage1-spacing", help="Take the store's simulations on this coarser grid (m) for stage 1."),
]
SizeOption = Annotated[str, typer.Option("--size", help="tiny (seconds), default (minutes) or, to train, full.")]
SplitOption = Annotated[str, typer.Option("--split", help="Which samples are judged: train, val, test or all.")]
SamplesOption = Annotated[int | None, typer.Option("--samples", help="How many samples are judged.")]
SensorsOption = Annotated[int | None, typer.Option("--sensors", help="How many sensors of each sample are judged.")]
SeedOption = Annotated[int, typer.Option("--seed", help="One seed, one result.")]
StepsOption = Annotated[int | None, typer.Option("--steps", help="Training steps of each arm.")]
MinutesOption = Annotated[float | None, typer.Option("--minutes", help="To prepare and train; fewer steps if needed.")]
SeedsOption = Annotated[int | None, typer.Option("--seeds", help="Trainings of each arm.")]
CacheOption = Annotated[Path | None, typer.Option("--cache", help="For outputs of stage 1 (default: by the store).")]
TrainSamplesOption = Annotated[int | None, typer.Option("--train-samples", help="Samples to train on.")]


def register(app: typer.Typer) -> None:
    """Attach the verb and its parts."""
    experiment = typer.Typer(
        no_args_is_help=True,
        help=(
            "Run one of the system's experiments on any data and model.\n\n[bold]Example[/bold]\n\n"
            "spectremor experiment coherence --data hemews.zarr --out results/coherence"
        ),
    )
    experiment.command("spectral-bias")(spectral_bias)
    experiment.command("conditioning")(conditioning)
    experiment.command("coherence")(coherence)
    experiment.command("phase-shift")(phase_shift)
    experiment.command("freezing")(freezing)
    experiment.command("noise-schedule")(noise_schedule)
    app.add_typer(experiment, name="experiment")


def spectral_bias(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    stage1_spacing: SpacingOption = None,
    size: SizeOption = "default",
    steps: StepsOption = None,
    minutes: MinutesOption = None,
    seeds: SeedsOption = None,
    train_samples: TrainSamplesOption = None,
    cache: CacheOption = None,
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """What does stage 1 lose, and after how many steps does the diffusion stage give it back?

    [bold]Example[/bold]

    spectremor experiment spectral-bias --data hemews.zarr --minutes 15 --out results/spectral-bias
    """
    from spectremor.lab.common import TrainingSettings
    from spectremor.lab.spectral_bias import run

    _run(
        run,
        TrainingSettings,
        out,
        data=data,
        model=model,
        stage1_spacing_m=stage1_spacing,
        size=size,
        steps=steps,
        minutes=minutes,
        seeds=seeds,
        train_samples=train_samples,
        cache=cache,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def coherence(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    stage1_spacing: SpacingOption = None,
    noise_correlation: Annotated[
        float | None, typer.Option("--noise-correlation", help="Distance over which an extra arm's noise is alike, m.")
    ] = None,
    size: SizeOption = "default",
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Do neighbouring sensors move alike? Coherency against distance and frequency: truth, stage 1, both stages.

    [bold]Example[/bold]

    spectremor experiment coherence --data hemews.zarr --out results/coherence
    """
    from spectremor.lab.coherence import CoherenceSettings, run

    _run(
        run,
        CoherenceSettings,
        out,
        data=data,
        model=model,
        stage1_spacing_m=stage1_spacing,
        noise_correlation_m=noise_correlation,
        size=size,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def phase_shift(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    stage1_spacing: SpacingOption = None,
    shift: Annotated[
        list[float] | None, typer.Option("--shift", help="Delay of the condition in s (repeatable).")
    ] = None,
    size: SizeOption = "default",
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """What does a late stage 1 cost? The condition is delayed by known times, and the result judged.

    [bold]Example[/bold]

    spectremor experiment phase-shift --data hemews.zarr --shift 0.05 --shift 0.2 --out results/phase-shift
    """
    from spectremor.lab.phase_shift import PhaseShiftSettings, run

    _run(
        run,
        PhaseShiftSettings,
        out,
        data=data,
        model=model,
        stage1_spacing_m=stage1_spacing,
        shifts=shift,
        size=size,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def conditioning(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    stage1_spacing: SpacingOption = None,
    size: SizeOption = "default",
    steps: StepsOption = None,
    minutes: MinutesOption = None,
    seeds: SeedsOption = None,
    train_samples: TrainSamplesOption = None,
    cache: CacheOption = None,
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """What is the condition worth? The diffusion stage trained with and without the stage-1 traces.

    [bold]Example[/bold]

    spectremor experiment conditioning --data hemews.zarr --minutes 15 --out results/conditioning
    """
    from spectremor.lab.common import TrainingSettings
    from spectremor.lab.conditioning import run

    _run(
        run,
        TrainingSettings,
        out,
        data=data,
        model=model,
        stage1_spacing_m=stage1_spacing,
        size=size,
        steps=steps,
        minutes=minutes,
        seeds=seeds,
        train_samples=train_samples,
        cache=cache,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def freezing(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    warm_steps: Annotated[
        int | None, typer.Option("--warm-steps", help="Steps of stage 2 that both arms start from (0: fresh weights).")
    ] = None,
    stage1_weight: Annotated[
        float, typer.Option("--stage1-weight", help="Of stage 1's own loss in the joint arm.")
    ] = 1.0,
    size: SizeOption = "default",
    steps: StepsOption = None,
    minutes: MinutesOption = None,
    seeds: SeedsOption = None,
    train_samples: TrainSamplesOption = None,
    cache: CacheOption = None,
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Should stage 1 stay frozen? Both stages trained together against stage 2 alone, at equal steps and equal time.

    [bold]Example[/bold]

    spectremor experiment freezing --data hemews.zarr --model hybrid --minutes 15 --out results/freezing
    """
    from spectremor.lab.freezing import FreezingSettings, run

    _run(
        run,
        FreezingSettings,
        out,
        data=data,
        model=model,
        warm_steps=warm_steps,
        stage1_weight=stage1_weight,
        size=size,
        steps=steps,
        minutes=minutes,
        seeds=seeds,
        train_samples=train_samples,
        cache=cache,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def noise_schedule(
    data: DataOption,
    out: OutOption,
    model: ModelOption = None,
    stage1_spacing: SpacingOption = None,
    schedule: Annotated[
        list[str] | None, typer.Option("--schedule", help="cosine or linear (repeatable; default: both).")
    ] = None,
    prediction: Annotated[
        list[str] | None, typer.Option("--prediction", help="velocity or noise (repeatable; default: velocity).")
    ] = None,
    realizations: Annotated[int | None, typer.Option("--realizations", help="Drawn of each sample.")] = None,
    size: SizeOption = "default",
    steps: StepsOption = None,
    minutes: MinutesOption = None,
    seeds: SeedsOption = None,
    train_samples: TrainSamplesOption = None,
    cache: CacheOption = None,
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    seed: SeedOption = 0,
) -> None:
    """How does the noise schedule trade the diversity of realizations for their fidelity?

    [bold]Example[/bold]

    spectremor experiment noise-schedule --data hemews.zarr --prediction velocity --prediction noise --out results/noise
    """
    from spectremor.lab.noise_schedule import NoiseScheduleSettings, run

    _run(
        run,
        NoiseScheduleSettings,
        out,
        data=data,
        model=model,
        stage1_spacing_m=stage1_spacing,
        schedules=schedule,
        predictions=prediction,
        realizations=realizations,
        size=size,
        steps=steps,
        minutes=minutes,
        seeds=seeds,
        train_samples=train_samples,
        cache=cache,
        split=split,
        samples=samples,
        sensors=sensors,
        seed=seed,
    )


def _run(run: Callable[[Any, Report], Result], kind: type[Settings], out: Path, **chosen: Any) -> None:
    """Check everything, then work, then write.

    Args:
        run: the experiment.
        kind: of its settings.
        out: folder of the result.
        chosen: settings by name; None takes the experiment's own.
    """
    from spectremor.cli.progress import fraction_shown
    from spectremor.lab.common import check_out, parse, write_result

    folder = check_out(out)
    settings = parse(kind, {name: value for name, value in chosen.items() if value is not None})
    with fraction_shown() as report:
        result = run(settings, report)
    write_result(result, folder)
    typer.echo(result.paragraph)
