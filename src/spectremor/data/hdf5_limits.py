"""Limits on the memory that an HDF5 file may take, checked from its headers before anything is unpacked.

A file of a few kB can unpack to many GB: by several filters on one array, by a compressed chunk that is longer than
declared, by chunks that were never written, by millions of tiny chunks (HDF5 keeps about 3 kB for each that it reads),
or by many texts of variable length that share the same bytes. `check_limits` bounds all of this, and every reader of
the project opens its files through it (`hdf5.open_hdf5`). Only the root group counts where nothing else is read.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.text import printable
from spectremor.data.inflation import DEFLATE_RATIO, ZLIB, inflates_beyond

#: Memory that a file of any size may take, at 8 bytes a number: a geology of 512 x 512 x 512 and its axes.
MIN_UNPACKED_BYTES = (1 << 30) + (1 << 26)
#: Memory that a file may take as a multiple of its size, where that is more.
MAX_RATIO = 64
#: Largest number of chunks of all arrays together, written or not.
MAX_CHUNKS = 1 << 17
#: Largest size of all attributes of a file, its arrays and groups together, in bytes.
MAX_ATTRIBUTE_BYTES = 1 << 26

#: Allowed filters, by HDF5's number: name, and largest number of bytes that one stored byte can unpack to.
_FILTERS = {1: ("deflate", DEFLATE_RATIO), 2: ("shuffle", 1), 3: ("fletcher32", 1), 32000: ("lzf", 132)}
_COMPRESSORS = (1, 32000)
#: A chunk that cannot exceed its declared size by more than this many bytes is not unpacked for a check.
_CHUNK_SLACK = 1 << 26
#: Bytes of a file that are searched at a time.
_BLOCK = 1 << 24
#: Headers of global heap collections, which hold texts of variable length (the group is the collection's size), and of
#: fractal heaps with filters, which hold attributes and links.
_COLLECTION = re.compile(rb"GCOL\x01...(.{8})", re.DOTALL)
_FILTERED_TABLE = re.compile(rb"FRHP\x00..(?!\x00\x00)[\x00-\xff][\x00-\x0f]", re.DOTALL)
_OVERLAP = 15


def check_limits(file: h5py.File, *, field: str, groups: bool = False) -> None:
    """Refuse a file that could take more memory than a file of its size may.

    Args:
        file: a file that is open for reading.
        field: name of the input in an error message.
        groups: whether groups below the root are read too; links, and data outside the file, are then refused.

    Raises:
        InputError: a filter that is unknown, or repeated on one array; a chunk that unpacks to more than declared, or
            lies beyond the file; too many chunks, attributes or numbers.
    """
    size = Path(file.filename).stat().st_size
    longest = longest_text(file, field=field)
    items = _all_items(file, field) if groups else _items(file)
    arrays = {key: item for key, item in items.items() if isinstance(item, h5py.Dataset)}
    for key, array in arrays.items():
        _check_array(array, size, f"{field}.{printable(key, 80)}")
    chunks = sum(map(_chunk_count, arrays.values()))
    if chunks > MAX_CHUNKS:
        raise InputError(field, f"{file.filename} with {chunks} chunks", f"at most {MAX_CHUNKS}")
    attributes = sum(_attribute_bytes(item, longest) for item in (file, *items.values()))
    if attributes > MAX_ATTRIBUTE_BYTES:
        found = f"{file.filename} with attributes of up to {attributes / 2**20:.0f} MB"
        raise InputError(field, found, f"at most {MAX_ATTRIBUTE_BYTES >> 20} MB")
    unpacked = sum(array_bytes(array, longest) for array in arrays.values())
    most = max(MIN_UNPACKED_BYTES, MAX_RATIO * size)
    if unpacked > most:
        found = f"{file.filename} of {size} bytes that becomes up to {unpacked / 2**20:.0f} MB in memory"
        raise InputError(field, found, f"at most {most / 2**20:.0f} MB of numbers for a file of this size")


def array_bytes(array: h5py.Dataset, longest: int) -> int:
    """An upper bound of an array's memory while it is read; chunks are unpacked whole, even one larger than the array.

    Args:
        array: an array; its numbers count as 8 bytes, since scaled integers are read as 8-byte floats.
        longest: length of the file's longest text, in bytes.
    """
    return stored_numbers(array) * _element_bytes(array.dtype, longest)


def stored_numbers(array: h5py.Dataset) -> int:
    """The largest count of an array's numbers that are in memory at once while it is read."""
    return 0 if array.shape is None else max(math.prod(array.shape), math.prod(array.chunks or ()))


def _items(file: h5py.File) -> dict[str, Any]:
    """The entries of the root group; links are left out."""
    return {key: file[key] for key in file if isinstance(file.get(key, getlink=True), h5py.HardLink)}


def _all_items(file: h5py.File, field: str) -> dict[str, Any]:
    """All groups and arrays of a file by path, each once however many names it has.

    Raises:
        InputError: a soft or external link, data outside the file, or too many names.
    """
    items: dict[str, Any] = {}
    addresses: set[Any] = set()
    waiting: list[tuple[str, Any]] = [("", file)]
    names = 0
    while waiting:
        path, group = waiting.pop()
        for key in group:
            names += 1
            where = f"{path}/{key}"
            if names > MAX_CHUNKS:
                raise InputError(field, f"{file.filename} with more than {MAX_CHUNKS} names", f"at most {MAX_CHUNKS}")
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise InputError(f"{field}.{printable(where, 80)}", "a link", "data in the file itself")
            item = group[key]
            if isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                raise InputError(
                    f"{field}.{printable(where, 80)}", "data stored outside the file", "data in the file itself"
                )
            info = h5py.h5o.get_info(item.id)
            if (info.fileno, info.addr) in addresses:
                continue
            addresses.add((info.fileno, info.addr))
            items[where] = item
            if isinstance(item, h5py.Group):
                waiting.append((where, item))
    return items


