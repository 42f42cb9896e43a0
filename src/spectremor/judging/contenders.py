"""What a benchmark run compares: a model's stages, the baselines it must beat, and simulations on coarser grids."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float, Float32, Int

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.recording import Stations
from spectremor.core.seeds import derive_seed
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import recording_of
from spectremor.data.store import CampaignStore
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.surroundings import Surroundings, surroundings_of
from spectremor.judging.gain import FrequencyGain, GainFit
from spectremor.model.draws import EXPECTED, Draws
from spectremor.model.first_stage import Stage1Motion
from spectremor.model.pipeline import GroundMotionModel
from spectremor.model.region import MotionRequest

#: A draw is one possible motion; a mean is the single best prediction, quieter than any real motion. Their scores are
#: different things, and no table mixes them.
Product = Literal["mean", "draw"]


@dataclasses.dataclass
class Case:
    """One event of the campaign, with each model's stage 1 computed once.

    Attributes:
        store: where it comes from.
        sample: its number.
        sensors: numbers of the judged sensors, x-major.
        realizations: draws of stage 2.
        steps: sampling steps of stage 2.
        seed: master seed of the run.
        alone: a second stage that sees the field is given the judged sensors alone, as stations: quicker, and each
            hears of sensors that are further away.
    """

    store: CampaignStore
    sample: int
    sensors: Int[np.ndarray, " sensor"]
    realizations: int = 1
    steps: int | None = None
    seed: int = 0
    alone: bool = False
    _stage1: dict[str, xr.DataArray] = dataclasses.field(default_factory=dict)
    _draws: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def stage1(self, model: GroundMotionModel) -> xr.DataArray:
        """The model's stage-1 wavefield on the store's own sensors and times."""
        if model.model_id not in self._stage1:
            field = model.predict(self.store.geology(self.sample), self.store.source(self.sample))
            differences = self.store.recording.axes_differences(recording_of(field))
            if differences:
                raise InputError("model", "; ".join(differences), "the campaign's sensors and times")
            self._stage1[model.model_id] = field
        return self._stage1[model.model_id]

    def draws(self, model: GroundMotionModel) -> Float[np.ndarray, "realization sensor 3 time"]:
        """Realizations of both stages at the judged sensors, drawn once."""
        if model.model_id not in self._draws:
            self._draws[model.model_id] = self._drawn(model)
        return self._draws[model.model_id]

    def _drawn(self, model: GroundMotionModel) -> Float[np.ndarray, "realization sensor 3 time"]:
        stage1, seed = self.stage1(model), self.draw_seed()
        stage2 = model.need_diffusion()
        if not isinstance(stage2, FieldStage):
            return stage2.generate_at(
                np.ascontiguousarray(stage1.values, dtype=np.float32),
                self.sensors,
                realizations=self.realizations,
                seed=seed,
                steps=self.steps,
            )
        traces, surroundings = self._field(stage1)
        drawn = stage2.generate(traces, surroundings, realizations=self.realizations, seed=seed, steps=self.steps)
        return drawn if self.alone else np.ascontiguousarray(drawn[:, self.sensors])

    def expected(self, model: GroundMotionModel, stage2: FieldStage) -> Float[np.ndarray, "1 sensor 3 time"]:
        """The mean of the draws of a stage that sees the field, at the judged sensors."""
        mean = stage2.expect(*self._field(self.stage1(model)))[None]
        return mean if self.alone else np.ascontiguousarray(mean[:, self.sensors])

    def _field(self, stage1: xr.DataArray) -> tuple[Float32[np.ndarray, "s 3 time"], Surroundings]:
        """What a stage that sees the field is given. The rise time of a campaign is that of the models' training."""
        everywhere = np.moveaxis(stage1.values.reshape(3, -1, stage1.shape[-1]), 0, 1).astype(np.float32)
        chosen = self.sensors if self.alone else np.arange(len(everywhere))
        geology, source = self.store.geology(self.sample), self.store.source(self.sample)
        where = surroundings_of(geology, source, sensor_positions_m(self.store)[chosen])
        return np.ascontiguousarray(everywhere[chosen]), where

    def everywhere(self, realizations: int) -> Case:
        """The same event at all sensors, with as many draws; each model's stage 1 is not computed again."""
        sensors = np.arange(len(self.store.x_m) * len(self.store.y_m))
        return dataclasses.replace(self, sensors=sensors, realizations=realizations, alone=False, _draws={})

    def draw_seed(self) -> int:
        """Seed of stage 2: it differs from event to event and does not depend on their order."""
        return derive_seed(self.seed, "evaluate", self.sample) % 2**31

    def at_sensors(self, field: Float[np.ndarray, "3 x y time"]) -> Float[np.ndarray, "1 sensor 3 time"]:
        """A whole wavefield's traces at the judged sensors, as one realization."""
        return np.ascontiguousarray(at_sensors(field, self.sensors))[None]


