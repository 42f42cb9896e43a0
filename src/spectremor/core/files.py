"""Outputs appear whole or not at all: write aside, then rename.

What is not finished lies in a folder beside its place, `.NAME.xxxxxxxx.part`, locked by the process that writes. The
lock dies with the process: whoever writes there next removes what killed processes left, and never what a living one
holds. What an output replaces lies for a moment in `.NAME.xxxxxxxx.old`: where a process was killed before the new one
was in its place, the old one is put back.
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

#: Names of unfinished outputs, and of what they replace.
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.part")
_REPLACED = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.old")


def check_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output path that cannot be written.

    Raises:
        InputError: the parent folder is missing or not writable, or the path is a folder, a device or a pipe.
    """
    path = Path(path)
    with _refused(field, path, "a path that can be written"):
        target = _target(path, field)
        if not target.parent.is_dir():
            raise InputError(field, path, "a path in an existing folder")
        _try_to_write(target)
    return path


def check_output(path: str | Path, *inputs: str | Path | None, field: str = "out") -> Path:
    """As `check_writable`, and refuse to write over what the same command reads.

    Raises:
        InputError: as `check_writable`; or the path is, or lies in, one of the inputs.
    """
    with _refused(field, Path(path), "a path that can be written"):
        target = _resolved(Path(path))
    for given in inputs:
        source = None if given is None else _there(Path(given))
        if source is not None and (source in (target, *target.parents) or _same(source, target)):
            raise InputError(field, path, f"another path than the input {given}")
    return check_writable(path, field=field)


def _there(path: Path) -> Path | None:
    """Where an input is; None where no file can be found by its name, which its reader will say."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _same(source: Path, target: Path) -> bool:
    return target.exists() and target.samefile(source)


@contextlib.contextmanager
def _refused(field: str, path: Path, allowed: str) -> Iterator[None]:
    """What the system says against a path, as bad input."""
    try:
        yield
    except OSError as error:
        reason = "a loop of links" if error.errno == errno.ELOOP else error.strerror or type(error).__name__
        raise InputError(field, f"{path} ({reason})", allowed) from None
    except RuntimeError:
        # What Python before 3.13 makes of links that lead back to themselves.
        raise InputError(field, f"{path} (a loop of links)", allowed) from None


def check_folder_writable(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any long work, an output folder that cannot be made; missing folders above it will be made too.

    Raises:
        InputError: the nearest folder above it that exists is not writable, or is a file.
    """
    path = Path(path)
    with _refused(field, path, "a path where a folder can be made"):
        there = _resolved(path).parent
        while not there.exists():
            there = there.parent
        _try_to_write(there / path.name)
    return path


def check_result_folder(path: str | Path, names: Collection[str], kind: str, *, field: str = "out") -> Path:
    """Refuse, before any work, a folder that cannot hold a result or that holds anything else than an earlier one.

    Args:
        path: the folder.
        names: of all that a result puts into its folder.
        kind: whose folder would be replaced, for the message.
        field: what the person gave.

    Returns:
        Where the folder is, behind links.

    Raises:
        InputError: says what is in the way.
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
    """Tried, not asked: permissions, read-only disks and names that are too long all show here, to any user."""
    aside = aside_of(path)
    try:
        aside.mkdir()
    finally:
        with contextlib.suppress(OSError):
            aside.rmdir()


def _resolved(path: Path) -> Path:
    """The path behind links.

    Raises:
        OSError: links that lead back to themselves (before Python 3.13 a RuntimeError), or a name that is too long.
    """
    target = path.resolve()
    # From Python 3.13 on a loop is returned as it is: looking at it says so.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        target.stat()
    return target


def _target(path: Path, field: str = "out") -> Path:
    """Where a file goes: behind links, which stay as they are. A rename would replace what is no regular file.

    Raises:
        InputError: a folder, a device, a pipe, or a link that leads back to itself.
    """
    with _refused(field, path, "a path that can be written"):
        target = _resolved(path)
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
    # Beside their place, not among what is removed: a process may be killed before they are back.
    olds = [aside.parent.with_suffix(".old") for aside in asides]
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
    """Yield a temporary folder beside `path`; rename it into place if the block succeeds and nothing is there by then.

    Raises:
        FileExistsError: another process made `path` in the meantime; it stays as it is.
    """
    path = Path(path)
    if path.parent.is_dir():
        _sweep_killed(path.parent)
    with _unfinished(path, parents=True) as aside:
        yield aside
        if path.exists():
            raise FileExistsError(f"{path} was made by another process")
        # Only an empty folder could be replaced by this.
        aside.rename(path)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of this process's own among the system's temporary files, gone in the end.

    What killed processes left there goes too. Nobody else can look into it.
    """
    with _unfinished(Path(tempfile.gettempdir()) / "spectremor", mode=0o700) as folder:
        yield folder


@contextlib.contextmanager
def _unfinished(path: Path, *, parents: bool = False, mode: int = 0o777) -> Iterator[Path]:
    """A new folder beside `path`, locked and in the end removed, if it still is there."""
    if path.parent.is_dir():
        _sweep_killed_once(path.parent.resolve())
    aside, handle = _locked_aside(path, parents=parents, mode=mode)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(handle)


def _locked_aside(path: Path, *, parents: bool, mode: int) -> tuple[Path, int]:
    """A folder beside `path` and the handle that locks it; another process may sweep it away before it is locked."""
    while True:
        aside = aside_of(path)
        aside.mkdir(mode, parents=parents)
        handle = -1
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(aside, os.O_RDONLY)
            # Where a file system has no locks nothing is swept either.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), aside.stat()):
                return aside, handle
        if handle >= 0:
            os.close(handle)


def _sweep_killed(folder: Path) -> None:
    """Remove what killed processes left in a folder, and put back what they were about to replace."""
    with os.scandir(folder) as entries:
        found = [Path(e.path) for e in entries]
    for old in found:
        if replaced := _REPLACED.fullmatch(old.name):
            with contextlib.suppress(OSError), _of_killed(old.with_suffix(".part")):
                _take_back(old, old.with_name(replaced["name"]))
    for leftover in found:
        if _UNFINISHED.fullmatch(leftover.name):
            with contextlib.suppress(OSError), _of_killed(leftover):
                shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _of_killed(unfinished: Path) -> Iterator[None]:
    """Hold the lock of an unfinished output; one that is not there is nobody's.

    Raises:
        OSError: a living process holds it, or it is no folder.
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


def _take_back(old: Path, target: Path) -> None:
    """What was replaced goes, or returns where nothing has taken its place."""
    if not os.path.lexists(target):
        old.rename(target)
    elif old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink(missing_ok=True)


#: For files, of which a folder may get very many: once for each process.
_sweep_killed_once = functools.lru_cache(maxsize=1024)(_sweep_killed)


def _give_usual_mode(folder: Path) -> None:
    """Give the files in a folder the mode that any new file has here; some libraries make them their owner's alone.

    The folder itself was made with the usual mode, which says what the process's umask leaves.
    """
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


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
