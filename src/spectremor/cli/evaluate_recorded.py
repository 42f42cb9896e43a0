"""`spectremor evaluate --recorded` and `--ground-motion-models`: a prediction beside records and known motion."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.hazard.comparison import BesideModels, Recorded, Sites


@dataclasses.dataclass(frozen=True, kw_only=True)
class BesideOptions:
    """What a person asked for.

    Attributes:
        recorded: folder of records.
        known_below_hz: waveforms are compared below it.
        models: whether ground-motion models are asked.
        vs30_m_s: for them.
        geology: file whose top 30 m say Vs30 instead.
        origin: longitude and latitude of the domain's corner, azimuth of its y axis.
        origin_time: of the earthquake.
        farthest_m: from a station to the sensor that stands for it.
    """

    recorded: Path | None
    known_below_hz: float | None
    models: bool
    vs30_m_s: float | None
    geology: Path | None
    origin: tuple[float | None, float | None, float | None]
    origin_time: str | None
    farthest_m: float | None

    @property
    def asked(self) -> bool:
        """Whether there are records or models to stand beside."""
        return self.recorded is not None or self.models

    def given(self) -> dict[str, object]:
        """All options that mean something here alone; None of those that were not given."""
        names = ("--origin-lon", "--origin-lat", "--azimuth")
        return {
            "--recorded": self.recorded,
            "--known-below": self.known_below_hz,
            "--ground-motion-models": self.models or None,
            "--vs30": self.vs30_m_s,
            **dict(zip(names, self.origin, strict=True)),
            "--origin-time": self.origin_time,
        }


def evaluate_beside(prediction: xr.DataArray, name: str, options: BesideOptions, out: Path | None) -> None:
    """Compare, say what came out, and write the report if a folder is named.

    Raises:
        InputError: options that say nothing, or what is wrong with the prediction, the records or the geology.
    """
    _check(options)
    from spectremor.hazard.comparison import sites_of, spread_sites

    recorded = None if options.recorded is None else _recorded(prediction, options)
    beside = None
    if options.models:
        sites = spread_sites(sites_of(prediction)) if recorded is None else recorded.sites
        beside = _models(sites, options)
    for line in _lines(recorded, beside):
        typer.echo(line)
    if out is not None:
        from spectremor.hazard.page import write_hazard_report

        typer.echo(f"report: {write_hazard_report(recorded, beside, name, out)}")


def _check(options: BesideOptions) -> None:
    if options.recorded is None:
        of_records = ("--known-below", "--origin-lon", "--origin-lat", "--azimuth", "--origin-time")
        idle = {k: v for k, v in options.given().items() if k in of_records and v is not None}
        if options.farthest_m is not None:
            idle["--tolerance"] = options.farthest_m
        for option, value in idle.items():
            raise InputError(option, value, "nothing here: it goes with --recorded")
    if not options.models:
        for option, value in (("--vs30", options.vs30_m_s), ("--geology", options.geology)):
            if value is not None:
                raise InputError(option, value, "nothing here: it goes with --ground-motion-models")
        return
    if (options.vs30_m_s is None) == (options.geology is None):
        found = "neither" if options.vs30_m_s is None else "both"
        raise InputError("--vs30, --geology", found, "one of the two: models need Vs30, stated or from the ground")


def _recorded(prediction: xr.DataArray, options: BesideOptions) -> Recorded:
    from spectremor.cli.options import parse_place
    from spectremor.core.event import event_of
    from spectremor.core.wavefield import check_wavefield, sampling_step_s
    from spectremor.exchange.placing import agreed_place
    from spectremor.exchange.recordings import read_recordings
    from spectremor.hazard.comparison import FARTHEST_SENSOR_M, compare_with_records

    lon, lat, azimuth = options.origin
    event = event_of(check_wavefield(prediction, name="prediction").attrs)
    given = None if lon is lat is azimuth is None else parse_place(lon, lat, None, azimuth)
    place = agreed_place(event, given)
    if place is None:
        raise InputError(
            "--origin-lon", "nothing", "the place of the domain's corner, which the prediction does not say"
        )
    assert options.recorded is not None
    rate_hz = round(1.0 / sampling_step_s(prediction, name="prediction"), 9)
    time = options.origin_time or event.origin_time
    records = read_recordings(options.recorded, place, origin_time=time, sampling_hz=rate_hz)
    farthest_m = FARTHEST_SENSOR_M if options.farthest_m is None else options.farthest_m
    return compare_with_records(prediction, records, known_below_hz=options.known_below_hz, farthest_m=farthest_m)


def _models(sites: Sites, options: BesideOptions) -> BesideModels:
    from spectremor.data.geology_files import read_geology
    from spectremor.hazard.comparison import beside_models

    if options.geology is None:
        assert options.vs30_m_s is not None
        return beside_models(sites, options.vs30_m_s)
    return beside_models(sites, read_geology(options.geology))


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
            said = ", ".join(f"{measure.removesuffix(' RotD50')} {value:+.2f}" for measure, value in means.items())
            yield f"mean ln(predicted / {motion.name}) of RotD50 over {count} site{'s' * (count != 1)}: {said}"


def _mean_log(rows: list[dict[str, Any]], measure: str) -> float:
    logs = [row["ln_predicted_over_model"] for row in rows if row["measure"] == measure]
    return sum(logs) / len(logs)


def _record_line(row: dict[str, Any]) -> str:
    line = (
        f"{row['station']}: {row['measure']}: observed {row['observed']:.3g}, predicted {row['predicted_median']:.3g} "
        f"{row['unit']}, ln(observed / predicted) {row['ln_observed_over_predicted']:+.2f}"
    )
    return line if math.isnan(row["percentile"]) else f"{line}, percentile {row['percentile']:.0f}"
