"""How often, and on how much, a model's weights were trained before: one training may begin where another ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

#: Trainings that are told of at most.
_MOST = 20


def trainings(training: Any, stage: str) -> list[dict[str, float]]:
    """Steps and samples of a stage's trainings, the newest first, as a model's config tells them.

    Args:
        training: the config's `training`, which may come from a stranger: what is no number of steps is left out.
        stage: "mifno" or "ddpm".
    """
    record = mapping(mapping(training).get(stage))
    newest = {"steps": mapping(record.get("reached")).get("step"), **mapping(record.get("data"))}
    return _sound([newest]) + earlier_trainings(record)


def earlier_trainings(record: Mapping[str, Any]) -> list[dict[str, float]]:
    """Those before the one that a record of a stage's training tells of, the newest first."""
    before = record.get("before")
    return _sound(before[:_MOST]) if isinstance(before, list) else []


def _sound(records: list[Any]) -> list[dict[str, float]]:
    names = ("steps", "train_samples")
    entries = [mapping(entry) for entry in records]
    return [{n: float(entry[n]) for n in names} for entry in entries if all(is_count(entry.get(n)) for n in names)]


def is_count(value: Any) -> TypeGuard[float]:
    """Whether a value of a record is a number of steps or samples: finite, 1 or more."""
    # JSON has NaN, and true is a number to Python.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 1


def mapping(value: Any) -> Mapping[str, Any]:
    """A part of a record; empty where it is absent or no object."""
    return value if isinstance(value, Mapping) else {}
