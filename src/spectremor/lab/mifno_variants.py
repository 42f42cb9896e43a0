"""Variants of the stage-1 network for ablations: each omits an ingredient of it, or uses the published form instead.

A variant uses the branches of the standard network where it does not differ from it, and is passed to a training:

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

#: The published merging of geology and source volume has three times the channels: sum, difference and product.
_MERGED = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class MifnoVariant:
    """The ingredients of a variant; the defaults are those of the standard network.

    Attributes:
        direct_waves: direct waves of ray theory are input channels, and what is corrected where that is no simulation.
        travel_times: arrival times and offsets from the source are channels of the geology and of the sensors.
        align: the network's time starts at the S arrival at each sensor; if False, at the origin time.
        free_moment: the moment tensor is an input of plain Fourier layers; if False, the output is linear in it.
        lowpass_skip: skip connections resample with the published low-pass; if False, they keep every wavenumber.
        source_branch: the nine source numbers are expanded to a volume that is merged with the geology, as published.
    """

    direct_waves: bool = True
    travel_times: bool = True
    align: bool = True
    free_moment: bool = False
    lowpass_skip: bool = False
    source_branch: bool = False

    def __post_init__(self) -> None:
        if self.source_branch and not self.free_moment:
            raise InputError("source_branch", True, "used only with free_moment: it is not linear in the moment tensor")

    def build(self, config: MifnoConfig) -> Mifno:
        """A network with random weights, with these ingredients and the sizes of the config.

        Raises:
            InputError: the variant has a source branch, and `geology_width` is 1.
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
    """The geology branch with normalised Vs and position as its only inputs."""

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
    """The context branch without each sensor's offset from the source and its P and S arrival times."""

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
        context_channels: number of channels of the context.
        wave_channels: number of channels of the input waves.
        law: how the layers' skip connections resample.
    """

    def __init__(self, config: MifnoConfig, context_channels: int, wave_channels: int, law: Law) -> None:
        super().__init__()
        width = config.wave_width
        modes = (*config.modes[:2], config.time_modes)
        self.lift = nn.Linear(context_channels + wave_channels, width)
        self.moment = nn.Linear(6, width, bias=False)
        self.layers = nn.ModuleList(
            FourierLayer(width, modes, law=law, expansion=config.expansion) for _ in range(config.wave_layers)
        )
        self.head = nn.Linear(width, 3)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        self.first_guess = corrected_waves(config) if wave_channels else None

    def forward(
        self, input_waves: Float[Tensor, "b x y t wave"], context: Tensor, moment: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b x y t 3"]:
        """Three components on the network's time axis."""
        waves = self.lift(torch.cat([context, input_waves], dim=-1))
        waves = waves + self.moment(moment)[:, None, None, None]
        for layer in self.layers:
            waves = layer(waves)
        traces = self.head(waves)
        return traces if self.first_guess is None else traces + self.first_guess(input_waves)
