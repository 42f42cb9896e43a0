"""What is no regular file is never replaced, links stay, and several files appear together or not at all."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_file, atomic_files, check_writable


@pytest.fixture(params=["pipe", "socket", "link to a device", "link to a folder", "loop"])
def special(request, tmp_path):
    path = tmp_path / "out.nc"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif request.param == "link to a device":
        path.symlink_to("/dev/null")
    elif request.param == "link to a folder":
        (tmp_path / "folder").mkdir()
        path.symlink_to("folder")
    else:
        path.symlink_to("other.nc")
        (tmp_path / "other.nc").symlink_to("out.nc")
    return path


def test_what_is_no_regular_file_is_refused_and_stays(special):
    before = {p.name: p.lstat().st_ino for p in special.parent.iterdir()}
    with pytest.raises(InputError, match=r"^--out: got .*out\.nc"):
        check_writable(special, field="--out")
    with pytest.raises(InputError, match=r"out\.nc"), atomic_file(special) as aside:
        aside.write_text("new")
    assert {p.name: p.lstat().st_ino for p in special.parent.iterdir()} == before


@pytest.mark.parametrize("existing", [True, False])
def test_a_link_stays_and_what_it_points_to_is_written(tmp_path, existing):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target.nc"
    if existing:
        target.write_text("old")
    link = tmp_path / "out.nc"
    link.symlink_to(target)
    assert check_writable(link) == link
    with atomic_file(link) as aside:
        aside.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert [p.name for p in target.parent.iterdir()] == ["target.nc"]


def test_a_link_into_a_missing_folder_is_refused(tmp_path):
    (tmp_path / "out.nc").symlink_to(tmp_path / "no" / "out.nc")
    with pytest.raises(InputError, match="existing folder"):
        check_writable(tmp_path / "out.nc")


def write_both(paths: list[Path]) -> None:
    with atomic_files(paths) as asides:
        for aside in asides:
            aside.write_text("new")


def test_several_files_appear_together(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("old")
    write_both(paths)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "new", "b": "new"}


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("existing", [("a", "b", "c"), ("b",), ()])
@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_all_are_taken_back_when_one_cannot_be_renamed(tmp_path, monkeypatch, failing, existing, links):
    for name in existing:
        (tmp_path / name).write_text("old")
    rename = Path.replace

    def refuse(self: Path, to: Path) -> Path:
        if self.parent.suffix == ".part" and to.name == failing:
            raise OSError("the disk went away")
        return rename(self, to)

    def no_links(self: Path, to: Path) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr(Path, "replace", refuse)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    with pytest.raises(OSError, match="went away"):
        write_both([tmp_path / name for name in "abc"])
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == dict.fromkeys(existing, "old")
