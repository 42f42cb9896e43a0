"""Variants of the stage-1 network that its ingredients are judged by: each leaves one out, or takes the published one.

A variant is built from the product's own branches where it shares them, and is handed to a training as an object:

    train(config, data, out, network=MifnoVariant(align=False).build)
"""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.surrogate.config import MifnoConfig
from spectremor.surrogate.fourier_layer import FourierLayer
from spectremor.surrogate.network import (
    ContextBranch,
    GeologyBranch,
    Inputs,
    LinearWaves,
    Mifno,
    corrected_waves,
    input_wave_channels,
)
from spectremor.surrogate.resample import Law
from spectremor.surrogate.source_branch import SourceBranch

#: Channels of the geology merged with the source's volume as published: their sum, difference and product.
_MERGED = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class MifnoVariant:
    """Which ingredients a variant has; those of the product by default.

    Attributes:
        direct_waves: direct waves of ray theory as channels, and as the function that is corrected.
        travel_times: arrival times and offsets from the source as channels of the geology and of the sensors.
        align: the network works in time after the S arrival at each sensor, and else in time after the origin.
        free_moment: the moment tensor is an input of plain Fourier layers; else the output is linear in it.
        lowpass_skip: skips resample by the published low-pass; else they keep every wavenumber.
        source_branch: the nine source numbers grow into a volume that is merged with the geology, as published.
    """

    direct_waves: bool = True
    travel_times: bool = True
    align: bool = True
    free_moment: bool = False
    lowpass_skip: bool = False
    source_branch: bool = False

    def __post_init__(self) -> None:
        if self.source_branch and not self.free_moment:
            raise InputError("source_branch", True, "free_moment beside it: it mixes the moment tensor in nonlinearly")

    def build(self, config: MifnoConfig) -> Mifno:
        """A fresh network of these ingredients, of the config's sizes.

        Raises:
            InputError: a source branch and a geology of a single channel.
        """
        if self.source_branch and config.geology_width < 2:
            raise InputError("geology_width", config.geology_width, "2 or more with a source branch")
        law: Law = "lowpass" if self.lowpass_skip else "band_limited"
        width = config.geology_width * (_MERGED if self.source_branch else 1)
        channels = input_wave_channels(config) if self.direct_waves else 0 if config.simulation_m is None else 3
        geology = (GeologyBranch if self.travel_times else _GeologyWithoutTimes)(config, law=law)
        context = (ContextBranch if self.travel_times else _ContextWithoutTimes)(config, law=law, width=width)
        waves = FreeWaves(config, width, channels, law) if self.free_moment else LinearWaves(config, channels=channels)
        merged = _GeologyWithSource(config, geology) if self.source_branch else geology
        return _Variant(config, self, geology=merged, context=context, waves=waves)


class _Variant(Mifno):
    def __init__(self, config: MifnoConfig, variant: MifnoVariant, **branches: nn.Module) -> None:
        super().__init__(config, **branches)
        self.variant = variant

    def time_origin(self, inputs: Inputs) -> Float[Tensor, "b x y"]:
        arrival = super().time_origin(inputs)
        return arrival if self.variant.align else torch.zeros_like(arrival)

    def input_waves(self, inputs: Inputs, origin: Float[Tensor, "b x y"]) -> Float[Tensor, "b x y t wave"]:
        waves = super().input_waves(inputs, origin)
        if self.variant.direct_waves:
            return waves
        return waves[..., waves.shape[-1] - (0 if self.config.simulation_m is None else 3) :]


class _GeologyWithoutTimes(GeologyBranch):
    """Sees normalised Vs and position alone."""

    def __init__(self, config: MifnoConfig, *, law: Law) -> None:
        super().__init__(config, law=law, channels=4)

    def input_channels(self, inputs: Inputs) -> Float[Tensor, "b x y z channel"]:
        return torch.cat([inputs["geology"][:, None], self.grid(inputs)], dim=1).movedim(1, -1)


class _GeologyWithSource(nn.Module):
    """The geology branch merged with the source's volume as published (MIFNO, arXiv 2404.10115, fig. 1)."""

    def __init__(self, config: MifnoConfig, geology: GeologyBranch) -> None:
        super().__init__()
        self.geology = geology
        self.source = SourceBranch(9, config.trained_range.nodes[0] // 2, config.geology_width)

    def forward(self, inputs: Inputs) -> Float[Tensor, "b x y z c"]:
        x = self.geology(inputs)
        s = self.source(torch.cat([inputs["position"], inputs["moment"]], dim=1), tuple(x.shape[1:4]))
        return torch.cat([x + s, x - s, x * s], dim=-1)


class _ContextWithoutTimes(ContextBranch):
    """Knows neither where a sensor is seen from the source nor when P and S arrive there."""

    def __init__(self, config: MifnoConfig, *, law: Law, width: int) -> None:
        super().__init__(config, law=law, width=width)
        del self.sensors

    def at_sensors(
        self, x: Float[Tensor, "b sx sy t c"], inputs: Inputs, origin: Float[Tensor, "b sx sy"]
    ) -> Float[Tensor, "b sx sy t c"]:
        del inputs, origin
        return x


class FreeWaves(nn.Module):
    """Plain Fourier layers on context, input waves and moment tensor together, in place of `LinearWaves`.

    Args:
        config: sizes.
        context: channels of the context.
        channels: of the waves that come in.
        law: how the layers' skips resample.
    """

    def __init__(self, config: MifnoConfig, context: int, channels: int, law: Law) -> None:
        super().__init__()
        width = config.wave_width
        modes = (*config.modes[:2], config.time_modes)
        self.lift = nn.Linear(context + channels, width)
        self.moment = nn.Linear(6, width, bias=False)
        self.layers = nn.ModuleList(
            FourierLayer(width, modes, law=law, expansion=config.expansion) for _ in range(config.wave_layers)
        )
        self.head = nn.Linear(width, 3)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        self.first_guess = corrected_waves(config) if channels else None

    def forward(
        self, input_waves: Float[Tensor, "b x y t wave"], context: Tensor, moment: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b x y t 3"]:
        """Three components on the network's axis."""
        waves = self.lift(torch.cat([context, input_waves], dim=-1))
        waves = waves + self.moment(moment)[:, None, None, None]
        for layer in self.layers:
            waves = layer(waves)
        traces = self.head(waves)
        return traces if self.first_guess is None else traces + self.first_guess(input_waves)
