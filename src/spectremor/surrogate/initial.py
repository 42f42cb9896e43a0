"""Random numbers that parameters start with."""

from __future__ import annotations

import torch
from torch import Tensor


def normal(*shape: int, scale: float = 1.0, over: float = 1.0) -> Tensor:
    """Standard normal numbers, times `scale`, divided by `over`.

    On the meta device, where there are no numbers and arithmetic would load torch's compiler, it is the shape alone.
    """
    numbers = torch.empty(shape)
    return numbers if numbers.is_meta else numbers.normal_().mul_(scale).div_(over)
