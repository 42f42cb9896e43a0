"""A zarr store on disk from which nothing is read before it is known what it unpacks to.

Every byte that zarr reads of a store comes through `BoundedStore.get`: metadata is small and asks only for codecs of a
fixed list, each at most once; a chunk is a regular file, and what it unpacks to is no more than its array says.
"""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

from spectremor.core.errors import InputError
from spectremor.core.text import printable
from spectremor.data.inflation import GZIP, inflates_beyond

#: A group's or an array's description; that of an import of many thousand files takes 1 MB.
MAX_METADATA_BYTES = 8 << 20
#: What an array's chunk may be in memory; as many numbers as any array that is read.
MAX_CHUNK_BYTES = 8 << 29
_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
_COMPRESSORS = ("blosc", "gzip", "zstd")
_CODECS = ("bytes", "transpose", "crc32c", *_COMPRESSORS)


class BoundedStore(WrapperStore[LocalStore]):
    """Read-only; refuses what is too large with an `InputError` of the field `store`."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        #: Of each array that was opened: bytes of a chunk, and the codec that packs it.
        self._chunks: dict[str, tuple[int, str | None]] = {}

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """What a file of the store holds, or None where there is none."""
        name, _, last = key.rpartition("/")
        if last in _METADATA:
            _check_file(self._store.root / key, MAX_METADATA_BYTES)
            content = await super().get(key, prototype, byte_range)
            if content is not None and last == "zarr.json":
                self._note(name, content.to_bytes(), self._store.root / key)
            return content
        name = next((array for array in self._chunks if key.startswith(f"{array}/")), "")
        path = self._store.root / key
        if name not in self._chunks:
            # Of an array that cannot be judged, a type that numpy does not know for example, nothing is read.
            if path.exists():
                raise InputError("store", f"{path}, a chunk of an unknown kind", "arrays of numbers")
            return None
        declared, codec = self._chunks[name]
        if declared > MAX_CHUNK_BYTES:
            raise InputError("store", f"{path}, a chunk of {declared} bytes", f"at most {MAX_CHUNK_BYTES} bytes")
        # Incompressible data grow by a little.
        _check_file(path, declared + declared // 64 + 1024)
        content = await super().get(key, prototype, byte_range)
        if content is not None:
            _check_chunk(content.to_bytes(), declared, codec, path)
        return content

    def _note(self, name: str, content: bytes, path: Path) -> None:
        try:
            described = json.loads(content)
            if described.get("node_type") == "array":
                codec = _packing(described, path)
                self._chunks[name] = _chunk_bytes(described), codec
        except InputError:
            raise
        # zarr itself says what is wrong with metadata of another shape; RecursionError: brackets without end.
        except RecursionError:
            raise InputError("store", f"{path} (too deep)", "a whole store") from None
        except (ValueError, TypeError, KeyError, LookupError, AttributeError, OverflowError):
            self._chunks.pop(name, None)


def _check_file(path: Path, most: int) -> None:
    """Refuse devices, pipes and files that are too large; those that are not there read as fill values."""
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(there.st_mode):
        return
    if not stat.S_ISREG(there.st_mode):
        raise InputError("store", f"{path} (a device, pipe or socket)", "regular files")
    if there.st_size > most:
        raise InputError("store", f"{path} of {there.st_size} bytes", f"at most {most} bytes")


def _chunk_bytes(described: dict[str, Any]) -> int:
    shape = described["chunk_grid"]["configuration"]["chunk_shape"]
    kind = described["data_type"]
    # Texts and the like: no reader here wants them, and their arrays are never opened.
    size = np.dtype(kind).itemsize if isinstance(kind, str) and kind != "string" else 0
    return math.prod(int(n) for n in shape) * size


def _packing(described: dict[str, Any], path: Path) -> str | None:
    """The one codec that packs an array's chunks.

    Raises:
        InputError: an unknown codec, one that is there twice, or several that pack.
    """
    codecs = [codec["name"] for codec in described["codecs"]]
    packing = [codec for codec in codecs if codec in _COMPRESSORS]
    if len(set(codecs)) < len(codecs) or len(packing) > 1 or not set(codecs) <= set(_CODECS):
        allowed = f"each of {', '.join(_CODECS)} at most once, one of {', '.join(_COMPRESSORS)}"
        raise InputError("store", f"{path} with codecs {printable(', '.join(map(str, codecs)), 200)}", allowed)
    return packing[0] if packing else None


def _check_chunk(data: bytes, declared: int, codec: str | None, path: Path) -> None:
    # A checksum adds 4 bytes.
    most = declared + 4
    beyond = False
    if codec == "blosc":
        # Bytes 4 to 7 of Blosc's header say how many bytes it unpacks to, and it makes no more.
        beyond = int.from_bytes(data[4:8], "little") > most
    elif codec == "gzip":
        beyond = inflates_beyond(data, most, GZIP)
    elif codec == "zstd":
        beyond = _zstd_bytes(data) > most
    if beyond:
        found = f"{path} of {len(data)} bytes that unpacks to more than its array says"
        raise InputError("store", found, f"at most {most} bytes")


def _zstd_bytes(data: bytes) -> float:
    """What a Zstandard frame says that it unpacks to (RFC 8878, 3.1.1.1); infinite where it does not say."""
    if len(data) < 6 or data[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    flags = data[4]
    single, size_flag = flags >> 5 & 1, flags >> 6
    length = (single, 2, 4, 8)[size_flag]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    if length == 0 or len(data) < start + length:
        return math.inf
    return int.from_bytes(data[start : start + length], "little") + (256 if length == 2 else 0)
