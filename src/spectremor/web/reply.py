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
#: Longest message; an error has three parts, each of which is cut to a limit of its own.
_LONGEST = 4000


class Reply:
    """A pane beside a control for an error or a warning, hidden without one."""

    def __init__(self, width: int | None = 310) -> None:
        size = {"width": width} if width else {"sizing_mode": "stretch_width"}
        self.pane = pn.pane.HTML("", visible=False, margin=(4, 10, 6, 10), styles=_REFUSED, **size)

    @property
    def text(self) -> str:
        """The message as HTML; empty if there is none."""
        return str(self.pane.object) if self.pane.visible else ""

    def refuse(self, why: object) -> None:
        """Show why an input was refused."""
        self.pane.param.update(object=html.escape(printable(why, _LONGEST)), styles=_REFUSED, visible=True)

    def remark(self, warnings: Sequence[str]) -> None:
        """Show warnings about accepted input; hides the pane if there are none."""
        words = "<br>".join(html.escape(printable(line, _LONGEST)) for line in warnings)
        self.pane.param.update(object=words, styles=_REMARKED, visible=bool(warnings))

    def clear(self) -> None:
        """Hide the pane."""
        self.pane.param.update(object="", visible=False)
