"""The interface between the training loop and what it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from spectremor.model.folder import Parts


@runtime_checkable
class Task(Protocol):
    """A network in training.

    Attributes:
        module: called with the tensors of a batch, it returns their mean loss; its state is checkpointed, its
            parameters are optimised.
    """

    @property
    def module(self) -> nn.Module:
        """See `Task`."""
        ...

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


@runtime_checkable
class ModelTask(Task, Protocol):
    """A task whose result is a model folder."""

    def parts(self) -> Parts:
        """What the model folder holds after this training."""
        ...

    def data(self) -> dict[str, Any]:
        """What it was trained on, for the model's config and card."""
        ...
