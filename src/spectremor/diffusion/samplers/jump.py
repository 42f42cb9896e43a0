"""Sampling with a network that was trained to take long steps at once (`diffusion.jumps`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from torch import Tensor

#: The step where latents are clean.
CLEAN = -1


def jump(move: Callable[[Tensor, int, int], Tensor], x: Tensor, steps: Sequence[int]) -> Tensor:
    """Let the network take x from each visited step to the next one, and from the last one to clean latents.

    The rule is that of DDIM, with a velocity that belongs to the whole way (shortcut models: Frans et al. 2024,
    algorithm 2); `NoiseProcess.moved` holds it.

    Args:
        move: (x, its step, another step) -> x there.
        x: standard normal noise.
        steps: that are visited, the noisiest first.
    """
    for t, s in itertools.pairwise([*steps, CLEAN]):
        x = move(x, t, s)
    return x
