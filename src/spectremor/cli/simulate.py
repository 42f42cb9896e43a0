"""`spectremor simulate`: ground motion by finite differences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    StationsOption,
    check_netcdf,
    load_geology,
    load_source,
    load_stations,
    show_event,
)


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("simulate")(simulate)


def simulate(
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
    stations: StationsOption = None,
    convention: ConventionOption = "standard",
    moment: MomentOption = None,
    mw: MwOption = None,
    rise_time: RiseTimeOption = None,
    grid_spacing: Annotated[float, typer.Option("--grid-spacing", help="In m; must divide the domain.")] = 150.0,
    duration: Annotated[float, typer.Option("--duration", help="Seconds of motion, from the origin time.")] = 8.0,
    sampling: Annotated[float, typer.Option("--sampling", help="Samples per second of the output.")] = 50.0,
    lowpass: Annotated[float, typer.Option("--lowpass", help="Corner of the low-pass in Hz.")] = 5.0,
    order: Annotated[int, typer.Option("--order", help="Order of accuracy in space: 2, 4, 6 or 8.")] = 8,
    time_step: Annotated[
        float | None, typer.Option("--time-step", help="Of the run, in s (default: 95% of the largest stable one).")
    ] = None,
    attenuation: Annotated[
        bool, typer.Option("--attenuation/--elastic", help="Waves lose energy (Qs = Vs/10), or not.")
    ] = True,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
) -> None:
    r"""Simulate the surface wavefield of an earthquake: 3D elastic finite differences.

    32 x 32 sensors spread over the domain, or the stations of a list; three components.

    [bold]Example[/bold]

    spectremor simulate --geology geology.npy --source 4800,4800,-8400,48,45,88 --mw 4.9 --out field.nc
    """
    from spectremor.core.files import check_output

    check_netcdf(out)
    check_output(out, geology, event, stations, field="--out")
    origin = (origin_lon, origin_lat, crs)
    listed = load_stations(stations, origin, azimuth)
    # Beside a --source, the place is that of the stations.
    of_stations = event is None and listed is not None
    earthquake = load_source(
        source,
        event,
        origin=(None, None, None) if of_stations else origin,
        convention=convention,
        moment_nm=moment,
        mw=mw,
        rise_time_s=rise_time,
        azimuth_deg=None if of_stations else azimuth,
        event_id=event_id,
    )
    ground = load_geology(geology, index)

    from spectremor.cli.progress import spinner
    from spectremor.data.wavefield_files import write_wavefield
    from spectremor.simulation import elastic

    with spinner(f"simulating {duration:g} s on a grid of {grid_spacing:g} m") as say:
        field = elastic.simulate(
            ground,
            earthquake,
            grid_spacing_m=grid_spacing,
            duration_s=duration,
            stations=listed,
            sampling_hz=sampling,
            lowpass_hz=lowpass,
            order=order,
            time_step_s=time_step,
            attenuation=attenuation,
            device=device,
        )
        say("writing")
        write_wavefield(field, out)
    show_event(earthquake)
