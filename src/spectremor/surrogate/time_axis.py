"""The network's own time axis: periodic, coarse, and band-limited, so that it can be evaluated at any time.

A trace is a Fourier series of period P with N points, N / (2 P) above the traces' corner frequency. P is longer than
the output: the part of the circle that no output time reaches is free, so nothing forces end and start to meet.
Shifting a trace along the circle is exact.
"""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def frequencies_hz(steps: int, period_s: float) -> Float[Tensor, " k"]:
    """Frequencies of the series, without the one at half the sampling rate, whose phase a grid cannot hold."""
    return torch.arange((steps + 1) // 2, dtype=torch.float32, device="cpu") / period_s


def spectrum(traces: Float[Tensor, "... n"]) -> Complex[Tensor, "... k"]:
    """Fourier coefficients of traces on the grid, half the sampling rate left out."""
    n = traces.shape[-1]
    return torch.fft.rfft(traces, norm="forward")[..., : (n + 1) // 2]


def on_grid(coefficients: Complex[Tensor, "... k"], steps: int) -> Float[Tensor, "... n"]:
    """Traces on the grid from Fourier coefficients."""
    return torch.fft.irfft(coefficients, n=steps, norm="forward")


def at_times(
    coefficients: Complex[Tensor, "... k"], start_s: float, step_s: float, samples: int, period_s: float
) -> Float[Tensor, "... t"]:
    """Traces at evenly spaced times from Fourier coefficients, as one matrix product."""
    parts = torch.cat([coefficients.real, coefficients.imag], dim=-1)
    matrix = _evaluation(coefficients.shape[-1], start_s, step_s, samples, period_s)
    return parts @ matrix.to(parts)


@functools.lru_cache(maxsize=32)
@torch.inference_mode(False)
def _evaluation(k: int, start_s: float, step_s: float, samples: int, period_s: float) -> Tensor:
    times = start_s + step_s * torch.arange(samples, dtype=torch.float64, device="cpu")
    angle = 2 * math.pi / period_s * torch.outer(torch.arange(k, dtype=torch.float64, device="cpu"), times)
    weight = torch.full((k, 1), 2.0, dtype=torch.float64, device="cpu")
    weight[0] = 1.0
    return torch.cat([weight * angle.cos(), -weight * angle.sin()]).float()


def delay(coefficients: Complex[Tensor, "... k"], delay_s: Float[Tensor, "..."], period_s: float) -> Tensor:
    """Shift traces to later times (cyclically)."""
    k = torch.arange(coefficients.shape[-1], device=coefficients.device)
    return coefficients * torch.polar(
        torch.ones_like(delay_s)[..., None], -2 * math.pi / period_s * delay_s[..., None] * k
    )
