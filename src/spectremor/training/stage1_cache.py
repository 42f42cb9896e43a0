"""Outputs of the frozen stage 1, computed once and kept on disk beside the truth, as cosine coefficients.

One file per sample, named after the sample and its checksum, in a folder named after stage 1's weights and the latent
grid. A file of a given name has only one possible content, so any process may write it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import torch
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file, check_folder_writable
from spectremor.data.sample_digest import sample_digest
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import LatentConfig
from spectremor.diffusion.latent import cosine_matrix
from spectremor.model.build import build_simulation, build_stage1
from spectremor.model.campaigns import check_campaign, is_stored, simulation_of
from spectremor.model.folder import Parts, find_run_model, read_model_folder
from spectremor.simulation.stage1 import CoarseSimulation
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.training.batches import all_made

Wavefield = Float[np.ndarray, "3 x y time"]


class FrozenStage1:
    """A stage 1 that no longer changes: a trained model's, or a simulation on a coarser grid that the store holds.

    Args:
        store: the campaign.
        name: a model folder, a run, the name of a model that ships, or `simulation:SPACING` (in m).

    Attributes:
        name: as given.
        digest: of everything besides the sample that its outputs depend on.
        parts: its part of a model folder; empty for stored simulations whose settings the store does not record.
        history: the record of its training, for the model that will contain it.
    """

    def __init__(self, store: CampaignStore, name: str) -> None:
        self.name = name
        self.store = store
        self.parts: Parts = {}
        self.history: dict[str, Any] = {}
        self._predict: Callable[[int], Wavefield]
        self._at_stations: Callable[[int], Float[np.ndarray, "3 station time"]] | None = None
        kind, _, spacing = name.partition(":")
        if kind == "simulation":
            self._coarse(spacing)
        else:
            self._model(Path(name))

    def __call__(self, i: int) -> Wavefield:
        """Velocities of a sample in m/s."""
        return self._predict(i)

    @property
    def has_stations(self) -> bool:
        """Whether it also predicts at each sample's stations."""
        return self._at_stations is not None

    def at_stations(self, i: int) -> Float[np.ndarray, "3 station time"]:
        """Velocities of a sample at its stations in m/s, where `has_stations`."""
        assert self._at_stations is not None
        return self._at_stations(i)

    def _coarse(self, spacing: str) -> None:
        allowed = f"a model folder, a run, a model that ships, or {self._simulations()}"
        try:
            value = float(spacing)
        except ValueError:
            raise InputError("--stage1", self.name, allowed) from None
        named = self.store.coarse_spacing_m(value)
        if named is None:
            raise InputError("--stage1", self.name, allowed)
        self._stored(named, simulation_of(self.store, named))

    def _simulations(self) -> str:
        return ", ".join(f"simulation:{value:g}" for value in self.store.also_m) or "no simulation in this store"

    def _stored(self, spacing_m: float, simulation: CoarseSimulation | None) -> None:
        """What the store itself holds."""
        self.digest = f"simulation{spacing_m:g}"
        self.parts = {} if simulation is None else {"simulation": simulation.parts()}
        self._predict = lambda i: self.store.velocity(i, spacing_m)
        if self.store.stations is not None:
            self._at_stations = lambda i: self.store.station_velocity(i, spacing_m)

    def _model(self, path: Path) -> None:
        folder = read_model_folder(find_run_model(path, "--stage1", f"a model folder, a run, {self._simulations()}"))
        folder.require()
        config, tensors = folder.config, folder.tensors()
        check_campaign(self.store, config.recording, config.trained_range)
        with folder.errors_name_folder():
            stage1, simulation = build_stage1(config, tensors), build_simulation(config, tensors)
        if simulation is not None:
            self._simulated(simulation)
        if isinstance(stage1, MifnoSurrogate):
            self._neural(stage1, tensors["surrogate"])
            record = config.training if isinstance(config.training, dict) else {}
            self.history = {stage: facts for stage, facts in record.items() if stage == "mifno"}

    def _simulated(self, simulation: CoarseSimulation) -> None:
        """A model's simulation: the stored one where that is the same."""
        spacing = simulation.config.grid_spacing_m
        if spacing in self.store.also_m and is_stored(simulation, self.store, spacing):
            self._stored(spacing, simulation)
            return
        self.digest = f"simulation{_digest_of(simulation.config).hexdigest()}"
        self.parts = {"simulation": simulation.parts()}
        self._predict = lambda i: simulation.velocity(self.store.geology(i), self.store.source(i))

    def _neural(self, network: MifnoSurrogate, tensors: Mapping[str, torch.Tensor]) -> None:
        """A network; where it corrects a simulation, on top of the one set before."""
        at_stations, self._at_stations = self._at_stations, None
        digest = _digest_of(network.config)
        for key in sorted(tensors):
            digest.update(key.encode() + tensors[key].numpy().tobytes())
        store = self.store

        def places_m(i: int) -> Float[np.ndarray, "station 2"]:
            return np.stack(store.station_positions_m(i), axis=1)

        if network.config.simulation_m is None:
            self.digest = f"mifno{digest.hexdigest()}"
            self._predict = lambda i: network.predict_arrays([store.geology(i)], [store.source(i)])[0]
            if network.any_sensors and store.stations is not None:
                self._at_stations = lambda i: network.predict_at(store.geology(i), store.source(i), places_m(i))
        else:
            simulated = self._predict
            self.digest = f"mifno{digest.hexdigest()}-{self.digest}"
            self._predict = lambda i: network.correct(store.geology(i), store.source(i), simulated(i))
            if network.any_sensors and at_stations is not None:
                self._at_stations = lambda i: network.correct_at(
                    store.geology(i), store.source(i), places_m(i), at_stations(i)
                )
        self.parts = {**self.parts, "surrogate": network.parts()}


