"""From the config of a stage-1 network to the network."""

from __future__ import annotations

from spectremor.surrogate.config import MifnoConfig, RayConfig
from spectremor.surrogate.network import Mifno
from spectremor.surrogate.ray_operator import RayOperator

#: Any stage-1 network of this package.
Network = Mifno | RayOperator


def make_network(config: MifnoConfig | RayConfig) -> Network:
    """A network with fresh weights."""
    return RayOperator(config) if isinstance(config, RayConfig) else Mifno(config)
