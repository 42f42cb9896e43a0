"""Self-contained HTML pages: figures are embedded, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectremor.report.literal_text import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 16px/1.5 Georgia, 'Times New Roman', serif; color: #1a1a1a;
       max-width: 82rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin-top: 2.4rem; border-top: 1px solid #ddd; padding-top: 1rem; }
p.lead { color: #444; }
p.note, figcaption { color: #555; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font: 12.5px/1.4 Helvetica, Arial, sans-serif; }
th, td { padding: .3rem .32rem; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #888; }
td small { color: #777; display: block; font-size: 10.5px; line-height: 1.35; font-weight: normal; }
tr.published td { color: #555; font-style: italic; }
tr.unusable td { color: #aaa; }
td.best { font-weight: bold; }
thead:has(+ tbody td.words) th:last-child { text-align: left; padding-left: 1rem; }
td.words { text-align: left; white-space: normal; padding-left: 1rem; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; }
ul { padding-left: 1.2rem; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole HTML document."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>\n<h1>{html.escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def heading(text: str) -> str:
    """A section heading."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; kind is a style class."""
    return f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>"


def bullets(texts: Sequence[str]) -> str:
    """A bullet list; empty without texts."""
    return "<ul>" + "".join(f"<li>{html.escape(t)}</li>" for t in texts) + "</ul>" if texts else ""


def table(header: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table; each row is (style class, cells), cells being ready HTML."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join(f'<tr class="{kind}">' + "".join(cells) + "</tr>\n" for kind, cells in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def cell(text: str, *small: str, best: bool = False) -> str:
    """A table cell with a text and smaller lines below it."""
    under = "".join(f"<small>{html.escape(line)}</small>" for line in small if line)
    return f"<td{' class=best' if best else ''}>{html.escape(text)}{under}</td>"


def number(value: Any, digits: int = 3) -> str:
    """A rounded number; a dash for None, NaN and infinite values."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    # Small negative numbers round to -0.0; adding zero gives 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}"


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(literal(figure))
    # Without metadata the same run gives the same bytes.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def picture(data: bytes, caption: str) -> str:
    """An embedded picture with a caption."""
    coded = base64.b64encode(data).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{coded}"><figcaption>{text}</figcaption></figure>'
