"""The trainings that a model's weights went through, one after the other, as its config records them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

#: The most earlier trainings that are read from a record.
_MOST = 20


def trainings(training: Any, stage: str) -> list[dict[str, float]]:
    """Steps and samples of a stage's trainings, the newest first, as a model's config records them.

    Args:
        training: the config's `training`. It may come from anyone, so entries that are no numbers are left out.
        stage: "mifno" or "ddpm".
    """
    record = mapping(mapping(training).get(stage))
    newest = {"steps": mapping(record.get("reached")).get("step"), **mapping(record.get("data"))}
    return _sound([newest]) + earlier_trainings(record)


def earlier_trainings(record: Mapping[str, Any]) -> list[dict[str, float]]:
    """The trainings before the one that a record describes, the newest first."""
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
