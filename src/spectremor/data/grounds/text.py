"""Text files of numbers, bounded before they are read."""

from __future__ import annotations

from pathlib import Path

from spectremor.core.errors import InputError
from spectremor.core.reading import existing_file, read_small_file, text_of

#: Limit far above the size of any list of layers.
SMALL_FILE_BYTES = 1 << 20


def read_text(path: Path, *, allowed: str, field: str = "geology", most_bytes: int = SMALL_FILE_BYTES) -> str:
    """The text of a small file, without a byte order mark.

    Raises:
        InputError: missing, empty, too large, or no text.
    """
    existing_file(path, field=field, allowed=allowed)
    content = read_small_file(path, field=field, allowed=allowed, most_bytes=most_bytes)
    return text_of(content, path, field=field, allowed=allowed)


def number(text: str, field: str) -> float:
    """A finite number with a decimal point.

    Raises:
        InputError: names the field.
    """
    try:
        value = float(text)
    except ValueError:
        allowed = "a number with a decimal point" if "," in text else "a number"
        raise InputError(field, repr(text.strip())[:60], allowed) from None
    if not -1e300 < value < 1e300:
        raise InputError(field, text.strip()[:60], "a finite number")
    return value
