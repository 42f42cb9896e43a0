"""`spectremor evaluate`: judge a model on a campaign, or one wavefield against another, records or known motion."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli.evaluate_recorded import BesideOptions, evaluate_beside
from spectremor.cli.groups import Options, grouped, refuse
from spectremor.cli.lists import numbers_in
from spectremor.cli.options import PlaceOptions, check_split, renamed_errors
from spectremor.cli.progress import counted
from spectremor.cli.regression_baseline import regression_of
from spectremor.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from spectremor.core.geology import Geology
    from spectremor.judging.benchmark import Settings
    from spectremor.judging.scores import Scores
    from spectremor.model.pipeline import GroundMotionModel

#: The 64 published sensors that a 300 m grid has are within this.
_TOLERANCE_M = 60.0
_REGRESSION_MINUTES = 5.0
#: Options of a pair of wavefields that say something beside records and ground-motion models as well.
_OF_RECORDS_TOO = ("--prediction-index", "--tolerance", "--geology")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelOptions(Options):
    """How models are judged on a campaign."""

    model: Annotated[Path | None, typer.Option("--model", help="Model folder (default: what ships).")] = None
    compare: Annotated[list[Path] | None, typer.Option("--compare", help="Another model folder (repeatable).")] = None
    regression: Annotated[
        Path | None,
        typer.Option("--regression", help="Model folder whose second stage is the L1-regression baseline."),
    ] = None
    regression_minutes: Annotated[
        float | None,
        typer.Option(
            "--regression-minutes",
            help=f"Without one: train it on the training split for so long ({_REGRESSION_MINUTES:g}), once, and keep "
            "it by the store (0: go without).",
        ),
    ] = None
    split: Annotated[str, typer.Option("--split", help="Which samples: train, val, test or all.")] = "test"
    samples: Annotated[int | None, typer.Option("--samples", help="The first so many events only.")] = None
    sensors: Annotated[
        int | None, typer.Option("--sensors", help="So many sensors of each event, drawn by amplitude stratum.")
    ] = None
    realizations: Annotated[int, typer.Option("--realizations", help="Draws of the second stage.")] = 1
    steps: Annotated[int | None, typer.Option("--steps", help="Sampling steps of the second stage.")] = None
    gain_samples: Annotated[int, typer.Option("--gain-samples", help="Training events that gains are fitted on.")] = 16
    residual_samples: Annotated[
        int,
        typer.Option("--residual-samples", help="Validation events whose errors dress the single baselines (0: none)."),
    ] = 16
    field_events: Annotated[
        int,
        typer.Option("--field-events", help="Events whose whole fields are looked at: coherency, apparent velocity."),
    ] = 16
    bf16: Annotated[
        bool,
        typer.Option(
            "--bf16",
            help="Draw in bfloat16: sooner where the processor multiplies in it, and other by a hundredth or so of "
            "what is added to stage 1.",
        ),
    ] = False
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Give a second stage that sees the field the judged sensors alone, as stations: quicker than whole "
            "fields, which are drawn for --field-events all the same.",
        ),
    ] = False
    seed: Annotated[int | None, typer.Option("--seed", help="One seed, one result (0).")] = None

    def settings(self) -> Settings:
        """How the benchmark runs.

        Raises:
            InputError: a value out of its range.
        """
        from spectremor.judging.benchmark import Settings

        check_split(self.split)
        chosen = {field.name: getattr(self, field.name) for field in dataclasses.fields(Settings)}
        return Settings(**chosen | {"seed": self.seed or 0})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairOptions(Options):
    """How one wavefield is judged against another."""

    prediction_index: Annotated[
        int | None,
        typer.Option("--prediction-index", help="Which one, where that file holds several (0 is the first)."),
    ] = None
    reference_index: Annotated[
        int | None,
        typer.Option("--reference-index", help="The same for the reference, and for a geology among several."),
    ] = None
    nearest: Annotated[bool, typer.Option("--nearest", help="Pair each sensor with the nearest; no interpolation.")] = (
        False
    )
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", help=f"For --nearest, in m along each axis ({_TOLERANCE_M:g}).")
    ] = None
    window: Annotated[str | None, typer.Option("--window", help="FROM,TO in s after origin: cut both to it.")] = None
    geology: Annotated[Path | None, typer.Option("--geology", help="Sets the scale of rMAE and rRMSE.")] = None


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("evaluate")(grouped(evaluate))


def evaluate(
    of_models: ModelOptions,
    of_pairs: PairOptions,
    of_records: BesideOptions,
    place: PlaceOptions,
    prediction: Annotated[
        Path | None, typer.Option("--prediction", help="Wavefield to judge (.nc, .zarr, .h5).")
    ] = None,
    reference: Annotated[Path | None, typer.Option("--reference", help="The true wavefield (.nc, .zarr, .h5).")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Campaign store to judge a model on.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Report folder: tables, figures, index.html.")] = None,
) -> None:
    """Judge a model on a campaign's events; or one wavefield against another, records or ground-motion models.

    [bold]Examples[/bold]

    spectremor evaluate --data campaign.zarr --model runs/ddpm/model --sensors 64 --out report

    spectremor evaluate --prediction field.nc --reference truth.nc --out report

    spectremor evaluate --prediction field.nc --reference campaign.zarr --reference-index 3

    spectremor evaluate --prediction field.nc --recorded records --known-below 1 --out report

    spectremor evaluate --prediction field.nc --ground-motion-models --geology geology.nc --out report
    """
    if (data is None) == (prediction is None and reference is None):
        given = "none of them" if data is None else "both kinds"
        allowed = (
            "--data STORE, or --prediction FILE with --reference FILE, --recorded FOLDER or --ground-motion-models"
        )
        raise InputError("--data", given, allowed)
    from spectremor.report.report_folder import check_report_folder

    if out is not None:
        out = check_report_folder(out, field="--out")
    if data is None:
        _refuse_idle(of_models.given(), "--data")
    else:
        _refuse_idle(of_pairs.given(), "--prediction and --reference")
    beside = of_records.given() | place.given()
    if prediction is not None and reference is None and of_records.asked:
        _refuse_idle({k: v for k, v in of_pairs.given().items() if k not in _OF_RECORDS_TOO}, "--reference")
        field = _field(prediction, of_pairs.prediction_index, "--prediction-index")
        evaluate_beside(field, prediction.name, of_records, place, of_pairs.geology, of_pairs.tolerance, out)
        return
    _refuse_idle(beside, "--prediction, and no --data or --reference")
    if data is None:
        if prediction is None or reference is None:
            raise InputError("--prediction, --reference", "one of the two", "both")
        if not of_pairs.nearest:
            _refuse_idle({"--tolerance": of_pairs.tolerance}, "--nearest")
        _pair(prediction, reference, of_pairs, out)
        return
    if out is None:
        raise InputError("--out", "none", "a folder for the report")
    settings = of_models.settings()
    if of_models.regression is not None:
        _refuse_idle({"--regression-minutes": of_models.regression_minutes}, "a baseline that is yet to be trained")
    _benchmark(data, of_models, settings, out)


def _refuse_idle(options: Mapping[str, object], needed: str) -> None:
    refuse(options, f"nothing here: it goes with {needed}")


def _benchmark(data: Path, options: ModelOptions, settings: Settings, out: Path) -> None:
    minutes = _REGRESSION_MINUTES if options.regression_minutes is None else options.regression_minutes
    if not 0 <= minutes < math.inf:
        raise InputError("--regression-minutes", minutes, "0 or more")
    from spectremor.data.store import CampaignStore
    from spectremor.judging.benchmark import run_benchmark
    from spectremor.lab.regression import RegressionStage
    from spectremor.report.benchmark_report import write_report
    from spectremor.report.findings import findings
    from spectremor.report.tables import summary_rows

    store = CampaignStore.open(data)
    models = _models([options.model, *(options.compare or [])])
    for judged in models.values():
        if judged.diffusion is not None:
            judged.diffusion.config.evaluations(settings.steps)
    if not len(store.ids(settings.split)):
        raise InputError("split", f"{settings.split} (no complete sample)", f"a split of {data} with samples")
    with counted() as advance:
        folder, about = regression_of(data, options.model, options.regression, minutes, advance)
        baseline = None if folder is None else RegressionStage.read(folder)
        judged_events = out.with_name(f".{out.name}.events")
        result = run_benchmark(
            store,
            models,
            regression=baseline,
            about_regression=about,
            settings=settings,
            keep=judged_events,
            on_progress=advance,
        )
        advance(len(result.samples), len(result.samples), "drawing the report")
        page = write_report(result, out)
        shutil.rmtree(judged_events, ignore_errors=True)
    summary = summary_rows(result.tallies, settings.seed)
    _show_table(summary, [t.name for t in result.tallies])
    for line in [*findings(result.tallies, settings.seed, result.band_hz[1]), *result.remarks]:
        typer.echo(line)
    typer.echo(f"report: {page}")


def _models(folders: list[Path | None]) -> dict[str, GroundMotionModel]:
    from spectremor.model.build import load_model
    from spectremor.model.folder import DEFAULT_MODEL, short_name

    models: dict[str, GroundMotionModel] = {}
    for folder in folders:
        name = DEFAULT_MODEL if folder is None else short_name(folder)
        if name in models:
            raise InputError(
                "--compare", folder, "models with different names (folder, or its parent if called 'model')"
            )
        models[name] = load_model(folder)
    return models


# -- one wavefield against another ------------------------------------------------------------------------------------


def _pair(prediction: Path, reference: Path, options: PairOptions, out: Path | None) -> None:
    from spectremor.cli.motion import show_motion
    from spectremor.judging.pairing import make_pair
    from spectremor.judging.scores import evaluate as judge
    from spectremor.report.pair_report import write_pair_report

    choices = {
        "sensors": "nearest" if options.nearest else None,
        "tolerance_m": _TOLERANCE_M if options.tolerance is None else options.tolerance,
        "window_s": _window(options.window),
    }
    fields = (
        _field(prediction, options.prediction_index, "--prediction-index"),
        _field(reference, options.reference_index, "--reference-index"),
    )
    ground = _geology_of(options.geology, reference, options.reference_index, fields)
    scores = judge(*fields, **choices, geology=ground)  # type: ignore[arg-type]
    _show_scores(scores)
    show_motion({"prediction": fields[0], "reference": fields[1]})
    if out is not None:
        pair = make_pair(*fields, **choices)  # type: ignore[arg-type]
        typer.echo(f"report: {write_pair_report(scores, pair, (prediction.name, reference.name), out)}")


def _field(path: Path, index: int | None, option: str) -> xr.DataArray:
    """A wavefield, the only one or that of an index."""
    from spectremor.data.published import check_index
    from spectremor.data.wavefield_files import read_wavefield

    with renamed_errors({"index": option}):
        field = read_wavefield(path, index)
        return field.isel(sample=check_index(None, field.sizes["sample"], path)) if "sample" in field.dims else field


def _geology_of(
    geology: Path | None, reference: Path, index: int | None, fields: tuple[xr.DataArray, xr.DataArray]
) -> Geology | None:
    """As told; else the reference's own, where its file holds one and the source is known."""
    from spectremor.core.wavefield import source_of

    if geology is not None:
        return _geology(geology, index)
    if reference.suffix.lower() in (".h5", ".hdf5", ".zarr") and any(source_of(f) is not None for f in fields):
        with contextlib.suppress(InputError):
            return _geology(reference, index)
    return None


