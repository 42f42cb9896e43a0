"""The figure of the focal mechanism beside the angles."""

from __future__ import annotations

from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from spectremor.core.source import Source
from spectremor.web.beachball import beachball
from spectremor.web.style import FULL, INK, make_figure


class Mechanism:
    """The beachball of the source."""

    def __init__(self) -> None:
        self.image = ColumnDataSource({"image": []})
        self.figure = make_figure(width=116, height=116)
        self.figure.update(min_border=0, min_border_right=0, outline_line_color=None)
        self.figure.update(background_fill_color=None, border_fill_color=None)
        for part in (*self.figure.axis, *self.figure.grid):
            part.visible = False
        self.figure.x_range, self.figure.y_range = Range1d(-1.03, 1.03), Range1d(-1.03, 1.03)
        colours = LinearColorMapper(palette=["#ffffff", FULL], low=0, high=1, nan_color="#00000000")
        self.figure.image("image", x=-1, y=-1, dw=2, dh=2, source=self.image, color_mapper=colours)
        self.figure.circle(0, 0, radius=1, fill_color=None, line_color=INK, line_width=1.5)

    def show(self, source: Source) -> None:
        """Draw a source's mechanism."""
        self.image.data = {"image": [beachball(source.tensor_nm / source.moment_nm)]}
