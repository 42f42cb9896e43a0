"""The model folder: config.json, model.safetensors and MODEL_CARD.md, written whole and read with suspicion.

Keys of the weights start with the name of the part they belong to (`surrogate.`, `diffusion.`), and `config.json` has
one entry of that name for each part. A stage 1 that is a simulation (`simulation`) has no weights. Nothing is ever
unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder
from spectremor.data.model_files import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    PARTS,
    WEIGHTS,
    check_model_folder,
    check_safetensors,
)

M = TypeVar("M", bound=nn.Module)


def write_model_folder(
    path: str | Path,
    *,
    parts: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Tensor]]],
    about: Mapping[str, Any],
    card: str,
) -> None:
    """Write a model folder, whole or not at all.

    Args:
        path: of the folder; replaced if it is there.
        parts: for each of "surrogate" or "simulation", and "diffusion" (any may be absent), its config and its
            tensors.
        about: what else `config.json` tells: data trained on, code version, metrics reached.
        card: text of MODEL_CARD.md.
    """
    unknown = set(parts) - set(PARTS)
    if unknown or not parts:
        raise ValueError(f"parts must be among {PARTS}, not {sorted(parts)}")
    config = {"format_version": FORMAT_VERSION, **about, **{name: dict(part[0]) for name, part in parts.items()}}
    tensors = {
        f"{name}.{key}": tensor.contiguous() for name, (_, named) in parts.items() for key, tensor in named.items()
    }
    with atomic_folder(path) as aside:
        (aside / CONFIG).write_text(json.dumps(config, indent=1, allow_nan=False) + "\n")
        # Not `save_file`: it makes files that only their owner can read.
        (aside / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
        (aside / CARD).write_text(card)


def read_model_folder(path: str | Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """Read a model folder.

    Args:
        path: of the folder.

    Returns:
        The config, and for each part that it names the part's tensors without the prefix.

    Raises:
        InputError: a missing, truncated or foreign file, or an unknown format version.
    """
    config = check_model_folder(path)
    tensors: dict[str, dict[str, Tensor]] = {name: {} for name in PARTS if name in config}
    for key, tensor in read_safetensors(Path(path) / WEIGHTS).items():
        name, _, rest = key.partition(".")
        tensors[name][rest] = tensor
    return config, tensors


def with_tensors(build: Callable[[], M], tensors: Mapping[str, Tensor], *, field: str) -> M:
    """A new module with these tensors, which are compared with its own before it takes any memory.

    Raises:
        InputError: as for `load_tensors`.
    """
    with torch.device("meta"):
        check_tensors(build(), tensors, field=field)
    module = build()
    module.load_state_dict(dict(tensors))
    return module


def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor], *, field: str) -> None:
    """Copy tensors into a module that has exactly these.

    Raises:
        InputError: a missing or foreign name, another shape or type, or values that are not finite.
    """
    check_tensors(module, tensors, field=field)
    module.load_state_dict(dict(tensors))


def check_tensors(module: nn.Module, tensors: Mapping[str, Tensor], *, field: str) -> None:
    """Refuse tensors that are not exactly a module's; the module may live on the meta device.

    Raises:
        InputError: a missing or foreign name, another shape or type, or values that are not finite.
    """
    own = module.state_dict()
    missing, foreign = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or foreign:
        found = f"{len(missing)} tensors missing, {len(foreign)} foreign (first: {(missing + foreign)[0][:80]})"
        raise InputError(field, found, "the tensors that the config describes")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape or tensor.dtype != own[name].dtype:
            found = f"{name} of shape {tuple(tensor.shape)} and type {tensor.dtype}"
            raise InputError(field, found, f"shape {tuple(own[name].shape)} and type {own[name].dtype}")
        if not torch.isfinite(tensor).all():
            raise InputError(field, f"{name} with NaN or infinite values", "finite weights")


def read_safetensors(path: Path, *, field: str = "model") -> dict[str, Tensor]:
    """Tensors of a file that may come from a stranger.

    Args:
        path: of the file.
        field: the name that an error carries.

    Raises:
        InputError: not a whole safetensors file.
    """
    check_safetensors(path, field=field)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(field, f"{path} ({reason})", "a whole safetensors file") from None
