"""A zarr store on disk that checks the unpacked size of every chunk before it is unpacked.

zarr reads every byte of a store through `BoundedStore.get`. Metadata must be small and name only codecs of a fixed
list, each at most once; a chunk must be a regular file that unpacks to no more bytes than its array declares.
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

#: Largest metadata file; that of an import of many thousand files takes 1 MB.
MAX_METADATA_BYTES = 8 << 20
#: Largest chunk in memory: as many numbers as the largest array that is read, at 8 bytes each.
MAX_CHUNK_BYTES = 8 << 29
_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
_COMPRESSORS = ("blosc", "gzip", "zstd")
_CODECS = ("bytes", "transpose", "crc32c", *_COMPRESSORS)


class BoundedStore(WrapperStore[LocalStore]):
    """A read-only store that refuses too large files and chunks with an `InputError` of the field `store`."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        #: For each opened array: bytes of an unpacked chunk, and the compressor.
        self._chunks: dict[str, tuple[int, str | None]] = {}

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The content of a file of the store, or None where the file is missing."""
        name, _, last = key.rpartition("/")
        if last in _METADATA:
            _check_file(self._store.root / key, MAX_METADATA_BYTES)
            content = await super().get(key, prototype, byte_range)
            if content is not None and last == "zarr.json":
                self._record_chunks(name, content.to_bytes(), self._store.root / key)
            return content
        name = next((array for array in self._chunks if key.startswith(f"{array}/")), "")
        path = self._store.root / key
        if name not in self._chunks:
            # Chunks of an array of unknown size (of a type that numpy does not know, for example) are not read.
            if path.exists():
                raise InputError("store", f"{path}, a chunk of an unknown kind", "arrays of numbers")
            return None
        declared, codec = self._chunks[name]
        if declared > MAX_CHUNK_BYTES:
            raise InputError("store", f"{path}, a chunk of {declared} bytes", f"at most {MAX_CHUNK_BYTES} bytes")
        # Incompressible data grow a little when they are packed.
        _check_file(path, declared + declared // 64 + 1024)
        content = await super().get(key, prototype, byte_range)
        if content is not None:
            _check_chunk(content.to_bytes(), declared, codec, path)
        return content

    def _record_chunks(self, name: str, content: bytes, path: Path) -> None:
        try:
            metadata = json.loads(content)
            if metadata.get("node_type") == "array":
                codec = _compressor_of(metadata, path)
                self._chunks[name] = _chunk_bytes(metadata), codec
        except InputError:
            raise
        # RecursionError: too many open brackets. Other invalid metadata are left for zarr to refuse.
        except RecursionError:
            raise InputError("store", f"{path} (too deep)", "a whole store") from None
        except (ValueError, TypeError, KeyError, LookupError, AttributeError, OverflowError):
            self._chunks.pop(name, None)


def _check_file(path: Path, most: int) -> None:
    """Refuse devices, pipes and files that are too large; missing files pass, which zarr reads as fill values."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise InputError("store", f"{path} (a device, pipe or socket)", "regular files")
    if status.st_size > most:
        raise InputError("store", f"{path} of {status.st_size} bytes", f"at most {most} bytes")


def _chunk_bytes(metadata: dict[str, Any]) -> int:
    shape = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    kind = metadata["data_type"]
    # Texts and other types: no reader uses them, and their arrays are never opened.
    size = np.dtype(kind).itemsize if isinstance(kind, str) and kind != "string" else 0
    return math.prod(int(n) for n in shape) * size


def _compressor_of(metadata: dict[str, Any], path: Path) -> str | None:
    """The compressor of an array's chunks, or None.

    Raises:
        InputError: an unknown or repeated codec, or several compressors.
    """
    codecs = [codec["name"] for codec in metadata["codecs"]]
    compressors = [codec for codec in codecs if codec in _COMPRESSORS]
    if len(set(codecs)) < len(codecs) or len(compressors) > 1 or not set(codecs) <= set(_CODECS):
        allowed = f"each of {', '.join(_CODECS)} at most once, one of {', '.join(_COMPRESSORS)}"
        raise InputError("store", f"{path} with codecs {printable(', '.join(map(str, codecs)), 200)}", allowed)
    return compressors[0] if compressors else None


def _check_chunk(data: bytes, declared: int, codec: str | None, path: Path) -> None:
    # A checksum adds 4 bytes.
    most = declared + 4
    beyond = False
    if codec == "blosc":
        # Bytes 4 to 7 of Blosc's header state the unpacked size, which Blosc never exceeds.
        beyond = int.from_bytes(data[4:8], "little") > most
    elif codec == "gzip":
        beyond = inflates_beyond(data, most, GZIP)
    elif codec == "zstd":
        beyond = _zstd_bytes(data) > most
    if beyond:
        found = f"{path} of {len(data)} bytes that unpacks to more than its array says"
        raise InputError("store", found, f"at most {most} bytes")


def _zstd_bytes(data: bytes) -> float:
    """The unpacked size that a Zstandard frame states (RFC 8878, 3.1.1.1); infinite where it states none."""
    if len(data) < 6 or data[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    flags = data[4]
    single, size_flag = flags >> 5 & 1, flags >> 6
    length = (single, 2, 4, 8)[size_flag]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    if length == 0 or len(data) < start + length:
        return math.inf
    return int.from_bytes(data[start : start + length], "little") + (256 if length == 2 else 0)
