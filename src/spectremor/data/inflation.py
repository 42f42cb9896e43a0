"""How many bytes a compressed stream becomes, found without keeping them: a few kB can stand for many GB."""

from __future__ import annotations

import zlib

#: Bytes made at a time.
_PIECE = 1 << 20
#: Window bits that zlib takes for its own streams and for gzip's.
ZLIB, GZIP = 15, 31
#: Most that a byte of a deflate stream can become (RFC 1951: 258 bytes by two bits).
DEFLATE_RATIO = 1032


def inflates_beyond(data: bytes, limit: int, kind: int) -> bool:
    """Whether a deflate stream becomes more bytes than a limit; memory stays at a few MB whatever it becomes.

    Args:
        data: the stream; a damaged one counts up to where it breaks.
        limit: in bytes.
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
