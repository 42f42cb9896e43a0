"""A model folder seen from outside: its config and the header of its weights, judged before any weight is read.

Nothing here needs torch, so that a folder that is no good is refused at once.
"""

from __future__ import annotations

import contextlib
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
#: The first two make stage 1: a network, a simulation, or a network on top of a simulation that it corrects.
PARTS = ("surrogate", "simulation", "diffusion")
STAGE1_PARTS = PARTS[:2]

_MAX_CONFIG_BYTES = 1 << 20
_MAX_HEADER_BYTES = 16 << 20
_MAX_WEIGHT_BYTES = 4 << 30


def check_model_folder(path: str | Path) -> dict[str, Any]:
    """The config of a model folder whose files can be what they say.

    Args:
        path: of the folder.

    Raises:
        InputError: a missing, truncated or foreign file, an unknown format version, or tensors of no part.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError("model", folder, f"a folder with {CONFIG} and {WEIGHTS}")
    config = _read_config(folder / CONFIG)
    parts = [name for name in PARTS if name in config]
    for key in check_safetensors(folder / WEIGHTS):
        name, _, rest = key.partition(".")
        if name not in parts or not rest:
            raise InputError(
                "model", f"{folder / WEIGHTS} (tensor {key[:80]})", f"names that start with one of {parts}"
            )
    return config


def check_safetensors(path: Path, *, field: str = "model") -> list[str]:
    """Names in a safetensors file, from its header alone, after refusing what cannot be a whole one.

    Args:
        path: of the file.
        field: the name that an error carries.

    Raises:
        InputError: missing, too small, too large, not of this format, or shorter than its header says.
    """
    allowed = "a whole safetensors file"
    if not path.is_file():
        raise InputError(field, f"{path} (missing)", allowed)
    size = path.stat().st_size
    if not 10 <= size <= _MAX_WEIGHT_BYTES:
        raise InputError(field, f"{path} of {size} bytes", allowed)
    with path.open("rb") as file:
        (header_size,) = struct.unpack("<Q", file.read(8))
        if not 2 <= header_size <= min(_MAX_HEADER_BYTES, size - 8):
            raise InputError(field, f"{path} (without a safetensors header)", allowed)
        header = file.read(header_size)
    try:
        entries = json.loads(header)
        ends = {str(name): _checked_end(entry) for name, entry in entries.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise InputError(field, f"{path} (unreadable header)", allowed) from None
    if 8 + header_size + max(ends.values(), default=0) != size:
        raise InputError(field, f"{path} (truncated, or with foreign bytes)", allowed)
    return list(ends)


@contextlib.contextmanager
def part_of(folder: str | Path, part: str) -> Iterator[None]:
    """While a part is made from what a folder holds: what is wrong with its config or tensors names the folder too.

    Raises:
        InputError: `model`, with the folder, the part and what is wrong with it.
    """
    try:
        yield
    except InputError as error:
        where = error.field if error.field.startswith(part) else f"{part}, {error.field}"
        raise InputError("model", f"{folder} ({where}: {error.value})", error.allowed) from None


def _checked_end(entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end or math.prod(entry["shape"]) > _MAX_WEIGHT_BYTES:
        raise ValueError("impossible size")
    return int(end)


def _read_config(path: Path) -> dict[str, Any]:
    allowed = f"a JSON object with format_version {FORMAT_VERSION}"
    if not path.is_file():
        raise InputError("model", f"{path} (missing)", allowed)
    if path.stat().st_size > _MAX_CONFIG_BYTES:
        raise InputError("model", f"{path} of {path.stat().st_size} bytes", f"at most {_MAX_CONFIG_BYTES} bytes")
    try:
        config = json.loads(path.read_text())
    except (ValueError, RecursionError, OSError):
        raise InputError("model", f"{path} (not JSON)", allowed) from None
    if not isinstance(config, dict) or config.get("format_version") != FORMAT_VERSION:
        found = f"format_version {config.get('format_version')}" if isinstance(config, dict) else "no JSON object"
        raise InputError("model", f"{path} ({found})", allowed)
    parts = [name for name in PARTS if name in config]
    if not parts or not all(isinstance(config[name], dict) for name in parts):
        raise InputError("model", f"{path} (no part)", f"an object for at least one of {', '.join(PARTS)}")
    return config
