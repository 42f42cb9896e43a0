"""The learning rate of a step."""

from __future__ import annotations

import math

from spectremor.training.config import LoopConfig


def learning_rate(step: int, config: LoopConfig) -> float:
    """Linear rise over `warmup` steps, then half a cosine down to `final_rate` of the highest at the last step.

    Args:
        step: from 0.
        config: holds the rates and the number of steps.
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / (config.warmup + 1)
    done = min(1.0, (step - config.warmup) / max(1, config.steps - 1 - config.warmup))
    low = config.final_rate
    return config.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))
