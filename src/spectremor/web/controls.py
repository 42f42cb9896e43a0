"""Parts of all controls: headings, numbers, fields for files."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.core.errors import InputError
from spectremor.web.uploads import MAX_UPLOAD_MB

NOTE = {"color": "#5b626d", "font-size": "12px", "overflow-wrap": "anywhere"}
#: Runs in the browser: a field that holds a file hides the words to choose another by.
_EMPTY_UPLOAD = "if (!source.disabled) Bokeh.index.find_one(source)?._file_pond?.removeFiles()"
FULL, HALF, THIRD = 332, 156, 97
#: Of a third inside a part that folds.
FOLDED_THIRD = 86


def heading(text: str) -> pn.pane.HTML:
    """Above a part of the page."""
    return pn.pane.HTML(f"<h2>{html.escape(text)}</h2>", margin=(6, 10, 0, 10), stylesheets=[_HEADING])


_HEADING = "h2 { font-size: 15px; margin: 0; color: #20262e; font-weight: 650 }"


class BoundedDropper(pn.widgets.FileDropper):
    """A field for files that keeps no more than one unfinished file, and none that is too large, whatever is sent.

    The browser says itself when a file is too large; what speaks to the page need not be a browser.

    Args:
        most_bytes: of a file.
    """

    def __init__(self, most_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self._most_bytes = most_bytes

    def _process_event(self, event: Any) -> None:
        data = event.data
        if event.event_name != "delete_event":
            name, begins = data["name"], data["chunk"] == 1
            # One that another one has come before was given up.
            unfinished = [] if begins else self._file_buffer.get(name)
            if unfinished is None:
                return
            if sum(map(len, unfinished)) + len(data["data"]) > self._most_bytes:
                self._file_buffer = {}
                return
            self._file_buffer = {name: unfinished}
        super()._process_event(event)


def upload_field(open_file: Callable[[str, bytes], Any], most_mb: int = MAX_UPLOAD_MB) -> pn.widgets.FileDropper:
    """A field for one file after another; each is taken out at once, for what has been read need not be kept.

    It sends a file in pieces, says itself when one is too large, and reports each choice, also of the same bytes.
    """
    field = BoundedDropper(most_mb * 2**20, max_file_size=f"{most_mb}MB", previews=[], width=FULL)

    async def opened(_event: Any) -> None:
        files, field.value = field.value, {}
        for name, content in files.items():
            # The widget decodes what the browser calls text.
            await open_file(name, content.encode() if isinstance(content, str) else content)

    field.param.watch(opened, "value")
    field.jscallback(disabled=_EMPTY_UPLOAD)
    return field


def note(text: str) -> pn.pane.HTML:
    """Small words."""
    return pn.pane.HTML(html.escape(text), styles=NOTE, margin=(4, 10, 0, 10), width=FULL - 10)


def folded(title: str, *parts: Any) -> pn.Card:
    """Controls that few visitors need, behind their title."""
    return pn.Card(
        *parts,
        title=title,
        collapsed=True,
        width=FULL,
        margin=(6, 0, 0, 10),
        styles={"border": "1px solid #e3e6ea", "border-radius": "4px", "box-shadow": "none"},
        header_background="#f6f7f8",
        active_header_background="#f6f7f8",
        stylesheets=[_FOLDED],
    )


_FOLDED = """
:host { box-shadow: none !important }
.card-header { font-size: 13px; padding: 2px 4px }
.card-title h3 { font-size: 13px; font-weight: 600 }
"""


def number(label: str, value: float, step: float, width: int) -> pn.widgets.FloatInput:
    """A field for a number, without bounds: the browser would replace what lies outside them, and say nothing."""
    return pn.widgets.FloatInput(label=label, value=value, step=step, width=width, format="0[.][000]")


def number_in(field: pn.widgets.FloatInput) -> float:
    """What a field holds.

    Raises:
        InputError: nothing.
    """
    if field.value is None:
        raise InputError(field.label, "nothing", "a number")
    return float(field.value)
