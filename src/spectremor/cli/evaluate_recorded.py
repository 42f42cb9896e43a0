"""`spectremor evaluate --recorded` and `--ground-motion-models`: a prediction beside records and known motion."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectremor.cli.groups import Options, refuse
from spectremor.cli.options import PlaceOptions
from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.hazard.comparison import BesideModels, Recorded


@dataclasses.dataclass(frozen=True, kw_only=True)
class BesideOptions(Options):
    """What a prediction is compared with beside or instead of another wavefield."""

    recorded: Annotated[
        Path | None,
        typer.Option("--recorded", help="Folder of records: miniSEED and StationXML, ASDF or V2; event.json."),
    ] = None
    known_below: Annotated[
        float | None,
        typer.Option(
            "--known-below", help="Up to this frequency (Hz) the ground is known: compare waveforms below it."
        ),
    ] = None
    ground_motion_models: Annotated[
        bool,
        typer.Option("--ground-motion-models", help="Ask published models at the same magnitude, distance and Vs30."),
    ] = False
    vs30: Annotated[
        float | None,
        typer.Option("--vs30", help="For them, in m/s at all sites (or --geology: from its top 30 m)."),
    ] = None
    origin_time: Annotated[
        str | None,
        typer.Option("--origin-time", help="Of the earthquake, where neither prediction nor folder says it."),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether there are records or ground-motion models to compare with."""
        return self.recorded is not None or self.ground_motion_models


def evaluate_beside(
    prediction: xr.DataArray,
    name: str,
    options: BesideOptions,
    place: PlaceOptions,
    geology: Path | None,
    farthest_m: float | None,
    out: Path | None,
) -> None:
    """Compare, say what came out, and write the report if a folder is named.

    Args:
        prediction: wavefield.
        name: of its file.
        options: what it is compared with.
        place: of the domain, where the prediction does not say it.
        geology: file whose top 30 m say Vs30.
        farthest_m: from a station to the sensor that stands for it.
        out: folder of the report.

    Raises:
        InputError: options that say nothing, or what is wrong with the prediction, the records or the geology.
    """
    if options.recorded is None:
        of_records = options.given() | place.given() | {"--tolerance": farthest_m}
        others = ("--ground-motion-models", "--vs30")
        refuse(of_records, "nothing here: it goes with --recorded", of_records.keys() - set(others))
    if not options.ground_motion_models:
        of_models = {"--vs30": options.vs30, "--geology": geology}
        refuse(of_models, "nothing here: it goes with --ground-motion-models")
    elif (options.vs30 is None) == (geology is None):
        given = "neither" if geology is None else "both"
        raise InputError("--vs30, --geology", given, "one of the two: models need Vs30, stated or from the ground")
    from spectremor.data.geology_files import read_geology
    from spectremor.hazard.comparison import beside_models, sites_of, spread_sites

    recorded = beside = None
    if options.recorded is not None:
        recorded = _recorded(prediction, options.recorded, options, place, farthest_m)
    if options.ground_motion_models:
        sites = spread_sites(sites_of(prediction)) if recorded is None else recorded.sites
        if geology is not None:
            beside = beside_models(sites, read_geology(geology))
        elif options.vs30 is not None:
            beside = beside_models(sites, options.vs30)
    for line in _lines(recorded, beside):
        typer.echo(line)
    if out is not None:
        from spectremor.hazard.page import write_hazard_report

        typer.echo(f"report: {write_hazard_report(recorded, beside, name, out)}")


def _recorded(
    prediction: xr.DataArray, folder: Path, options: BesideOptions, place: PlaceOptions, farthest_m: float | None
) -> Recorded:
    from spectremor.core.event import event_of
    from spectremor.core.wavefield import check_wavefield, sampling_step_s
    from spectremor.exchange.placing import agreed_place
    from spectremor.exchange.recordings import read_recordings
    from spectremor.hazard.comparison import FARTHEST_SENSOR_M, compare_with_records

    event = event_of(check_wavefield(prediction, name="prediction").attrs)
    corner = agreed_place(event, place.corner_if_given())
    if corner is None:
        raise InputError(
            "--origin-lon", "nothing", "the place of the domain's corner, which the prediction does not say"
        )
    rate_hz = round(1.0 / sampling_step_s(prediction, name="prediction"), 9)
    time = options.origin_time or event.origin_time
    records = read_recordings(folder, corner, origin_time=time, sampling_hz=rate_hz)
    farthest_m = FARTHEST_SENSOR_M if farthest_m is None else farthest_m
    return compare_with_records(prediction, records, known_below_hz=options.known_below, farthest_m=farthest_m)


def _lines(recorded: Recorded | None, beside: BesideModels | None) -> Iterator[str]:
    from spectremor.hazard.comparison import model_rows, record_rows, waveform_rows

    if recorded is not None:
        yield from recorded.notes
        for row in record_rows(recorded):
            if row["usable"] and "RotD100" not in row["measure"] and not row["measure"].startswith("FAS"):
                yield _record_line(row)
        for row in waveform_rows(recorded):
            span = f"{row['from_hz']:g} to {row['to_hz']:g} Hz"
            yield f"{row['station']}: waveforms from {span}: EG {row['EG_mean']:.2f}, PG {row['PG_mean']:.2f}"
    if beside is not None:
        yield from beside.answers.notes
        rows, count = [row for row in model_rows(beside) if row["usable"]], len(beside.seen)
        for motion in beside.answers.motions:
            ours = [row for row in rows if row["model"] == motion.name]
            means = {m: _mean_log(ours, m) for m in dict.fromkeys(row["measure"] for row in ours)}
            ratios = ", ".join(f"{measure.removesuffix(' RotD50')} {value:+.2f}" for measure, value in means.items())
            yield f"mean ln(predicted / {motion.name}) of RotD50 over {count} site{'s' * (count != 1)}: {ratios}"


def _mean_log(rows: list[dict[str, Any]], measure: str) -> float:
    logs = [row["ln_predicted_over_model"] for row in rows if row["measure"] == measure]
    return sum(logs) / len(logs)


def _record_line(row: dict[str, Any]) -> str:
    line = (
        f"{row['station']}: {row['measure']}: observed {row['observed']:.3g}, predicted {row['predicted_median']:.3g} "
        f"{row['unit']}, ln(observed / predicted) {row['ln_observed_over_predicted']:+.2f}"
    )
    return line if math.isnan(row["percentile"]) else f"{line}, percentile {row['percentile']:.0f}"