def _check_array(array: h5py.Dataset, size: int, field: str) -> None:
    if array.shape is None or array.is_virtual or array.external:
        return
    if array.chunks is None:
        return
    filters = _filters(array, field)
    if _chunk_count(array) <= MAX_CHUNKS:
        for chunk in _chunks(array):
            _check_chunk(array, chunk, filters, size, field)


def _filters(array: h5py.Dataset, field: str) -> list[int]:
    """Numbers of an array's filters, in the order of writing."""
    plist = array.id.get_create_plist()
    entries = [plist.get_filter(k) for k in range(plist.get_nfilters())]
    codes = [int(code) for code, *_ in entries]
    names = [_FILTERS[c][0] if c in _FILTERS else f"filter {c}" for c in codes]
    compressors = [code for code in codes if code in _COMPRESSORS]
    if len(set(codes)) < len(codes) or len(compressors) > 1 or not set(codes) <= set(_FILTERS):
        allowed = f"each of {', '.join(name for name, _ in _FILTERS.values())} at most once, one of deflate and lzf"
        raise InputError(field, f"filters {', '.join(names)}", allowed)
    return codes


def _chunk_count(array: h5py.Dataset) -> int:
    if array.shape is None or array.chunks is None:
        return 0
    return math.prod(-(-n // c) for n, c in zip(array.shape, array.chunks, strict=True))


def _chunks(array: h5py.Dataset) -> list[Any]:
    """Each written chunk: its offset in the array, mask of skipped filters, position and length in the file."""
    chunks: list[Any] = []
    if not hasattr(array.id, "chunk_iter"):  # h5py on an HDF5 older than 1.14
        return [array.id.get_chunk_info(k) for k in range(array.id.get_num_chunks())]
    array.id.chunk_iter(chunks.append)
    return chunks


def _check_chunk(array: h5py.Dataset, chunk: Any, filters: list[int], size: int, field: str) -> None:
    """Refuse a chunk that unpacks to more bytes than the array's chunk shape allows."""
    if chunk.byte_offset is None or chunk.byte_offset + chunk.size > size:
        raise InputError(field, "a chunk beyond the end of the file", "data in the file itself")
    used = [code for k, code in enumerate(filters) if not chunk.filter_mask >> k & 1]
    ratio = math.prod(_FILTERS[code][1] for code in used)
    # A checksum adds 4 bytes.
    declared = math.prod(array.chunks) * array.id.get_type().get_size() + 4
    if chunk.size * ratio <= declared + _CHUNK_SLACK:
        return
    if 1 in used:
        _, stored = array.id.read_direct_chunk(chunk.chunk_offset)
        beyond = inflates_beyond(stored, declared, ZLIB)
    else:
        beyond = True
    if beyond:
        raise InputError(field, f"a chunk of {chunk.size} bytes that unpacks to more", f"at most {declared} bytes")


def _attribute_bytes(item: Any, longest: int) -> int:
    total = 0
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        try:
            kind = attribute.dtype
        # A type that h5py does not know: nothing reads it, and it takes as many bytes as in the file.
        except TypeError:
            total += int(attribute.get_storage_size())
            continue
        total += math.prod(attribute.shape or ()) * _element_bytes(kind, longest)
    return total


def _element_bytes(kind: np.dtype[Any], longest: int) -> int:
    """An upper bound of the memory of one element of a type; `longest`: bytes of the longest text."""
    if kind.subdtype is not None:
        base, shape = kind.subdtype
        return math.prod(shape) * _element_bytes(base, longest)
    if kind.fields:
        return sum(_element_bytes(part[0], longest) for part in kind.fields.values())
    if h5py.check_ref_dtype(kind) is not None:
        return 64
    inner = None if h5py.check_string_dtype(kind) else h5py.check_vlen_dtype(kind)
    if inner is not None and inner.hasobject:
        # Lists of references, as every axis of a NetCDF file has, or of lists: each entry takes at least a byte.
        return 64 * longest if h5py.check_ref_dtype(inner) else longest * _element_bytes(inner, longest)
    return longest if kind.kind == "O" else max(kind.itemsize, 8)


def longest_text(file: h5py.File, *, field: str) -> int:
    """An upper bound of the bytes of any text, or list, of variable length in a file.

    They lie in global heap collections, whose headers state the sizes; the file is searched for these headers.

    Raises:
        InputError: a table of attributes or links that is packed by filters.
    """
    _, length_bytes = file.id.get_create_plist().get_sizes()
    longest = 0
    with Path(file.filename).open("rb") as stream:
        tail = b""
        while block := stream.read(_BLOCK):
            block = tail + block
            if _FILTERED_TABLE.search(block):
                raise InputError(field, f"{file.filename} (attributes or links packed by filters)", "plain ones")
            for match in _COLLECTION.finditer(block):
                longest = max(longest, int.from_bytes(match[1][:length_bytes], "little"))
            tail = block[-_OVERLAP:]
    return min(longest, Path(file.filename).stat().st_size)
