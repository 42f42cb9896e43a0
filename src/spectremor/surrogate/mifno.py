"""Stage 1 in physical units: a trained MIFNO as something that takes a geology and gives a wavefield."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Float32
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.core.geology import check_geology
from spectremor.core.recording import Recording
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import recorded_wavefield
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.tensors import with_tensors
from spectremor.surrogate.config import MifnoConfig
from spectremor.surrogate.inputs import event_inputs
from spectremor.surrogate.network import Mifno

#: Velocities in m/s (3, x, y, time) of an event on a coarse grid, from Vs in m/s (x, y, z) and a source.
Simulate = Callable[[np.ndarray, Source], np.ndarray]

#: Tensors of the normalisation, beside the network's.
_NORMALISATION = ("normalisation.mean", "normalisation.std")


class MifnoSurrogate:
    """A network with its normalisation; implements `Stage1`.

    Args:
        network: trained or fresh.
        normalisation: of the geologies that it was trained on.
        simulate: makes the simulations that the network corrects, where it corrects any.
    """

    def __init__(self, network: Mifno, normalisation: GeologyNormalisation, simulate: Simulate | None = None) -> None:
        self.network = network
        self.normalisation = normalisation
        self.simulate = simulate
        nodes = self.trained_range.nodes
        if normalisation.mean.shape != nodes:
            raise InputError("surrogate normalisation", f"shape {normalisation.mean.shape}", f"shape {nodes}")

    @property
    def name(self) -> str:
        """What it is, in words."""
        spacing = self.config.simulation_m
        return "MIFNO" if spacing is None else f"MIFNO on a simulation at {spacing:g} m"

    @property
    def config(self) -> MifnoConfig:
        """The network's choices."""
        return self.network.config

    @property
    def recording(self) -> Recording:
        """Where and when the network predicts."""
        return self.config.recording

    @property
    def trained_range(self) -> TrainedRange:
        """The events that it was trained on."""
        return self.config.trained_range

    def predict(self, geology: xr.DataArray, source: Source) -> xr.DataArray:
        """The wavefield of one event.

        Args:
            geology: DataArray `vs`, dims (x, y, z), m/s, of the size that the network was trained on.
            source: inside the trained range, of the trained rise time.

        Returns:
            DataArray `velocity`, dims (component, x, y, time), m/s.

        Raises:
            InputError: a geology of another size or extent, or a source outside the trained range or of another rise
                time.
        """
        self.trained_range.check_geology(check_geology(geology))
        field = self.predict_arrays(geology.values[None], [source])[0]
        return recorded_wavefield(field, self.recording, source=source)

    def predict_arrays(
        self, vs_m_s: Float[np.ndarray, "b x y z"], sources: Sequence[Source]
    ) -> Float32[np.ndarray, "b 3 sx sy time"]:
        """Velocities in m/s of several events, one by one: an event's bytes do not depend on the others.

        Raises:
            InputError: arrays of another size, or a source outside the trained range or of another rise time.
        """
        if len(vs_m_s) != len(sources):
            raise InputError("sources", f"{len(sources)} for {len(vs_m_s)} geologies", "as many as geologies")
        return np.stack([self._one(vs, source) for vs, source in zip(vs_m_s, sources, strict=True)])

    def correct(
        self, vs_m_s: Float[np.ndarray, "x y z"], source: Source, simulated_m_s: Float[np.ndarray, "3 sx sy time"]
    ) -> Float32[np.ndarray, "3 sx sy time"]:
        """Velocities in m/s of one event whose simulation on the coarse grid is there already.

        Raises:
            InputError: arrays of another size, or a source outside the trained range or of another rise time.
        """
        self._check(vs_m_s, source)
        wanted = self.recording.shape
        if simulated_m_s.shape != wanted:
            raise InputError("simulated_m_s", f"shape {simulated_m_s.shape}", f"shape {wanted}")
        return self._infer(vs_m_s, source, simulated_m_s)

    def parts(self) -> tuple[MifnoConfig, dict[str, Tensor]]:
        """Config and tensors to save; the inverse of `from_parts`."""
        tensors = {f"network.{name}": tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        mean, std = self.normalisation.mean, self.normalisation.std
        for name, values in zip(_NORMALISATION, (mean, std), strict=True):
            tensors[name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return self.config, tensors

    @classmethod
    def from_parts(
        cls, config: MifnoConfig, tensors: Mapping[str, Tensor], simulate: Simulate | None = None
    ) -> MifnoSurrogate:
        """Rebuild from what `parts` returned.

        Raises:
            InputError: tensors that are missing, foreign, of another shape or not finite.
        """
        for name in _NORMALISATION:
            if name not in tensors:
                raise InputError("surrogate weights", f"no tensor {name}", "a network with its normalisation")
            # numpy has no bfloat16, and `parts` writes nothing but this.
            if tensors[name].dtype != torch.float32:
                raise InputError("surrogate weights", f"{name} of type {tensors[name].dtype}", "torch.float32")
        mean, std = (tensors[name].numpy() for name in _NORMALISATION)
        if mean.shape != std.shape or not (np.isfinite(mean).all() and np.isfinite(std).all()):
            raise InputError("surrogate weights", "a damaged normalisation", "finite mean and std of one shape")
        own = {k.removeprefix("network."): v for k, v in tensors.items() if k not in _NORMALISATION}
        network = with_tensors(lambda: Mifno(config), own, field="surrogate weights")
        return cls(network.eval(), GeologyNormalisation(mean, std), simulate)

    def _one(self, vs: np.ndarray, source: Source) -> np.ndarray:
        self._check(vs, source)
        if self.config.simulation_m is None:
            return self._infer(vs, source, None)
        if self.simulate is None:
            raise InputError("surrogate", f"no simulation at {self.config.simulation_m:g} m", "one to correct")
        return self.correct(vs, source, self.simulate(vs, source))

    def _check(self, vs_m_s: np.ndarray, source: Source) -> None:
        self.trained_range.check_shape(vs_m_s.shape)
        self.trained_range.check_source(source)

    def _infer(self, vs: np.ndarray, source: Source, simulated: np.ndarray | None) -> np.ndarray:
        arrays = event_inputs(vs.astype(np.float64), source, self.config, self.normalisation, simulated_m_s=simulated)
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            traces = self.network({k: torch.from_numpy(v)[None].to(device) for k, v in arrays.items()})[0]
        return (traces.cpu().numpy() / arrays["scale"]).astype(np.float32)
