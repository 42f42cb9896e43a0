"""The denoiser that sees the field: the U-Net of a single sensor, whose levels hear of the sensor's neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.diffusion import denoiser
from spectremor.diffusion.config import DiffusionConfig, FieldConfig
from spectremor.diffusion.denoiser import COMPONENTS, UNet1d, start_at_zero
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.field_exchange import Exchange, PairFeatures
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.surroundings import FEATURES


class FieldNetwork(UNet1d):
    """A U-Net over all sensors of a field, in any layout, whose levels exchange signals between neighbours.

    What it has beyond the network of a single sensor does nothing at first: it may start from the weights of such a one
    (`weights_of_single_sensors`).

    Args:
        config: of the stage, with a `field`.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        field = cast(FieldConfig, config.field)
        super().__init__(config.network, more_channels=(COMPONENTS + 1) * field.observed)
        self.field = field
        size, widths = config.network.embedding, config.network.widths
        self.surroundings = nn.Sequential(nn.Linear(FEATURES, size), nn.SiLU(), nn.Linear(size, size))
        start_at_zero(self.surroundings[2])
        self.mean = nn.Parameter(torch.zeros(size))
        self.pairs = PairFeatures()
        levels = [*range(len(widths)), *reversed(range(len(widths) - 1))]
        self.exchanges = nn.ModuleList(
            Exchange(widths[level], config.network.patch << level, config.network.groups, size, field)
            for level in levels
            if field.neighbours
        )

    def seen(self, x: Float[Tensor, "b 3 n"], condition: Condition) -> Float[Tensor, "b channel n"]:
        """The noisy latents, stage 1's traces, and the recordings with a channel that says where there are any."""
        known = cast(FieldCondition, condition)
        seen = [super().seen(x, condition)]
        if self.field.observed:
            where = known.is_recorded[:, None, None].expand(-1, 1, x.shape[2])
            seen += [known.recorded, where]
        return torch.cat(seen, dim=1)

    def also_known(self, condition: Condition) -> Float[Tensor, "b e"]:
        """The sensor's surroundings, and whether the mean is asked for."""
        known = cast(FieldCondition, condition)
        told: Tensor = self.surroundings(known.features)
        return told + known.mean[:, None] * self.mean

    def exchange(self, condition: Condition, context: Float[Tensor, "b e"]) -> denoiser.Exchange:
        """What neighbours tell one another after each level."""
        if not self.field.neighbours:
            return super().exchange(condition, context)
        known = cast(FieldCondition, condition)
        pair = self.pairs(known.pair)
        return lambda level, h: self.exchanges[level](h, context, pair, known)


def weights_of_single_sensors(network: FieldNetwork, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All weights of a network that sees the field, taken from one that restores each sensor alone.

    Args:
        network: whose other weights stay as they are.
        tensors: of a `UNet1d` of the same widths.

    Raises:
        InputError: weights of another network.
    """
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name, tensor in tensors.items():
        if name == "stem.weight" and name in own and tensor.shape[1] <= own[name].shape[1]:
            # The channels of recordings come last, and are not listened to at first.
            wider = torch.zeros_like(own[name])
            wider[:, : tensor.shape[1]] = tensor
            tensor = wider
        if name not in own or own[name].shape != tensor.shape:
            raise InputError("diffusion weights", f"{name[:80]} of shape {tuple(tensor.shape)}", "the network's own")
        own[name] = tensor.clone()
    return own
