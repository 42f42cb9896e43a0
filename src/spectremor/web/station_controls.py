"""Controls for the sensors: a grid, or a visitor's list of stations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.web.choices import ONLY_GRID, StationList
from spectremor.web.controls import FULL, heading, note, upload_field
from spectremor.web.reply import Reply
from spectremor.web.uploads import MAX_STATIONS_MB

GRID = "A grid of 32 × 32 sensors"


class StationControls:
    """The choice between a grid of sensors and an uploaded list of stations.

    Args:
        open_file: reads an uploaded list.
        changed: called when another choice is made.
    """

    def __init__(self, open_file: Callable[[str, bytes], Any], changed: Callable[[], None]) -> None:
        self.choice = pn.widgets.Select(label="Sensors", options={GRID: GRID}, value=GRID, width=FULL)
        self.only_grid = note(ONLY_GRID)
        self.upload, self.reply = upload_field(open_file, MAX_STATIONS_MB), Reply()
        self.choice.param.watch(lambda _: changed(), "value")

    @property
    def stations(self) -> StationList | None:
        """The chosen list of stations; None: the grid."""
        return None if self.choice.value == GRID else self.choice.value

    def take(self, read: StationList) -> None:
        """Offer a list instead of the previous one, and choose it."""
        label = f"{read.name}: {read.stations.count} station{'s' * (read.stations.count != 1)}"
        self.choice.param.update(options={GRID: GRID, label: read}, value=read)

    def show_model_limit(self, limited: bool) -> None:
        """Show or hide the note that the model records on its own grid only."""
        self.only_grid.visible = limited

    def parts(self) -> list[Any]:
        """The controls, from top to bottom."""
        kinds = f"Your own stations (.csv, StationXML, at most {MAX_STATIONS_MB} MB):"
        return [heading("3. Sensors"), self.choice, self.only_grid, note(kinds), self.upload, self.reply.pane]
