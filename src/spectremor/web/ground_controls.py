"""Controls for the ground: one that is offered, or a visitor's own file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.core.axes import HEMEW_EXTENT_M, HEMEW_NODES
from spectremor.web.controls import (
    CARD_THIRD,
    FULL,
    HALF,
    NOTE,
    collapsed_card,
    heading,
    note,
    number,
    number_in,
    upload_field,
)
from spectremor.web.ground import Ground, GroundGrid
from spectremor.web.place import PlaceControls
from spectremor.web.reply import Reply
from spectremor.web.uploads import GROUND_SUFFIXES, MAX_UPLOAD_MB

#: Largest number of a visitor's own grounds that are kept, since each may be large.
MAX_OWN = 3
_SIDE_KM = HEMEW_EXTENT_M / 1000


class GroundControls:
    """The choice of a ground, and the grid onto which velocity models of other programs are interpolated.

    Args:
        grounds: the grounds to choose from; the first one is chosen at the start.
        place: controls for the location of the corner on Earth.
        open_file: reads an uploaded file.
        changed: called when another ground is chosen.
    """

    def __init__(
        self,
        grounds: list[Ground],
        place: PlaceControls,
        open_file: Callable[[str, bytes], Any],
        changed: Callable[[], None],
    ) -> None:
        self._place, self._own = place, list[str]()
        self.choice = pn.widgets.Select(
            label="Ground", options={ground.label: ground for ground in grounds}, value=grounds[0], width=FULL
        )
        self.about = pn.pane.HTML("", styles=NOTE, margin=(0, 10))
        self.sides = [
            number(f"{way} (km)", _SIDE_KM, 0.1, CARD_THIRD) for way in ("Size East", "Size North", "Size depth")
        ]
        self.spacing = number("Spacing (m)", round(HEMEW_EXTENT_M / (HEMEW_NODES - 1), 3), 10.0, HALF)
        self.upload, self.reply = upload_field(open_file), Reply()
        self.choice.param.watch(lambda _: self._describe(), "value")
        self.choice.param.watch(lambda _: changed(), "value")
        self._describe()

    @property
    def ground(self) -> Ground:
        """The chosen ground."""
        return self.choice.value

    def grid(self) -> GroundGrid:
        """The grid for velocity models of other programs.

        Raises:
            InputError: a field is empty, or only one of longitude and latitude is given.
        """
        east, north, depth = (round(1000 * number_in(side), 3) for side in self.sides)
        return GroundGrid((east, north, depth), number_in(self.spacing), self._place.place)

    def add(self, ground: Ground) -> None:
        """Add a visitor's own ground to the choices, and choose it; only the last `MAX_OWN` of them are kept."""
        self._own = [ground.label, *(label for label in self._own if label != ground.label)]
        dropped, self._own = self._own[MAX_OWN:], self._own[:MAX_OWN]
        others = {k: v for k, v in self.choice.options.items() if k != ground.label and k not in dropped}
        self.choice.param.update(options={ground.label: ground} | others, value=ground)

    def parts(self) -> list[Any]:
        """The controls, from top to bottom."""
        grid_note = (
            "Velocity models (layers: .csv, .fk1d; SPECFEM: .xyz; in degrees: .nc) are interpolated onto this grid."
        )
        operator_note = f"Neural operators need {_SIDE_KM:g} km and {HEMEW_NODES} nodes along each side."
        place_note = "Needed for files in degrees: models of the ground, ruptures, lists of stations."
        return [
            heading("1. Ground"),
            self.choice,
            self.about,
            note(f"Your own ground ({', '.join(GROUND_SUFFIXES)}, at most {MAX_UPLOAD_MB} MB):"),
            self.upload,
            self.reply.pane,
            collapsed_card(
                "Grid for models of the ground", note(grid_note), pn.Row(*self.sides), self.spacing, note(operator_note)
            ),
            collapsed_card("Place on Earth", note(place_note), *self._place.parts()),
        ]

    def _describe(self) -> None:
        ground = self.ground
        size = " × ".join(f"{side:.3g}" for side in ground.extent_km)
        nodes = " × ".join(str(n) for n in ground.geology.shape)
        low, high = ground.vs_range_km_s
        self.about.object = f"{size} km, {nodes} nodes, Vs {low:.2f} to {high:.2f} km/s"
