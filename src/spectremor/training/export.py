"""From a run to a model folder, with a card that says where the weights come from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from safetensors import safe_open

from spectremor.core.errors import InputError
from spectremor.core.version import VERSION
from spectremor.data.tensors import load_tensors, read_safetensors
from spectremor.model.folder import write_model_folder
from spectremor.training.config import TrainingConfig
from spectremor.training.logs import validations
from spectremor.training.run_folder import BEST
from spectremor.training.task import ModelTask


def export_best(run: Path, task: ModelTask, config: TrainingConfig, data: dict[str, Any]) -> Path:
    """Write RUN/model from the averaged weights with the lowest validation loss.

    Args:
        run: folder of the run.
        task: of the run.
        config: of the run.
        data: what the run trains on.

    Returns:
        The model folder.

    Raises:
        InputError: nothing has been validated yet.
    """
    if not (run / BEST).is_file():
        raise InputError("run", f"{run}: no validated weights yet", "a run that has come to its first validation")
    load_tensors(task.module, read_safetensors(run / BEST, field="run"), field="run")
    facts = {
        "data": {
            "store": Path(data["store"]).name,
            "train_samples": len(data["train_ids"]),
            "val_samples": len(data["val_ids"]),
            **task.data(),
        },
        "config": config.model_dump(mode="json", exclude={"model"}),
        "reached": _reached(run),
        **({"before": data["before"]} if data.get("before") else {}),
    }
    training = {**data.get("earlier", {}), config.stage: facts}
    about = {"spectremor_version": VERSION, "training": training}
    write_model_folder(run / "model", parts=task.parts(), about=about, card=model_card(about))
    return run / "model"


def model_card(about: dict[str, Any]) -> str:
    """Text of MODEL_CARD.md, made of what `config.json` records."""
    lines = ["# Model card", "", f"Trained with spectremor {about['spectremor_version']}.", ""]
    for stage, facts in about["training"].items():
        lines += [f"## {stage}", "", "| | |", "|---|---|"]
        lines += [f"| {key.replace('_', ' ')} | {value} |" for key, value in facts["data"].items()]
        lines += [
            f"| begun from | a training of {before['steps']:.0f} steps on {before['train_samples']:.0f} samples |"
            for before in facts.get("before", [])
        ]
        lines += [f"| reached: {key} | {value} |" for key, value in facts["reached"].items()]
        lines += ["", "Settings of the training: see `config.json`.", ""]
    lines += [
        "Scores named val are means over the first `validation_samples` of the campaign's validation split (of the",
        "diffusion stage: at `scored_sensors` sensors of each); they say nothing about other ranges of geology and",
        "source.",
        "",
    ]
    return "\n".join(lines)


def _reached(run: Path) -> dict[str, float]:
    """The validation scores of the best weights; a score that is no number is left out."""
    with safe_open(run / BEST, "pt") as file:
        saved = {name: float(value) for name, value in (file.metadata() or {}).items()}
    rows = [row for row in validations(run) if row["step"] == saved["step"]]
    # A run that was killed and resumed since may have dropped the row, to write it again when it comes to the step.
    scores = rows[0] if rows else {"step": saved["step"], "val_loss": saved["loss"]}
    return {name: value for name, value in scores.items() if math.isfinite(value)}
