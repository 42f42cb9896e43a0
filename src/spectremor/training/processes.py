"""The processes that train together, as `torchrun` or `accelerate launch` started them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from spectremor.core.extras import need

if TYPE_CHECKING:
    from accelerate import PartialState

_PATIENCE = timedelta(hours=24)


def on_cpu() -> bool:
    """Whether training runs on CPUs: accelerate joins the processes of such a training only if asked to."""
    import torch

    return not torch.cuda.is_available()


def processes() -> PartialState:
    """This process among the others."""
    # One process may have hours of preparation left when another is done with its share.
    state: PartialState = need("accelerate", "train").PartialState(cpu=on_cpu(), timeout=_PATIENCE)
    return state
