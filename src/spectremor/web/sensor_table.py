"""The table of measures at a sensor."""

from __future__ import annotations

import html
import math

import numpy as np

from spectremor.web.sensor_motion import Row

_STYLE = (
    "<style>table{border-collapse:collapse;font-size:12px;width:100%}"
    "td,th{padding:3px 8px 3px 0;text-align:right;white-space:nowrap;border-bottom:1px solid #e7e9ec;font-weight:400}"
    "th{color:#5b626d;white-space:normal!important;vertical-align:bottom}td:first-child,th:first-child{text-align:left;white-space:normal}"
    "td{font-variant-numeric:tabular-nums}td.main{font-weight:600}</style>"
)


def sensor_table(rows: list[Row], stage1_label: str) -> str:
    """HTML table of each measure: the value, or median and 16 to 84% over several draws, and the value of stage 1.

    Args:
        rows: measures.
        stage1_label: heading of the column of stage 1; empty without stage 1.
    """
    several = len(rows[0].draws) > 1
    names = ["RotD50 of the horizontal motion", *(["median", "16–84%"] if several else ["value"])]
    names += [html.escape(stage1_label)] * bool(stage1_label)
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{_cells(row, several)}</tr>" for row in rows)
    about = "Arias intensity and duration: mean of the two horizontal components."
    return f"{_STYLE}<table><tr>{head}</tr>{body}</table><div style='font-size:11px;color:#5b626d'>{about}</div>"


def _cells(row: Row, several: bool) -> str:
    cells = [f"<td>{row.name} ({row.unit})</td>", f"<td class='main'>{_number(float(np.median(row.draws)))}</td>"]
    if several:
        low, high = (_number(float(v)) for v in np.nanpercentile(row.draws, (16, 84)))
        cells.append(f"<td>{low}–{high}</td>")
    if row.stage1 is not None:
        cells.append(f"<td>{_number(row.stage1)}</td>")
    return "".join(cells)


def _number(value: float) -> str:
    """The number with three significant digits; with an exponent only if it is very small or very large."""
    if not np.isfinite(value):
        return "–"
    if value == 0 or not 1e-4 <= abs(value) < 1e4:
        return f"{value:.3g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
