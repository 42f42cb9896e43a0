"""The folder of a run: its config, its data and its results so far.

RUN/config.json  data.json  metrics.csv  tensorboard/  checkpoints/  best.safetensors  model/
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file, check_folder_writable, locked
from spectremor.training.checkpoint import checkpoints
from spectremor.training.config import LENGTH, Stage, TrainingConfig, parse_config
from spectremor.training.processes import processes

_CONFIG, _DATA = "config.json", "data.json"
#: The averaged weights with the lowest validation loss.
BEST = "best.safetensors"
#: Name, in data.json, of the minutes that a training was planned for.
BUDGET = "budget_minutes"


def check_run(run: Path, config: TrainingConfig, data: dict[str, Any], *, resume: bool) -> dict[str, Any]:
    """Refuse, before anything is written, a folder that cannot hold a run, or that holds another one.

    Args:
        run: the folder.
        config: of the run.
        data: what it trains on (store, sample numbers, stage 1).
        resume: go on with a run that is there.

    Returns:
        What the run trains on: `data`, or what was recorded at its start, so that a store that has grown since
        changes nothing.

    Raises:
        InputError: a run that is there and not to be resumed, or was started with another config or other data.
    """
    if not is_run(run):
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            raise InputError("--out", run, "a new or empty folder, or a run with --resume")
        check_folder_writable(run, field="--out")
        return data
    if not resume:
        raise InputError("--out", run, "a new folder; to go on with this run add --resume")
    recorded = recorded_config(run, config.stage)
    if recorded != config:
        raise InputError("--config", _difference(recorded, config), "the config that the run was started with")
    before = recorded_facts(run)
    for key in data.keys() - {"train_ids", "val_ids"}:
        if before.get(key) != data[key]:
            raise InputError(key, data[key], f"{before.get(key)}, as at the start of the run")
    return before


def record_run(run: Path, config: TrainingConfig, data: dict[str, Any]) -> None:
    """Make the folder of a run that is not there yet."""
    if is_run(run):
        return
    run.mkdir(parents=True, exist_ok=True)
    _write(run / _DATA, data)
    # Last: a folder with a config is a run.
    _write(run / _CONFIG, config.model_dump(mode="json"))


def is_run(run: Path) -> bool:
    """Whether a run was begun there."""
    return (run / _CONFIG).exists()


def recorded_config(run: Path, stage: Stage) -> TrainingConfig:
    """The config that a run was started with.

    Raises:
        InputError: no run, or a config that is no good.
    """
    return parse_config(read_json(run / _CONFIG), stage)


def recorded_facts(run: Path) -> dict[str, Any]:
    """What a run trains on, as it was recorded at its start.

    Raises:
        InputError: no run.
    """
    return read_json(run / _DATA)


def with_recorded_length(run: Path, config: TrainingConfig) -> TrainingConfig:
    """The config with the length of the run that is there, where a budget decided it."""
    if not is_run(run) or BUDGET not in recorded_facts(run):
        return config
    recorded = recorded_config(run, config.stage)
    return config.model_copy(update={name: getattr(recorded, name) for name in LENGTH})


def recorded_init(run: Path) -> str | None:
    """The model whose weights a run starts from, while it has no checkpoint of its own."""
    if not is_run(run) or checkpoints(run):
        return None
    init = recorded_facts(run).get("init")
    return None if init is None else str(init)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: missing, or not one.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError("run", path, "a JSON file of this project") from None
    if not isinstance(values, dict):
        raise InputError("run", path, "a JSON object")
    return values


def _write(path: Path, values: dict[str, Any]) -> None:
    with atomic_file(path) as aside:
        aside.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def _difference(recorded: TrainingConfig, given: TrainingConfig) -> str:
    a, b = recorded.model_dump(mode="json"), given.model_dump(mode="json")
    key = next(k for k in b if a.get(k) != b[k])
    return f"another {key}"


def alone_in(run: Path) -> AbstractContextManager[None]:
    """The run's lock: two commands in one run would take away each other's checkpoints.

    Raises:
        InputError: another command is training there.
    """
    if not processes().is_main_process:
        return nullcontext()
    return locked(run, field="--out", allowed="a run that no other command is training")
