"""The cases that an experiment judges: the true wavefield and that of stage 1 for each sample of a store."""

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
    """True and stage-1 wavefields of a store's samples, computed when they are needed.

    Attributes:
        store: the campaign store with the samples.
        stage1: function that gives the stage-1 wavefield of a sample, in m/s at the store's sensors and times.
        stage1_name: name of what computes stage 1.
        surrogate: the model's stage 1; None if the store's coarser simulations take its place.
        diffusion: the model's stage 2; None if it has none that restores each sensor alone.
        model_id: identifies the model; empty without a model.
    """

    store: CampaignStore
    stage1: Callable[[int], Wavefield]
    stage1_name: str
    surrogate: Stage1 | None
    diffusion: DiffusionStage | None
    model_id: str

    @property
    def dt_s(self) -> float:
        """Sampling step in s."""
        return 1.0 / self.store.sampling_hz

    @property
    def band_hz(self) -> tuple[float, float]:
        """Lowest frequency that the record length resolves and highest frequency of the data."""
        return 1.0 / (len(self.store.time_s) * self.dt_s), float(self.store.attrs["band_high_hz"])

    def truth(self, i: int) -> Wavefield:
        """True velocities of a sample in m/s."""
        return self.store.velocity(i)

    def ids(self, split: Split, most: int | None = None) -> Int[np.ndarray, " n"]:
        """The first `most` complete samples of a split.

        Raises:
            InputError: the split is unknown or has no complete sample.
        """
        complete = self.store.ids(split)
        if not len(complete):
            raise InputError("--data", f"{self.store.path}: no complete sample in the {split} split", "at least one")
        return complete[:most]

    def sensors(self, i: int, count: int, seed: int) -> Int[np.ndarray, " k"]:
        """Increasing numbers (x-major) of `count` sensors, one from each of `count` strata of peak amplitude."""
        peak = peak_norm(np.moveaxis(self.truth(i), 0, -2)).ravel()
        return np.sort(stratified_sensors(peak, count, seed, int(i)))

    def need_diffusion(self) -> DiffusionStage:
        """The model's stage 2.

        Raises:
            InputError: the model has no stage 2 that restores each sensor alone, or its times are not the store's.
        """
        if self.diffusion is None:
            allowed = "a model with a diffusion stage that restores each sensor alone (`train ddpm`)"
            raise InputError("--model", self.model_id, allowed)
        differences = self.diffusion.config.latent.time_differences(self.store.recording)
        if differences:
            raise InputError("--data", f"{self.store.path}: {'; '.join(differences)}", "the times of the model")
        return self.diffusion

    def describe(self) -> dict[str, Any]:
        """The origin of the cases, for the config of a result."""
        return {"store": str(self.store.path), "stage1": self.stage1_name, "model": self.model_id}


def open_cases(settings: Settings, *, model_needed: bool = True) -> Cases:
    """Open the store and the model; the store's coarser simulations may take the place of stage 1.

    Args:
        settings: of the experiment.
        model_needed: False if an experiment needs no model when coarser simulations take the place of stage 1.

    Raises:
        InputError: the store or model does not exist, or the store has no simulations with this grid spacing.
    """
    store = CampaignStore.open(settings.data)
    spacing = settings.stage1_spacing_m
    if spacing is None:
        return _cases_of_model(settings, store)
    wanted_m, spacing = spacing, store.coarse_spacing_m(spacing)
    if spacing is None:
        allowed = ", ".join(f"{s:g}" for s in store.also_m) or "none in this store"
        raise InputError("--stage1-spacing", f"{wanted_m:g} m", f"a coarser grid of the store: {allowed}")
    diffusion, model_id = _read_diffusion(settings) if model_needed or settings.model else (None, "")
    return Cases(
        store=store,
        stage1=_cached(lambda i: store.velocity(i, spacing)),
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
        stage1=_cached(stage1),
        stage1_name=model.stage1.name,
        surrogate=model.stage1,
        diffusion=_single_sensor_stage(model.diffusion),
        model_id=model.model_id,
    )


def _cached(compute: Callable[[int], Wavefield]) -> Callable[[int], Wavefield]:
    """The function with a cache of its last fields, 4 MB each, because all arms are judged on the same samples."""
    return functools.lru_cache(maxsize=64)(compute)


def _read_diffusion(settings: Settings) -> tuple[DiffusionStage | None, str]:
    folder = read_model_folder(settings.model)
    with folder.errors_name_folder():
        return _single_sensor_stage(build_diffusion(folder.config, folder.tensors())), folder.name


def _single_sensor_stage(stage: DiffusionStage | FieldStage | None) -> DiffusionStage | None:
    """The stage if it restores each sensor alone, which all experiments need; else None."""
    return None if isinstance(stage, FieldStage) else stage
