"""Tensors of a module: read from untrusted safetensors files, and checked before the module takes any memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.data.safetensors_files import check_safetensors

M = TypeVar("M", bound=nn.Module)


def with_tensors(build: Callable[[], M], tensors: Mapping[str, Tensor], *, field: str) -> M:
    """A new module with the given tensors, which are checked before the module's parameters take any memory.

    No parameter is drawn at random first, and none takes torch's default type or device: the caller's random state and
    defaults do not change, and the module does not depend on them.

    Raises:
        InputError: as for `load_tensors`.
    """
    with torch.device("meta"):
        module = build().float()
    check_tensors(module, tensors, field=field)
    module.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, assign=True)
    return module


def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor], *, field: str) -> None:
    """Copy tensors into a module, which must have exactly these.

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
    expected = module.state_dict()
    missing, foreign = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or foreign:
        found = f"{len(missing)} tensors missing, {len(foreign)} foreign (first: {(missing + foreign)[0][:80]})"
        raise InputError(field, found, "the tensors that the config describes")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            found = f"{name} of shape {tuple(tensor.shape)} and type {tensor.dtype}"
            raise InputError(field, found, f"shape {tuple(expected[name].shape)} and type {expected[name].dtype}")
        if not torch.isfinite(tensor).all():
            raise InputError(field, f"{name} with NaN or infinite values", "finite weights")


def read_safetensors(path: Path, *, field: str = "model") -> dict[str, Tensor]:
    """Tensors of an untrusted file.

    Args:
        path: path of the file.
        field: name of the input in an error message.

    Raises:
        InputError: not a whole safetensors file.
    """
    check_safetensors(path, field=field)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(field, f"{path} ({reason})", "a whole safetensors file") from None