def sensor_positions_m(store: CampaignStore) -> Float[np.ndarray, "sensor 2"]:
    """East and North of each sensor of a campaign, x-major."""
    x, y = np.meshgrid(store.x_m, store.y_m, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


@runtime_checkable
class Contender(Protocol):
    """Anything that predicts the traces of a case, (realization, sensor, 3, time) in m/s.

    Attributes:
        name: in tables.
        product: what its traces are.
        model: whose stage 1 they are made from; None: none's.
    """

    name: str
    product: ClassVar[Product]

    @property
    def model(self) -> GroundMotionModel | None:
        """Whose stage 1 they are made from; None: none's."""

    def __call__(self, case: Case) -> np.ndarray:
        """Predict."""


@dataclasses.dataclass
class Stage1Alone:
    """Stage 1: a neural operator, or a simulation on a coarse grid."""

    name: str
    model: GroundMotionModel
    product: ClassVar[Product] = "mean"

    def __call__(self, case: Case) -> np.ndarray:
        """Stage 1's traces."""
        return case.at_sensors(case.stage1(self.model).values)


@dataclasses.dataclass
class Stage1TimesGain:
    """Baseline: stage 1 times a gain for each frequency, fitted on the training split."""

    name: str
    model: GroundMotionModel
    gain: FrequencyGain
    product: ClassVar[Product] = "mean"

    def __call__(self, case: Case) -> np.ndarray:
        """Stage 1's traces, amplified."""
        return self.gain(case.at_sensors(case.stage1(self.model).values))


@runtime_checkable
class Restorer(Protocol):
    """A second stage that draws nothing, such as the regression baseline.

    Attributes:
        model_id: names its weights.
        trained_range: the events that it was trained on.
    """

    model_id: str
    trained_range: TrainedRange

    def restore_at(
        self, stage1: Float[np.ndarray, "3 x y time"], sensors: Int[np.ndarray, " k"]
    ) -> Float[np.ndarray, "k 3 time"]:
        """Velocities in m/s at some sensors (x-major), from a stage-1 wavefield."""
        ...


@dataclasses.dataclass
class RestoredStage1:
    """Baseline: stage 1 and a second stage that draws nothing, so that all realizations are one."""

    name: str
    model: GroundMotionModel
    restorer: Restorer
    gain: FrequencyGain | None = None
    product: ClassVar[Product] = "mean"

    def __call__(self, case: Case) -> np.ndarray:
        """The restored traces, amplified if there is a gain."""
        stage1 = np.ascontiguousarray(case.stage1(self.model).values, dtype=np.float32)
        restored = self.restorer.restore_at(stage1, case.sensors)[None]
        return restored if self.gain is None else self.gain(restored)


@dataclasses.dataclass
class BothStages:
    """Stage 1 and the diffusion stage: draws."""

    name: str
    model: GroundMotionModel
    product: ClassVar[Product] = "draw"

    def __call__(self, case: Case) -> np.ndarray:
        """Realizations at the judged sensors."""
        return case.draws(self.model)

    def patch(self, case: Case) -> Float[np.ndarray, "3 x y time"] | None:
        """One draw at the event's patch of close stations; None of a model that restores each sensor alone."""
        if not isinstance(self.model.diffusion, FieldStage):
            return None
        return patch_draw(self.model, patch_motion(self.model, case.store, case.sample), case.draw_seed())


@dataclasses.dataclass
class Expected:
    """A model's own mean of all draws, as `GroundMotionModel.expect` gives it."""

    name: str
    model: GroundMotionModel
    product: ClassVar[Product] = "mean"

    def __call__(self, case: Case) -> np.ndarray:
        """The mean at the judged sensors."""
        stage2 = self.model.need_diffusion()
        if isinstance(stage2, FieldStage):
            return case.expected(self.model, stage2)
        stage1 = np.ascontiguousarray(case.stage1(self.model).values, dtype=np.float32)
        steps, sampler = EXPECTED.steps, EXPECTED.sampler
        return stage2.generate_at(stage1, case.sensors, steps=steps, sampler=sampler)


@dataclasses.dataclass
class MeanOfDraws:
    """The mean of a model's draws: of n of them, with 1/n of their scatter left in it."""

    name: str
    model: GroundMotionModel
    product: ClassVar[Product] = "mean"

    def __call__(self, case: Case) -> np.ndarray:
        """The mean at the judged sensors."""
        return case.draws(self.model).mean(axis=0, keepdims=True)


@dataclasses.dataclass
class CoarseSimulation:
    """The solver itself on a coarser grid: what a surrogate must beat at equal time."""

    name: str
    spacing_m: float
    gain: FrequencyGain | None = None
    product: ClassVar[Product] = "mean"

    @property
    def model(self) -> None:
        """None: it belongs to no model."""
        return

    def __call__(self, case: Case) -> np.ndarray:
        """The stored simulation's traces, amplified if there is a gain."""
        traces = case.at_sensors(case.store.velocity(case.sample, self.spacing_m))
        return traces if self.gain is None else self.gain(traces)

    def patch(self, case: Case) -> Float[np.ndarray, "3 x y time"]:
        """The stored simulation at the event's patch of close stations."""
        traces = patch_of(case.store, case.sample, self.spacing_m)
        return traces if self.gain is None else self.gain(traces)


def patch_of(store: CampaignStore, sample: int, grid_spacing_m: float | None = None) -> Float[np.ndarray, "3 x y time"]:
    """Velocities at an event's patch of close stations, as a small grid of sensors; the store has stations."""
    plan = store.stations
    assert plan is not None
    traces = store.station_velocity(sample, grid_spacing_m)[:, plan.random :]
    return traces.reshape(3, plan.patch, plan.patch, traces.shape[-1])


def patch_motion(model: GroundMotionModel, store: CampaignStore, sample: int) -> Stage1Motion:
    """Stage 1 at an event's patch of close stations, given to the model as a list of stations."""
    plan = store.stations
    assert plan is not None
    x_m, y_m = (positions[plan.random :] for positions in store.station_positions_m(sample))
    stations = Stations(tuple(map(str, range(len(x_m)))), x_m, y_m, np.zeros(len(x_m)))
    return model.stage1_motion(store.geology(sample), store.source(sample), MotionRequest(stations=stations))


def patch_draw(model: GroundMotionModel, motion: Stage1Motion, seed: int) -> Float[np.ndarray, "3 x y time"]:
    """One draw at a patch of close stations, as a small grid of sensors."""
    drawn = model.restored(motion, Draws(seed=seed)).values[0]
    side = math.isqrt(drawn.shape[1])
    return np.asarray(drawn.reshape(3, side, side, drawn.shape[-1]))


def contenders_of(
    name: str,
    model: GroundMotionModel,
    store: CampaignStore,
    *,
    regression: Restorer | None = None,
    say_regression: bool = True,
    gain_samples: int = 16,
    realizations: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Contender], list[str]]:
    """Everything that one model brings into the comparison, and what is missing, in words.

    Args:
        name: put before each entry when several models are compared; empty for one.
        model: the two stages.
        store: whose training split the gains are fitted on.
        regression: the second stage trained as a plain regression.
        say_regression: whether its absence is to be told.
        gain_samples: how many training samples the gains are fitted on, at most.
        realizations: draws of each event; of two or more their mean is judged too.
        on_progress: called with (done, total) while the gains are fitted.
    """
    before = f"{name}: " if name else ""
    alone = Stage1Alone(f"{before}stage 1", model)
    restored = None if regression is None else RestoredStage1(f"{before}stage 1 + regression", model, regression)
    fitted: list[Contender] = [alone, *([] if restored is None else [restored])]
    gains = fit_gains(fitted, store, gain_samples, on_progress)
    entries: list[Contender] = [alone]
    missing = []
    if gains:
        entries.append(Stage1TimesGain(f"{before}stage 1 x gain", model, gains[0]))
    else:
        missing.append(f"{before}baselines 'x gain' are absent: the store has no complete training sample")
    if restored is not None:
        entries.append(restored)
        if gains:
            entries.append(dataclasses.replace(restored, name=f"{restored.name} x gain", gain=gains[1]))
    elif say_regression:
        missing.append(f"{before}baseline 'stage 1 + L1 regression' is absent: no weights given (--regression DIR)")
    if model.diffusion is not None:
        entries.append(BothStages(f"{before}stage 1 + diffusion", model))
        entries.append(Expected(f"{before}stage 1 + diffusion, expect", model))
        if realizations > 1:
            entries.append(MeanOfDraws(f"{before}stage 1 + diffusion, mean of {realizations} draws", model))
    else:
        missing.append(f"{before}the model has no second stage")
    return entries, missing


