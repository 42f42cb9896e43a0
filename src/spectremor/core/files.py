"""Outputs appear whole or not at all: write aside, then rename.

An unfinished output lies in a folder beside its final path, `.NAME.xxxxxxxx.part`, which its process keeps locked. The
lock ends with the process: the next process that writes into the same folder removes the unfinished outputs of killed
processes, and never those of living ones. A replaced output lies for a moment in `.NAME.xxxxxxxx.old`; if a process was
killed before the new output was in place, the old one is put back.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from spectremor.core.errors import InputError

#: Names of unfinished outputs, and of replaced ones.
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.part")
_REPLACED = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.old")


def check_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output path that cannot be written.

    Raises:
        InputError: the parent folder is missing or not writable, or the path is a folder, a device or a pipe.
    """
    path = Path(path)
    with _as_input_error(field, path, "a path that can be written"):
        target = _target(path, field)
        if not target.parent.is_dir():
            raise InputError(field, path, "a path in an existing folder")
        _try_to_write(target)
    return path


def check_output(path: str | Path, *inputs: str | Path | None, field: str = "out") -> Path:
    """As `check_writable`, and refuse to overwrite an input of the same command.

    Raises:
        InputError: as `check_writable`; or the path is, or lies in, one of the inputs.
    """
    with _as_input_error(field, Path(path), "a path that can be written"):
        target = _resolved(Path(path))
    for input_path in inputs:
        source = None if input_path is None else _resolved_input(Path(input_path))
        if source is not None and (source in (target, *target.parents) or _same(source, target)):
            raise InputError(field, path, f"another path than the input {input_path}")
    return check_writable(path, field=field)


def _resolved_input(path: Path) -> Path | None:
    """The path of an input with links resolved; None where it does not exist, which its reader will report."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _same(source: Path, target: Path) -> bool:
    return target.exists() and target.samefile(source)


@contextlib.contextmanager
def _as_input_error(field: str, path: Path, allowed: str) -> Iterator[None]:
    """Turn the operating system's errors about a path into an InputError."""
    try:
        yield
    except OSError as error:
        reason = "a loop of links" if error.errno == errno.ELOOP else error.strerror or type(error).__name__
        raise InputError(field, f"{path} ({reason})", allowed) from None
    except RuntimeError:
        # Python before 3.13 raises this for a loop of links.
        raise InputError(field, f"{path} (a loop of links)", allowed) from None


def check_folder_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output folder that cannot be made; missing folders above it will be made too.

    Raises:
        InputError: the nearest folder above it that exists is not writable, or is a file.
    """
    path = Path(path)
    with _as_input_error(field, path, "a path where a folder can be made"):
        nearest = _resolved(path).parent
        while not nearest.exists():
            nearest = nearest.parent
        _try_to_write(nearest / path.name)
    return path


def check_result_folder(path: str | Path, names: Collection[str], kind: str, *, field: str = "out") -> Path:
    """Refuse, before any work, a folder that cannot hold a result or that holds anything but an earlier result.

    Args:
        path: the folder.
        names: names of all files and folders that a result consists of.
        kind: the result that may be replaced, in words, for the error message.
        field: name of the input in an error message.

    Returns:
        The folder's path with links resolved.

    Raises:
        InputError: the folder cannot be made, is a file, or holds other files.
    """
    path = check_folder_writable(path, field=field).resolve()
    allowed = f"a new folder, an empty one, or {kind}"
    if path.is_dir():
        others = sorted({child.name for child in path.iterdir()} - set(names))
        if others:
            raise InputError(field, f"{path}, which holds {others[0]}", allowed)
    elif path.exists():
        raise InputError(field, path, allowed)
    return path


def _try_to_write(path: Path) -> None:
    """Make and remove a folder beside `path`: no permission, a read-only disk or too long a name raise an OSError."""
    aside = aside_of(path)
    try:
        aside.mkdir()
    finally:
        with contextlib.suppress(OSError):
            aside.rmdir()


def _resolved(path: Path) -> Path:
    """The path with links resolved.

    Raises:
        OSError: a loop of links (before Python 3.13 a RuntimeError), or a name that is too long.
    """
    target = path.resolve()
    # Python 3.13 and later return a loop of links unresolved; `stat` raises for it.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        target.stat()
    return target


def _target(path: Path, field: str = "out") -> Path:
    """The path that an output file takes, with links resolved: the links themselves stay.

    Raises:
        InputError: a folder, a device or a pipe (which a rename would replace), or a loop of links.
    """
    with _as_input_error(field, path, "a path that can be written"):
        target = _resolved(path)
        if target.is_dir():
            raise InputError(field, path, "a file path, not an existing folder")
        if target.exists() and not target.is_file():
            raise InputError(field, f"{path} (a device, pipe or socket)", "the path of a regular file, or of a new one")
    return target


def aside_of(path: Path) -> Path:
    """A new name beside `path` for an unfinished output."""
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

    When one rename fails, the earlier ones are undone and the replaced files return. Only a process that is killed
    between two renames leaves some outputs in place: no file system renames several files at once.

    Raises:
        InputError: a path is a folder, a device or a pipe.
    """
    try:
        targets = [_target(Path(path)) for path in paths]
        with contextlib.ExitStack() as stack:
            folders = [stack.enter_context(_unfinished(target)) for target in targets]
            asides = [folder / target.name for folder, target in zip(folders, targets, strict=True)]
            yield asides
            for folder in folders:
                _give_usual_mode(folder)
            _move_in(asides, targets)
    except OSError as error:
        raise OSError(f"{', '.join(map(str, paths))}: {error}") from error


