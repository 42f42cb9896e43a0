"""Checks of a safetensors file by its header, before any tensor is read.

This module does not import torch, so that a bad file is refused at once.
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

#: Largest header; as Python objects it takes up to 30 times as much memory.
_MAX_HEADER_BYTES = 4 << 20
_MAX_WEIGHT_BYTES = 4 << 30
_MAX_TENSORS, _MAX_AXES = 20_000, 16
#: Bytes of a number, by the names of types in safetensors.
_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
_BYTES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8}


def check_safetensors(path: Path, *, field: str = "model") -> list[str]:
    """Names of the tensors in a safetensors file, after a check of its header and size.

    Args:
        path: path of the file.
        field: name of the input in an error message.

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
        entries = json.loads(header, object_pairs_hook=_each_once)
        if len(entries) > _MAX_TENSORS:
            raise InputError(field, f"{path} with {len(entries)} tensors", f"at most {_MAX_TENSORS}")
        places = {str(name): _checked_place(entry) for name, entry in entries.items() if name != "__metadata__"}
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise InputError(field, f"{path} (unreadable header)", allowed) from None
    begins, ends = ([place[k] for place in sorted(places.values())] for k in (0, 1))
    # The tensors must follow each other without gaps, from the end of the header to the end of the file.
    if [*begins, size - 8 - header_size] != [0, *ends]:
        raise InputError(field, f"{path} (truncated, or with foreign bytes)", allowed)
    return list(places)


def content_digest(path: Path) -> bytes:
    """Digest of the tensors in a safetensors file: of their names, types, shapes and values.

    The order of the tensors in the file, and other entries of its header, do not matter.

    Args:
        path: path of a file that has passed `check_safetensors`.
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


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name that is there twice")
    return entries


def _checked_place(entry: dict[str, Any]) -> tuple[int, int]:
    """First byte of a tensor and the byte after its last, counted from the end of the header."""
    (begin, end), shape = entry["data_offsets"], entry["shape"]
    # Each size is checked before their product, which takes minutes for a million long numbers.
    if len(shape) > _MAX_AXES or not all(type(n) is int and 0 <= n <= _MAX_WEIGHT_BYTES for n in shape):
        raise ValueError("impossible shape")
    if (
        not (type(begin) is int and type(end) is int and 0 <= begin <= end)
        or math.prod(shape) * _BYTES[entry["dtype"]] != end - begin
    ):
        raise ValueError("impossible size")
    return begin, end
