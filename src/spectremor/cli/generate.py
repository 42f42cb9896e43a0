"""`spectremor generate`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from spectremor.cli.groups import grouped, refuse
from spectremor.cli.observed import ObservedOption, load_observed
from spectremor.cli.options import (
    EarthquakeOptions,
    GeologyOption,
    IndexOption,
    PlaceOptions,
    StationsOption,
    check_netcdf,
    load_geology,
    load_stations,
    show_event,
)
from spectremor.cli.without_dask import leave_dask_out
from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from spectremor.core.geology import Geology
    from spectremor.diffusion.config import SamplerName

_FIGURES = (".png", ".pdf", ".svg")


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("generate")(grouped(generate))


def generate(
    geology: GeologyOption,
    out: Annotated[Path, typer.Option("--out", help="NetCDF file to write.")],
    earthquake: EarthquakeOptions,
    place: PlaceOptions,
    index: IndexOption = None,
    stations: StationsOption = None,
    sensors: Annotated[
        str | None,
        typer.Option("--sensors", help="NX,NY: another grid of sensors, spread over the ground (default: 32,32)."),
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--duration", help="Seconds of motion, from the origin time (default: 6.4).")
    ] = None,
    max_frequency: Annotated[
        float | None, typer.Option("--max-frequency", help="Highest frequency in Hz (default: 5).")
    ] = None,
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

    A model that simulates takes ground of any extent, ruptures, stations and longer records.

    [bold]Example[/bold]

    spectremor generate --geology geology.npy --source 4800,4800,-8400,48,45,88 --mw 4.9 --out field.nc
    """
    from spectremor.core.files import check_output
    from spectremor.model.draws import check_job

    leave_dask_out()
    if stage1_only and realizations != 1:
        raise InputError("--realizations", realizations, "1 with --stage1-only, which draws nothing")
    if stage1_only:
        drawing = {"--seed": seed, "--steps": steps, "--sampler": sampler, "--observed": observed}
        refuse(drawing, "nothing with --stage1-only, which draws nothing")
    seed = seed or 0
    check_job(realizations, seed, steps)
    check_netcdf(out)
    read = (geology, earthquake.event, earthquake.rupture, stations)
    check_output(out, *read, field="--out")
    if figure is not None:
        check_output(figure, *read, field="--figure")
        if stations is not None:
            raise InputError("--figure", figure, "nothing beside --stations: it shows a grid of sensors")
        if figure.suffix.lower() not in _FIGURES:
            raise InputError("--figure", figure, f"a file name that ends in one of {', '.join(_FIGURES)}")
        if stage1_only:
            raise InputError("--figure", figure, "a figure of both stages: not together with --stage1-only")
    listed = load_stations(stations, place)
    described = earthquake.load(place, listed)
    ground = load_geology(geology, index)

    from spectremor.cli.motion import show_motion
    from spectremor.cli.progress import spinner
    from spectremor.data.wavefield_files import write_wavefield
    from spectremor.model.folder import read_model_folder
    from spectremor.model.region import MotionRequest

    request = MotionRequest(
        stations=listed,
        sensors_m=None if sensors is None else _sensors_m(sensors, ground),
        duration_s=duration,
        max_frequency_hz=max_frequency,
    )
    folder = read_model_folder(model)
    folder.check_ground_of(geology, ground)
    folder.check_run(ground, described, request, stage1_only=stage1_only)
    if not stage1_only:
        folder.config.evaluations(steps, sampler)
    if observed is not None:
        folder.config.check_takes_recordings()
    corner = None if earthquake.event is None else place.corner()
    origin_time = None if described.event is None else described.event.origin_time
    recordings = load_observed(observed, corner, origin_time, folder.config.recording)

    # What follows needs torch.
    from spectremor.diffusion.config import OBSERVED_ERROR
    from spectremor.model.build import load_model
    from spectremor.model.draws import Draws

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
        motion = loaded.stage1_motion(ground, described, request)
        field = motion.field
        if not stage1_only:
            say("stage 2: diffusion")
            field = loaded.restored(motion, draws)
        say("writing")
        write_wavefield(field, out)
        if figure is not None:
            _draw(figure, motion.field, field, motion.source)
    show_event(motion.source)
    show_motion({"": field})


def _sensors_m(text: str, ground: Geology) -> tuple[np.ndarray, np.ndarray]:
    """Positions along East and North of a grid spread over the ground, the outermost half a spacing from its sides.

    Raises:
        InputError: not two whole numbers.
    """
    from spectremor.cli.lists import numbers_in
    from spectremor.core.axes import sensor_axis_m

    allowed = "NX,NY: two whole numbers from 1 to 1000"
    try:
        counts = [int(number) for number in numbers_in(text) if number == int(number) and 1 <= number <= 1000]
    except (ValueError, OverflowError):
        raise InputError("--sensors", text, allowed) from None
    if len(counts) != 2:
        raise InputError("--sensors", text, allowed)
    edges_m = [side / (2 * count) for side, count in zip(ground.extent_m, counts, strict=False)]
    x_m, y_m = (
        sensor_axis_m(count, edge, side - edge)
        for count, edge, side in zip(counts, edges_m, ground.extent_m, strict=False)
    )
    return x_m, y_m


def _draw(path: Path, stage1, field, source) -> None:  # type: ignore[no-untyped-def]
    from spectremor.core.files import atomic_file
    from spectremor.report.overview import overview_figure

    kind = path.suffix[1:].lower()
    with atomic_file(path) as aside:
        overview_figure(stage1, field.isel(realization=0), source).savefig(aside, dpi=130, format=kind)
