"""The published MIFNO as a stage 1 that is trained, saved and asked as the project's own networks are."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.config import PublishedStageConfig
from spectremor.surrogate.network import Inputs
from spectremor.surrogate.published import PublishedMifno


class PublishedStage(nn.Module):
    """Takes the arrays of `event_inputs`.

    Args:
        config: with the sizes.
        network: trained; None: fresh weights.
    """

    def __init__(self, config: PublishedStageConfig, network: PublishedMifno | None = None) -> None:
        super().__init__()
        self.config = config
        self.network = PublishedMifno(config.sizes) if network is None else network

    def forward(self, inputs: Inputs) -> Float[Tensor, "b 3 x y time"]:
        """Normalised velocities at the output times.

        Args:
            inputs: `nodes`, `position` and `moment` of `event_inputs`, each with a batch axis.
        """
        source = torch.cat([inputs["position"], inputs["moment"]], dim=-1)[:, None]
        traces = torch.stack([c[..., 0] for c in self.network(inputs["nodes"][..., None], source)], dim=1)
        return traces.transpose(2, 3) if self.config.swapped_axes else traces