def _geology(path: Path, index: int | None) -> Geology:
    """The only geology of a file, whatever the index; of several, that of the reference."""
    from spectremor.data.geology_files import read_geology

    try:
        return read_geology(path)
    except InputError as error:
        if error.field != "index":
            raise
    with renamed_errors({"index": "--reference-index, for --geology"}):
        return read_geology(path, index)


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        start, end = numbers_in(text)
    except ValueError:
        raise InputError("--window", text, "FROM,TO in s after origin") from None
    return start, end


# -- what a person sees -----------------------------------------------------------------------------------------------


def _show_scores(scores: Scores) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("score", "mean", box=None)
    for name, value in scores.items():
        table.add_row(name, f"{value:.4g}")
    table.add_row("sensors", str(scores.sensors))
    table.add_row("undefined_sensors", str(scores.undefined_sensors))
    Console().print(table)
    for note in scores.notes:
        typer.echo(note)


def _show_table(summary: list[dict], names: list[str]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from spectremor.judging.scores import METRICS

    of = {(row["contender"], row["metric"]): row["mean"] for row in summary}
    table = Table("", *METRICS, box=None)
    for name in names:
        table.add_row(escape(name), *(f"{of[name, metric]:.3g}" for metric in METRICS))
    Console(width=max(120, Console().width)).print(table)
