"""What the loop asks of a thing that can be trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.model.folder import Parts


@runtime_checkable
class Task(Protocol):
    """A stage in training.

    Attributes:
        module: called with the tensors of a batch, it returns their mean loss; its state is checkpointed, its
            parameters are optimised.
    """

    module: nn.Module

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute what training needs once and keep it on disk; False when stopped before the end."""
        ...

    def start(self) -> None:
        """Before the first step of a fresh run: measure the module's buffers, or take over an earlier model."""
        ...

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """This process's share of the items of a step, a function of the seed and the step alone."""
        ...

    def validate(self) -> dict[str, float]:
        """Scores on the validation split; "loss" decides, lower is better."""
        ...

    def parts(self) -> Parts:
        """What a model folder holds after this training."""
        ...

    def data(self) -> dict[str, Any]:
        """What it was trained on, for the model's config and card."""
        ...


def check_splits(train_ids: list[int], val_ids: list[int]) -> None:
    """Refuse a campaign that has nothing to train on, or nothing to judge on.

    Raises:
        InputError: says how many samples of each are complete.
    """
    if not train_ids or not val_ids:
        found = f"{len(train_ids)} complete samples to train on, {len(val_ids)} for validation"
        raise InputError("--data", found, "at least one of each")
