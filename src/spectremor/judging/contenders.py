"""What a benchmark run compares: a model's stages, the baselines it must beat, and simulations on coarser grids."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.seeds import derive_seed
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import recording_of
from spectremor.data.store import CampaignStore
from spectremor.judging.gain import StageOneGain
from spectremor.model.pipeline import GroundMotionModel


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
    """

    store: CampaignStore
    sample: int
    sensors: Int[np.ndarray, " sensor"]
    realizations: int = 1
    steps: int | None = None
    seed: int = 0
    _stage1: dict[str, xr.DataArray] = dataclasses.field(default_factory=dict)

    def stage1(self, model: GroundMotionModel) -> xr.DataArray:
        """The model's stage-1 wavefield on the store's own sensors and times."""
        if model.model_id not in self._stage1:
            field = model.predict(self.store.geology(self.sample), self.store.source(self.sample))
            differences = self.store.recording.axes_differences(recording_of(field))
            if differences:
                raise InputError("model", "; ".join(differences), "the campaign's sensors and times")
            self._stage1[model.model_id] = field
        return self._stage1[model.model_id]

    def draw_seed(self) -> int:
        """Of stage 2: another for each event, the same in whatever order they run."""
        return derive_seed(self.seed, "evaluate", self.sample) % 2**31

    def at_sensors(self, field: Float[np.ndarray, "3 x y time"]) -> Float[np.ndarray, "1 sensor 3 time"]:
        """A whole wavefield's traces at the judged sensors, as one realization."""
        return np.ascontiguousarray(at_sensors(field, self.sensors))[None]


@runtime_checkable
class Contender(Protocol):
    """Anything that predicts the traces of a case, (realization, sensor, 3, time) in m/s."""

    name: str

    def __call__(self, case: Case) -> np.ndarray:
        """Predict."""


@dataclasses.dataclass
class Stage1Alone:
    """Stage 1: a neural operator, or a simulation on a coarse grid."""

    name: str
    model: GroundMotionModel

    def __call__(self, case: Case) -> np.ndarray:
        """Stage 1's traces."""
        return case.at_sensors(case.stage1(self.model).values)


@dataclasses.dataclass
class Stage1TimesGain:
    """Baseline: stage 1 times a gain for each frequency, fitted on the training split."""

    name: str
    model: GroundMotionModel
    gain: StageOneGain

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

    def __call__(self, case: Case) -> np.ndarray:
        """The restored traces."""
        stage1 = np.ascontiguousarray(case.stage1(self.model).values, dtype=np.float32)
        return self.restorer.restore_at(stage1, case.sensors)[None]


@dataclasses.dataclass
class BothStages:
    """Stage 1 and the diffusion stage."""

    name: str
    model: GroundMotionModel

    def __call__(self, case: Case) -> np.ndarray:
        """Realizations at the judged sensors."""
        stage1, seed = case.stage1(self.model), case.draw_seed()
        diffusion = self.model.need_diffusion()
        if diffusion.config.field is None:
            return self.model.need_single_sensors().generate_at(
                np.ascontiguousarray(stage1.values, dtype=np.float32),
                case.sensors,
                realizations=case.realizations,
                seed=seed,
                steps=case.steps,
            )
        geology = case.store.geology(case.sample)
        field = self.model.restore(stage1, realizations=case.realizations, seed=seed, steps=case.steps, geology=geology)
        return np.ascontiguousarray(at_sensors(field.values, case.sensors))


@dataclasses.dataclass
class CoarseSimulation:
    """The solver itself on a coarser grid: what a surrogate must beat at equal time."""

    name: str
    spacing_m: float

    def __call__(self, case: Case) -> np.ndarray:
        """The stored simulation's traces."""
        return case.at_sensors(case.store.velocity(case.sample, self.spacing_m))


def contenders_of(
    name: str,
    model: GroundMotionModel,
    store: CampaignStore,
    *,
    regression: Restorer | None = None,
    say_regression: bool = True,
    gain_samples: int = 16,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Contender], list[str]]:
    """Everything that one model brings into the comparison, and what is missing, in words.

    Args:
        name: put before each entry when several models are compared; empty for one.
        model: the two stages.
        store: whose training split the gain is fitted on.
        regression: the second stage trained as a plain regression.
        say_regression: whether its absence is to be told.
        gain_samples: how many training samples the gain is fitted on, at most.
        on_progress: called with (done, total) while the gain is fitted.
    """
    before = f"{name}: " if name else ""
    entries: list[Contender] = [Stage1Alone(f"{before}stage 1", model)]
    missing = []
    train = store.ids("train")[:gain_samples]
    if len(train):
        pairs = _training_pairs(model, store, train, on_progress)
        gain = StageOneGain.fit(pairs, 1 / store.sampling_hz, float(store.attrs["band_high_hz"]))
        entries.append(Stage1TimesGain(f"{before}stage 1 x gain", model, gain))
    else:
        missing.append(f"{before}baseline 'stage 1 x gain' is absent: the store has no complete training sample")
    if regression is not None:
        entries.append(RestoredStage1(f"{before}stage 1 + regression", model, regression))
    elif say_regression:
        missing.append(f"{before}baseline 'stage 1 + L1 regression' is absent: no weights given (--regression DIR)")
    if model.diffusion is not None:
        entries.append(BothStages(f"{before}stage 1 + diffusion", model))
    else:
        missing.append(f"{before}the model has no second stage")
    return entries, missing


def _training_pairs(
    model: GroundMotionModel,
    store: CampaignStore,
    train: Int[np.ndarray, " n"],
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    everywhere = np.arange(len(store.x_m) * len(store.y_m))
    for done, sample in enumerate(train):
        if on_progress is not None:
            on_progress(done, len(train))
        case = Case(store, int(sample), everywhere)
        yield case.stage1(model).values, store.velocity(int(sample))