def simulations_of(store: CampaignStore, spacings_m: list[float], gain_samples: int = 16) -> list[Contender]:
    """The store's simulations on coarser grids, each also times its gain where there are training samples."""
    plain = [CoarseSimulation(f"simulation at {spacing:g} m", spacing) for spacing in spacings_m]
    gains: Sequence[FrequencyGain | None] = fit_gains(plain, store, gain_samples) or [None] * len(plain)
    entries: list[Contender] = []
    for one, gain in zip(plain, gains, strict=True):
        entries.append(one)
        if gain is not None:
            entries.append(dataclasses.replace(one, name=f"{one.name} x gain", gain=gain))
    return entries


def fit_gains(
    contenders: Sequence[Contender],
    store: CampaignStore,
    samples: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[FrequencyGain]:
    """One gain for each frequency for each contender, from the first training samples at all sensors; empty of none.

    A sample counts at the frequencies that its truth's grid carried.
    """
    train = store.ids("train")[:samples]
    fits = [GainFit(1 / store.sampling_hz) for _ in contenders]
    for done, sample in enumerate(train.tolist() if contenders else []):
        if on_progress is not None:
            on_progress(done, len(train))
        case = Case(store, sample, np.arange(len(store.x_m) * len(store.y_m)))
        truth, highest_hz = case.at_sensors(store.velocity(sample)), store.band_high_hz(sample)
        for fit, contender in zip(fits, contenders, strict=True):
            fit.add(contender(case), truth, highest_hz)
    return [fit.gain() for fit in fits] if len(train) else []