def _move_in(asides: list[Path], targets: list[Path]) -> None:
    # Beside the targets, not in the folders that are removed: a process may be killed before they are put back.
    olds = [aside.parent.with_suffix(".old") for aside in asides]
    with contextlib.ExitStack() as undo:
        # The last rename needs no undo: nothing can fail after it.
        for aside, target, old in zip(asides[:-1], targets[:-1], olds[:-1], strict=True):
            _restore_on_undo(target, old, undo)
            aside.replace(target)
        asides[-1].replace(targets[-1])
        undo.pop_all()
    for old in olds:
        old.unlink(missing_ok=True)


def _restore_on_undo(target: Path, old: Path, undo: contextlib.ExitStack) -> None:
    """Let `undo` restore the file at `target`, or the absence of one."""
    if not target.exists():
        undo.callback(target.unlink, missing_ok=True)
        return
    undo.callback(_put_back, old, target)
    try:
        old.hardlink_to(target)
    except OSError:
        # A file system without hard links: for a moment there is no file at `target`.
        target.replace(old)


def _put_back(old: Path, target: Path) -> None:
    if old.exists():
        old.replace(target)
        # Where both are hard links to the same file, renaming one to the other does nothing.
        old.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; swap it into place only if the block succeeds.

    An existing folder stays until the new one is in its place, whatever goes wrong.
    """
    path = Path(path)
    with _unfinished(path, parents=True) as aside:
        old = aside.with_suffix(".old")
        try:
            yield aside
            _give_usual_mode(aside)
            if path.exists():
                path.replace(old)
            aside.replace(path)
        finally:
            if old.exists() and not path.exists():
                old.replace(path)
            shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it into place if the block succeeds and `path` is still free.

    Raises:
        FileExistsError: another process made `path` in the meantime; that one stays.
    """
    path = Path(path)
    if path.parent.is_dir():
        _sweep_killed(path.parent)
    with _unfinished(path, parents=True) as aside:
        yield aside
        if path.exists():
            raise FileExistsError(f"{path} was made by another process")
        # The rename can replace nothing but an empty folder.
        aside.rename(path)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder among the system's temporary files, removed at the end.

    Folders that killed processes left there are removed too. Other users cannot read it.
    """
    with _unfinished(Path(tempfile.gettempdir()) / "spectremor", mode=0o700) as folder:
        yield folder


@contextlib.contextmanager
def _unfinished(path: Path, *, parents: bool = False, mode: int = 0o777) -> Iterator[Path]:
    """A new locked folder beside `path`, removed at the end if it still exists."""
    if path.parent.is_dir():
        _sweep_killed_once(path.parent.resolve())
    aside, handle = _locked_aside(path, parents=parents, mode=mode)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(handle)


def _locked_aside(path: Path, *, parents: bool, mode: int) -> tuple[Path, int]:
    """Make a folder beside `path` and lock it; again, where another process removes it before it is locked.

    Returns:
        The folder, and the open handle that locks it.
    """
    while True:
        aside = aside_of(path)
        aside.mkdir(mode, parents=parents)
        handle = -1
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(aside, os.O_RDONLY)
            # On a file system without locks no process removes it either.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), aside.stat()):
                return aside, handle
        if handle >= 0:
            os.close(handle)


def _sweep_killed(folder: Path) -> None:
    """Remove the unfinished outputs of killed processes from a folder, and put back the outputs they were replacing."""
    with os.scandir(folder) as entries:
        paths = [Path(e.path) for e in entries]
    for old in paths:
        if replaced := _REPLACED.fullmatch(old.name):
            with contextlib.suppress(OSError), _lock_of_killed(old.with_suffix(".part")):
                _put_back_or_remove(old, old.with_name(replaced["name"]))
    for leftover in paths:
        if _UNFINISHED.fullmatch(leftover.name):
            with contextlib.suppress(OSError), _lock_of_killed(leftover):
                shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _lock_of_killed(unfinished: Path) -> Iterator[None]:
    """Hold the lock of an unfinished output; one that does not exist needs no lock.

    Raises:
        OSError: a living process holds the lock, or `unfinished` is no folder.
    """
    try:
        handle = os.open(unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _put_back_or_remove(old: Path, target: Path) -> None:
    """Put a replaced output back where nothing has taken its place; otherwise remove it."""
    if not os.path.lexists(target):
        old.rename(target)
    elif old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink(missing_ok=True)


#: Once per folder and process: a folder may receive very many files.
_sweep_killed_once = functools.lru_cache(maxsize=1024)(_sweep_killed)


def _give_usual_mode(folder: Path) -> None:
    """Give the files in a folder the mode that the umask leaves; some libraries make them readable by the owner alone.

    The folder itself was made with the mode that the umask leaves.
    """
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


@contextlib.contextmanager
def locked(folder: str | Path, *, field: str, allowed: str, wait: bool = False) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process that holds it.

    Args:
        folder: an existing folder.
        field: name of the input in an error message.
        allowed: what is allowed, for the error message.
        wait: wait until another process releases the lock, instead of refusing.

    Raises:
        InputError: another process holds the lock.
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
