"""Shows text in figures literally: names of stations, files and models may contain any characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectremor.core.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def literal(figure: Figure) -> Figure:
    """The figure with titles, labels and legends that are not parsed as formulas: a dollar sign stays a dollar sign.

    Tick labels are not changed, because matplotlib sets them when the figure is drawn.
    """
    texts: list[Any] = figure.findobj(lambda artist: hasattr(artist, "set_parse_math"))
    for text in texts:
        words = text.get_text()
        if words:
            text.set_parse_math(False)
            text.set_text("\n".join(printable(line) for line in words.split("\n")))
    return figure
