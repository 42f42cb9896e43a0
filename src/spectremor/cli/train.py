"""`spectremor train`: either stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from spectremor.cli.progress import Display
    from spectremor.training.loop import Watch

ConfigOption = Annotated[
    str,
    typer.Option(
        "--config",
        help="tiny, small, large, paper, coarse or coarse-gpu, for mifno also rays or rays-gpu, for ddpm also jumps or "
        "jumps-gpu, for field tiny, denoising, draws, "
        "denoising-gpu or draws-gpu; or a YAML file.",
    ),
]
DataOption = Annotated[Path, typer.Option("--data", help="Campaign store, from `spectremor dataset`.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the run; the result is its folder `model`.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
MinutesOption = Annotated[float | None, typer.Option("--minutes", help="Stop after so long; --resume goes on.")]
BudgetOption = Annotated[
    float | None,
    typer.Option(
        "--budget",
        help="Minutes for the whole training: it takes as many of its steps as fit into them, and ends well.",
    ),
]
CacheOption = Annotated[Path | None, typer.Option("--cache", help="For what is computed once (default: by the store).")]
InitOption = Annotated[
    Path | None,
    typer.Option("--init", help="Start a new run from the weights of a model folder or run, or of a model that ships."),
]
ReadersOption = Annotated[
    int | None,
    typer.Option("--readers", help="Processes that prepare batches ahead (default: none on a CPU, many for a GPU)."),
]
Stage1Option = Annotated[
    str,
    typer.Option("--stage1", help="The frozen stage 1: a model folder, a run, a model that ships, or simulation:300."),
]


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    verb = typer.Typer(
        no_args_is_help=True,
        help=(
            "Train a stage of the model.\n\n[bold]Example[/bold]\n\n"
            "spectremor train mifno --config small --data campaign.zarr --out runs/mifno"
        ),
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    verb.command("mifno")(mifno)
    verb.command("ddpm")(ddpm)
    verb.command("import-published")(import_published)
    verb.command("field")(field)
    app.add_typer(verb, name="train")


def mifno(
    config: ConfigOption,
    data: DataOption,
    out: OutOption,
    resume: ResumeOption = False,
    minutes: MinutesOption = None,
    budget: BudgetOption = None,
    cache: CacheOption = None,
    init: InitOption = None,
    readers: ReadersOption = None,
) -> None:
    """Train stage 1, the neural operator.

    [bold]Example[/bold]

    spectremor train mifno --config small --data campaign.zarr --out runs/mifno --minutes 60
    """
    _train(
        "mifno",
        config,
        data,
        out,
        resume=resume,
        minutes=minutes,
        budget=budget,
        cache=cache,
        init=init,
        readers=readers,
    )


def ddpm(
    config: ConfigOption,
    data: DataOption,
    out: OutOption,
    stage1: Stage1Option,
    resume: ResumeOption = False,
    minutes: MinutesOption = None,
    budget: BudgetOption = None,
    cache: CacheOption = None,
    init: InitOption = None,
    readers: ReadersOption = None,
) -> None:
    """Train stage 2, the diffusion model, on a frozen stage 1.

    [bold]Example[/bold]

    spectremor train ddpm --config small --data campaign.zarr --stage1 runs/mifno --out runs/neural --minutes 60
    """
    _train(
        "ddpm",
        config,
        data,
        out,
        resume=resume,
        minutes=minutes,
        budget=budget,
        cache=cache,
        init=init,
        readers=readers,
        stage1=stage1,
    )


def field(
    config: ConfigOption,
    data: DataOption,
    out: OutOption,
    stage1: Stage1Option,
    resume: ResumeOption = False,
    minutes: MinutesOption = None,
    budget: BudgetOption = None,
    cache: CacheOption = None,
    init: InitOption = None,
    readers: ReadersOption = None,
) -> None:
    """Train stage 2 as one that sees all sensors of a field, on a frozen stage 1.

    [bold]Example[/bold]

    spectremor train field --config denoising --data campaign.zarr --stage1 simulation:300 --out runs/field
    """
    _train(
        "field",
        config,
        data,
        out,
        resume=resume,
        minutes=minutes,
        budget=budget,
        cache=cache,
        init=init,
        readers=readers,
        stage1=stage1,
    )


def import_published(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of a published MIFNO, from torch.save.")],
    mean: Annotated[Path, typer.Option("--mean", help=".npy of the mean Vs in m/s that it was trained with.")],
    std: Annotated[Path, typer.Option("--std", help=".npy of the standard deviation of Vs in m/s.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the model.")],
) -> None:
    """Make a model folder of the authors' published weights; nothing is unpickled.

    [bold]Example[/bold]

    spectremor train import-published mifno.pth --mean a_mean.npy --std a_std.npy --out published
    """
    from spectremor.cli.messages import say_once
    from spectremor.model.published_weights import import_published as write

    write(checkpoint, mean, std, out)
    say_once(f"done: {out}")


def _train(
    stage: Literal["mifno", "ddpm", "field"],
    config: str,
    data: Path,
    out: Path,
    *,
    resume: bool,
    minutes: float | None,
    budget: float | None,
    cache: Path | None,
    init: Path | None,
    readers: int | None,
    stage1: str | None = None,
) -> None:
    from spectremor.cli.progress import counted
    from spectremor.training.config import load_config
    from spectremor.training.driver import TimeLimits
    from spectremor.training.processes import processes
    from spectremor.training.run import Surroundings, train

    settings = load_config(config, stage)
    state = processes()
    with counted(quiet=not state.is_main_process) as display:
        outcome = train(
            settings,
            data,
            out,
            stage1=stage1,
            init=init,
            resume=resume,
            limits=TimeLimits(minutes=minutes, budget=budget),
            surroundings=Surroundings(cache=cache, readers=readers, watch=_watch(display, settings.steps)),
        )
        step, best = outcome.progress.step, outcome.progress
        several = f" on {state.num_processes} processes" if state.num_processes > 1 else ""
        if outcome.finished:
            reached = f"best validation loss {best.best_loss:.4g} at {best.best_step}"
            display.say(f"done: {step} steps{several}; {reached}; {out}/model")
        else:
            display.say(f"stopped at step {step} of {outcome.steps}{several}; go on with --resume")


def _watch(display: Display, steps: int) -> Watch:
    """A watch that shows where the training stands."""
    from spectremor.training.loop import Watch

    length = steps

    def on_length(found: int) -> None:
        nonlocal length
        length = found

    def on_validation(step: int, scores: dict[str, float]) -> None:
        display.say(f"step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))

    return Watch(
        on_step=lambda progress, loss: display(progress.step, length, f"training, loss {loss:.4g}"),
        on_validation=on_validation,
        on_prepare=lambda what, fraction: display(round(100 * fraction), 100, what),
        on_length=on_length,
    )
