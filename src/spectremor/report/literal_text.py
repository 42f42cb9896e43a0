"""Text in figures as it stands: names of stations, files and models come from other people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectremor.core.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def literal(figure: Figure) -> Figure:
    """The figure, whose titles, labels and legends are no formulas: a dollar sign in a name is a dollar sign.

    Numbers along the axes are set when the figure is drawn, and stay as they are.
    """
    texts: list[Any] = figure.findobj(lambda artist: hasattr(artist, "set_parse_math"))
    for text in texts:
        words = text.get_text()
        if words:
            text.set_parse_math(False)
            text.set_text("\n".join(printable(line) for line in words.split("\n")))
    return figure