def _digest_of(config: pydantic.BaseModel) -> hashlib.blake2b:
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8)


def cache_folder(store: CampaignStore, given: str | Path | None) -> Path:
    """The folder for results that are computed once for a campaign: the given one, or one beside the store.

    Raises:
        InputError: a file, or a folder that cannot be made.
    """
    folder = store.path.with_name(f"{store.path.name}.cache") if given is None else Path(given)
    if folder.exists() and not folder.is_dir():
        raise InputError("--cache", folder, "a folder")
    check_folder_writable(folder, field="--cache")
    return folder


class Stage1Cache:
    """Cosine coefficients of stage 1 and truth, sample by sample.

    Args:
        folder: where the files go, from `cache_folder`.
        stage1: computes outputs that are not on disk.
        latent: the grid of cosine coefficients.

    Raises:
        InputError: other times than those of the store.
    """

    def __init__(self, folder: Path, stage1: FrozenStage1, latent: LatentConfig) -> None:
        self.stage1 = stage1
        self.latent = latent
        self.folder = folder / f"{stage1.digest}-{latent.time_samples}-{latent.latent_samples}"
        self._paths: dict[int, Path] = {}
        self._basis = cosine_matrix(latent.time_samples, latent.latent_samples)
        self._check_times()

    def fill(
        self,
        ids: list[int],
        stop: Callable[[], bool] = lambda: False,
        report: Callable[[float], None] = lambda _: None,
        readers: int = 0,
    ) -> bool:
        """Compute the missing samples, with `readers` processes; False when stopped before the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return all_made(self._keep, ids, stop=stop, report=report, readers=readers)

    def holds(self, i: int) -> bool:
        """Whether a sample is on disk."""
        return self._path(i).is_file()

    def load(self, i: int) -> tuple[Float[torch.Tensor, "s 3 n"], Float[torch.Tensor, "s 3 n"]]:
        """Coefficients of stage 1 and of the truth in m/s, sensors x-major.

        Raises:
            InputError: a damaged file.
        """
        path = self._path(i)
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise InputError("stage-1 cache", path, "a whole file; delete it to compute it again") from None
        shape = (2, len(self.stage1.store.x_m) * len(self.stage1.store.y_m), 3, self.latent.latent_samples)
        if values.shape != shape or values.dtype != np.float32:
            raise InputError("stage-1 cache", path, f"float32 of shape {shape}; delete it to compute it again")
        both = torch.from_numpy(values)
        return both[0], both[1]

    def traces(self, coefficients: Float[torch.Tensor, "s 3 n"]) -> Float[np.ndarray, "s 3 time"]:
        """Traces within the latent band."""
        return (coefficients @ self._basis.T).numpy()

    def _keep(self, i: int) -> None:
        """Have sample i on disk."""
        if not self.holds(i):
            self._compute(i)

    def _compute(self, i: int) -> None:
        fields = np.stack([self.stage1(i), self.stage1.store.velocity(i)])
        sensors = np.moveaxis(fields.reshape(2, 3, -1, fields.shape[-1]), 1, 2)
        values = torch.from_numpy(np.ascontiguousarray(sensors)) @ self._basis
        with atomic_file(self._path(i)) as aside, aside.open("wb") as file:
            np.save(file, values.numpy(), allow_pickle=False)

    def _path(self, i: int) -> Path:
        if i not in self._paths:
            self._paths[i] = self.folder / f"{i:06d}-{sample_digest(self.stage1.store, i)}.npy"
        return self._paths[i]

    def _check_times(self) -> None:
        differences = self.latent.time_differences(self.stage1.store.recording)
        if differences:
            raise InputError("--data", "; ".join(differences), "the times of the diffusion stage (model.latent)")
