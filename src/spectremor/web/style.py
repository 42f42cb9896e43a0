"""The look of the page's figures: one place for colours, sizes and axes."""

from __future__ import annotations

from typing import Any

from bokeh.models import BoxAnnotation, ColorBar, ColumnDataSource, LinearColorMapper, Title
from bokeh.plotting import figure

FULL, STAGE1, GRID, INK, MUTED = "#b3202a", "#7c8591", "#e7e9ec", "#20262e", "#5b626d"
SOURCE, RUPTURE = "#00b4e6", "#ff7a1a"
COMPONENT_NAMES = ("East", "North", "Up")


def make_figure(*, x_label: str = "", y_label: str = "", title: str = "", **options: Any) -> figure:
    """A figure without ornaments, as wide as its place unless a width is given."""
    size = {} if "width" in options else {"sizing_mode": "stretch_width"}
    made = figure(
        toolbar_location=None,
        x_axis_label=x_label,
        y_axis_label=y_label,
        title=title or None,
        **({"tools": ""} | size | options),
    )
    if made.title is not None:
        made.title.update(text_font_size="12px", text_color=INK, text_font_style="bold")
    for axis in made.axis:
        axis.update(axis_label_text_font_style="normal", axis_label_text_color=INK, minor_tick_line_color=None)
        axis.update(axis_label_text_font_size="12px", major_label_text_font_size="11px", axis_line_color="#aab0b8")
        axis.update(major_label_text_color=MUTED, major_tick_line_color="#aab0b8")
    made.grid.grid_line_color = GRID
    made.outline_line_color = GRID
    made.min_border_right = 14
    return made


def add_colour_bar(made: figure, colours: LinearColorMapper, title: str) -> Title:
    """A bar to the right of a figure, and beside it its quantity and unit; returns these words."""
    bar = ColorBar(
        color_mapper=colours,
        width=12,
        padding=6,
        major_label_text_font_size="11px",
        major_label_text_color=MUTED,
        background_fill_color=None,
    )
    made.add_layout(bar, "right")
    words = Title(text=title, align="center", text_font_size="12px", text_font_style="normal", text_color=INK)
    made.add_layout(words, "right")
    return words


def outside_band() -> BoxAnnotation:
    """Shading over frequencies or periods outside a wavefield's band."""
    return BoxAnnotation(fill_color="#9aa0a8", fill_alpha=0.16, line_color=None, visible=False, propagate_hover=True)


def draw_rupture(made: figure, points: ColumnDataSource) -> None:
    """The points of a rupture, small enough that what is below stays seen."""
    made.scatter("x", "y", source=points, size=3.5, fill_color=RUPTURE, line_color=None, fill_alpha=0.75)


def draw_stations(made: figure, stations: ColumnDataSource) -> None:
    """Stations, as seismologists mark them."""
    made.scatter(
        "x",
        "y",
        source=stations,
        marker="inverted_triangle",
        size=11,
        fill_color="white",
        line_color=INK,
        line_width=1.3,
    )
