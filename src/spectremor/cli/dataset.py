"""`spectremor dataset`: make, import, check and describe stores of simulations."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from spectremor.cli.options import check_split
from spectremor.core.errors import InputError
from spectremor.core.text import printable

if TYPE_CHECKING:
    from spectremor.campaign.config import CampaignConfig
    from spectremor.data.store import Split

StoreArgument = Annotated[Path, typer.Argument(help="A store made by `dataset create` or `dataset import`.")]


def register(app: typer.Typer) -> None:
    """Attach the verb and its parts."""
    dataset = typer.Typer(
        no_args_is_help=True,
        help=(
            "Make, import, check and describe datasets of simulations.\n\n[bold]Example[/bold]\n\n"
            "spectremor dataset create --preset hemews --n 2000 --also 300 --out hemews.zarr"
        ),
    )
    dataset.command("create")(create)
    dataset.command("import")(import_)
    dataset.command("check")(check)
    dataset.command("info")(info)
    app.add_typer(dataset, name="dataset")


def create(
    n: Annotated[int, typer.Option("--n", help="How many samples the dataset shall hold.")],
    out: Annotated[Path, typer.Option("--out", help="Store to make, or to carry on with (.zarr).")],
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            help="hemews (random sources), hemew (one fixed source), system (hemews with stations), tiny, or a file.",
        ),
    ] = "hemews",
    grid_spacing: Annotated[float, typer.Option("--grid-spacing", help="Grid of the simulations in m.")] = 150.0,
    also: Annotated[
        list[float] | None, typer.Option("--also", help="A coarser grid beside it, in m (repeatable).")
    ] = None,
    split: Annotated[
        str,
        typer.Option("--split", help="Make the first N samples of train, val or test only; others can follow."),
    ] = "all",
    seed: Annotated[int, typer.Option("--seed", help="One seed, one dataset.")] = 0,
    workers: Annotated[int, typer.Option("--workers", help="Processes of the embedded cluster, a core each.")] = 1,
    device: Annotated[
        str, typer.Option("--device", help="cpu or cuda: where the workers simulate; one GPU serves a dozen of them.")
    ] = "cpu",
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Hand out no more samples after so long; the same command goes on."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Use the running dask cluster at this address instead.")
    ] = None,
    slurm: Annotated[
        Path | None, typer.Option("--slurm", help="YAML of SLURM options: submit jobs through dask-jobqueue instead.")
    ] = None,
    job_script: Annotated[
        bool, typer.Option("--job-script", help="With --slurm: print the job script and do nothing.")
    ] = False,
) -> None:
    """Simulate random geologies and earthquakes into a store. Killed, the same command carries on.

    [bold]Example[/bold]

    spectremor dataset create --preset hemews --n 2000 --grid-spacing 150 --also 300 --workers 2 --out hemews.zarr

    Its first 100 test cases again, on a finer grid:

    spectremor dataset create --preset hemews --n 100 --split test --grid-spacing 100 --also 300 --out fine.zarr
    """
    if slurm is not None and job_script:
        from spectremor.campaign.cluster import SlurmOptions, slurm_cluster

        with slurm_cluster(SlurmOptions.load(slurm)) as cluster:
            typer.echo(cluster.job_script())
        return
    start_s = time.monotonic()
    check_split(split)
    config = _config(preset, grid_spacing, also or [], seed)
    _check_places(out, workers, scheduler, slurm, job_script)
    from spectremor.simulation.settings import check_device

    check_device(device, field="--device", elsewhere=scheduler is not None or slurm is not None)
    if minutes is not None and not minutes > 0:
        raise InputError("--minutes", minutes, "a positive number")
    end_s = None if minutes is None else start_s + 60 * minutes
    _run(
        out, config, n, cast("Split", split), device, end_s, lambda memory: _clients(workers, scheduler, slurm, memory)
    )


def _run(
    out: Path,
    config: CampaignConfig,
    n: int,
    split: Split,
    device: str,
    end_s: float | None,
    clients: Callable[[int], Any],
) -> None:
    from spectremor.campaign.checks import warn_of_band
    from spectremor.campaign.memory import worker_memory_bytes
    from spectremor.campaign.run import disk_full_told, run_campaign
    from spectremor.campaign.store import check_place, missing_ids, open_campaign, sample_ids
    from spectremor.cli.progress import campaign_shown

    store = check_place(out, config, n, split)
    if store is not None and not missing_ids(store, sample_ids(n, split)):
        open_campaign(out, config, n, split=split)
        run_campaign(out, config, n, None, split=split)
        typer.echo(f"{out}: {n} samples, all complete")
        return
    memory = worker_memory_bytes(config, device)
    with clients(memory) as client, campaign_shown() as report:
        warn_of_band(config)
        typer.echo(f"workers: at most {memory / 1e9:.1f} GB each", err=True)
        with disk_full_told(str(out)):
            open_campaign(out, config, n, split=split)
        late = lambda: end_s is not None and time.monotonic() >= end_s  # noqa: E731
        done = run_campaign(out, config, n, client, split=split, device=device, stop=late, report=report)
    if done.done < done.total:
        typer.echo(
            f"stopped after --minutes; {done.total - done.done} samples to go, the same command goes on", err=True
        )
    typer.echo(
        f"{out}: {done.done} samples, {done.made} made now in {done.seconds:.0f} s; "
        f"peak memory of a worker {done.peak_memory_bytes / 1e9:.2f} GB"
    )


def _clients(workers: int, scheduler: str | None, slurm: Path | None, memory: int) -> Any:
    """The cluster that was asked for, as a context manager whose workers each have `memory` bytes."""
    from spectremor.campaign.cluster import SlurmOptions, local_client, remote_client, slurm_client

    if scheduler is not None:
        return remote_client(scheduler, memory)
    if slurm is not None:
        return slurm_client(SlurmOptions.load(slurm), memory)
    return local_client(workers, memory)


def import_(
    path: Annotated[Path, typer.Argument(help="Folder of published files (sample*.h5; or npy + csv + h5 or zip).")],
    out: Annotated[Path, typer.Option("--out", help="Store to make, or to carry on with (.zarr).")],
    geologies: Annotated[
        list[Path] | None,
        typer.Option("--geologies", help="Raw form: .npy stacks in order (default: all in the folder)."),
    ] = None,
    sources: Annotated[Path | None, typer.Option("--sources", help="Raw form: csv of sources.")] = None,
    first: Annotated[
        int | None, typer.Option("--first", help="Raw form: number of the simulation in the tables' first row.")
    ] = None,
) -> None:
    """Import published HEMEW-3D data (v1 or v2, machine-learning or raw form), axes aligned.

    [bold]Example[/bold]

    spectremor dataset import downloads/hemew --out published.zarr
    """
    from spectremor.cli.progress import counted
    from spectremor.data.importing import import_published
    from spectremor.data.published_folder import PublishedFolder

    _check_out(out)
    folder = PublishedFolder.scan(path, geologies or (), sources, first)
    with counted() as display:
        store = import_published(folder, out, report=lambda done, total: display(done, total, "importing"))
    typer.echo(f"{out}: {len(store.ids())} samples imported from {path}")


def check(
    store: StoreArgument,
    repair: Annotated[
        bool, typer.Option("--repair", help="Count damaged samples as missing: `dataset create` makes them again.")
    ] = False,
) -> None:
    """Prove a store sound (shape, units, finite, split, checksum), or name what is not (exit code 1).

    [bold]Example[/bold]

    spectremor dataset check hemews.zarr
    """
    from spectremor.cli.progress import counted
    from spectremor.data.store import CampaignStore
    from spectremor.data.store_check import check_store, repair_store

    opened = CampaignStore.open(store)
    with counted() as display:
        problems = check_store(opened, report=lambda done, total: display(done, total, "checking"))
    for sample, findings in problems.items():
        for finding in findings:
            typer.echo(f"{'store' if sample is None else f'sample {sample}'}: {printable(finding)}")
    complete = len(opened.ids())
    typer.echo(f"{store}: {complete} of {opened.count} samples complete, {len(problems)} with problems")
    if problems and repair:
        typer.echo(f"{repair_store(store, problems)} samples counted as missing")
    if problems:
        raise typer.Exit(1)


def info(store: StoreArgument) -> None:
    """Say what is inside a store.

    [bold]Example[/bold]

    spectremor dataset info hemews.zarr
    """
    from spectremor.data.store import CampaignStore
    from spectremor.data.store_info import describe

    typer.echo(describe(CampaignStore.open(store)))


def _config(preset: str, grid_spacing: float, also: list[float], seed: int) -> CampaignConfig:
    from spectremor.campaign.config import CampaignConfig, load_scenario
    from spectremor.core.validation import validated_options

    typed = {
        "scenario": load_scenario(preset),
        "seed": seed,
        "grid_spacing_m": grid_spacing,
        "also_m": tuple(sorted(also)),
    }
    names = {"grid_spacing_m": "grid_spacing", "also_m": "also"}
    return validated_options(CampaignConfig, typed, names).checked()


def _check_places(out: Path, workers: int, scheduler: str | None, slurm: Path | None, job_script: bool) -> None:
    if workers < 1:
        raise InputError("--workers", workers, "at least 1")
    if scheduler is not None and slurm is not None:
        raise InputError("--scheduler", scheduler, "either --scheduler or --slurm")
    if job_script:
        raise InputError("--job-script", "without --slurm", "together with --slurm")
    _check_out(out)


def _check_out(out: Path) -> None:
    import os

    if out.is_file():
        raise InputError("--out", out, "a folder to make, or a store")
    parent = out.resolve().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError("--out", out, "a path in an existing folder that can be written")
