"""The log of a run: a csv file and TensorBoard events."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.files import atomic_file

_FIRST = ("step", "seconds", "learning_rate", "train_loss")


class Log:
    """Rows of named numbers, one per logged step; rows after the step that a run resumes from are dropped.

    Args:
        run: folder of the run.
        step: that the run starts from.
    """

    def __init__(self, run: Path, step: int) -> None:
        self.path = run / "metrics.csv"
        self._rows = [row for row in read_metrics(self.path) if int(row["step"]) <= step]
        self._save()
        writer: Any = need("torch.utils.tensorboard", "train").SummaryWriter
        self._events = writer(run / "tensorboard", purge_step=step + 1)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add a row; the file is whole at any moment."""
        self._rows.append({"step": str(step), **{name: f"{value:.8g}" for name, value in values.items()}})
        self._save()
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()

    def close(self) -> None:
        """Finish the event file."""
        self._events.close()

    def _save(self) -> None:
        names = [*_FIRST, *sorted({name for row in self._rows for name in row} - set(_FIRST))]
        with atomic_file(self.path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Rows of a metrics file; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]


def validations(run: Path) -> list[dict[str, float]]:
    """Rows of a run's metrics as numbers."""
    return [{name: float(value) for name, value in row.items()} for row in read_metrics(run / "metrics.csv")]


def best_row(run: Path) -> dict[str, float]:
    """The validation of a run with the lowest loss.

    Raises:
        InputError: the run has not been validated yet.
    """
    rows = validations(run)
    if not rows:
        raise InputError("run", run, "a run with at least one validation; go on with it for longer")
    return best_of(rows)


def best_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """The row with the lowest validation loss."""
    return min(rows, key=lambda row: row["val_loss"])
