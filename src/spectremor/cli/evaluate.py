"""`spectremor evaluate`: judge a model on a campaign, or one wavefield against another."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectremor.cli.lists import numbers_in
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

PredictionOption = Annotated[Path | None, typer.Option("--prediction", help="Wavefield to judge (.nc, .zarr, .h5).")]
ReferenceOption = Annotated[Path | None, typer.Option("--reference", help="The true wavefield (.nc, .zarr, .h5).")]
PredictionIndexOption = Annotated[
    int | None, typer.Option("--prediction-index", help="Which one, where that file holds several (0 is the first).")
]
ReferenceIndexOption = Annotated[
    int | None, typer.Option("--reference-index", help="The same for the reference, and for a geology among several.")
]
NearestOption = Annotated[bool, typer.Option("--nearest", help="Pair each sensor with the nearest; no interpolation.")]
ToleranceOption = Annotated[
    float | None, typer.Option("--tolerance", help=f"For --nearest, in m along each axis ({_TOLERANCE_M:g}).")
]
WindowOption = Annotated[str | None, typer.Option("--window", help="FROM,TO in s after origin: cut both to it.")]
GeologyOption = Annotated[Path | None, typer.Option("--geology", help="Sets the scale of rMAE and rRMSE.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Campaign store to judge a model on.")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="Model folder (default: what ships).")]
CompareOption = Annotated[list[Path] | None, typer.Option("--compare", help="Another model folder (repeatable).")]
RegressionOption = Annotated[
    Path | None, typer.Option("--regression", help="Model folder whose second stage is the L1-regression baseline.")
]
RegressionMinutesOption = Annotated[
    float | None,
    typer.Option(
        "--regression-minutes",
        help=f"Without one: train it on the training split for so long ({_REGRESSION_MINUTES:g}), once, and keep it by "
        "the store (0: go without).",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Report folder: tables, figures, index.html.")]
SplitOption = Annotated[str, typer.Option("--split", help="Which samples: train, val, test or all.")]
SamplesOption = Annotated[int | None, typer.Option("--samples", help="The first so many events only.")]
SensorsOption = Annotated[
    int | None, typer.Option("--sensors", help="So many sensors of each event, drawn by amplitude stratum.")
]
RealizationsOption = Annotated[int, typer.Option("--realizations", help="Draws of the second stage.")]
StepsOption = Annotated[int | None, typer.Option("--steps", help="Sampling steps of the second stage.")]
GainSamplesOption = Annotated[int, typer.Option("--gain-samples", help="Training events that gains are fitted on.")]
ResidualSamplesOption = Annotated[
    int,
    typer.Option("--residual-samples", help="Validation events whose errors dress the single baselines (0: none)."),
]
FieldEventsOption = Annotated[
    int, typer.Option("--field-events", help="Events whose whole fields are looked at: coherency, apparent velocity.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="One seed, one result (0).")]


def register(app: typer.Typer) -> None:
    """Attach the verb."""
    app.command("evaluate")(evaluate)


def evaluate(
    prediction: PredictionOption = None,
    reference: ReferenceOption = None,
    prediction_index: PredictionIndexOption = None,
    reference_index: ReferenceIndexOption = None,
    data: DataOption = None,
    out: OutOption = None,
    model: ModelOption = None,
    compare: CompareOption = None,
    regression: RegressionOption = None,
    regression_minutes: RegressionMinutesOption = None,
    split: SplitOption = "test",
    samples: SamplesOption = None,
    sensors: SensorsOption = None,
    realizations: RealizationsOption = 1,
    steps: StepsOption = None,
    gain_samples: GainSamplesOption = 16,
    residual_samples: ResidualSamplesOption = 16,
    field_events: FieldEventsOption = 16,
    seed: SeedOption = None,
    nearest: NearestOption = False,
    tolerance: ToleranceOption = None,
    window: WindowOption = None,
    geology: GeologyOption = None,
) -> None:
    """Judge a model on a campaign's events, or one wavefield against another.

    [bold]Examples[/bold]

    spectremor evaluate --data campaign.zarr --model runs/ddpm/model --sensors 64 --out report

    spectremor evaluate --prediction field.nc --reference truth.nc --out report

    spectremor evaluate --prediction field.nc --reference campaign.zarr --reference-index 3
    """
    if (data is None) == (prediction is None and reference is None):
        found = "none of them" if data is None else "both kinds"
        raise InputError("--data", found, "--data STORE, or --prediction FILE with --reference FILE")
    from spectremor.report.report_folder import check_report_folder

    if out is not None:
        out = check_report_folder(out, field="--out")
    of_pairs = {
        "--prediction-index": prediction_index,
        "--reference-index": reference_index,
        "--nearest": nearest or None,
        "--tolerance": tolerance,
        "--window": window,
        "--geology": geology,
    }
    of_models = {
        "--model": model,
        "--compare": compare or None,
        "--regression": regression,
        "--regression-minutes": regression_minutes,
        "--split": None if split == "test" else split,
        "--samples": samples,
        "--sensors": sensors,
        "--realizations": None if realizations == 1 else realizations,
        "--steps": steps,
        "--gain-samples": None if gain_samples == 16 else gain_samples,
        "--residual-samples": None if residual_samples == 16 else residual_samples,
        "--field-events": None if field_events == 16 else field_events,
        "--seed": seed,
    }
    _refuse_idle(*((of_models, "--data") if data is None else (of_pairs, "--prediction and --reference")))
    if data is None:
        if prediction is None or reference is None:
            raise InputError("--prediction, --reference", "one of the two", "both")
        if not nearest:
            _refuse_idle({"--tolerance": tolerance}, "--nearest")
        indices = prediction_index, reference_index
        reach_m = _TOLERANCE_M if tolerance is None else tolerance
        _pair(prediction, reference, indices, out, nearest, reach_m, window, geology)
        return
    if out is None:
        raise InputError("--out", "none", "a folder for the report")
    from spectremor.judging.benchmark import Settings

    settings = Settings(
        split=_split(split),  # type: ignore[arg-type]
        samples=samples,
        sensors=sensors,
        realizations=realizations,
        steps=steps,
        gain_samples=gain_samples,
        residual_samples=residual_samples,
        field_events=field_events,
        seed=seed or 0,
    )
    if regression is not None:
        _refuse_idle({"--regression-minutes": regression_minutes}, "a baseline that is yet to be trained")
    minutes = _REGRESSION_MINUTES if regression_minutes is None else regression_minutes
    if not 0 <= minutes < math.inf:
        raise InputError("--regression-minutes", minutes, "0 or more")
    _benchmark(data, model, compare or [], regression, minutes, settings, out)


def _refuse_idle(options: dict[str, object], needed: str) -> None:
    """Refuse options that say nothing here, where a person may think that they do."""
    for option, value in options.items():
        if value is not None:
            raise InputError(option, value, f"nothing here: it goes with {needed}")


def _benchmark(
    data: Path,
    model: Path | None,
    compare: list[Path],
    regression: Path | None,
    minutes: float,
    settings: Settings,
    out: Path,
) -> None:
    from spectremor.data.store import CampaignStore
    from spectremor.judging.benchmark import run_benchmark
    from spectremor.lab.regression import RegressionStage
    from spectremor.report.benchmark_report import write_report
    from spectremor.report.findings import findings
    from spectremor.report.tables import summary_rows

    store = CampaignStore.open(data)
    models = _models([model, *compare])
    for judged in models.values():
        if judged.diffusion is not None:
            judged.diffusion.config.evaluations(settings.steps)
    if not len(store.ids(settings.split)):
        raise InputError("split", f"{settings.split} (no complete sample)", f"a split of {data} with samples")
    with counted() as advance:
        folder, about = regression_of(data, model, regression, minutes, advance)
        baseline = None if folder is None else RegressionStage.read(folder)
        kept = out.with_name(f".{out.name}.events")
        result = run_benchmark(
            store,
            models,
            regression=baseline,
            about_regression=about,
            settings=settings,
            keep=kept,
            on_progress=advance,
        )
        advance(len(result.samples), len(result.samples), "drawing the report")
        page = write_report(result, out)
        shutil.rmtree(kept, ignore_errors=True)
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


def _split(split: str) -> str:
    if split not in ("train", "val", "test", "all"):
        raise InputError("--split", split, "train, val, test or all")
    return split


# -- one wavefield against another ------------------------------------------------------------------------------------


def _pair(
    prediction: Path,
    reference: Path,
    indices: tuple[int | None, int | None],
    out: Path | None,
    nearest: bool,
    tolerance_m: float,
    window: str | None,
    geology: Path | None,
) -> None:
    from spectremor.judging.pairing import make_pair
    from spectremor.judging.scores import evaluate as judge
    from spectremor.report.pair_report import write_pair_report

    choices = {"sensors": "nearest" if nearest else None, "tolerance_m": tolerance_m, "window_s": _window(window)}
    fields = _field(prediction, indices[0], "--prediction-index"), _field(reference, indices[1], "--reference-index")
    ground = _geology_of(geology, reference, indices[1], fields)
    scores = judge(*fields, **choices, geology=ground)  # type: ignore[arg-type]
    _show_scores(scores)
    if out is not None:
        pair = make_pair(*fields, **choices)  # type: ignore[arg-type]
        typer.echo(f"report: {write_pair_report(scores, pair, (prediction.name, reference.name), out)}")


def _field(path: Path, index: int | None, option: str) -> xr.DataArray:
    """A wavefield, the only one or that of an index."""
    from spectremor.data.published import check_index
    from spectremor.data.wavefield_files import read_wavefield

    with _index_of(option):
        field = read_wavefield(path, index)
        return field.isel(sample=check_index(None, field.sizes["sample"], path)) if "sample" in field.dims else field


@contextlib.contextmanager
def _index_of(option: str) -> Iterator[None]:
    """Put a wrong index down to the option that gives it."""
    try:
        yield
    except InputError as error:
        if error.field != "index":
            raise
        raise InputError(option, error.value, error.allowed) from None


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
    with _index_of("--reference-index, for --geology"):
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
