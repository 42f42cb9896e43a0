"""Direct waves as volumes on the network's time axis."""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from spectremor.core.medium import VP_OVER_VS
from spectremor.surrogate.time_axis import delay, frequencies_hz

#: Decay times in s of the envelopes that start with each arrival.
_ENVELOPES_S = (0.15, 0.6, 2.4)


def pulse_spectrum(steps: int, period_s: float, rise_time_s: float, lowpass_hz: float) -> Complex[Tensor, " k"]:
    """Fourier coefficients of the ground velocity of a unit direct wave.

    The derivative of the moment rate t / tau^2 exp(-t / tau), through the order-4 zero-phase Butterworth low-pass of
    the traces.
    """
    f = frequencies_hz(steps, period_s).double()
    omega = 2j * math.pi * f
    return (omega / (1 + omega * rise_time_s) ** 2 / (1 + (f / lowpass_hz) ** 8) / period_s).to(torch.complex64)


def direct_wave_spectra(
    amplitude: Float[Tensor, "b 2 wave *sensors"],
    s_time: Float[Tensor, "b medium *sensors"],
    origin: Float[Tensor, "b ..."],
    pulse: Complex[Tensor, " k"],
    period_s: float,
) -> Complex[Tensor, "b wave *sensors k"]:
    """Fourier coefficients of the direct waves: in each medium P, SV, SH with three components each.

    Args:
        amplitude: real and imaginary parts (the imaginary part multiplies the Hilbert transform).
        s_time: S arrival in each medium; P arrives VP_OVER_VS times sooner.
        origin: time that becomes 0 on the network's axis.
        pulse: of a unit wave.
        period_s: of the network's axis.
    """
    # Amplitudes are for exp(-i omega t); Fourier coefficients here for exp(+i omega t).
    weight = torch.complex(amplitude[:, 0], -amplitude[:, 1])
    arrivals = torch.stack([s_time / VP_OVER_VS, s_time], dim=2).flatten(1, 2) - origin[:, None]
    shifted = delay(pulse.expand(*arrivals.shape, -1), arrivals, period_s)
    repeats = torch.tensor([3, 6], device=weight.device).repeat(s_time.shape[1])
    return weight[..., None] * shifted.repeat_interleave(repeats, dim=1)


def arrival_envelopes(
    s_time: Float[Tensor, "b ..."], origin: Float[Tensor, "b ..."], steps: int, period_s: float
) -> Float[Tensor, "b *sensors t 6"]:
    """Where in time each point is relative to the P and S arrivals: envelopes that start there and decay."""
    t = torch.arange(steps, dtype=s_time.dtype, device=s_time.device) * (period_s / steps)
    channels = []
    for arrival in (s_time / VP_OVER_VS, s_time):
        since = torch.remainder(t + (origin - arrival)[..., None] + 0.1, period_s)
        for decay in _ENVELOPES_S:
            u = since / decay
            channels.append(u * torch.exp(1 - u))
    return torch.stack(channels, dim=-1)
