"""Outputs appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectremor.core import files
from spectremor.core.errors import InputError
from spectremor.core.files import (
    atomic_file,
    atomic_folder,
    check_folder_writable,
    check_output,
    check_result_folder,
    check_writable,
    new_folder,
    temporary_folder,
)


class Stop(Exception):  # noqa: N818
    """Something that went wrong half-way."""


def test_file_appears_whole(tmp_path):
    target = tmp_path / "out.bin"
    with atomic_file(target) as aside:
        aside.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, OSError])
def test_failed_file_leaves_nothing_and_spares_the_old(tmp_path, error):
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")

    def fail_half_way():
        with atomic_file(target) as aside:
            aside.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]


def test_file_that_cannot_be_written_names_its_path(tmp_path):
    target = tmp_path / "missing" / "out.bin"
    with pytest.raises(OSError, match=r"out\.bin"), atomic_file(target) as aside:
        aside.write_bytes(b"x")


def test_folder_appears_whole_and_replaces_the_old_one(tmp_path):
    target = tmp_path / "run"
    for text in ("first", "second"):
        with atomic_folder(target) as aside:
            (aside / f"{text}.txt").write_text(text)
    assert [p.name for p in target.iterdir()] == ["second.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_failed_folder_leaves_nothing_and_spares_the_old(tmp_path, error):
    target = tmp_path / "run"
    target.mkdir()
    (target / "kept.txt").write_text("kept")

    def fail_half_way():
        with atomic_folder(target) as aside:
            (aside / "half.txt").write_text("half")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert (target / "kept.txt").read_text() == "kept"


def test_old_folder_comes_back_when_the_swap_fails(tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    (target / "kept.txt").write_text("kept")
    rename = Path.replace

    def refuse(self: Path, to: Path) -> Path:
        if self.suffix == ".part":
            raise OSError("the disk went away")
        return rename(self, to)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="went away"), atomic_folder(target) as aside:
        (aside / "new.txt").write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert (target / "kept.txt").read_text() == "kept"


def test_check_writable(tmp_path):
    assert check_writable(tmp_path / "a.nc") == tmp_path / "a.nc"
    for bad in (tmp_path / "no" / "a.nc", tmp_path, Path(), Path("/")):
        with pytest.raises(InputError) as caught:
            check_writable(bad, field="--out")
        assert caught.value.field == "--out"


@pytest.mark.parametrize("path", ["/proc/a.nc", "x" * 300, "a.nc"])
def test_check_writable_refuses_what_the_system_refuses(path, tmp_path, monkeypatch):
    def closed(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    if path == "a.nc":
        monkeypatch.setattr(Path, "mkdir", closed)
    with pytest.raises(InputError, match=r"\(.+\); allowed: a path that can be written"):
        check_writable(tmp_path / path)
    assert not list(tmp_path.iterdir())


def test_a_folder_swept_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    """Another process takes it for a killed one's between its making and its lock."""
    lock, swept = fcntl.flock, []

    def late(handle, how):
        if not swept:
            swept.extend(tmp_path.glob(".d.*.part"))
            shutil.rmtree(swept[0])
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with new_folder(tmp_path / "d") as aside:
        (aside / "file").write_text("whole")
    assert len(swept) == 1
    assert (tmp_path / "d" / "file").read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


#: Writes one half of an output and is then killed, or waits to be told to go on.
HALF_WRITTEN = """
import os, signal, sys
from spectremor.core import files

with getattr(files, sys.argv[1])(sys.argv[2]) as aside:
    (aside if aside.parent.suffix == ".part" else aside / "inside").write_text("half")
    print("half", flush=True)
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.readline()
"""
KINDS = ["atomic_file", "atomic_folder", "new_folder"]


@contextlib.contextmanager
def half_written(kind: str, path: Path, then: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HALF_WRITTEN, kind, str(path), then]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        yield process


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(kind: str, tmp_path: Path) -> None:
    strange = tmp_path / ".notes.part"
    strange.mkdir()
    with half_written(kind, tmp_path / "living", "waits") as living:
        with half_written(kind, tmp_path / "killed [1]", "killed"):
            pass
        assert len(list(tmp_path.glob(".*.part"))) == 3
        with atomic_file(tmp_path / "another") as aside:
            aside.write_text("whole")
        (left,) = set(tmp_path.glob(".*.part")) - {strange}
        assert left.name.startswith(".living.")
        living.communicate("go on\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".notes.part", "another", "living"]


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_have_the_mode_that_any_new_file_has(kind: str, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with getattr(files, kind)(tmp_path / "out") as aside:
            written = aside if kind == "atomic_file" else aside / "inside"
            written.touch(mode=0o600)
    finally:
        os.umask(before)
    out = tmp_path / "out" if kind == "atomic_file" else tmp_path / "out" / "inside"
    wanted = 0o600 if kind == "new_folder" else 0o640
    assert stat.S_IMODE(out.stat().st_mode) == wanted


def test_links_that_lead_back_to_themselves_and_endless_names_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for bad in (loop, loop / "a.nc", tmp_path / ("x" * 300), tmp_path / ("x" * 300) / "a.nc"):
        for check in (check_writable, check_output, check_folder_writable):
            with pytest.raises(InputError, match=r"^--out: got "):
                check(bad, field="--out")
        with pytest.raises(InputError, match=r"^--out: got "):
            check_result_folder(bad, [], "a report", field="--out")
    # As inputs they are their readers' business.
    assert check_output(tmp_path / "a.nc", loop, tmp_path / ("x" * 300)) == tmp_path / "a.nc"
    assert [p.name for p in tmp_path.iterdir()] == ["loop"]


HELD = """
import os, signal
from spectremor.core.files import temporary_folder

with temporary_folder() as folder:
    (folder / "upload.nc").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_temporary_folders_are_ones_own_and_those_of_killed_processes_go(tmp_path, monkeypatch):
    done = subprocess.run([sys.executable, "-c", HELD], env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder] != [left]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(tmp_path.iterdir())


#: Replaces an output, and is killed when the old one is out of its place or the new one is in it.
KILLED_WHILE_REPLACING = """
import os, signal, sys
from pathlib import Path
from spectremor.core import files

def replace(self, target, real=Path.replace):
    moves.append(target)
    if len(moves) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)

moves, folder = [], Path(sys.argv[2])
Path.hardlink_to = lambda *_: os.link("/nowhere", "/nowhere")  # as on a file system without hard links
Path.replace = replace
if sys.argv[1] == "atomic_folder":
    with files.atomic_folder(folder / "out") as aside:
        (aside / "inside").write_text("new")
else:
    with files.atomic_files([folder / "out", folder / "beside"]) as asides:
        for aside in asides:
            aside.write_text("new")
"""


@pytest.mark.parametrize(
    ("kind", "moves", "left"), [("atomic_folder", 2, "old"), ("atomic_files", 2, "old"), ("atomic_files", 3, "new")]
)
def test_what_a_killed_process_was_replacing_comes_back_or_goes(kind, moves, left, tmp_path):
    out = tmp_path / "out"
    text = out / "inside" if kind == "atomic_folder" else out
    text.parent.mkdir(exist_ok=True)
    text.write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_REPLACING, kind, tmp_path, str(moves)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".out.*.old"))
    with atomic_file(tmp_path / "another") as aside:
        aside.write_text("whole")
    assert text.read_text() == left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "out"]
