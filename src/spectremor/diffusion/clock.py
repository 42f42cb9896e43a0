"""Traces on the clock of the S wave: what neighbours share moves with the wavefront.

A trace is moved by any part of a sample, round the ends of the record: neighbours' clocks differ by a few samples, so
what is taken from the other end is what lies within these of an end.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

#: Half-width of the interpolation kernel (Lanczos) in samples.
_HALF = 4


def to_s_clock(delay: Float[Tensor, " b"], samples: int) -> Float[Tensor, "b n n"]:
    """Matrices that take traces (..., n) to times after the S arrival; their transposes take them back.

    Args:
        delay: arrival of the S wave at each sensor, in samples.
        samples: of a trace, n.
    """
    whole = delay.floor()
    part = (delay - whole)[:, None]
    taps = torch.arange(1 - _HALF, 1 + _HALF, device=delay.device)
    away = taps - part
    weight = torch.sinc(away) * torch.sinc(away / _HALF)
    weight = weight / weight.sum(dim=1, keepdim=True)
    # Row: the sample that is read; column: the time after S.
    times = torch.arange(samples, device=delay.device)
    rows = (whole.long()[:, None, None] + taps[None, :, None] + times).remainder(samples)
    matrix = torch.zeros(len(delay), samples, samples, device=delay.device, dtype=weight.dtype)
    return matrix.scatter_add_(1, rows, weight[:, :, None].expand(-1, -1, samples).contiguous())
