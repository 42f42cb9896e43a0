"""How much signal is left at each step of the forward process, and which steps a sampler visits.

Three papers give the same number three names. Ho et al. (2020) call the share of the variance that is signal at step t
alpha-bar_t, the product of all alpha_s = 1 - beta_s up to t; Song et al. (2021) call it alpha_t; Lu et al. (2022) call
its square root alpha_t. The code here takes the first: `alpha_bar`. Each sampler says what its own paper calls it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int

#: Offset s of the cosine schedule, and the largest beta (Nichol & Dhariwal 2021, section 3.2).
COSINE_OFFSET, LARGEST_BETA = 0.008, 0.999


def alpha_bars(betas: Float[np.ndarray, " step"]) -> Float32[np.ndarray, " step"]:
    """Share of the variance that is signal, at each step of the process: alpha-bar_t (Ho et al. 2020, eq. 4).

    Args:
        betas: variance of the noise that each step adds.
    """
    # A table of single precision is part of every trained model; sums and products in double are not.
    alphas = np.float32(1) - betas.astype(np.float32)
    return np.cumprod(alphas, dtype=np.float64).astype(np.float32)


def cosine_betas(train_steps: int) -> Float[np.ndarray, " step"]:
    """The cosine schedule of Nichol & Dhariwal (2021, eq. 17).

    beta_t = 1 - f(t) / f(t - 1), with f(t) = cos^2((t / T + s) / (1 + s) * pi / 2).

    Args:
        train_steps: length of the process, T.
    """
    time = np.arange(train_steps + 1) / train_steps
    f = np.cos((time + COSINE_OFFSET) / (1 + COSINE_OFFSET) * np.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], LARGEST_BETA)


def visited_steps(train_steps: int, count: int) -> Int[np.ndarray, " step"]:
    """The steps that a sampler visits: evenly spaced, from the noisiest down.

    Args:
        train_steps: length of the process.
        count: how many steps, from 1 to the length of the process.
    """
    return np.round(np.arange(train_steps, 0, -train_steps / count))[:count].astype(int) - 1
