"""A benchmark run: every event of a split through every contender, one event in memory at a time."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.version import VERSION
from spectremor.data.store import CampaignStore, Split
from spectremor.judging.contenders import (
    BothStages,
    Case,
    CoarseSimulation,
    Contender,
    MeanOfDraws,
    Restorer,
    contenders_of,
    patch_of,
    sensor_positions_m,
    simulations_of,
)
from spectremor.judging.dressing import Residuals
from spectremor.judging.fields import Measures, draw_measures, field_measures, with_patch
from spectremor.judging.ledger import Ledger
from spectremor.judging.scores import BIASES, scale_at_source
from spectremor.judging.subset import stratified_sensors
from spectremor.judging.tally import (
    JudgedEvent,
    Plan,
    Tally,
    Traits,
    TrueEvent,
    can_cohere,
    ensemble_quantities,
    judge,
)
from spectremor.model.campaigns import check_rise_times, is_stored
from spectremor.model.pipeline import GroundMotionModel
from spectremor.signal.coherence import pairs_by_distance
from spectremor.signal.intensity import peak_norm
from spectremor.signal.spectra import BANDS_HZ

Progress = Callable[[int, int, str], None]

#: Sensors of each event whose response spectra are computed.
FEW_SENSORS = 24
#: Events whose coherency is computed.
COHERENCY_EVENTS = 16
PAIRS_PER_BIN = 120
#: Draws of whole fields: the first is measured, and the mean of the others is what it is compared with.
FIELD_DRAWS = 4
#: Step in Hz to which the highest sound frequency of a truth is rounded, so that few wavelet plans are made.
BAND_STEP_HZ = 0.1
#: Distance bins in units of the sensor spacing.
DISTANCE_EDGES = np.array([0.5, 1.2, 2.2, 4.2, 8.2, 16.2])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Choices of a run, saved beside its result.

    Attributes:
        split: which samples.
        samples: the first so many of them (None: all).
        sensors: how many, drawn by amplitude stratum, of each event (None: all).
        realizations: draws of the second stage.
        steps: its sampling steps (None: the model's default).
        seed: master seed.
        gain_samples: training samples that the gain baselines are fitted on.
        residual_samples: validation samples whose errors dress the best single baseline, where realizations are judged.
        field_events: events whose whole fields are looked at, for what neighbours have in common.
        bf16: run second stages in bfloat16.
        alone: give second stages that see the field the judged sensors alone (`contenders.Case`).
    """

    split: Split = "test"
    samples: int | None = None
    sensors: int | None = None
    realizations: int = 1
    steps: int | None = None
    seed: int = 0
    gain_samples: int = 16
    residual_samples: int = 16
    field_events: int = COHERENCY_EVENTS
    bf16: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        for name in ("samples", "sensors", "realizations", "steps", "gain_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(name, value, "1 or more")
        for name in ("residual_samples", "field_events"):
            if getattr(self, name) < 0:
                raise InputError(name, getattr(self, name), "0 or more")


@dataclasses.dataclass
class Benchmark:
    """The outcome of a run.

    Attributes:
        tallies: one per contender, in order; the first model's stage 1 first.
        truth: traits of the true motion, per event.
        samples: event numbers.
        chosen: per event, the judged sensors.
        peak_velocity: per event, of the truth at the judged sensors, m/s.
        highest_hz: per event, the frequency up to which its truth is sound.
        truth_fields: spatial measures of whole true fields, of the events where they were computed.
        residuals: by contender, errors on the validation split that dress it into an ensemble.
        truth_ensemble: per event, the quantities that ensembles are judged by, of the truth.
        remarks: what is missing or was left out, in words.
        facts: of the data: path, shape, band, sampling.
    """

    tallies: list[Tally]
    truth: list[Traits]
    samples: list[int]
    chosen: list[np.ndarray]
    peak_velocity: list[np.ndarray]
    truth_ensemble: list[np.ndarray]
    highest_hz: list[float]
    truth_fields: list[Measures]
    residuals: dict[str, Residuals]
    remarks: list[str]
    facts: dict[str, Any]
    settings: Settings
    contenders: Sequence[Contender]
    store: CampaignStore

    def add(self, event: JudgedEvent) -> None:
        """One more event, the next in order."""
        self.truth.append(event.truth)
        self.chosen.append(event.sensors)
        self.peak_velocity.append(event.peak_velocity)
        self.highest_hz.append(event.highest_hz)
        if event.truth_field:
            self.truth_fields.append(event.truth_field)
        if event.truth_ensemble is not None:
            self.truth_ensemble.append(event.truth_ensemble)
        for tally, verdict in zip(self.tallies, event.verdicts, strict=True):
            tally.add(verdict)

    @property
    def band_hz(self) -> tuple[float, float]:
        """Frequencies that the data hold and the record resolves."""
        return 1.0 / (len(self.store.time_s) / self.store.sampling_hz), float(self.store.attrs["band_high_hz"])


def run_benchmark(
    store: CampaignStore,
    models: dict[str, GroundMotionModel],
    *,
    regression: Restorer | None = None,
    about_regression: str = "",
    settings: Settings | None = None,
    keep: Path | None = None,
    on_progress: Progress | None = None,
) -> Benchmark:
    """Stream a split of a campaign through models and baselines.

    Args:
        store: the campaign.
        models: by name; the first is the one that the report is about.
        regression: the second stage as a plain regression, for the baseline.
        about_regression: how that was trained, or why it is absent, in words.
        settings: choices.
        keep: folder for judged events: a run that was stopped goes on from them.
        on_progress: called with (events done, events, what is going on).

    Raises:
        InputError: an empty split, or a model with other sensors or times than the store, or whose second stage was
            trained on another rise time.
    """
    settings = settings or Settings()
    report = on_progress or _silent
    samples = [int(i) for i in store.ids(settings.split)[: settings.samples]]
    if not samples:
        raise InputError("split", f"{settings.split} (no complete sample)", f"a split of {store.path} with samples")
    trained = [model.trained_range for model in models.values() if model.diffusion is not None]
    for events in [*trained, *([] if regression is None else [regression.trained_range])]:
        check_rise_times(store, events, samples)
    if settings.bf16:
        models = {name: _in_bf16(model) for name, model in models.items()}
    contenders, remarks = _contenders(
        store, models, regression, about_regression, settings, lambda text: report(0, len(samples), text)
    )
    result = Benchmark(
        tallies=[Tally(c.name, c.product) for c in contenders],
        truth=[],
        samples=samples,
        chosen=[],
        peak_velocity=[],
        truth_ensemble=[],
        highest_hz=[],
        truth_fields=[],
        residuals={},
        remarks=remarks,
        facts=_facts(store, samples),
        settings=settings,
        contenders=contenders,
        store=store,
    )
    if settings.realizations > 1 and settings.residual_samples:
        result.residuals = _validation_residuals(result, lambda text: report(0, len(samples), text))
    ledger = None if keep is None else Ledger(keep, store, _identity(result, models, regression))
    for done, sample in enumerate(samples):
        report(done, len(samples), f"event {sample}")
        event = None if ledger is None else ledger.restore(sample)
        if event is None:
            event = _judged_event(result, sample)
            if ledger is not None:
                ledger.keep(event)
        result.add(event)
    report(len(samples), len(samples), "scored")
    result.remarks += _remarks(result)
    return result


def _in_bf16(model: GroundMotionModel) -> GroundMotionModel:
    """The model with a second stage of its own that draws in bfloat16."""
    diffusion = copy.deepcopy(model.diffusion)
    if diffusion is not None:
        diffusion.network.bf16 = True
    return dataclasses.replace(model, diffusion=diffusion)


def _silent(_done: int, _total: int, _what: str) -> None:
    """Show nothing."""


def _identity(result: Benchmark, models: dict[str, GroundMotionModel], regression: Restorer | None) -> dict[str, Any]:
    """Everything that the outcome of an event depends on."""
    return {
        "version": VERSION,
        "store": str(result.store.path.resolve()),
        "settings": dataclasses.asdict(result.settings) | {"samples": None},
        "models": {name: model.model_id for name, model in models.items()},
        "regression": None if regression is None else regression.model_id,
        "contenders": [c.name for c in result.contenders],
        "gains": [gain.gain.tolist() for c in result.contenders if (gain := getattr(c, "gain", None)) is not None],
    }


def case_of(result: Benchmark, sample: int, sensors: np.ndarray) -> Case:
    """A case of the run once more, with the same draws: their seed depends on the event alone."""
    chosen = result.settings
    return Case(result.store, sample, sensors, chosen.realizations, chosen.steps, chosen.seed, chosen.alone)


def _contenders(
    store: CampaignStore,
    models: dict[str, GroundMotionModel],
    regression: Restorer | None,
    about_regression: str,
    settings: Settings,
    say: Callable[[str], None],
) -> tuple[list[Contender], list[str]]:
    contenders: list[Contender] = []
    remarks = [about_regression] if about_regression else []
    for name, model in models.items():
        of_model, missing = contenders_of(
            name if len(models) > 1 else "",
            model,
            store,
            regression=regression if not contenders else None,
            say_regression=not (contenders or about_regression),
            gain_samples=settings.gain_samples,
            realizations=settings.realizations,
            on_progress=lambda done, total: say(f"fitting the gain baseline, {done + 1} of {total}"),
        )
        remarks += missing
        contenders += of_model
    # A simulation that is the stage 1 of the first model gets no row of its own.
    first = next(iter(models.values())).stage1
    others = []
    for spacing_m in store.also_m:
        if is_stored(first, store, spacing_m):
            name = f"simulation at {spacing_m:g} m"
            remarks.append(f"the {name} has no row of its own: it is {contenders[0].name!r}")
        else:
            others.append(spacing_m)
    return contenders + simulations_of(store, others, settings.gain_samples), remarks


def _judged_event(result: Benchmark, sample: int) -> JudgedEvent:
    """The verdicts on every contender's prediction of an event."""
    truth = _true_event(result, sample)
    plan, case = _plan(result.store), case_of(result, sample, truth.sensors)
    whole = case.everywhere(min(FIELD_DRAWS, case.realizations)) if _look_at_field(result) else None
    first = result.contenders[0].model
    assert first is not None
    verdicts = []
    for contender in result.contenders:
        start_s = time.perf_counter()
        prediction = contender(case)
        # A stored simulation is only read: the time of reading is not its cost.
        seconds = math.nan if isinstance(contender, CoarseSimulation) else time.perf_counter() - start_s
        weak_or_strong = peak_norm(case.at_sensors(case.stage1(contender.model or first).values)[0])
        verdict = judge(prediction, weak_or_strong, truth, plan, seconds)
        if whole is not None:
            verdict = dataclasses.replace(verdict, field=_field_of(contender, whole, truth.highest_hz))
        verdicts.append(verdict)
    return JudgedEvent(
        sample=sample,
        sensors=truth.sensors,
        peak_velocity=truth.peak_velocity,
        truth=truth.traits,
        truth_ensemble=truth.ensemble,
        highest_hz=truth.highest_hz,
        truth_field={} if whole is None else true_field(whole, truth.highest_hz),
        verdicts=verdicts,
    )


def _look_at_field(result: Benchmark) -> bool:
    """Whether the whole field of the next event is measured: of the first events of a run, on a regular grid."""
    return len(result.truth) < result.settings.field_events and _regular_spacing_m(result.store) is not None


def _regular_spacing_m(store: CampaignStore) -> float | None:
    """Distance between sensors, the same along both axes; None where the grid is not regular."""
    steps = np.concatenate([np.diff(store.x_m), np.diff(store.y_m)])
    regular = len(store.x_m) > 1 and len(store.y_m) > 1 and np.allclose(steps, steps[0], rtol=1e-3)
    return float(steps[0]) if regular else None


def true_field(case: Case, highest_hz: float) -> Measures:
    """Spatial measures of an event's stored motion, on the grid of sensors and on the patch if there is one."""
    store, dt_s = case.store, 1 / case.store.sampling_hz
    spacing_m = _regular_spacing_m(store)
    assert spacing_m is not None
    of_grid = field_measures(store.velocity(case.sample), spacing_m, dt_s, highest_hz, case.seed)
    if store.stations is None:
        return of_grid
    patch_m = store.stations.patch_spacing_m
    patch = field_measures(patch_of(store, case.sample), patch_m, dt_s, highest_hz, case.seed)
    return with_patch(of_grid, patch, spacing_m)


def _field_of(contender: Contender, case: Case, highest_hz: float) -> Measures:
    """Spatial measures of a contender's whole field; `case` has all sensors, but too few draws for their mean."""
    if isinstance(contender, MeanOfDraws):
        return {}
    store, dt_s = case.store, 1 / case.store.sampling_hz
    spacing_m = _regular_spacing_m(store)
    assert spacing_m is not None
    predicted = np.moveaxis(contender(case), 1, 2)
    fields = predicted.reshape(len(predicted), 3, len(store.x_m), len(store.y_m), -1)
    about = (spacing_m, dt_s, highest_hz, case.seed)
    if contender.product == "draw":
        of_grid = draw_measures(fields, store.velocity(case.sample), *about)
    else:
        of_grid = field_measures(fields[0], *about)
    if store.stations is None or not isinstance(contender, CoarseSimulation | BothStages):
        return of_grid
    patch = contender.patch(case)
    if patch is None:
        return of_grid
    of_patch = field_measures(patch, store.stations.patch_spacing_m, dt_s, highest_hz, case.seed)
    return with_patch(of_grid, of_patch, spacing_m)


def _validation_residuals(result: Benchmark, say: Callable[[str], None]) -> dict[str, Residuals]:
    """Errors, on the validation split, of each single baseline with a gain: those that may be dressed."""
    baselines = [c for c in result.contenders if c.product == "mean" and getattr(c, "gain", None) is not None]
    samples = [int(i) for i in result.store.ids("val")[: result.settings.residual_samples]]
    if not samples:
        result.remarks.append("no baseline is dressed with its errors: the store has no complete validation sample")
        return {}
    dt_s = 1 / result.store.sampling_hz
    truths: list[np.ndarray] = []
    predictions: dict[str, list[np.ndarray]] = {c.name: [] for c in baselines}
    for done, sample in enumerate(samples):
        say(f"errors on the validation split, {done + 1} of {len(samples)}")
        truth = _true_event(result, sample)
        case = case_of(result, sample, truth.sensors[truth.few])
        truths.append(ensemble_quantities(truth.traces[truth.few], dt_s, truth.highest_hz))
        for contender in baselines:
            predictions[contender.name].append(ensemble_quantities(contender(case)[0], dt_s, truth.highest_hz))
    return {name: Residuals.of(predicted, truths) for name, predicted in predictions.items()}


def sound_up_to_hz(store: CampaignStore, sample: int) -> float:
    """Frequency up to which a sample's truth is sound, at most that of the published scores; rounded down.

    What the grid of its simulation carried; the campaign's low-pass where that is not recorded.
    """
    highest_hz = min(store.band_high_hz(sample), BANDS_HZ[-1][1])
    return round(BAND_STEP_HZ * math.floor(highest_hz / BAND_STEP_HZ + 1e-9), 6)


def _true_event(result: Benchmark, sample: int) -> TrueEvent:
    store, settings, plan = result.store, result.settings, _plan(result.store)
    field = store.velocity(sample)
    everywhere = np.moveaxis(field.reshape(3, -1, field.shape[-1]), 0, 1)
    sensors = stratified_sensors(peak_norm(everywhere), settings.sensors, settings.seed, sample)
    traces = np.ascontiguousarray(everywhere[sensors])
    few = few_of(len(sensors))
    positions_m = sensor_positions_m(store)[sensors]
    pairs, few_pairs = (
        pairs_by_distance(p, plan.distance_edges_m, PAIRS_PER_BIN, settings.seed)
        for p in (positions_m, positions_m[few])
    )
    with_coherency = len(result.truth) < COHERENCY_EVENTS and can_cohere(traces.shape[-1], plan.dt_s)
    highest_hz = sound_up_to_hz(store, sample)
    # Spectra above what all data hold are drawn in grey; above what this event's grid carried they are left out.
    shown_hz = highest_hz if highest_hz < result.band_hz[1] * (1 - 1e-9) else math.inf
    return TrueEvent(
        sample=sample,
        sensors=sensors,
        traces=traces,
        scale=scale_at_source(store.geology(sample), store.source(sample)),
        highest_hz=highest_hz,
        shown_hz=shown_hz,
        few=few,
        pairs=pairs,
        few_pairs=few_pairs,
        traits=Traits.of(traces, plan.dt_s, few, pairs if with_coherency else None, shown_hz),
        ensemble=ensemble_quantities(traces[few], plan.dt_s, highest_hz) if settings.realizations > 1 else None,
    )


def few_of(count: int) -> np.ndarray:
    """Positions, among so many judged sensors, of those whose response spectra are looked at."""
    return np.unique(np.linspace(0, count - 1, min(FEW_SENSORS, count)).round().astype(int))


def _plan(store: CampaignStore) -> Plan:
    spacing = float(np.diff(store.x_m).min()) if len(store.x_m) > 1 else math.inf
    return Plan(1.0 / store.sampling_hz, len(store.x_m) * len(store.y_m), DISTANCE_EDGES * spacing)


def _facts(store: CampaignStore, samples: list[int]) -> dict[str, Any]:
    return {
        "data": store.path.name,
        "grid_spacing_m": store.grid_spacing_m,
        "events": len(samples),
        "sensors": [len(store.x_m), len(store.y_m)],
        "duration_s": len(store.time_s) / store.sampling_hz,
        "sampling_hz": store.sampling_hz,
        "band_high_hz": float(store.attrs["band_high_hz"]),
        "sound_up_to_hz": _range_of([sound_up_to_hz(store, i) for i in samples]),
        "distance_edges_m": _plan(store).distance_edges_m.tolist(),
    }


def _range_of(values: list[float]) -> dict[str, float]:
    return {"lowest": min(values), "median": float(np.median(values)), "highest": max(values)}


def _remarks(result: Benchmark) -> list[str]:
    """What was left out of the means, and what could not be measured at all."""
    remarks = []
    for tally in result.tallies:
        bad = sum(int(row["undefined_sensors"]) for row in tally.rows)
        if bad:
            remarks.append(f"{tally.name}: {bad} sensors with NaN or no motion, counted here and averaged nowhere")
    duration = result.facts["duration_s"]
    remarks += [
        f"{metric} is undefined: no frequency of a {duration:g} s record falls in its band"
        for metric in BIASES
        if all(math.isnan(row[metric]) for row in result.tallies[0].rows)
    ]
    sound = result.facts["sound_up_to_hz"]
    if sound["lowest"] < BANDS_HZ[-1][1] - 1e-9:
        remarks.append(
            f"the truth is sound up to {sound['lowest']:g} to {sound['highest']:g} Hz (median {sound['median']:g} Hz), "
            "event by event what its grid carried: goodness of fit, biases, spectra, coherency, SA and energies end "
            "there; rMAE, rRMSE and peak values are of the motion as it is stored"
        )
    if all(traits.coherency is None for traits in result.truth):
        remarks.append(f"coherency is undefined: the {duration:g} s record is too short, or its sampling too coarse")
    if result.settings.split in ("train", "all"):
        remarks.append(f"split {result.settings.split}: models and baselines may have been fitted on these very events")
    if result.settings.realizations == 1:
        remarks.append(
            "one realization of each event: CRPS, coverage and rank histograms need --realizations 3 or more"
        )
        remarks.append(
            "one draw is not held against single best predictions: --realizations N adds the mean of N draws"
        )
    return remarks
