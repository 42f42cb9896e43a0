"""Stage 1, truth and surroundings of every sensor of a sample, grid and stations, computed once and kept on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file
from spectremor.data.sample_digest import sample_digest
from spectremor.diffusion.config import LatentConfig
from spectremor.diffusion.latent import cosine_matrix
from spectremor.diffusion.surroundings import ROWS, Surroundings, surroundings_of
from spectremor.training.batches import all_made
from spectremor.training.layouts import Layout
from spectremor.training.stage1_cache import FrozenStage1

#: Of the files; another one is computed anew.
VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldSample:
    """All sensors of a sample, in the order of `Layout`.

    Attributes:
        stage1: cosine coefficients in m/s.
        truth: likewise.
        surroundings: of the sensors.
    """

    stage1: Float[Tensor, "s 3 n"]
    truth: Float[Tensor, "s 3 n"]
    surroundings: Surroundings


class FieldCache:
    """What is computed once of each sample.

    Args:
        folder: where the files go, from `stage1_cache.cache_folder`.
        stage1: computes what is not there yet.
        latent: the grid.

    Raises:
        InputError: other times than those of the store.
    """

    def __init__(self, folder: Path, stage1: FrozenStage1, latent: LatentConfig) -> None:
        self.stage1, self.store = stage1, stage1.store
        differences = latent.time_differences(self.store.recording)
        if differences:
            raise InputError("--data", "; ".join(differences), "the times of the diffusion stage (model.latent)")
        name = f"field{VERSION}-{stage1.digest}-{latent.time_samples}-{latent.latent_samples}"
        self.folder = folder / name
        stations = self.store.stations if stage1.has_stations else None
        self.layout = Layout(grid=(len(self.store.x_m), len(self.store.y_m)), stations=stations)
        self._basis = cosine_matrix(latent.time_samples, latent.latent_samples)
        self._paths: dict[int, Path] = {}

    def fill(self, ids: list[int], stop: Callable[[], bool], report: Callable[[float], None], readers: int = 0) -> bool:
        """Compute what is missing, with so many processes; False when stopped before the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return all_made(self._keep, ids, stop=stop, report=report, readers=readers)

    def load(self, i: int) -> FieldSample:
        """A sample.

        Raises:
            InputError: a damaged file.
        """
        path = self._path(i)
        try:
            values = load_file(path)
            sample = _decoded(values)
        except (OSError, SafetensorError, KeyError, ValueError):
            raise InputError("stage-1 cache", path, "a whole file; delete it to compute it again") from None
        if len(sample.stage1) != self.layout.count:
            raise InputError("stage-1 cache", path, f"{self.layout.count} sensors; delete it to compute it again")
        return sample

    def _keep(self, i: int) -> None:
        if self._path(i).is_file():
            return
        traces = [self._traces(i, self.stage1(i), stage1=True), self._traces(i, self.store.velocity(i), stage1=False)]
        stage1, truth = (torch.from_numpy(np.ascontiguousarray(x)) @ self._basis for x in traces)
        where = surroundings_of(self.store.geology(i), self.store.source(i), self._positions_m(i))
        with atomic_file(self._path(i)) as aside:
            save_file(_encoded(FieldSample(stage1=stage1, truth=truth, surroundings=where)), aside)

    def _traces(self, i: int, field: np.ndarray, *, stage1: bool) -> Float[np.ndarray, "s 3 time"]:
        flat = field.reshape(3, -1, field.shape[-1])
        if self.layout.stations is not None:
            stations = self.stage1.at_stations(i) if stage1 else self.store.station_velocity(i)
            flat = np.concatenate([flat, stations], axis=1)
        return np.moveaxis(flat, 0, 1)

    def _positions_m(self, i: int) -> Float[np.ndarray, "s 2"]:
        x, y = (axis.ravel() for axis in np.meshgrid(self.store.x_m, self.store.y_m, indexing="ij"))
        positions = np.stack([x, y], axis=1)
        if self.layout.stations is None:
            return positions
        return np.concatenate([positions, np.stack(self.store.station_positions_m(i), axis=1)])

    def _path(self, i: int) -> Path:
        if i not in self._paths:
            self._paths[i] = self.folder / f"{i:06d}-{sample_digest(self.store, i)}.safetensors"
        return self._paths[i]


def _encoded(sample: FieldSample) -> dict[str, np.ndarray]:
    rows = {name: np.ascontiguousarray(getattr(sample.surroundings, name), dtype=np.float64) for name in ROWS}
    event = {
        "epicentre_m": np.asarray(sample.surroundings.epicentre_m, dtype=np.float64),
        "reference_m_s": np.array([sample.surroundings.reference_m_s]),
    }
    return {"stage1": sample.stage1.numpy(), "truth": sample.truth.numpy(), **rows, **event}


def _decoded(values: dict[str, np.ndarray]) -> FieldSample:
    rows = {name: values[name] for name in ROWS}
    where = Surroundings(**rows, epicentre_m=values["epicentre_m"], reference_m_s=float(values["reference_m_s"][0]))
    stage1, truth = (torch.from_numpy(values[name]) for name in ("stage1", "truth"))
    if not len(stage1) == len(truth) == len(where):
        raise ValueError("sensors differ in number")
    return FieldSample(stage1=stage1, truth=truth, surroundings=where)
