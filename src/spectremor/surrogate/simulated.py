"""A simulation on a coarse grid as waves on the network's own time axis."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from spectremor.surrogate.time_axis import delay

#: The traces' last part, in s, is faded out: the network's axis is a circle, on which an abrupt end would ring.
FADE_S = 0.3


def simulated_spectra(
    traces: Float[Tensor, "b 3 *sensors time"],
    sampling_hz: float,
    origin: Float[Tensor, "b ..."],
    k: int,
    period_s: float,
) -> Complex[Tensor, "b 3 *sensors k"]:
    """Fourier coefficients of simulated traces.

    Args:
        traces: from time 0 on, shorter than the period.
        sampling_hz: of the traces.
        origin: time that becomes 0 on the network's axis.
        k: number of coefficients.
        period_s: of the network's axis.
    """
    parts = traces @ _analysis(traces.shape[-1], sampling_hz, k, period_s).to(traces)
    return delay(torch.complex(*parts.split(k, dim=-1)), -origin[:, None], period_s)


@functools.lru_cache(maxsize=32)
@torch.inference_mode(False)
def _analysis(samples: int, sampling_hz: float, k: int, period_s: float) -> Float[Tensor, "time parts"]:
    times = torch.arange(samples, dtype=torch.float64, device="cpu") / sampling_hz
    angle = 2 * math.pi / period_s * torch.outer(times, torch.arange(k, dtype=torch.float64, device="cpu"))
    left = (times[-1] - times).clamp(max=FADE_S) / FADE_S
    weight = (0.5 - 0.5 * torch.cos(math.pi * left)) / (sampling_hz * period_s)
    return (weight[:, None] * torch.cat([angle.cos(), -angle.sin()], dim=1)).float()
