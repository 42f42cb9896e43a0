"""DPM-Solver++(2M), multistep and of second order (Lu et al. 2022, arXiv 2211.01095, algorithm 2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from torch import Tensor


def dpm_solver(
    denoise: Callable[[Tensor, int], Tensor], x: Tensor, alpha_bar: Sequence[float], steps: Sequence[int]
) -> Tensor:
    """Solve the probability flow in lambda = log(alpha / sigma), with the estimate of x_0 extrapolated linearly.

        x_t = sigma_t / sigma_s x_s - alpha_t (exp(-h) - 1) D,    D = (1 + 1 / 2r) x_0 - 1 / 2r x_0'

    Here s is the visited step before t, h = lambda_t - lambda_s, r the h before over this one, and x_0' the estimate
    before this one; the first step takes D = x_0 (first order), and so does the last, to clean latents, where h is
    infinite. The paper's alpha_t and sigma_t are the roots of `alpha_bar` and of 1 - `alpha_bar`.

    Args:
        denoise: D(x, t), the estimate of x_0.
        x: standard normal noise.
        alpha_bar: at each step of the process.
        steps: that are visited, the noisiest first.
    """
    alpha = {t: math.sqrt(alpha_bar[t]) for t in steps}
    sigma = {t: math.sqrt(1 - alpha_bar[t]) for t in steps}
    h_before, x_0_before = math.nan, None
    for s, t in itertools.pairwise(steps):
        x_0 = denoise(x, s)
        h = math.log(alpha[t] / sigma[t]) - math.log(alpha[s] / sigma[s])
        r = h_before / h
        D = x_0 if x_0_before is None else (1 + 1 / (2 * r)) * x_0 - 1 / (2 * r) * x_0_before
        x = sigma[t] / sigma[s] * x - alpha[t] * math.expm1(-h) * D
        h_before, x_0_before = h, x_0
    return denoise(x, steps[-1])
