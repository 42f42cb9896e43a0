"""The tab with downloads in every format and the command line that makes the same wavefield."""

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
from spectremor.web.downloads import FORMATS, ExportRequest

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


class FilesView:
    """Links to the files, fields for place and origin time, and the command line.

    Args:
        key: key under which the page's files can be downloaded; None: they cannot.
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
        """Offer a wavefield for download.

        Args:
            field: the wavefield; its attributes may hold the location on Earth.
            place: location on Earth of the files that the wavefield was made from; None if it is not known.
        """
        self._known = place
        self._ready, self._placed = True, place is not None or place_of(field, None) is not None
        self._list()

    def show_command(self, command: str) -> None:
        """Show the command line that makes the same wavefield."""
        self._text.value = command
        self.command.object = f"{_COMMAND}<pre>{html.escape(command)}</pre>"

    def export_request(self, field: xr.DataArray, quantity: Quantity) -> ExportRequest:
        """A wavefield with the place and origin time of this tab.

        Raises:
            InputError: only one of longitude and latitude is given, or the place or the time is not valid.
        """
        when = (self.origin_time.value or "").strip() or None
        if when is not None:
            parse_time(when)
        return ExportRequest(field, quantity, self.place(), when)

    def place(self) -> Georeference | None:
        """Location on Earth of the south-west corner, as typed or as known from the files; None if it is not known.

        Raises:
            InputError: only one of longitude and latitude is given, or they are not valid or differ from the files'.
        """
        longitude, latitude = self.longitude.value, self.latitude.value
        if longitude is None and latitude is None:
            return self._known
        if longitude is None or latitude is None:
            missing = "longitude" if longitude is None else "latitude"
            raise InputError(f"origin.{missing}", "nothing", "both longitude and latitude, or neither")
        typed = Georeference(longitude_deg=longitude, latitude_deg=latitude)
        known = self._known
        if known is None:
            return typed
        # The known place also holds the azimuth of the axes, which cannot be typed here.
        if (typed.longitude_deg, typed.latitude_deg) != (known.longitude_deg, known.latitude_deg):
            own, allowed = (f"{p.longitude_deg:g}, {p.latitude_deg:g} degrees" for p in (typed, known))
            raise InputError("place on Earth", own, f"{allowed}, the place that was given for the files")
        return known

    def _view(self) -> pn.Column:
        place = "Location of the ground's south-west corner. ASDF and OpenQuake need it; most other formats use it."
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
            return f"<span>{form.label}</span><br><span>needs longitude and latitude</span>"
        # Opens in a new tab, which shows an error if there is one; the page stays open.
        return f'<a href="download/{self._key}/{kind}" target="_blank" rel="noopener">{form.label}</a>'


def _note() -> str:
    style: dict[str, Any] = NOTE
    return 'style="' + ";".join(f"{k}:{v}" for k, v in style.items()) + '"'
