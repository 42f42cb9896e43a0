"""What all experiments share: their settings, and the folder that holds a result."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder, check_result_folder
from spectremor.core.validation import validated_options
from spectremor.core.version import VERSION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE, FIGURE, SUMMARY, CONFIG = "table.csv", "figure.png", "summary.md", "config.json"

#: Settings whose option on the command line has another name.
OPTIONS = {
    "schedules": "schedule",
    "predictions": "prediction",
    "stage1_spacing_m": "stage1_spacing",
    "noise_correlation_m": "noise_correlation",
    "shifts": "shift",
}

Report = Callable[[float, str], None]
Positive = Annotated[int, Field(gt=0)]
S = TypeVar("S", bound=BaseModel)


class Settings(BaseModel):
    """What a person may choose of any experiment; None takes the value that `size` stands for.

    Attributes:
        data: campaign store.
        model: model folder (None: the one that ships).
        stage1_spacing_m: stage 1 is the store's simulation on this coarser grid, not the model's neural operator.
        split: which samples are judged.
        size: name of a set of sizes; each experiment lists its own.
        samples: how many are judged.
        sensors: how many of each sample are judged.
        seed: one seed, one result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path
    model: Path | None = None
    stage1_spacing_m: Annotated[float, Field(gt=0)] | None = None
    split: Literal["train", "val", "test", "all"] = "test"
    size: str = "default"
    samples: Positive | None = None
    sensors: Positive | None = None
    seed: Annotated[int, Field(ge=0)] = 0


class TrainingSettings(Settings):
    """What a person may choose of an experiment that trains.

    Attributes:
        steps: training steps of each arm.
        minutes: for preparing and training together; takes fewer samples and steps where they would last longer.
            Judging comes on top.
        seeds: trainings of each arm.
        train_samples: at most so many of the training split.
        cache: folder for outputs of stage 1, computed once (None: beside the store).
    """

    steps: Annotated[int, Field(ge=8)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    seeds: Positive | None = None
    train_samples: Positive | None = None
    cache: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment found.

    Attributes:
        experiment: its name.
        table: rows of equal keys.
        figure: to be saved.
        paragraph: what was found, in plain words and with its numbers.
        config: everything needed to repeat it.
    """

    experiment: str
    table: Sequence[Mapping[str, Any]]
    figure: Figure
    paragraph: str
    config: Mapping[str, Any]


def silent(_fraction: float, _doing: str) -> None:
    """A progress report that goes nowhere."""


def parse(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings from what a person typed.

    Raises:
        InputError: names the first option that is unknown or out of range.
    """
    return validated_options(kind, values, OPTIONS)


def sized(settings: Settings, sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The set of sizes that the settings name, overridden by those that a person chose.

    Raises:
        InputError: no such size.
    """
    if settings.size not in sizes:
        raise InputError("--size", settings.size, ", ".join(sizes))
    chosen = sizes[settings.size]
    own = {name: getattr(settings, name) for name in chosen if getattr(settings, name, None) is not None}
    return {**chosen, **own}


def check_out(path: str | Path) -> Path:
    """Refuse, before any work, a folder that cannot hold a result or that holds something else.

    Raises:
        InputError: says what is in the way.
    """
    kind = "an earlier result of an experiment"
    return check_result_folder(path, {TABLE, FIGURE, SUMMARY, CONFIG}, kind, field="--out")


def write_result(result: Result, out: str | Path) -> None:
    """Write table.csv, figure.png, summary.md and config.json into a folder that appears whole or not at all."""
    with atomic_folder(check_out(out)) as aside:
        with (aside / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(result.table[0]))
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in row.items()} for row in result.table)
        result.figure.savefig(aside / FIGURE, dpi=130)
        (aside / SUMMARY).write_text(
            f"# {result.experiment}\n\n{result.paragraph}\n\n![{result.experiment}]({FIGURE})\n", encoding="utf-8"
        )
        about = {"experiment": result.experiment, "version": VERSION, **result.config}
        (aside / CONFIG).write_text(json.dumps(about, indent=1, default=str) + "\n", encoding="utf-8")


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
