"""Files that a person names to be read: what is there is looked at before anything is opened."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from spectremor.core.errors import InputError

#: How text in UTF-16 begins, also that in little-endian UTF-32.
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def existing(path: str | Path, *, field: str, allowed: str, kind: str = "file") -> os.stat_result:
    """What the system says of a file or folder that is there, links followed.

    Args:
        path: that a person named.
        field: the name that an error carries.
        allowed: what an error says is allowed.
        kind: what an error calls that which is not there.

    Raises:
        InputError: nothing is there, links lead in a circle, the name is too long or no name, or a folder above it may
            not be entered.
    """
    try:
        return Path(path).stat()
    except FileNotFoundError:
        raise InputError(field, f"{path} (no such {kind})", allowed) from None
    except OSError as error:
        raise InputError(field, f"{path} ({error.strerror or type(error).__name__})", allowed) from None
    # A zero byte, or characters that this system's names cannot hold.
    except ValueError as error:
        raise InputError(field, f"{path} ({error})", allowed) from None


def regular_file(path: str | Path, *, field: str, allowed: str) -> Path:
    """The path of a regular file that is there and may be read.

    Args:
        path: that a person named.
        field: the name that an error carries.
        allowed: what an error says is allowed.

    Raises:
        InputError: as `existing`; or a folder, a device, a pipe or a socket (which may have no end), or a file that may
            not be read.
    """
    there = existing(path, field=field, allowed=allowed)
    if stat.S_ISDIR(there.st_mode):
        raise InputError(field, f"{path} (a folder)", allowed)
    if not stat.S_ISREG(there.st_mode):
        raise InputError(field, f"{path} (a device, pipe or socket)", allowed)
    if not os.access(path, os.R_OK):
        raise InputError(field, f"{path} (Permission denied)", allowed)
    return Path(path)


def existing_file(path: str | Path, *, field: str, allowed: str) -> Path:
    """As `regular_file`, and not empty.

    Raises:
        InputError: as `regular_file`, or empty.
    """
    path = regular_file(path, field=field, allowed=allowed)
    if path.stat().st_size == 0:
        raise InputError(field, f"{path} (empty)", allowed)
    return path


def existing_folder(path: str | Path, *, field: str, allowed: str) -> Path:
    """The path of a folder that is there and may be entered.

    Raises:
        InputError: as `existing`; or no folder, or one that may not be read.
    """
    there = existing(path, field=field, allowed=allowed, kind="folder")
    if not stat.S_ISDIR(there.st_mode):
        raise InputError(field, f"{path} (a file)", allowed)
    if not os.access(path, os.R_OK | os.X_OK):
        raise InputError(field, f"{path} (Permission denied)", allowed)
    return Path(path)


def read_small_file(path: str | Path, *, field: str, allowed: str, most_bytes: int) -> bytes:
    """The bytes of a regular file that is small.

    Args:
        path: that a person named.
        field: the name that an error carries.
        allowed: what an error says is allowed.
        most_bytes: a larger one is refused before it is read.

    Raises:
        InputError: as `regular_file`, or too large.
    """
    path = regular_file(path, field=field, allowed=allowed)
    try:
        with path.open("rb") as stream:
            # Not as long as the system said: it may grow meanwhile.
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise InputError(field, f"{path} ({error.strerror or type(error).__name__})", allowed) from None
    if len(content) > most_bytes:
        raise InputError(field, f"{path} of more than {most_bytes} bytes", f"at most {most_bytes} bytes")
    return content


def text_of(content: bytes, path: str | Path, *, field: str, allowed: str) -> str:
    """UTF-8 text, without the byte order mark that spreadsheets write in front.

    Args:
        content: of a file.
        path: what an error calls the file.
        field: the name that an error carries.
        allowed: what an error says is allowed.

    Raises:
        InputError: another encoding, which is named where a mark tells it, or no text.
    """
    if content.startswith(UTF_16_MARKS):
        raise InputError(field, f"{path} (UTF-16 text: save it as UTF-8)", allowed)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(field, f"{path} (not UTF-8 text)", allowed) from None
    if "\x00" in text:
        raise InputError(field, f"{path} (not text)", allowed)
    return text


def table_rows(lines: Sequence[str], separator: str, *, field: str, path: str | Path, allowed: str) -> list[list[str]]:
    """The cells of a table's lines, without blanks around them.

    Args:
        lines: of the file.
        separator: of the cells.
        field: the name that an error carries.
        path: that a person named.
        allowed: what an error says is allowed.

    Raises:
        InputError: a cell that is too long, or a character that no table has.
    """
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error as error:
        raise InputError(field, f"{path} ({error})", allowed) from None
