"""A safetensors file seen from outside: its header, judged before any tensor is read.

Nothing here needs torch, so that a file that is no good is refused at once.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError

_MAX_HEADER_BYTES = 16 << 20
_MAX_WEIGHT_BYTES = 4 << 30


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


def _checked_end(entry: dict[str, Any]) -> int:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end or math.prod(entry["shape"]) > _MAX_WEIGHT_BYTES:
        raise ValueError("impossible size")
    return int(end)
