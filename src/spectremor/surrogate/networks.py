"""From the config of a stage-1 network to the network."""

from __future__ import annotations

from spectremor.surrogate.config import AnyNetwork, PublishedStageConfig, RayConfig
from spectremor.surrogate.network import Mifno
from spectremor.surrogate.published_stage import PublishedStage
from spectremor.surrogate.ray_operator import RayOperator

#: Any stage-1 network of this package.
Network = Mifno | RayOperator | PublishedStage


def make_network(config: AnyNetwork) -> Network:
    """A network with fresh weights."""
    if isinstance(config, RayConfig):
        return RayOperator(config)
    return PublishedStage(config) if isinstance(config, PublishedStageConfig) else Mifno(config)
