"""Training examples of stage 1 from a campaign: prepared once, then turned and read as often as training asks."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from safetensors.numpy import load_file, save_file

from spectremor.core.files import atomic_file
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.sample_digest import sample_digest
from spectremor.data.store import CampaignStore
from spectremor.surrogate.augmentation import turn_inputs, turn_traces
from spectremor.surrogate.config import AnyNetwork, PublishedStageConfig
from spectremor.surrogate.inputs import event_inputs, traced_waves
from spectremor.surrogate.ray_theory import DirectWaves

Example = tuple[dict[str, np.ndarray], np.ndarray]


class Preparation:
    """Turns sample i of a store into network inputs and normalised traces.

    The direct waves of a sample (a travel-time solve and a thousand rays) are kept in `cache`, 0.3 MB for each medium,
    and its thinned traces and simulations, which a store of elastic motion corrects whenever it reads them.

    Args:
        store: the campaign, which fits the network (`model.campaigns.check_campaign`).
        config: of the network.
        normalisation: of the geologies.
        cache: folder for both; None computes them each time.
        stride: of every `stride` times of the traces one is taken.
    """

    def __init__(
        self,
        store: CampaignStore,
        config: AnyNetwork,
        normalisation: GeologyNormalisation,
        cache: Path | None = None,
        stride: int = 1,
    ) -> None:
        self.stride = stride
        self.store, self.config, self.normalisation, self.cache = store, config, normalisation, cache
        # Asked for at every step.
        self._digest = functools.cache(functools.partial(sample_digest, store))
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def __call__(self, index: int, symmetry: int = 0) -> Example:
        """Inputs (see `event_inputs`) and normalised traces (3, x, y, time) of a sample, turned."""
        vs, source = self.store.vs(index), self.store.source(index)
        simulated = None if self.config.simulation_m is None else self.simulated(index)
        waves = self.waves(index) if self.needs_waves else None
        inputs = event_inputs(vs, source, self.config, self.normalisation, waves, simulated)
        target = self.traces(index) * inputs["scale"]
        if symmetry == 0:
            return inputs, target
        return turn_inputs(inputs, symmetry), turn_traces(target, symmetry)

    @property
    def needs_waves(self) -> bool:
        """Whether the network is fed direct waves."""
        return not isinstance(self.config, PublishedStageConfig)

    def traces(self, index: int) -> Float32[np.ndarray, "3 x y time"]:
        """A sample's velocities in m/s at every so-many-th time; thinned ones from the cache if they are there."""
        return self._thinned(index, self.stride, None)

    def simulated(self, index: int) -> Float32[np.ndarray, "3 x y time"]:
        """The simulation that the network corrects, in m/s, thinned half as much as the traces, or not at all."""
        # The traces' times are among the simulation's: its stride divides theirs.
        return self._thinned(index, 1 if self.stride % 2 else self.stride // 2, self.config.simulation_m)

    def _thinned(self, index: int, stride: int, spacing_m: float | None) -> Float32[np.ndarray, "3 x y time"]:
        name = f"traces-{stride}" if spacing_m is None else f"simulation-{spacing_m:g}-{stride}"
        path = None if stride == 1 else self._path(index, name)
        if path is not None and path.is_file():
            return load_file(path)["velocity"]
        velocity = np.ascontiguousarray(self.store.velocity(index, spacing_m)[..., ::stride])
        if path is not None:
            with atomic_file(path) as aside:
                save_file({"velocity": velocity}, aside)
        return velocity

    def _path(self, index: int, what: str) -> Path | None:
        return None if self.cache is None else self.cache / f"{index}-{self._digest(index)}-{what}.safetensors"

    def waves(self, index: int) -> DirectWaves:
        """Direct waves of a sample, from the cache if they are there."""
        path = self._path(index, f"rays-{'-'.join(f'{s:g}' for s in self.config.ray_smoothings_m)}")
        if path is not None and path.is_file():
            return DirectWaves(**_decoded(load_file(path)))
        waves = traced_waves(self.store.vs(index), self.store.source(index), self.config)
        if path is not None:
            with atomic_file(path) as aside:
                save_file(_encoded(waves), aside)
        return waves


def _encoded(waves: DirectWaves) -> dict[str, np.ndarray]:
    fields = {f.name: getattr(waves, f.name) for f in dataclasses.fields(waves)}
    amplitude = fields.pop("amplitude")
    fields |= {"amplitude.real": amplitude.real, "amplitude.imag": amplitude.imag}
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in fields.items()}


def _decoded(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    amplitude = fields.pop("amplitude.real") + 1j * fields.pop("amplitude.imag")
    return {**{k: v.astype(float) for k, v in fields.items()}, "amplitude": amplitude.astype(complex)}
