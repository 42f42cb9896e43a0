"""Outputs of the frozen stage 1, computed once and kept on disk beside the truth, as cosine coefficients.

One file per sample, named after the sample and its checksum, in a folder named after stage 1's weights and the latent
grid: a file can only ever hold one thing, whoever writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file, check_folder_writable
from spectremor.data.model_files import STAGE1_PARTS, part_of
from spectremor.data.model_folder import read_model_folder
from spectremor.data.sample_digest import sample_digest
from spectremor.data.store import CampaignStore
from spectremor.data.store_domain import check_motion
from spectremor.diffusion.config import LatentConfig
from spectremor.diffusion.latent import cosine_matrix
from spectremor.models import model_folder
from spectremor.simulation.stage1 import CoarseSimulation
from spectremor.simulation.stored import is_stored, simulation_of
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
        digest: of everything that its outputs depend on, besides the sample.
        parts: its part of a model folder; empty for simulations of which the store does not say how they were made.
        history: how it was trained, for the model that will contain it.
    """

    def __init__(self, store: CampaignStore, name: str) -> None:
        self.name = name
        self.store = store
        self.parts: dict[str, Any] = {}
        self.history: dict[str, Any] = {}
        self._predict: Callable[[int], Wavefield]
        kind, _, spacing = name.partition(":")
        if kind == "simulation":
            self._coarse(spacing)
        else:
            self._model(Path(name))

    def __call__(self, i: int) -> Wavefield:
        """Velocities of a sample in m/s."""
        return self._predict(i)

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

    def _simulated(self, simulation: CoarseSimulation) -> None:
        """A model's simulation: the stored one where that is the same."""
        spacing = simulation.config.grid_spacing_m
        if spacing in self.store.also_m and is_stored(simulation, self.store, spacing):
            self._stored(spacing, simulation)
            return
        check_motion(self.store, simulation.domain, simulation.config.lowpass_hz)
        config = json.dumps(simulation.config.model_dump(mode="json"), sort_keys=True)
        self.digest = f"simulation{hashlib.blake2b(config.encode(), digest_size=8).hexdigest()}"
        self.parts = {"simulation": simulation.parts()}
        self._predict = lambda i: simulation.predict_arrays(self.store.vs(i)[None], [self.store.source(i)])[0]

    def _model(self, path: Path) -> None:
        folder = model_of(path, "--stage1", f"a model folder, a run, {self._simulations()}")
        config, tensors = read_model_folder(folder)
        if "simulation" in config:
            with part_of(folder, "simulation"):
                simulation = CoarseSimulation.from_parts(config["simulation"], tensors["simulation"])
            self._simulated(simulation)
        if "surrogate" in config:
            self._neural(folder, config, tensors["surrogate"])
        elif "simulation" not in config:
            raise InputError("--stage1", path, f"a model folder with a stage 1 ({' or '.join(STAGE1_PARTS)})")

    def _neural(self, folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """A network, on the simulation that is already here where it corrects one."""
        with part_of(folder, "surrogate"):
            surrogate = MifnoSurrogate.from_parts(config["surrogate"], tensors)
        check_motion(self.store, surrogate.domain, surrogate.config.lowpass_hz)
        hashed = hashlib.blake2b(json.dumps(config["surrogate"], sort_keys=True).encode(), digest_size=8)
        for key in sorted(tensors):
            hashed.update(key.encode() + tensors[key].numpy().tobytes())
        training = config.get("training")
        self.history = {k: v for k, v in training.items() if k == "mifno"} if isinstance(training, dict) else {}
        store = self.store
        if surrogate.config.simulation_m is None:
            self.digest = f"mifno{hashed.hexdigest()}"
            self._predict = lambda i: surrogate.predict_arrays(store.vs(i)[None], [store.source(i)])[0]
        else:
            if "simulation" not in self.parts:
                raise InputError("--stage1", folder, "a model folder with the simulation that its network corrects")
            simulated = self._predict
            self.digest = f"mifno{hashed.hexdigest()}-{self.digest}"
            self._predict = lambda i: surrogate.correct(store.vs(i), store.source(i), simulated(i))
        self.parts = self.parts | {"surrogate": surrogate.parts()}


def model_of(path: str | Path, field: str, also: str = "a model folder, a run") -> Path:
    """The model folder of a run, the folder itself, or that of a model that ships.

    Raises:
        InputError: a plain name that is none of them; names `field`, and `also` among what is allowed.
    """
    path = Path(path)
    return path / "model" if (path / "model").is_dir() else model_folder(path, field=field, also=also)


def check_cache(folder: Path) -> None:
    """Refuse, before any work, a place where nothing can be kept.

    Raises:
        InputError: a file, or a folder that cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("--cache", folder, "a folder")
    check_folder_writable(folder, field="--cache")


class Stage1Cache:
    """Cosine coefficients of stage 1 and truth, sample by sample.

    Args:
        folder: where the files go.
        stage1: computes what is not there yet.
        latent: the grid.

    Raises:
        InputError: other times than those of the store.
    """

    def __init__(self, folder: Path, stage1: FrozenStage1, latent: LatentConfig) -> None:
        check_cache(folder)
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
        """Compute what is missing, with so many processes; False when stopped before the end."""
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
        wanted = (2, len(self.stage1.store.x_m) * len(self.stage1.store.y_m), 3, self.latent.latent_samples)
        if values.shape != wanted or values.dtype != np.float32:
            raise InputError("stage-1 cache", path, f"float32 of shape {wanted}; delete it to compute it again")
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
        store, latent = self.stage1.store, self.latent
        found, wanted = (len(store.time_s), round(store.sampling_hz, 6)), (latent.time_samples, latent.sampling_hz)
        if found != wanted:
            raise InputError("--data", f"{found[0]} samples at {found[1]:g} Hz", f"{wanted[0]} at {wanted[1]:g} Hz")
