"""Downloads for a visitor: files in every format, and the command that makes the same."""

from __future__ import annotations

import html
from typing import Any

import panel as pn
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.exchange.placing import place_of
from spectremor.exchange.quantities import Quantity
from spectremor.exchange.times import DEFAULT_ORIGIN_TIME, parse_time
from spectremor.web.controls import NOTE, heading
from spectremor.web.downloads import FORMATS, Parcel

_TABLE = (
    "<style>table{border-collapse:collapse;font-size:13px;max-width:760px;width:100%}"
    "td{padding:7px 12px 7px 0;border-bottom:1px solid #e7e9ec;vertical-align:top}"
    "a{color:#b3202a;font-weight:600;white-space:nowrap}span{color:#9aa0a8;white-space:nowrap}</style>"
)
_COMMAND = (
    "<style>pre{background:#f6f7f8;border:1px solid #e3e6ea;border-radius:4px;padding:10px 12px;margin:0;"
    "white-space:pre-wrap;overflow-wrap:anywhere;font-size:12.5px}</style>"
)
#: Runs in the browser.
_COPY = """
navigator.clipboard.writeText(text.value).then(() => {
  source.label = "Copied"
  setTimeout(() => source.label = "Copy", 1500)
})
"""


class Takeaway:
    """Links to files, where on Earth they lie, and the command line.

    Args:
        key: under which the page's files are offered; None: they are not.
    """

    def __init__(self, key: str | None) -> None:
        self._key, self._ready, self._placed = key, False, False
        self._known: Georeference | None = None
        self.longitude = pn.widgets.FloatInput(label="Longitude (°)", value=None, width=130, format="0[.][000000]")
        self.latitude = pn.widgets.FloatInput(label="Latitude (°)", value=None, width=130, format="0[.][000000]")
        self.origin_time = pn.widgets.TextInput(label="Origin time (UTC)", placeholder=DEFAULT_ORIGIN_TIME, width=210)
        self.links = pn.pane.HTML("", sizing_mode="stretch_width", margin=(4, 10))
        self.command = pn.pane.HTML("", sizing_mode="stretch_width", margin=(4, 10))
        self._text = pn.widgets.TextInput(value="", visible=False)
        self.copy = pn.widgets.Button(label="Copy", width=90)
        self.copy.js_on_click(args={"text": self._text, "source": self.copy}, code=_COPY)
        for widget in (self.longitude, self.latitude):
            widget.param.watch(lambda _: self._list(), "value")
        self.view = self._view()
        self._list()

    def offer(self, field: xr.DataArray, place: Georeference | None = None) -> None:
        """Offer a wavefield, which may say itself where on Earth it lies.

        Args:
            field: the wavefield.
            place: where it lies, where that is known from what it was made of.
        """
        self._known = place
        self._ready, self._placed = True, place is not None or place_of(field, None) is not None
        self._list()

    def say_command(self, command: str) -> None:
        """Show the command that does the same."""
        self._text.value = command
        self.command.object = f"{_COMMAND}<pre>{html.escape(command)}</pre>"

    def parcel(self, field: xr.DataArray, quantity: Quantity) -> Parcel:
        """A wavefield with what was set here.

        Raises:
            InputError: half a place, a place that is none, or a time that is none.
        """
        when = (self.origin_time.value or "").strip() or None
        if when is not None:
            parse_time(when)
        return Parcel(field, quantity, self.place(), when)

    def place(self) -> Georeference | None:
        """Where the south-west corner lies on Earth, as typed or as stated; None where nothing is said.

        Raises:
            InputError: one number of two, or a place that is none.
        """
        longitude, latitude = self.longitude.value, self.latitude.value
        if longitude is None and latitude is None:
            return self._known
        if longitude is None or latitude is None:
            missing = "longitude" if longitude is None else "latitude"
            raise InputError(f"origin.{missing}", "nothing", "both longitude and latitude, or neither")
        typed = Georeference(longitude_deg=longitude, latitude_deg=latitude)
        stated = self._known
        if stated is None:
            return typed
        # The axes may be turned, which is not typed here.
        if (typed.longitude_deg, typed.latitude_deg) != (stated.longitude_deg, stated.latitude_deg):
            own, allowed = (f"{p.longitude_deg:g}, {p.latitude_deg:g} degrees" for p in (typed, stated))
            raise InputError("place on Earth", own, f"{allowed}, at which the files were read")
        return stated

    def _view(self) -> pn.Column:
        place = "The south-west corner of the ground on Earth: needed by ASDF and OpenQuake, used by most."
        return pn.Column(
            heading("Place and time"),
            pn.pane.HTML(place, styles=NOTE, margin=(2, 10)),
            pn.FlexBox(self.longitude, self.latitude, self.origin_time),
            heading("Files"),
            self.links,
            heading("The same on the command line"),
            self.command,
            pn.Row(self.copy, self._text),
            sizing_mode="stretch_width",
        )

    def _list(self) -> None:
        typed = self.longitude.value is not None and self.latitude.value is not None
        placed = typed or self._placed
        rows = "".join(f"<tr><td>{self._link(kind, placed)}</td><td>{f.about}</td></tr>" for kind, f in FORMATS.items())
        note = "" if self._ready else f"<div {_note()}>Generate or open a wavefield first.</div>"
        self.links.object = f"{_TABLE}{note}<table>{rows}</table>"

    def _link(self, kind: str, placed: bool) -> str:
        form = FORMATS[kind]
        if not self._ready or self._key is None:
            return f"<span>{form.label}</span>"
        if form.needs_place and not placed:
            return f"<span>{form.label}</span><br><span>needs a place</span>"
        # In a tab of its own: what is wrong is said there, and the page stays.
        return f'<a href="download/{self._key}/{kind}" target="_blank" rel="noopener">{form.label}</a>'


def _note() -> str:
    style: dict[str, Any] = NOTE
    return 'style="' + ";".join(f"{k}:{v}" for k, v in style.items()) + '"'
