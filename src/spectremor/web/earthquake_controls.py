"""Controls for the earthquake: a point source, a random rupture, or a rupture in a file."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.web.choices import ONLY_POINTS, FileRupture, RandomRupture, RuptureChoice
from spectremor.web.controls import FULL, HALF, NOTE, THIRD, heading, note, number, number_in, upload_field
from spectremor.web.mechanism import Mechanism
from spectremor.web.reply import Reply
from spectremor.web.uploads import MAX_RUPTURE_MB

#: Kinds of earthquakes, by their label on the page.
KINDS = {"Point": "point", "Random rupture": "random", "Rupture file": "file"}


class EarthquakeControls:
    """A point source or a random rupture by numbers, or a rupture in a file; clicks on the ground set the position.

    Args:
        start: source whose numbers are shown first.
        open_file: reads an uploaded rupture.
        changed: called when something changes.
    """

    def __init__(
        self,
        start: Source,
        open_file: Callable[[str, bytes], Any],
        changed: Callable[[], None],
    ) -> None:
        strike, dip, rake = start.strike_dip_rake_deg()
        x, y, z = start.position_m
        self.numbers = {
            "x": number("East (km)", round(x / 1000, 3), 0.1, THIRD),
            "y": number("North (km)", round(y / 1000, 3), 0.1, THIRD),
            "depth": number("Depth (km)", round(-z / 1000, 3), 0.1, THIRD),
            "mw": number("Magnitude Mw", round(start.mw, 2), 0.1, HALF),
            "strike": number("Strike (°)", round(strike, 2), 1.0, HALF),
            "dip": number("Dip (°)", round(dip, 2), 1.0, HALF),
            "rake": number("Rake (°)", round(rake, 2), 1.0, HALF),
        }
        self.kind = pn.widgets.RadioButtonGroup(options=KINDS, value="point", width=FULL)
        self.slip_seed = pn.widgets.IntInput(label="Seed of the slip", value=0, width=HALF, visible=False)
        self.only_points = note(ONLY_POINTS)
        self.upload, self.reply = upload_field(open_file, MAX_RUPTURE_MB), Reply()
        self.file_rupture: FileRupture | None = None
        self.about = pn.pane.HTML("", styles=NOTE, margin=(0, 10), visible=False)
        self.mechanism = Mechanism()
        self._changed = changed
        self._by_numbers, self._by_file = self._numbers_view(), self._file_view()
        for widget in (self.kind, self.slip_seed):
            widget.param.watch(lambda _: self._on_change(), "value")
        for field in self.numbers.values():
            field.param.watch(lambda _: self._on_change(), "value")
        self._draw()

    @property
    def point_source(self) -> Source | None:
        """The earthquake as a point source; None if it is a rupture.

        Raises:
            InputError: a field is empty, or a number is not valid for a source.
        """
        return self.source if self.kind.value == "point" else None

    @property
    def rupture(self) -> RuptureChoice | None:
        """The earthquake as a rupture; None if it is a point source.

        Raises:
            InputError: a field is empty, or no file was opened yet.
        """
        if self.kind.value == "file":
            if self.file_rupture is None:
                raise InputError("Rupture file", "nothing", "a file with a rupture")
            return self.file_rupture
        if self.kind.value == "point":
            return None
        x, y, depth = (1000 * number_in(self.numbers[name]) for name in ("x", "y", "depth"))
        if self.slip_seed.value is None or self.slip_seed.value < 0:
            typed = "nothing" if self.slip_seed.value is None else self.slip_seed.value
            raise InputError("Seed of the slip", typed, "a whole number, 0 or more")
        return RandomRupture(number_in(self.numbers["mw"]), (x, y, -depth), self.angles_deg, self.slip_seed.value)

    def take(self, file_rupture: FileRupture) -> None:
        """Use a rupture from a file as the earthquake."""
        self.file_rupture, rupture = file_rupture, file_rupture.rupture_in_file
        size = "magnitude depends on the ground's rigidity" if rupture.needs_rigidity else f"Mw {rupture.mw:.2f}"
        self.about.object = f"<b>{html.escape(file_rupture.name)}</b>: {size}, {len(rupture)} points"
        self.kind.value = "file"
        self._on_change()

    def show_model_limit(self, limited: bool) -> None:
        """Show or hide the note that the model accepts point sources only."""
        self.only_points.visible = limited

    @property
    def source(self) -> Source:
        """The point source that the numbers describe.

        Raises:
            InputError: a field is empty, or a number is not valid for a source.
        """
        value = {name: number_in(widget) for name, widget in self.numbers.items()}
        return Source.from_angles(
            position_m=(1000 * value["x"], 1000 * value["y"], -1000 * value["depth"]),
            strike_deg=value["strike"],
            dip_deg=value["dip"],
            rake_deg=value["rake"],
            mw=value["mw"],
        )

    @property
    def angles_deg(self) -> tuple[float, float, float]:
        """Strike, dip and rake as they were typed."""
        strike, dip, rake = (number_in(self.numbers[name]) for name in ("strike", "dip", "rake"))
        return strike, dip, rake

    @property
    def position_km(self) -> tuple[float, float, float]:
        """East, North and depth of the point source or of the hypocentre of the rupture; 0 for an empty field."""
        if self.kind.value == "file" and self.file_rupture is not None:
            x_m, y_m, z_m = self.file_rupture.rupture_in_file.hypocentre_m
            return x_m / 1000, y_m / 1000, -z_m / 1000
        x, y, depth = (float(self.numbers[name].value or 0.0) for name in ("x", "y", "depth"))
        return x, y, depth

    def move_to(self, east_km: float | None, north_km: float | None, depth_km: float | None) -> None:
        """Move the source; a coordinate that is None is not changed."""
        for name, value in (("x", east_km), ("y", north_km), ("depth", depth_km)):
            if value is not None:
                self.numbers[name].value = round(value, 2)

    def parts(self) -> list[Any]:
        """The controls, from top to bottom."""
        return [
            heading("2. Earthquake"),
            self.kind,
            self.only_points,
            self._by_numbers,
            self._by_file,
            self.reply.pane,
        ]

    def _numbers_view(self) -> pn.Column:
        n = self.numbers
        ball = pn.Column(pn.pane.HTML("Mechanism", margin=(5, 10, 0, 10), styles=NOTE), self.mechanism.figure)
        return pn.Column(
            note("Type a position, or click on the map or a section. A random rupture starts there."),
            pn.Row(n["x"], n["y"], n["depth"]),
            pn.Row(pn.Column(n["mw"], n["strike"], n["dip"], n["rake"]), ball),
            self.slip_seed,
        )

    def _file_view(self) -> pn.Column:
        kinds = f"SRF, .param or .fsp, at most {MAX_RUPTURE_MB} MB; set the place on Earth above first:"
        return pn.Column(note(kinds), self.upload, self.about, visible=False)

    def _on_change(self) -> None:
        kind = self.kind.value
        self._by_numbers.visible, self._by_file.visible = kind != "file", kind == "file"
        self.slip_seed.visible, self.about.visible = kind == "random", self.file_rupture is not None
        self._draw()
        self._changed()

    def _draw(self) -> None:
        try:
            self.mechanism.show(self.source)
        except InputError:
            # Not shown while the user is still typing; the request raises it again.
            return
