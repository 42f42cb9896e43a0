"""`spectremor train`: either stage."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spectremor.cli.groups import Options, grouped

if TYPE_CHECKING:
    from spectremor.cli.progress import Display
    from spectremor.training.loop import Watch

Stage1Option = Annotated[
    str,
    typer.Option("--stage1", help="The frozen stage 1: a model folder, a run, a model that ships, or simulation:300."),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """What each training takes."""

    config: Annotated[
        str,
        typer.Option(
            "--config",
            help="tiny, small, large, paper, coarse or coarse-gpu, for mifno also rays, rays-300, rays-gpu or "
            "rays-300-gpu, for ddpm also jumps or jumps-gpu, for field tiny, denoising, draws, denoising-gpu or "
            "draws-gpu; or a YAML file.",
        ),
    ]
    data: Annotated[Path, typer.Option("--data", help="Campaign store, from `spectremor dataset`.")]
    out: Annotated[Path, typer.Option("--out", help="Folder of the run; the result is its folder `model`.")]
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False
    minutes: Annotated[float | None, typer.Option("--minutes", help="Stop after so long; --resume goes on.")] = None
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            help="Minutes for the whole training: it takes as many of its steps as fit into them, and ends well.",
        ),
    ] = None
    cache: Annotated[
        Path | None, typer.Option("--cache", help="For what is computed once (default: by the store).")
    ] = None
    init: Annotated[
        Path | None,
        typer.Option(
            "--init", help="Start a new run from the weights of a model folder or run, or of a model that ships."
        ),
    ] = None
    readers: Annotated[
        int | None,
        typer.Option(
            "--readers", help="Processes that prepare batches ahead (default: none on a CPU, many for a GPU)."
        ),
    ] = None


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
    verb.command("mifno")(grouped(mifno))
    verb.command("ddpm")(grouped(ddpm))
    verb.command("import-published")(import_published)
    verb.command("field")(grouped(field))
    verb.command("levels")(levels)
    app.add_typer(verb, name="train")


def mifno(options: TrainingOptions) -> None:
    """Train stage 1, the neural operator.

    [bold]Example[/bold]

    spectremor train mifno --config small --data campaign.zarr --out runs/mifno --minutes 60
    """
    _train("mifno", options)


def ddpm(options: TrainingOptions, stage1: Stage1Option) -> None:
    """Train stage 2, the diffusion model, on a frozen stage 1.

    [bold]Example[/bold]

    spectremor train ddpm --config small --data campaign.zarr --stage1 runs/mifno --out runs/neural --minutes 60
    """
    _train("ddpm", options, stage1)


def field(options: TrainingOptions, stage1: Stage1Option) -> None:
    """Train stage 2 as one that sees all sensors of a field, on a frozen stage 1.

    [bold]Example[/bold]

    spectremor train field --config denoising --data campaign.zarr --stage1 simulation:300 --out runs/field
    """
    _train("field", options, stage1)


def levels(
    model: Annotated[Path, typer.Option("--model", help="Model folder or run with a stage that sees the field.")],
    data: Annotated[Path, typer.Option("--data", help="Campaign store; its validation split is used.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the new model.")],
    samples: Annotated[int | None, typer.Option("--samples", help="The first so many events only.")] = None,
    realizations: Annotated[int, typer.Option("--realizations", help="Draws of each event, 2 or more.")] = 8,
    bf16: Annotated[bool, typer.Option("--bf16", help="Draw in bfloat16: quicker on some CPUs and on GPUs.")] = False,
) -> None:
    """Measure how uncertain the level of a model's draws is, beyond what they show, and write a model that knows it.

    No weight changes. Draws of events of the validation split are compared with the truth, band by band.

    [bold]Example[/bold]

    spectremor train levels --model runs/field --data campaign.zarr --out runs/field-levels
    """
    from spectremor.cli.progress import counted
    from spectremor.judging.level_errors import write_with_levels

    with counted() as display:
        found = write_with_levels(
            model,
            data,
            out,
            samples=samples,
            realizations=realizations,
            bf16=bf16,
            on_progress=lambda done, total: display(done, total, "drawing events of the validation split"),
        )
        bands = ", ".join(f"{sd:g}" for sd in found.sd_ln)
        display.say(f"done: standard deviations of ln velocity {bands} at 0-1, 1-2 and 2-5 Hz; {out}")


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


def _train(stage: Literal["mifno", "ddpm", "field"], options: TrainingOptions, stage1: str | None = None) -> None:
    from spectremor.cli.progress import counted
    from spectremor.training.config import load_config
    from spectremor.training.driver import TimeLimits
    from spectremor.training.processes import processes
    from spectremor.training.run import Surroundings, train

    settings = load_config(options.config, stage)
    state = processes()
    with counted(quiet=not state.is_main_process) as display:
        outcome = train(
            settings,
            options.data,
            options.out,
            stage1=stage1,
            init=options.init,
            resume=options.resume,
            limits=TimeLimits(minutes=options.minutes, budget=options.budget),
            surroundings=Surroundings(
                cache=options.cache, readers=options.readers, watch=_watch(display, settings.steps)
            ),
        )
        step, best = outcome.progress.step, outcome.progress
        several = f" on {state.num_processes} processes" if state.num_processes > 1 else ""
        if outcome.finished:
            reached = f"best validation loss {best.best_loss:.4g} at {best.best_step}"
            display.say(f"done: {step} steps{several}; {reached}; {options.out}/model")
        else:
            display.say(f"stopped at step {step} of {outcome.steps}{several}; go on with --resume")


def _watch(display: Display, steps: int) -> Watch:
    """A watch that shows where the training stands."""
    from spectremor.training.loop import Watch

    length = steps

    def on_length(steps: int) -> None:
        nonlocal length
        length = steps

    def on_validation(step: int, scores: dict[str, float]) -> None:
        display.say(f"step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))

    return Watch(
        on_step=lambda progress, loss: display(progress.step, length, f"training, loss {loss:.4g}"),
        on_validation=on_validation,
        on_prepare=lambda what, fraction: display(round(100 * fraction), 100, what),
        on_length=on_length,
    )
