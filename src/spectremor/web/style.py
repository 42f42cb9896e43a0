"""Colours, sizes and axes of all figures on the page."""

from __future__ import annotations

from typing import Any

from bokeh.models import BoxAnnotation, ColorBar, ColumnDataSource, LinearColorMapper, Title
from bokeh.plotting import figure

FULL, STAGE1, GRID, INK, MUTED = "#b3202a", "#7c8591", "#e7e9ec", "#20262e", "#5b626d"
SOURCE, RUPTURE = "#00b4e6", "#ff7a1a"
COMPONENT_NAMES = ("East", "North", "Up")


def make_figure(*, x_label: str = "", y_label: str = "", title: str = "", **options: Any) -> figure:
    """A figure without a toolbar, as wide as its container unless a width is given."""
    size = {} if "width" in options else {"sizing_mode": "stretch_width"}
    plot = figure(
        toolbar_location=None,
        x_axis_label=x_label,
        y_axis_label=y_label,
        title=title or None,
        **({"tools": ""} | size | options),
    )
    if plot.title is not None:
        plot.title.update(text_font_size="12px", text_color=INK, text_font_style="bold")
    for axis in plot.axis:
        axis.update(axis_label_text_font_style="normal", axis_label_text_color=INK, minor_tick_line_color=None)
        axis.update(axis_label_text_font_size="12px", major_label_text_font_size="11px", axis_line_color="#aab0b8")
        axis.update(major_label_text_color=MUTED, major_tick_line_color="#aab0b8")
    plot.grid.grid_line_color = GRID
    plot.outline_line_color = GRID
    plot.min_border_right = 14
    return plot


def add_colour_bar(plot: figure, colours: LinearColorMapper, title: str) -> Title:
    """Add a colour bar and its title to the right of a figure; returns the title."""
    bar = ColorBar(
        color_mapper=colours,
        width=12,
        padding=6,
        major_label_text_font_size="11px",
        major_label_text_color=MUTED,
        background_fill_color=None,
    )
    plot.add_layout(bar, "right")
    bar_title = Title(text=title, align="center", text_font_size="12px", text_font_style="normal", text_color=INK)
    plot.add_layout(bar_title, "right")
    return bar_title


def outside_band() -> BoxAnnotation:
    """Shading for frequencies or periods outside a wavefield's usable band."""
    return BoxAnnotation(fill_color="#9aa0a8", fill_alpha=0.16, line_color=None, visible=False, propagate_hover=True)


def draw_rupture(plot: figure, points: ColumnDataSource) -> None:
    """Draw the points of a rupture as small dots."""
    plot.scatter("x", "y", source=points, size=3.5, fill_color=RUPTURE, line_color=None, fill_alpha=0.75)


def draw_stations(plot: figure, stations: ColumnDataSource) -> None:
    """Draw stations as inverted triangles."""
    plot.scatter(
        "x",
        "y",
        source=stations,
        marker="inverted_triangle",
        size=11,
        fill_color="white",
        line_color=INK,
        line_width=1.3,
    )
