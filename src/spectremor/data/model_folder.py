"""The model folder: config.json, model.safetensors and MODEL_CARD.md, written whole and read with suspicion.

Keys of the weights start with the name of the part they belong to (`surrogate.`, `diffusion.`), and `config.json` has
one entry of that name for each part. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
PARTS = ("surrogate", "diffusion")

_MAX_CONFIG_BYTES = 1 << 20
_MAX_HEADER_BYTES = 16 << 20
_MAX_WEIGHT_BYTES = 4 << 30


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
        parts: for each of "surrogate" and "diffusion" (either may be absent) its config and its tensors.
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
    folder = Path(path)
    if not folder.is_dir():
        raise InputError("model", folder, f"a folder with {CONFIG} and {WEIGHTS}")
    config = _read_config(folder / CONFIG)
    flat = read_safetensors(folder / WEIGHTS)
    tensors: dict[str, dict[str, Tensor]] = {name: {} for name in PARTS if name in config}
    for key, tensor in flat.items():
        name, _, rest = key.partition(".")
        if name not in tensors or not rest:
            raise InputError("model weights", f"tensor {key[:80]}", f"names starting with one of {sorted(tensors)}")
        tensors[name][rest] = tensor
    return config, tensors


def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor], *, field: str) -> None:
    """Copy tensors into a module that has exactly these.

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
    module.load_state_dict(dict(tensors))


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a file that may come from a stranger.

    Raises:
        InputError: not a whole safetensors file.
    """
    check_safetensors(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError("model weights", f"{path} ({_one_line(error)})", "a whole safetensors file") from None


def check_safetensors(path: Path) -> None:
    """Refuse what cannot be a whole safetensors file, from its header alone, before anything is read.

    Raises:
        InputError: missing, too small, too large, not of this format, or shorter than its header says.
    """
    allowed = "a whole safetensors file"
    if not path.is_file():
        raise InputError("model weights", f"{path} is missing", allowed)
    size = path.stat().st_size
    if not 10 <= size <= _MAX_WEIGHT_BYTES:
        raise InputError("model weights", f"{path} of {size} bytes", allowed)
    with path.open("rb") as file:
        (header_size,) = struct.unpack("<Q", file.read(8))
        if not 2 <= header_size <= min(_MAX_HEADER_BYTES, size - 8):
            raise InputError("model weights", f"{path}: no such header", allowed)
        header = file.read(header_size)
    try:
        entries = json.loads(header)
        ends = [_checked_end(entry) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError("model weights", f"{path}: unreadable header", allowed) from None
    if 8 + header_size + max(ends, default=0) != size:
        raise InputError("model weights", f"{path}: truncated or with foreign bytes", allowed)


def _checked_end(entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end or math.prod(entry["shape"]) > _MAX_WEIGHT_BYTES:
        raise ValueError("impossible size")
    return int(end)


def _read_config(path: Path) -> dict[str, Any]:
    allowed = f"a JSON object with format_version {FORMAT_VERSION}"
    if not path.is_file():
        raise InputError("model config", f"{path} is missing", allowed)
    if path.stat().st_size > _MAX_CONFIG_BYTES:
        raise InputError("model config", f"{path} of {path.stat().st_size} bytes", f"at most {_MAX_CONFIG_BYTES} bytes")
    try:
        config = json.loads(path.read_text())
    except (ValueError, RecursionError, OSError):
        raise InputError("model config", f"{path}: not JSON", allowed) from None
    if not isinstance(config, dict) or config.get("format_version") != FORMAT_VERSION:
        found = config.get("format_version") if isinstance(config, dict) else type(config).__name__
        raise InputError("model config", f"{path}: format_version {found}", allowed)
    if not any(isinstance(config.get(name), dict) for name in PARTS):
        raise InputError("model config", f"{path}: no part", f"an entry for at least one of {PARTS}")
    return config


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
