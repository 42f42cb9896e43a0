"""The state of a run on disk: safetensors and JSON, each checkpoint whole or absent.

    RUN/checkpoints/000001200/    weights.safetensors  ema.safetensors  optimizer.safetensors  state.json

A new checkpoint is renamed into place before an older one goes, so there is always a whole one.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder
from spectremor.data.tensors import load_tensors, read_safetensors

FORMAT_VERSION = 1
_STATE = "state.json"


@dataclasses.dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: steps done.
        best_loss: lowest validation loss so far.
        best_step: steps done when it was reached.
        worse: validations since.
        seconds: spent training, over all sessions.
    """

    step: int = 0
    best_loss: float = float("inf")
    best_step: int = 0
    worse: int = 0
    seconds: float = 0.0


def save_checkpoint(
    run: Path, progress: Progress, module: nn.Module, ema: list[Tensor], ema_step: int, optimizer: torch.optim.Optimizer
) -> Path:
    """Write a checkpoint, then remove the older ones.

    Args:
        run: folder of the run.
        progress: where it stands.
        module: what is trained.
        ema: averaged parameters, in the order of `module.parameters()`.
        ema_step: updates of the average.
        optimizer: Adam or AdamW over these parameters, in this order.
    """
    root = run / "checkpoints"
    root.mkdir(exist_ok=True)
    path = root / f"{progress.step:09d}"
    if path.is_dir():
        return path
    with atomic_folder(path) as aside:
        save_file(_contiguous(module.state_dict()), aside / "weights.safetensors")
        save_file(_contiguous(_named(module, ema)), aside / "ema.safetensors")
        save_file(_contiguous(_optimizer_tensors(module, optimizer)), aside / "optimizer.safetensors")
        state = {"format_version": FORMAT_VERSION, "ema_step": ema_step, **_finite(dataclasses.asdict(progress))}
        (aside / _STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    for older in checkpoints(run)[:-1]:
        shutil.rmtree(older, ignore_errors=True)
    return path


def load_checkpoint(
    path: Path, module: nn.Module, ema: list[Tensor], optimizer: torch.optim.Optimizer
) -> tuple[Progress, int]:
    """Put a checkpoint's state into module, averaged parameters and optimizer.

    Returns:
        Where the run stands, and the number of updates of the average.

    Raises:
        InputError: a damaged or foreign checkpoint.
    """
    state = _read_state(path / _STATE)
    load_tensors(module, read_safetensors(path / "weights.safetensors", field="checkpoint"), field="checkpoint")
    averaged = read_safetensors(path / "ema.safetensors", field="checkpoint")
    names = [name for name, _ in module.named_parameters()]
    if sorted(averaged) != sorted(names):
        raise InputError("checkpoint", path / "ema.safetensors", "the averaged weights of this config")
    for tensor, name in zip(ema, names, strict=True):
        tensor.copy_(averaged[name])
    moments = read_safetensors(path / "optimizer.safetensors", field="checkpoint")
    _load_optimizer(moments, module, optimizer, path)
    best = state["best_loss"]
    progress = Progress(
        step=int(state["step"]),
        best_loss=float("inf") if best is None else float(best),
        best_step=int(state["best_step"]),
        worse=int(state["worse"]),
        seconds=float(state["seconds"]),
    )
    return progress, int(state["ema_step"])


def checkpoints(run: Path) -> list[Path]:
    """Whole checkpoints of a run, oldest first."""
    root = run / "checkpoints"
    folders = [p for p in root.iterdir() if p.name.isdigit()] if root.is_dir() else []
    return sorted(folders, key=lambda p: int(p.name))


def _named(module: nn.Module, tensors: list[Tensor]) -> dict[str, Tensor]:
    return {name: tensor for (name, _), tensor in zip(module.named_parameters(), tensors, strict=True)}


def _optimizer_tensors(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    tensors = {}
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            tensors[f"{names[id(parameter)]}:{key}"] = torch.as_tensor(value)
    # A file of no tensors cannot be told from a damaged one.
    tensors[":count"] = torch.tensor(len(optimizer.state))
    return tensors


def _load_optimizer(
    tensors: dict[str, Tensor], module: nn.Module, optimizer: torch.optim.Optimizer, path: Path
) -> None:
    parameters = dict(module.named_parameters())
    tensors.pop(":count", None)
    for key, value in tensors.items():
        name, _, kind = key.rpartition(":")
        if name not in parameters or kind not in ("step", "exp_avg", "exp_avg_sq"):
            raise InputError("checkpoint", path / "optimizer.safetensors", "the optimizer's state of this config")
        parameter = parameters[name]
        if kind != "step" and value.shape != parameter.shape:
            raise InputError("checkpoint", f"{name} of shape {tuple(value.shape)}", f"{tuple(parameter.shape)}")
        # Adam keeps its step counter on the CPU.
        optimizer.state[parameter][kind] = value if kind == "step" else value.to(parameter.device)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read_state(path: Path) -> dict[str, Any]:
    allowed = f"a checkpoint's state, format_version {FORMAT_VERSION}"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError("checkpoint", path, allowed) from None
    keys = {field.name for field in dataclasses.fields(Progress)} | {"format_version", "ema_step"}
    if not isinstance(state, dict) or set(state) != keys or state["format_version"] != FORMAT_VERSION:
        raise InputError("checkpoint", path, allowed)
    return state


def _finite(state: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value == float("inf") else value for key, value in state.items()}
