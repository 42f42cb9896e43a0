"""`spectremor generate`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from spectremor.cli.observed import ObservedOption, load_observed
from spectremor.cli.options import (
    AzimuthOption,
    ConventionOption,
    CrsOption,
    EventIdOption,
    EventOption,
    GeologyOption,
    IndexOption,
    MomentOption,
    MwOption,
    OriginLatOption,
    OriginLonOption,
    RiseTimeOption,
    SourceOption,
    check_netcdf,
    load_geology,
    load_source,
    parse_place,
    show_event,
)
from spectremor.core.errors import InputError

if TYPE_CHECKING:
    from spectremor.diffusion.config import SamplerName

_FIGURES = (".png", ".pdf", ".svg")


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("generate")(generate)


def generate(
    geology: GeologyOption,
    out: Annotated[Path, typer.Option("--out", help="NetCDF file to write.")],
    source: SourceOption = None,
    event: EventOption = None,
    event_id: EventIdOption = None,
    origin_lon: OriginLonOption = None,
    origin_lat: OriginLatOption = None,
    azimuth: AzimuthOption = None,
    crs: CrsOption = None,
    index: IndexOption = None,
    convention: ConventionOption = "standard",
    moment: MomentOption = None,
    mw: MwOption = None,
    rise_time: RiseTimeOption = None,
    model: Annotated[Path | None, typer.Option("--model", help="Model folder, or the name of one that ships.")] = None,
    realizations: Annotated[int, typer.Option("--realizations", help="How many draws of the diffusion stage.")] = 1,
    seed: Annotated[int | None, typer.Option("--seed", help="One seed, one result (default: 0).")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Sampling steps (default: the model's own).")] = None,
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", help="ddpm, ddim, dpm-solver++ or jump (default: the model's own)."),
    ] = None,
    observed: ObservedOption = None,
    stage1_only: Annotated[bool, typer.Option("--stage1-only", help="Stage 1 alone, no diffusion.")] = False,
    figure: Annotated[Path | None, typer.Option("--figure", help="Also draw it: .png, .pdf or .svg.")] = None,
) -> None:
    """Generate the surface wavefield of an earthquake: stage 1, then diffusion.

    [bold]Example[/bold]

    spectremor generate --geology geology.npy --source 4800,4800,-8400,48,45,88 --mw 4.9 --out field.nc
    """
    from spectremor.core.files import check_output
    from spectremor.model.pipeline import check_job

    if stage1_only and realizations != 1:
        raise InputError("--realizations", realizations, "1 with --stage1-only, which draws nothing")
    for name, value in (("--seed", seed), ("--steps", steps), ("--sampler", sampler), ("--observed", observed)):
        if stage1_only and value is not None:
            raise InputError(name, value, "nothing with --stage1-only, which draws nothing")
    seed = seed or 0
    check_job(realizations, seed, steps)
    check_netcdf(out)
    check_output(out, geology, event, field="--out")
    if figure is not None:
        check_output(figure, geology, event, field="--figure")
        if figure.suffix.lower() not in _FIGURES:
            raise InputError("--figure", figure, f"a file name that ends in one of {', '.join(_FIGURES)}")
        if stage1_only:
            raise InputError("--figure", figure, "a figure of both stages: not together with --stage1-only")
    earthquake = load_source(
        source,
        event,
        origin=(origin_lon, origin_lat, crs),
        convention=convention,
        moment_nm=moment,
        mw=mw,
        rise_time_s=rise_time,
        azimuth_deg=azimuth,
        event_id=event_id,
    )
    ground = load_geology(geology, index)

    from spectremor.cli.progress import spinner
    from spectremor.data.wavefield_files import write_wavefield
    from spectremor.model.folder import read_model_folder

    folder = read_model_folder(model)
    folder.check_event(ground, earthquake, stage1_only=stage1_only)
    if not stage1_only:
        folder.config.evaluations(steps, sampler)
    if observed is not None:
        folder.config.check_takes_recordings()
    place = None if event is None else parse_place(origin_lon, origin_lat, crs, azimuth)
    origin_time = None if earthquake.event is None else earthquake.event.origin_time
    recordings = load_observed(observed, place, origin_time, folder.config.recording)

    # What follows needs torch.
    from spectremor.diffusion.config import OBSERVED_ERROR
    from spectremor.model.build import load_model
    from spectremor.model.pipeline import Draws
    from spectremor.model.region import Wanted

    with spinner("loading the model") as say:
        loaded = load_model(folder)
        say(f"stage 1: {loaded.stage1.name}")
        draws = Draws(
            realizations=realizations,
            seed=seed,
            steps=steps,
            sampler=cast("SamplerName | None", sampler),
            observed=loaded.parsed_observed(recordings, OBSERVED_ERROR),
        )
        motion = loaded.stage1_motion(ground, earthquake, Wanted())
        stage1 = field = motion.field
        if not stage1_only:
            say("stage 2: diffusion")
            field = loaded.restored(motion, draws)
        say("writing")
        write_wavefield(field, out)
        if figure is not None:
            _draw(figure, stage1, field, earthquake)
    show_event(earthquake)


def _draw(path: Path, stage1, field, source) -> None:  # type: ignore[no-untyped-def]
    from spectremor.core.files import atomic_file
    from spectremor.report.overview import overview_figure

    kind = path.suffix[1:].lower()
    with atomic_file(path) as aside:
        overview_figure(stage1, field.isel(realization=0), source).savefig(aside, dpi=130, format=kind)
