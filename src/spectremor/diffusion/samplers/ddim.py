"""Deterministic sampling (DDIM: Song, Meng & Ermon 2021), over some of the steps of the process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from torch import Tensor


def ddim(
    denoise: Callable[[Tensor, int], Tensor], x: Tensor, alpha_bar: Sequence[float], steps: Sequence[int]
) -> Tensor:
    """Mix the estimated x_0 with the noise that it leaves in x, in the shares of the next step (eq. 12, sigma = 0).

        x_s = sqrt(alpha_s) x_0 + sqrt(1 - alpha_s) e,    e = (x_t - sqrt(alpha_t) x_0) / sqrt(1 - alpha_t)

    Here s is the visited step after t; the paper's alpha is `alpha_bar`.

    Args:
        denoise: D(x, t), the estimate of x_0.
        x: standard normal noise.
        alpha_bar: at each step of the process.
        steps: that are visited, the noisiest first.
    """
    for t, s in itertools.pairwise(steps):
        x_0 = denoise(x, t)
        e = (x - alpha_bar[t] ** 0.5 * x_0) / (1 - alpha_bar[t]) ** 0.5
        x = alpha_bar[s] ** 0.5 * x_0 + (1 - alpha_bar[s]) ** 0.5 * e
    # alpha of clean latents is 1: nothing of the noise is left.
    return denoise(x, steps[-1])
