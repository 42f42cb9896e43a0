"""`spectremor simulate`: ground motion by finite differences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli import messages
from spectremor.cli.groups import grouped
from spectremor.cli.options import (
    EarthquakeOptions,
    GeologyOption,
    IndexOption,
    PlaceOptions,
    QExponentOption,
    QReferenceOption,
    StationsOption,
    check_netcdf,
    load_geology,
    load_stations,
    show_event,
)

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.simulation.plan import Plan


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("simulate")(grouped(simulate))


def simulate(
    geology: GeologyOption,
    out: Annotated[Path, typer.Option("--out", help="NetCDF file to write.")],
    earthquake: EarthquakeOptions,
    place: PlaceOptions,
    index: IndexOption = None,
    stations: StationsOption = None,
    grid_spacing: Annotated[
        float | None, typer.Option("--grid-spacing", help="In m; must divide the domain (default: 150).")
    ] = None,
    max_frequency: Annotated[
        float | None,
        typer.Option(
            "--max-frequency",
            help="In Hz, instead of --grid-spacing: the grid has 6 points per wavelength of the slowest shear waves at "
            "this frequency, and leaves out what no wave to a sensor touches.",
        ),
    ] = None,
    duration: Annotated[float, typer.Option("--duration", help="Seconds of motion, from the origin time.")] = 8.0,
    sampling: Annotated[float, typer.Option("--sampling", help="Samples per second of the output.")] = 50.0,
    lowpass: Annotated[
        float | None,
        typer.Option("--lowpass", help="Corner of the low-pass in Hz (default: --max-frequency, or 5)."),
    ] = None,
    order: Annotated[int, typer.Option("--order", help="Order of accuracy in space: 2, 4, 6 or 8.")] = 8,
    time_step: Annotated[
        float | None, typer.Option("--time-step", help="Of the run, in s (default: 95% of the largest stable one).")
    ] = None,
    attenuation: Annotated[
        bool, typer.Option("--attenuation/--elastic", help="Waves lose energy (Qs = Vs/10), or not.")
    ] = True,
    q_exponent: QExponentOption = None,
    q_reference: QReferenceOption = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
) -> None:
    r"""Simulate the surface wavefield of an earthquake: 3D elastic finite differences.

    32 x 32 sensors spread over the domain, or the stations of a list; three components.

    [bold]Examples[/bold]

    spectremor simulate --geology geology.npy --source 4800,4800,-8400,48,45,88 --mw 4.9 --out field.nc

    spectremor simulate --geology g.nc --rupture r.srf --origin-lon 13 --origin-lat 42 --max-frequency 2 --out field.nc
    """
    from spectremor.core.files import check_output

    check_netcdf(out)
    check_output(out, geology, earthquake.event, earthquake.rupture, stations, field="--out")
    listed = load_stations(stations, place)
    described = earthquake.load(place, listed)
    ground = load_geology(geology, index)

    from spectremor.cli.motion import show_motion
    from spectremor.cli.progress import fraction_shown
    from spectremor.data.wavefield_files import write_wavefield
    from spectremor.simulation import elastic
    from spectremor.simulation.propagator import measured_pace

    with fraction_shown() as show:

        def say_plan(plan: Plan) -> None:
            show(0.0, "measuring this machine's pace")
            messages.say_once(plan.in_words(plan.work / measured_pace(order, device)))

        field = elastic.simulate(
            ground,
            described,
            grid_spacing_m=grid_spacing,
            max_frequency_hz=max_frequency,
            duration_s=duration,
            stations=listed,
            sampling_hz=sampling,
            lowpass_hz=lowpass,
            order=order,
            time_step_s=time_step,
            attenuation=attenuation,
            q_exponent=q_exponent,
            q_reference_hz=q_reference,
            device=device,
            on_plan=say_plan,
            on_progress=lambda share: show(share, f"simulating {duration:g} s"),
        )
        write_wavefield(field, out)
    show_event(described)
    show_motion({"": field})
    _say_sides(field)


def _say_sides(field: xr.DataArray) -> None:
    """Say from when on the record may hold what comes back from the sides of the domain."""
    from_s, last_s = field.attrs["absorbing_sides_from_s"], float(field["time"][-1])
    if from_s <= last_s:
        typer.echo(
            f"waves from the absorbing sides and bottom could matter from {from_s:.3g} s on: they are weak, not absent"
        )
    else:
        typer.echo(f"no wave from the absorbing sides and bottom is in this record of {last_s:.3g} s")
