"""A safetensors file seen from outside: its header, judged before any tensor is read.

Nothing here needs torch, so that a file that is no good is refused at once.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from spectremor.core.errors import InputError
from spectremor.core.reading import regular_file

#: As Python objects a header is up to 30 times as large.
_MAX_HEADER_BYTES = 4 << 20
_MAX_WEIGHT_BYTES = 4 << 30
_MAX_TENSORS, _MAX_AXES = 20_000, 16
#: Of each number, by safetensors' names of types.
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
_BYTES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8}


def check_safetensors(path: Path, *, field: str = "model") -> list[str]:
    """Names in a safetensors file, from its header alone, after refusing what cannot be a whole one.

    Args:
        path: of the file.
        field: the name that an error carries.

    Raises:
        InputError: missing, too small, too large, not of this format, or shorter than its header says.
    """
    allowed = "a whole safetensors file"
    size = regular_file(path, field=field, allowed=allowed).stat().st_size
    if not 10 <= size <= _MAX_WEIGHT_BYTES:
        raise InputError(field, f"{path} of {size} bytes", allowed)
    with path.open("rb") as file:
        (header_size,) = struct.unpack("<Q", file.read(8))
        if not 2 <= header_size <= min(_MAX_HEADER_BYTES, size - 8):
            raise InputError(field, f"{path} (without a safetensors header)", allowed)
        header = file.read(header_size)
    try:
        entries = json.loads(header)
        if len(entries) > _MAX_TENSORS:
            raise InputError(field, f"{path} with {len(entries)} tensors", f"at most {_MAX_TENSORS}")
        ends = {str(name): _checked_end(entry) for name, entry in entries.items() if name != "__metadata__"}
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise InputError(field, f"{path} (unreadable header)", allowed) from None
    if 8 + header_size + max(ends.values(), default=0) != size:
        raise InputError(field, f"{path} (truncated, or with foreign bytes)", allowed)
    return list(ends)


def content_digest(path: Path) -> bytes:
    """Digest of the tensors in a safetensors file: of their names, types, shapes and values.

    The order of the tensors in the file and what else its header says play no part. The file has been checked
    (`check_safetensors`).

    Args:
        path: of the file.
    """
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    entries = json.loads(content[8:start])
    digest = hashlib.sha256()
    for name in sorted(entries.keys() - {"__metadata__"}):
        entry = entries[name]
        begin, end = entry["data_offsets"]
        digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
        digest.update(memoryview(content)[start + begin : start + end])
    return digest.digest()


def _checked_end(entry: dict[str, Any]) -> int:
    (begin, end), shape = entry["data_offsets"], entry["shape"]
    # The sizes one by one first: the product of a million long numbers takes minutes.
    if len(shape) > _MAX_AXES or not all(type(n) is int and 0 <= n <= _MAX_WEIGHT_BYTES for n in shape):
        raise ValueError("impossible shape")
    if not 0 <= begin <= end or math.prod(shape) * _BYTES[entry["dtype"]] != end - begin:
        raise ValueError("impossible size")
    return int(end)
