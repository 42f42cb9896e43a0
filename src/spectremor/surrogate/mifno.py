"""Stage 1 in physical units: a trained MIFNO as something that takes a geology and gives a wavefield."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Float32
from torch import Tensor

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import PROPERTIES, Geology
from spectremor.core.medium import rock_properties
from spectremor.core.recording import Recording, Sensors, Stations
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import recorded_wavefield
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.tensors import with_tensors
from spectremor.surrogate.config import AnyNetwork, PublishedStageConfig, RayConfig
from spectremor.surrogate.inputs import event_inputs
from spectremor.surrogate.networks import Network, make_network
from spectremor.surrogate.ray_operator import RayOperator

#: Velocities in m/s (3, x, y, time) or (3, station, time) of an event on a coarse grid, where and when it is recorded.
Simulate = Callable[[Geology, Source, Recording], np.ndarray]

#: Sensors whose motion is computed together at places of one's own: as many as the network's grid has.
_POINTS_AT_ONCE = 1024
#: Relative difference up to which a property is what its law says.
_LAW_HOLDS = 0.01
#: Tensors of the normalisation, beside the network's.
_NORMALISATION = ("normalisation.mean", "normalisation.std")


class MifnoSurrogate:
    """A network with its normalisation; implements `Stage1`.

    Args:
        network: trained or fresh.
        normalisation: of the geologies that it was trained on.
        simulate: makes the simulations that the network corrects, where it corrects any.
    """

    def __init__(self, network: Network, normalisation: GeologyNormalisation, simulate: Simulate | None = None) -> None:
        self.network = network
        self.normalisation = normalisation
        self.simulate = simulate
        nodes = self.trained_range.nodes
        if normalisation.mean.shape != nodes:
            raise InputError("surrogate normalisation", f"shape {normalisation.mean.shape}", f"shape {nodes}")

    @property
    def name(self) -> str:
        """What it is, in words."""
        if isinstance(self.config, PublishedStageConfig):
            return "published MIFNO"
        kind = "operator along rays" if isinstance(self.config, RayConfig) else "MIFNO"
        spacing = self.config.simulation_m
        return kind if spacing is None else f"{kind} on a simulation at {spacing:g} m"

    @property
    def config(self) -> AnyNetwork:
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

    def predict(self, geology: Geology, source: Source) -> xr.DataArray:
        """The wavefield of one event.

        Args:
            geology: of the size that the network was trained on.
            source: inside the trained range, of the trained rise time.

        Returns:
            DataArray `velocity`, dims (component, x, y, time), m/s.

        Raises:
            InputError: a geology of another size or extent, or a source outside the trained range or of another rise
                time.
        """
        return recorded_wavefield(self._one(geology, source), self.recording, source=source)

    @property
    def any_sensors(self) -> bool:
        """Whether it predicts at any sensors of its cube: weights along rays are the same for all."""
        return isinstance(self.network, RayOperator)

    def predict_at(
        self, geology: Geology, source: Source, points_m: Float[np.ndarray, "s 2"]
    ) -> Float32[np.ndarray, "3 s time"]:
        """Velocities in m/s at any sensors between the network's own, where `any_sensors`.

        Args:
            geology: as for `predict`.
            source: likewise.
            points_m: East and North of each sensor.

        Raises:
            InputError: as `predict`.
        """
        self.trained_range.check_event(geology, source)
        _warn_of_own_properties(geology)
        places_m = np.asarray(points_m, dtype=float)
        names = tuple(str(number) for number in range(len(places_m)))
        stations = Stations(names, places_m[:, 0], places_m[:, 1], np.zeros(len(places_m)))
        return self._infer_at(geology, source, places_m, self._simulated(geology, source, stations))

    def correct_at(
        self,
        geology: Geology,
        source: Source,
        points_m: Float[np.ndarray, "s 2"],
        simulated_m_s: Float[np.ndarray, "3 s time"],
    ) -> Float32[np.ndarray, "3 s time"]:
        """As `correct`, at any sensors, where `any_sensors`.

        Raises:
            InputError: as `predict`.
        """
        self.trained_range.check_event(geology, source)
        return self._infer_at(geology, source, np.asarray(points_m, dtype=float), simulated_m_s)

    def _infer_at(
        self, geology: Geology, source: Source, places_m: np.ndarray, simulated: np.ndarray | None
    ) -> Float32[np.ndarray, "3 s time"]:
        network = self.network
        assert isinstance(network, RayOperator)
        vs = geology.vs_m_s.astype(np.float64)
        beside = None if simulated is None else simulated[:, :, None]
        arrays = event_inputs(
            vs, source, network.config, self.normalisation, points_m=places_m[:, None], simulated_m_s=beside
        )
        parts = [slice(start, start + _POINTS_AT_ONCE) for start in range(0, len(places_m), _POINTS_AT_ONCE)]
        traces = [self._infer_some(network, arrays, places_m, part) for part in parts]
        return np.concatenate(traces, axis=1)

    def predict_arrays(
        self, geologies: Sequence[Geology], sources: Sequence[Source]
    ) -> Float32[np.ndarray, "b 3 sx sy time"]:
        """Velocities in m/s of several events, one by one: an event's bytes do not depend on the others.

        Raises:
            InputError: another number of sources, or as `predict`.
        """
        if len(geologies) != len(sources):
            raise InputError("sources", f"{len(sources)} for {len(geologies)} geologies", "as many as geologies")
        return np.stack([self._one(*event) for event in zip(geologies, sources, strict=True)])

    def correct(
        self, geology: Geology, source: Source, simulated_m_s: Float[np.ndarray, "3 sx sy time"]
    ) -> Float32[np.ndarray, "3 sx sy time"]:
        """Velocities in m/s of one event whose simulation on the coarse grid is there already.

        Raises:
            InputError: as `predict`, or a simulation of another shape.
        """
        self.trained_range.check_event(geology, source)
        shape = self.recording.shape
        if simulated_m_s.shape != shape:
            raise InputError("simulated_m_s", f"shape {simulated_m_s.shape}", f"shape {shape}")
        return self._infer(geology, source, simulated_m_s)

    def parts(self) -> tuple[AnyNetwork, dict[str, Tensor]]:
        """Config and tensors to save; the inverse of `from_parts`."""
        tensors = {f"network.{name}": tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        mean, std = self.normalisation.mean, self.normalisation.std
        for name, values in zip(_NORMALISATION, (mean, std), strict=True):
            tensors[name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return self.config, tensors

    @classmethod
    def from_parts(
        cls, config: AnyNetwork, tensors: Mapping[str, Tensor], simulate: Simulate | None = None
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
        network = with_tensors(lambda: make_network(config), own, field="surrogate weights")
        return cls(network.eval(), GeologyNormalisation(mean, std), simulate)

    def _one(self, geology: Geology, source: Source) -> np.ndarray:
        self.trained_range.check_event(geology, source)
        _warn_of_own_properties(geology)
        simulated = self._simulated(geology, source, self.recording.sensors)
        return self._infer(geology, source, None) if simulated is None else self.correct(geology, source, simulated)

    def _simulated(self, geology: Geology, source: Source, sensors: Sensors) -> np.ndarray | None:
        """The simulation that the network corrects; None where it corrects none."""
        if self.config.simulation_m is None:
            return None
        if self.simulate is None:
            raise InputError("surrogate", f"no simulation at {self.config.simulation_m:g} m", "one to correct")
        return self.simulate(geology, source, dataclasses.replace(self.recording, sensors=sensors))

    def _infer(self, geology: Geology, source: Source, simulated: np.ndarray | None) -> np.ndarray:
        vs = geology.vs_m_s.astype(np.float64)
        arrays = event_inputs(vs, source, self.config, self.normalisation, simulated_m_s=simulated)
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            traces = self.network({k: torch.from_numpy(v)[None].to(device) for k, v in arrays.items()})[0]
        return (traces.cpu().numpy() / arrays["scale"]).astype(np.float32)

    def _infer_some(
        self, network: RayOperator, arrays: dict[str, np.ndarray], places_m: np.ndarray, part: slice
    ) -> np.ndarray:
        """Some of the sensors: memory does not grow with their number."""
        device = next(network.parameters()).device
        some = {name: arrays[name][..., part, :] for name in ("s_time", "amplitude", "sensor")}
        if "simulation" in arrays:
            some["simulation"] = arrays["simulation"][:, part]
        tensors = {name: torch.from_numpy(values)[None].to(device) for name, values in {**arrays, **some}.items()}
        points = torch.from_numpy(places_m[part].astype(np.float32))[None].to(device)
        with torch.inference_mode():
            traces = network.anywhere(tensors, points)[0]
        return (traces.cpu().numpy() / arrays["scale"]).astype(np.float32)


def _warn_of_own_properties(geology: Geology) -> None:
    """Warn of properties that differ from the laws, by which all ground was made that the network has seen."""
    by_law = dict(zip(PROPERTIES, dataclasses.astuple(rock_properties({"vs": geology.vs_m_s})), strict=True))
    differ = [name for name, values in geology.given.items() if not np.allclose(values, by_law[name], rtol=_LAW_HOLDS)]
    if differ:
        warnings.warn(
            f"geology: {', '.join(differ)} differ from the laws (Vp = 1.7 Vs and those that follow) of the ground that "
            "the model's network was trained on: the network goes by the laws",
            InputWarning,
            stacklevel=2,
        )
