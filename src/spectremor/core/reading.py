"""Files and folders that a user names as input: checks before anything is opened, and reading of small files."""

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
    """The `stat` result of an existing file or folder, with links followed.

    Args:
        path: as the user gave it.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.
        kind: what an error about a missing path calls it: file or folder.

    Raises:
        InputError: the path does not exist, is a loop of links, too long or no valid name, or a folder above it may
            not be entered.
    """
    try:
        return Path(path).stat()
    except FileNotFoundError:
        raise InputError(field, f"{path} (no such {kind})", allowed) from None
    except OSError as error:
        raise InputError(field, f"{path} ({error.strerror or type(error).__name__})", allowed) from None
    # A zero byte, or characters that file names of this system cannot hold.
    except ValueError as error:
        raise InputError(field, f"{path} ({error})", allowed) from None


def regular_file(path: str | Path, *, field: str, allowed: str) -> Path:
    """The path of an existing regular file that may be read.

    Args:
        path: as the user gave it.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: as `existing`; or a folder, a device, a pipe or a socket (which may have no end), or a file that may
            not be read.
    """
    status = existing(path, field=field, allowed=allowed)
    if stat.S_ISDIR(status.st_mode):
        raise InputError(field, f"{path} (a folder)", allowed)
    if not stat.S_ISREG(status.st_mode):
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
    """The path of an existing folder that may be read and entered.

    Raises:
        InputError: as `existing`; or no folder, or one that may not be read or entered.
    """
    status = existing(path, field=field, allowed=allowed, kind="folder")
    if not stat.S_ISDIR(status.st_mode):
        raise InputError(field, f"{path} (a file)", allowed)
    if not os.access(path, os.R_OK | os.X_OK):
        raise InputError(field, f"{path} (Permission denied)", allowed)
    return Path(path)


def read_small_file(path: str | Path, *, field: str, allowed: str, most_bytes: int) -> bytes:
    """The bytes of a small regular file.

    Args:
        path: as the user gave it.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.
        most_bytes: largest size; no more than one byte beyond it is read.

    Raises:
        InputError: as `regular_file`, or too large.
    """
    path = regular_file(path, field=field, allowed=allowed)
    try:
        with path.open("rb") as stream:
            # One more byte shows that the file is too large. The size by `stat` may be out of date.
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise InputError(field, f"{path} ({error.strerror or type(error).__name__})", allowed) from None
    if len(content) > most_bytes:
        raise InputError(field, f"{path} of more than {most_bytes} bytes", f"at most {most_bytes} bytes")
    return content


def text_of(content: bytes, path: str | Path, *, field: str, allowed: str) -> str:
    """UTF-8 text, without the byte order mark that spreadsheets write in front.

    Args:
        content: bytes of a file.
        path: the file, for the error message.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: another encoding (named where a byte order mark shows it), or no text.
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
        lines: lines of the file.
        separator: character between cells.
        field: name of the input in an error message.
        path: the file, for the error message.
        allowed: what is allowed, for the error message.

    Raises:
        InputError: a cell that is too long, or a character that a table may not contain.
    """
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error as error:
        raise InputError(field, f"{path} ({error})", allowed) from None
