"""The unpacked size of a compressed stream, checked in little memory: a few kB can unpack to many GB."""

from __future__ import annotations

import zlib

#: Bytes that are unpacked at a time.
_PIECE = 1 << 20
#: Window bits by which zlib is told to read zlib streams or gzip streams.
ZLIB, GZIP = 15, 31
#: Largest number of bytes to which one byte of a deflate stream can unpack (RFC 1951: 258 bytes from two bits).
DEFLATE_RATIO = 1032


def inflates_beyond(data: bytes, limit: int, kind: int) -> bool:
    """Whether a deflate stream unpacks to more bytes than a limit; this takes a few MB of memory, whatever its size.

    Args:
        data: the stream; a damaged one counts up to the damage.
        limit: number of bytes.
        kind: `ZLIB`, one stream as HDF5 stores it, or `GZIP`, one or several in a row.
    """
    if len(data) * DEFLATE_RATIO <= limit:
        return False
    total = 0
    while data:
        stream = zlib.decompressobj(kind)
        while not stream.eof:
            try:
                piece = stream.decompress(data, _PIECE)
            except zlib.error:
                return False
            total += len(piece)
            if total > limit:
                return True
            data = stream.unconsumed_tail
            if not piece and not data:
                return False
        data = stream.unused_data if kind == GZIP else b""
    return False
