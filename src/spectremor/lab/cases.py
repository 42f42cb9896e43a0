"""The cases that an experiment judges: truth and stage 1 of the same earthquakes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.wavefield import recording_of
from spectremor.data.store import CampaignStore, Split
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.stage import DiffusionStage
from spectremor.judging.subset import stratified_sensors
from spectremor.lab.common import Settings
from spectremor.model.build import build_diffusion, load_model
from spectremor.model.folder import read_model_folder
from spectremor.signal.intensity import peak_norm
from spectremor.surrogate.protocol import Stage1

Wavefield = Float[np.ndarray, "3 x y time"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cases:
    """Access to truth and stage 1, with nothing computed before it is asked for.

    Attributes:
        store: where the samples are.
        stage1: stage 1 of a sample, velocities in m/s on the store's sensors and times.
        stage1_name: what computes it.
        surrogate: what is behind it; None where the store's simulations stand in for it.
        diffusion: the model's second stage, if it has one.
        model_id: of the model; empty without one.
    """

    store: CampaignStore
    stage1: Callable[[int], Wavefield]
    stage1_name: str
    surrogate: Stage1 | None
    diffusion: DiffusionStage | None
    model_id: str

    @property
    def dt_s(self) -> float:
        """Sampling step."""
        return 1.0 / self.store.sampling_hz

    @property
    def band_hz(self) -> tuple[float, float]:
        """Frequencies that the record resolves and the data hold."""
        return 1.0 / (len(self.store.time_s) * self.dt_s), float(self.store.attrs["band_high_hz"])

    def truth(self, i: int) -> Wavefield:
        """Velocities of a sample in m/s."""
        return self.store.velocity(i)

    def ids(self, split: Split, most: int | None = None) -> Int[np.ndarray, " n"]:
        """The first `most` complete samples of a split.

        Raises:
            InputError: an unknown split, or one without a complete sample.
        """
        complete = self.store.ids(split)
        if not len(complete):
            raise InputError("--data", f"{self.store.path}: no complete sample in the {split} split", "at least one")
        return complete[:most]

    def sensors(self, i: int, count: int, seed: int) -> Int[np.ndarray, " k"]:
        """Numbers of sensors (x-major), increasing: one from each of `count` strata of amplitude."""
        peak = peak_norm(np.moveaxis(self.truth(i), 0, -2)).ravel()
        return np.sort(stratified_sensors(peak, count, seed, int(i)))

    def need_diffusion(self) -> DiffusionStage:
        """The model's second stage.

        Raises:
            InputError: the model has none, or it was made for other traces than the store's.
        """
        if self.diffusion is None:
            allowed = "a model with a diffusion stage that restores each sensor alone (`train ddpm`)"
            raise InputError("--model", self.model_id, allowed)
        differences = self.diffusion.config.latent.time_differences(self.store.recording)
        if differences:
            raise InputError("--data", f"{self.store.path}: {'; '.join(differences)}", "the times of the model")
        return self.diffusion

    def describe(self) -> dict[str, Any]:
        """What a result must record about where its cases came from."""
        return {"store": str(self.store.path), "stage1": self.stage1_name, "model": self.model_id}


def open_cases(settings: Settings, *, model_needed: bool = True) -> Cases:
    """Open the store, and the model or what stands in for its first stage.

    Args:
        settings: of the experiment.
        model_needed: False where simulations on a coarser grid may take the place of the whole model.

    Raises:
        InputError: a store, model or grid spacing that is not there.
    """
    store = CampaignStore.open(settings.data)
    spacing = settings.stage1_spacing_m
    if spacing is None:
        return _cases_of_model(settings, store)
    typed, spacing = spacing, store.coarse_spacing_m(spacing)
    if spacing is None:
        allowed = ", ".join(f"{s:g}" for s in store.also_m) or "none in this store"
        raise InputError("--stage1-spacing", f"{typed:g} m", f"a coarser grid of the store: {allowed}")
    diffusion, model_id = _diffusion_alone(settings) if model_needed or settings.model else (None, "")
    return Cases(
        store=store,
        stage1=_remembered(lambda i: store.velocity(i, spacing)),
        stage1_name=f"simulation at {spacing:g} m",
        surrogate=None,
        diffusion=diffusion,
        model_id=model_id,
    )


def _cases_of_model(settings: Settings, store: CampaignStore) -> Cases:
    model = load_model(settings.model)

    def stage1(i: int) -> Wavefield:
        field = model.predict(store.geology(i), store.source(i)).transpose("component", "x", "y", "time")
        differences = store.recording.axes_differences(recording_of(field))
        if differences:
            raise InputError("--model", "; ".join(differences), "the store's sensors and times")
        return np.asarray(field.values, dtype=np.float32)

    return Cases(
        store=store,
        stage1=_remembered(stage1),
        stage1_name=model.stage1.name,
        surrogate=model.stage1,
        diffusion=_of_single_sensors(model.diffusion),
        model_id=model.model_id,
    )


def _remembered(compute: Callable[[int], Wavefield]) -> Callable[[int], Wavefield]:
    """With the last fields kept in memory, 4 MB each: all arms are judged on the same samples."""
    return functools.lru_cache(maxsize=64)(compute)


def _diffusion_alone(settings: Settings) -> tuple[DiffusionStage | None, str]:
    folder = read_model_folder(settings.model)
    with folder.errors_name_folder():
        return _of_single_sensors(build_diffusion(folder.config, folder.tensors())), folder.name


def _of_single_sensors(stage: DiffusionStage | FieldStage | None) -> DiffusionStage | None:
    """The stage, where it restores each sensor alone, as all experiments do; None where it does not."""
    return None if isinstance(stage, FieldStage) else stage
