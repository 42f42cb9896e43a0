"""Ancestral sampling (DDPM: Ho, Jain & Abbeel 2020, algorithm 2), over some of the steps of the process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from torch import Tensor


def ddpm(
    denoise: Callable[[Tensor, int], Tensor],
    noise: Callable[[], Tensor],
    alpha_bar: Sequence[float],
    steps: Sequence[int],
) -> Tensor:
    """Draw each x from its posterior given the x before it and the estimated x_0 (eqs. 6 and 7).

        mu   = sqrt(alpha-bar_s) beta / (1 - alpha-bar_t) x_0 + sqrt(alpha) (1 - alpha-bar_s) / (1 - alpha-bar_t) x_t
        x_s  = mu + sqrt((1 - alpha-bar_s) / (1 - alpha-bar_t) beta) z

    Here s is the visited step after t, alpha = alpha-bar_t / alpha-bar_s, and beta = 1 - alpha: the process of the
    visited steps alone, which is the paper's own where every step is visited.

    Args:
        denoise: D(x, t), the estimate of x_0.
        noise: returns the next standard normal z of the batch; called once for each step.
        alpha_bar: at each step of the process.
        steps: that are visited, the noisiest first.
    """
    x = noise()
    for t, s in itertools.pairwise(steps):
        alpha = alpha_bar[t] / alpha_bar[s]
        beta, share = 1 - alpha, (1 - alpha_bar[s]) / (1 - alpha_bar[t])
        mean = alpha_bar[s] ** 0.5 * beta / (1 - alpha_bar[t]) * denoise(x, t) + alpha**0.5 * share * x
        x = mean + (share * beta) ** 0.5 * noise()
    # alpha-bar of clean latents is 1: no noise is left, and the mean is x_0.
    return denoise(x, steps[-1])
