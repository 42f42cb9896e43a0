"""Parts that all controls use: headings, notes, number fields, fields for files."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.core.errors import InputError
from spectremor.web.uploads import MAX_UPLOAD_MB

NOTE = {"color": "#5b626d", "font-size": "12px", "overflow-wrap": "anywhere"}
#: Runs in the browser: empties the field, because a field with a file hides its link to choose another one.
_EMPTY_UPLOAD = "if (!source.disabled) Bokeh.index.find_one(source)?._file_pond?.removeFiles()"
FULL, HALF, THIRD = 332, 156, 97
#: Width of a third inside a card that can be collapsed.
CARD_THIRD = 86


def heading(text: str) -> pn.pane.HTML:
    """The heading of a part of the page."""
    return pn.pane.HTML(f"<h2>{html.escape(text)}</h2>", margin=(6, 10, 0, 10), stylesheets=[_HEADING])


_HEADING = "h2 { font-size: 15px; margin: 0; color: #20262e; font-weight: 650 }"


class BoundedDropper(pn.widgets.FileDropper):
    """A field for files that keeps at most one unfinished file, and no file that is too large.

    A browser refuses files that are too large; this class limits other clients, too.

    Args:
        most_bytes: largest size of a file.
    """

    def __init__(self, most_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self._most_bytes = most_bytes

    def _process_event(self, event: Any) -> None:
        data = event.data
        if event.event_name != "delete_event":
            name, begins = data["name"], data["chunk"] == 1
            # A file whose upload was interrupted by that of another one is dropped.
            unfinished = [] if begins else self._file_buffer.get(name)
            if unfinished is None:
                return
            if sum(map(len, unfinished)) + len(data["data"]) > self._most_bytes:
                self._file_buffer = {}
                return
            self._file_buffer = {name: unfinished}
        super()._process_event(event)


def upload_field(open_file: Callable[[str, bytes], Any], most_mb: int = MAX_UPLOAD_MB) -> pn.widgets.FileDropper:
    """A field for uploading one file at a time; each file is removed from the field when it has been read.

    The browser sends files in pieces and refuses those that are too large. A file that is chosen again is uploaded
    again.
    """
    field = BoundedDropper(most_mb * 2**20, max_file_size=f"{most_mb}MB", previews=[], width=FULL)

    async def opened(_event: Any) -> None:
        files, field.value = field.value, {}
        for name, content in files.items():
            # The widget has decoded files that the browser calls text.
            await open_file(name, content.encode() if isinstance(content, str) else content)

    field.param.watch(opened, "value")
    field.jscallback(disabled=_EMPTY_UPLOAD)
    return field


def note(text: str) -> pn.pane.HTML:
    """A small explaining text."""
    return pn.pane.HTML(html.escape(text), styles=NOTE, margin=(4, 10, 0, 10), width=FULL - 10)


def collapsed_card(title: str, *parts: Any) -> pn.Card:
    """A collapsed card with controls that few visitors need."""
    return pn.Card(
        *parts,
        title=title,
        collapsed=True,
        width=FULL,
        margin=(6, 0, 0, 10),
        styles={"border": "1px solid #e3e6ea", "border-radius": "4px", "box-shadow": "none"},
        header_background="#f6f7f8",
        active_header_background="#f6f7f8",
        stylesheets=[_CARD_STYLE],
    )


_CARD_STYLE = """
:host { box-shadow: none !important }
.card-header { font-size: 13px; padding: 2px 4px }
.card-title h3 { font-size: 13px; font-weight: 600 }
"""


def number(label: str, value: float, step: float, width: int) -> pn.widgets.FloatInput:
    """A number field without bounds, because the browser would silently replace a number outside them."""
    return pn.widgets.FloatInput(label=label, value=value, step=step, width=width, format="0[.][000]")


def number_in(field: pn.widgets.FloatInput) -> float:
    """The number in a field.

    Raises:
        InputError: the field is empty.
    """
    if field.value is None:
        raise InputError(field.label, "nothing", "a number")
    return float(field.value)
