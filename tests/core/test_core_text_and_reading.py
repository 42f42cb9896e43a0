"""Text from strangers is shown by its escapes; what is no regular file is refused before it is opened."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.reading import existing, existing_file, existing_folder, read_small_file
from spectremor.core.text import LONGEST, printable


@given(st.text())
def test_any_text_is_one_line_without_commands(text):
    shown = printable(text)
    assert shown.isprintable()
    assert str(InputError("field", text, "text")).isprintable()
    assert text not in shown or text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("abc\u202egpj.exe", r"abc\u202egpj.exe"),
        ("half \udc80", r"half \udc80"),
        ("a\u2028b", r"a\u2028b"),
        ("Erdbeben, 地震, زلزال", "Erdbeben, 地震, زلزال"),
    ],
)
def test_escapes(text, shown):
    assert printable(text) == shown


def test_long_texts_and_numbers_are_cut():
    assert len(printable("x" * 10**6)) == LONGEST + 3
    assert printable(10**9000) == f"a number of {(10**9000).bit_length()} bits"
    assert "29898 bits" in str(InputError("steps", 10**9000, "a number"))


def test_warnings_are_escaped_too():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("from a file: \x1b[31m", InputWarning, stacklevel=1)
    assert str(caught[0].message) == r"from a file: \x1b[31m"


@pytest.fixture(params=["loop", "long", "folder", "pipe", "device", "zero byte", "missing", "below a file"])
def unreadable(request, tmp_path):
    if request.param == "loop":
        (tmp_path / "loop").symlink_to("loop")
    if request.param == "pipe":
        os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    return {
        "loop": tmp_path / "loop",
        "long": tmp_path / ("x" * 300),
        "folder": tmp_path,
        "pipe": tmp_path / "pipe",
        "device": Path("/dev/zero"),
        "zero byte": f"{tmp_path}/a\0b",
        "missing": tmp_path / "missing",
        "below a file": tmp_path / "file" / "x",
    }[request.param]


def test_what_is_no_regular_file_is_refused(unreadable):
    for read in (existing_file, lambda path, **words: read_small_file(path, most_bytes=10, **words)):
        with pytest.raises(InputError, match=r"^--config: got .* \(.+\); allowed: a file$"):
            read(unreadable, field="--config", allowed="a file")


def test_folders(unreadable, tmp_path):
    if unreadable == tmp_path:
        assert existing_folder(unreadable, field="store", allowed="a store") == tmp_path
    else:
        with pytest.raises(InputError, match=r"^store: got "):
            existing_folder(unreadable, field="store", allowed="a store")


def test_links_are_followed_and_sizes_bounded(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "empty").touch()
    words = {"field": "f", "allowed": "a file"}
    assert read_small_file(tmp_path / "link", most_bytes=5, **words) == b"12345"
    assert existing(tmp_path / "link", **words).st_size == 5
    with pytest.raises(InputError, match="at most 4 bytes"):
        read_small_file(tmp_path / "link", most_bytes=4, **words)
    with pytest.raises(InputError, match="empty"):
        existing_file(tmp_path / "empty", **words)
    assert read_small_file(tmp_path / "empty", most_bytes=4, **words) == b""
