"""The items of a step: a function of seed and step alone, whatever was run before."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Int

from spectremor.core.seeds import generator


def items_of_step(seed: int, step: int, count: int, batch: int) -> Int[np.ndarray, " batch"]:
    """Positions, among `count` items, of the batch of a step; every epoch is a new permutation.

    Args:
        seed: of the run.
        step: from 0.
        count: items there are.
        batch: items per step.
    """
    position = step * batch + np.arange(batch)
    return np.array([_epoch(seed, int(p) // count, count)[int(p) % count] for p in position])


def epochs_of_step(step: int, count: int, batch: int) -> Int[np.ndarray, " batch"]:
    """The epoch that each item of the batch of a step belongs to."""
    return (step * batch + np.arange(batch)) // count


@functools.lru_cache(maxsize=4)
def _epoch(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    return generator(seed, "epoch", epoch).permutation(count)
