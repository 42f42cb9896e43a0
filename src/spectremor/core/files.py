"""Outputs appear whole or not at all: write aside, then rename."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from spectremor.core.errors import InputError


def check_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output path that cannot be written.

    Raises:
        InputError: the parent folder is missing or not writable, or the path is a folder, a device or a pipe.
    """
    path = Path(path)
    try:
        target = _target(path, field)
        if not target.parent.is_dir():
            raise InputError(field, path, "a path in an existing folder")
        _try_to_write(aside_of(target))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(field, f"{path} ({reason})", "a path that can be written") from None
    return path


def check_output(path: str | Path, *inputs: str | Path | None, field: str = "out") -> Path:
    """As `check_writable`, and refuse to write over what the same command reads.

    Raises:
        InputError: as `check_writable`; or the path is, or lies in, one of the inputs.
    """
    target = Path(path).resolve()
    for given in inputs:
        if given is not None and Path(given).exists():
            source = Path(given).resolve()
            if source in (target, *target.parents) or (target.exists() and target.samefile(source)):
                raise InputError(field, path, f"another path than the input {given}")
    return check_writable(path, field=field)


def check_folder_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output folder that cannot be made; missing folders above it will be made too.

    Raises:
        InputError: the nearest folder above it that exists is not writable, or is a file.
    """
    path = Path(path)
    there = path.resolve().parent
    try:
        while not there.exists():
            there = there.parent
        _try_to_write(aside_of(there / path.name))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(field, f"{path} ({reason})", "a path where a folder can be made") from None
    return path


def check_result_folder(path: str | Path, names: Collection[str], kind: str, *, field: str = "out") -> Path:
    """Refuse, before any work, a folder that cannot hold a result or that holds anything else than an earlier one.

    Args:
        path: the folder.
        names: of all that a result puts into its folder.
        kind: whose folder would be replaced, for the message.
        field: what the person gave.

    Raises:
        InputError: says what is in the way.
    """
    path = check_folder_writable(path, field=field)
    allowed = f"a new folder, an empty one, or {kind}"
    if path.is_dir():
        others = sorted({child.name for child in path.iterdir()} - set(names))
        if others:
            raise InputError(field, f"{path}, which holds {others[0]}", allowed)
    elif path.exists():
        raise InputError(field, path, allowed)
    return path


def _try_to_write(path: Path) -> None:
    """Tried, not asked: permissions, read-only disks and names that are too long all show here, to any user."""
    try:
        path.touch(exist_ok=False)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _target(path: Path, field: str = "out") -> Path:
    """Where a file goes: behind links, which stay as they are. A rename would replace what is no regular file.

    Raises:
        InputError: a folder, a device, a pipe, or a link that leads back to itself.
    """
    try:
        target = path.resolve()
    except RuntimeError:
        raise InputError(field, f"{path} (a loop of links)", "a path that can be written") from None
    if target.is_dir():
        raise InputError(field, path, "a file path, not an existing folder")
    if target.exists() and not target.is_file():
        raise InputError(field, f"{path} (a device, pipe or socket)", "the path of a regular file, or of a new one")
    return target


def aside_of(path: Path) -> Path:
    """A new name beside `path` for what is not finished."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place only if the block succeeds.

    Raises:
        InputError: the path is a folder, a device or a pipe.
    """
    with atomic_files([path]) as (aside,):
        yield aside


@contextlib.contextmanager
def atomic_files(paths: Sequence[str | Path]) -> Iterator[list[Path]]:
    """Yield a temporary path beside each of `paths`; rename all into place if the block succeeds.

    When one cannot be renamed, those before it are taken back: what was there returns. Only a process that is killed
    between two renames leaves some of them: no file system renames several files at once.

    Raises:
        InputError: a path is a folder, a device or a pipe.
    """
    asides: list[Path] = []
    try:
        targets = [_target(Path(path)) for path in paths]
        asides += map(aside_of, targets)
        yield asides
        _move_in(asides, targets)
    except OSError as error:
        raise OSError(f"{', '.join(map(str, paths))}: {error}") from error
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


def _move_in(asides: list[Path], targets: list[Path]) -> None:
    olds = [aside.with_suffix(".old") for aside in asides]
    with contextlib.ExitStack() as undo:
        # The last one needs no way back: nothing can fail after it.
        for aside, target, old in zip(asides[:-1], targets[:-1], olds[:-1], strict=True):
            _keep(target, old, undo)
            aside.replace(target)
        asides[-1].replace(targets[-1])
        undo.pop_all()
    for old in olds:
        old.unlink(missing_ok=True)


def _keep(target: Path, old: Path, undo: contextlib.ExitStack) -> None:
    """Have what is at `target` now, if anything, put back there by `undo`."""
    if not target.exists():
        undo.callback(target.unlink, missing_ok=True)
        return
    undo.callback(_put_back, old, target)
    try:
        old.hardlink_to(target)
    except OSError:
        # A file system without hard links: the file is away for a moment.
        target.replace(old)


def _put_back(old: Path, target: Path) -> None:
    if old.exists():
        old.replace(target)
        # Renaming one name of a file to another of its names does nothing.
        old.unlink(missing_ok=True)


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


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it into place if the block succeeds and nothing is there by then.

    What killed attempts left beside `path` is removed: they are those that no living process has locked.

    Raises:
        FileExistsError: another process made `path` in the meantime; it stays as it is.
    """
    path = Path(path)
    _sweep_killed(path)
    aside, handle = _locked_aside(path)
    try:
        yield aside
        if path.exists():
            raise FileExistsError(f"{path} was made by another process")
        # Only an empty folder could be replaced by this.
        aside.rename(path)
    finally:
        os.close(handle)
        shutil.rmtree(aside, ignore_errors=True)


def _locked_aside(path: Path) -> tuple[Path, int]:
    """A folder beside `path` and the handle that locks it; another process may sweep it away before it is locked."""
    while True:
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        aside.mkdir(parents=True)
        handle = -1
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(aside, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), aside.stat()):
                return aside, handle
        if handle >= 0:
            os.close(handle)


def _sweep_killed(path: Path) -> None:
    for leftover in path.parent.glob(f".{path.name}.????????.part"):
        with contextlib.suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(handle)


@contextlib.contextmanager
def locked(folder: str | Path, *, field: str, allowed: str, wait: bool = False) -> Iterator[None]:
    """Hold a folder's lock, which dies with the process that holds it.

    Args:
        folder: that exists.
        field: the name that an error carries.
        allowed: what an error says is allowed.
        wait: until another process lets go of it, instead of refusing.

    Raises:
        InputError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            raise InputError(field, folder, allowed) from None
        yield
    finally:
        os.close(handle)
