"""Files chosen one after another, as the browser sends them."""

from __future__ import annotations

import asyncio

import pytest
from panel.models.file_dropper import UploadEvent

from spectremor.web import application
from spectremor.web.app import Page
from spectremor.web.scene import Scene
from spectremor.web.uploads import MAX_STATIONS_MB, MAX_UPLOAD_MB


@pytest.fixture
def page(page_with) -> Page:
    return page_with()


async def choose(page: Page, name: str, content: bytes, kind: str = "", pieces: int = 1) -> None:
    """Until the page is ready for the next."""
    step = -(-len(content) // pieces)
    for k in range(pieces):
        data = {"name": name, "data": content[k * step : (k + 1) * step], "type": kind}
        page.upload._process_event(UploadEvent(None, data | {"chunk": k + 1, "total_chunks": pieces}))
    for _ in range(400):
        await asyncio.sleep(0.05)
        if not page.upload.value and not page.button.disabled:
            return
    raise TimeoutError("the file was ignored")


def test_the_same_file_again_is_shown_again(page, field, field_file):
    async def visit() -> None:
        await choose(page, "truth.nc", field_file.read_bytes())
        page.show(Scene.of(field, "generated"))
        await choose(page, "truth.nc", field_file.read_bytes(), pieces=3)

    asyncio.run(visit())
    assert page.scene.title == "truth.nc"


def test_bad_files_of_equal_content_are_named_each(page):
    async def visit() -> list[str]:
        said = []
        for name in ("first.nc", "second.nc"):
            await choose(page, name, b"ab")
            said.append(page.opened.text)
        return said

    first, second = asyncio.run(visit())
    assert "first.nc" in first
    assert "second.nc" in second


@pytest.mark.parametrize(("name", "kind"), [("empty.nc", ""), ("words.csv", "text/csv")])
def test_files_of_nothing_and_of_text_are_refused_by_name(page, name, kind):
    asyncio.run(choose(page, name, b"" if name == "empty.nc" else b"a,b\n", kind))
    assert page.opened.text.startswith(f"upload: got {name}")


def test_too_large_is_said_by_the_browser_and_every_piece_fits_the_transport(page):
    assert page.upload.max_file_size == f"{MAX_UPLOAD_MB}MB"
    assert page.upload.chunk_size * 4 / 3 < application.MAX_MESSAGE_BYTES


def test_what_is_sent_beyond_the_limit_or_left_unfinished_is_not_kept(page):
    """Whoever speaks to the page need not be a browser that counts, and finishes, what it sends."""
    field = page.stations.upload
    limit = field._most_bytes
    assert limit == MAX_STATIONS_MB << 20

    def send(name: str, size: int, chunk: int, total: int) -> None:
        data = {"name": name, "data": b"x" * size, "type": "", "chunk": chunk, "total_chunks": total}
        field._process_event(UploadEvent(None, data))

    for number in range(50):
        send(f"{number}.csv", 1000, 1, 2)
    assert list(field._file_buffer) == ["49.csv"]
    for chunk in range(1, 20):
        send("large.csv", limit // 4, chunk, 20)
        assert sum(len(piece) for pieces in field._file_buffer.values() for piece in pieces) <= limit
    send("unknown.csv", 10, 7, 8)
    assert field._file_buffer == {}
    assert field.value in ({}, None)
