"""Outputs appear whole or not at all: write aside, then rename."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from spectremor.core.errors import InputError


def check_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output path that cannot be written.

    Raises:
        InputError: the parent folder is missing or not writable, or the path is a folder.
    """
    path = Path(path)
    parent = path.resolve().parent
    if not parent.is_dir():
        raise InputError(field, path, "a path in an existing folder")
    if path.is_dir():
        raise InputError(field, path, "a file path, not an existing folder")
    if not os.access(parent, os.W_OK):
        raise InputError(field, path, "a path in a folder that can be written")
    return path


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place only if the block succeeds."""
    path = Path(path)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise OSError(f"{path}: {error}") from error
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; swap it into place only if the block succeeds.

    A folder that was there before stays until the new one is in its place, whatever goes wrong.
    """
    path = Path(path)
    tag = uuid.uuid4().hex[:8]
    aside = path.with_name(f".{path.name}.{tag}.part")
    old = path.with_name(f".{path.name}.{tag}.old")
    aside.mkdir(parents=True)
    try:
        yield aside
        if path.exists():
            path.replace(old)
        aside.replace(path)
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
