"""How the second stage is to draw, and refusal of numbers that no drawing can have."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable
from typing import TYPE_CHECKING

from spectremor.core.errors import InputError

if TYPE_CHECKING:
    from spectremor.diffusion.config import SamplerName
    from spectremor.model.observed import Observed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draws:
    """How stage 2 draws; see `GroundMotionModel.generate`.

    Attributes:
        mean: the mean of all draws is asked for instead of draws.
    """

    realizations: int = 1
    seed: int = 0
    steps: int | None = None
    sampler: SamplerName | None = None
    observed: Observed | None = None
    mean: bool = False
    on_progress: Callable[[float], None] | None = None


#: What gives the mean of all draws of a stage that restores each sensor alone: its estimate from noise alone.
EXPECTED = Draws(steps=1, sampler="dpm-solver++")


def check_job(realizations: int | None, seed: int | None, steps: int | None) -> None:
    """Refuse numbers that no generation can have, before any work.

    Args:
        realizations: at least 1.
        seed: 0 to 2^63 - 1; None, as from a field left empty, is refused.
        steps: at least 1, or None for the model's own.

    Raises:
        InputError: names the number and its range.
    """
    _check_whole("realizations", realizations, 1, None, "1 or more")
    _check_whole("seed", seed, 0, 2**63, "0 to 2^63 - 1")
    if steps is not None:
        _check_whole("steps", steps, 1, None, "1 or more")


def _check_whole(name: str, value: object, low: int, below: int | None, allowed: str) -> None:
    whole = isinstance(value, numbers.Integral) and int(value) >= low and (below is None or int(value) < below)
    if not whole:
        raise InputError(name, "nothing" if value is None else value, f"a whole number, {allowed}")
