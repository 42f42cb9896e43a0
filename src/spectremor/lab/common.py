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
    """The settings that every experiment has.

    Attributes:
        data: campaign store.
        model: model folder (None: the default model).
        stage1_spacing_m: grid spacing of the store's coarser simulations that take the place of the model's stage 1
            (None: the model's stage 1).
        split: which samples are judged.
        size: name of a preset of numbers of samples, sensors, training steps and so on; each experiment lists its own.
        samples: number of samples to judge (None: that of `size`).
        sensors: number of sensors to judge in each sample (None: that of `size`).
        seed: of all random numbers.
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
    """The settings of an experiment that trains; steps, minutes, seeds and train_samples of None are those of `size`.

    Attributes:
        steps: training steps of each arm.
        minutes: time for preparing and training together. Samples and steps are reduced to fit into it. Judging takes
            additional time.
        seeds: number of trainings of each arm, each with its own seed.
        train_samples: largest number of samples of the training split to use.
        cache: folder for outputs of stage 1, which are computed once (None: beside the store).
    """

    steps: Annotated[int, Field(ge=8)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    seeds: Positive | None = None
    train_samples: Positive | None = None
    cache: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The result of an experiment.

    Attributes:
        experiment: its name.
        table: rows, all with the same keys.
        figure: the figure to save.
        paragraph: the findings in words, with the numbers.
        config: everything needed to repeat the experiment.
    """

    experiment: str
    table: Sequence[Mapping[str, Any]]
    figure: Figure
    paragraph: str
    config: Mapping[str, Any]


def silent(_fraction: float, _doing: str) -> None:
    """A progress report that is ignored."""


def parse(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings from the values that a user typed.

    Raises:
        InputError: names the first option that is unknown or out of range.
    """
    return validated_options(kind, values, OPTIONS)


def resolve_size(settings: Settings, sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The numbers (samples, sensors, steps, ...) of the chosen size, replaced by those that the settings give.

    Raises:
        InputError: there is no such size.
    """
    if settings.size not in sizes:
        raise InputError("--size", settings.size, ", ".join(sizes))
    preset = sizes[settings.size]
    given = {name: getattr(settings, name) for name in preset if getattr(settings, name, None) is not None}
    return {**preset, **given}


def check_out(path: str | Path) -> Path:
    """Refuse, before any work, a folder that cannot be written or that holds anything but an earlier result.

    Raises:
        InputError: says why.
    """
    kind = "an earlier result of an experiment"
    return check_result_folder(path, {TABLE, FIGURE, SUMMARY, CONFIG}, kind, field="--out")


def write_result(result: Result, out: str | Path) -> None:
    """Write table.csv, figure.png, summary.md and config.json into a folder that appears whole or not at all."""
    with atomic_folder(check_out(out)) as folder:
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(result.table[0]))
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in row.items()} for row in result.table)
        result.figure.savefig(folder / FIGURE, dpi=130)
        (folder / SUMMARY).write_text(
            f"# {result.experiment}\n\n{result.paragraph}\n\n![{result.experiment}]({FIGURE})\n", encoding="utf-8"
        )
        about = {"experiment": result.experiment, "version": VERSION, **result.config}
        (folder / CONFIG).write_text(json.dumps(about, indent=1, default=str) + "\n", encoding="utf-8")


def _cell(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
