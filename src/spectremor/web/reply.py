"""Messages beside a control: why its input was refused, or a warning about it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import panel as pn

from spectremor.core.text import printable

_REFUSED = {
    "color": "#842029",
    "background-color": "#f8d7da",
    "border": "1px solid #f1b0b7",
    "border-radius": "4px",
    "padding": "8px 12px",
    "font-size": "13px",
    "overflow-wrap": "anywhere",
}
_REMARKED = _REFUSED | {"color": "#594300", "background-color": "#fff4d1", "border": "1px solid #ecd893"}
#: An error names three texts, each cut by itself.
_LONGEST = 4000


class Reply:
    """A place for a message beside a control, hidden while there is none."""

    def __init__(self, width: int | None = 310) -> None:
        size = {"width": width} if width else {"sizing_mode": "stretch_width"}
        self.pane = pn.pane.HTML("", visible=False, margin=(4, 10, 6, 10), styles=_REFUSED, **size)

    @property
    def text(self) -> str:
        """What is said, as HTML; empty where nothing is."""
        return str(self.pane.object) if self.pane.visible else ""

    def refuse(self, why: object) -> None:
        """Say why something was not taken."""
        self.pane.param.update(object=html.escape(printable(why, _LONGEST)), styles=_REFUSED, visible=True)

    def remark(self, said: Sequence[str]) -> None:
        """Show warnings about input that was taken; nothing where there are none."""
        words = "<br>".join(html.escape(printable(line, _LONGEST)) for line in said)
        self.pane.param.update(object=words, styles=_REMARKED, visible=bool(said))

    def clear(self) -> None:
        """Say nothing."""
        self.pane.param.update(object="", visible=False)
