"""Controls for the location on Earth of the domain's corner, which files in degrees need."""

from __future__ import annotations

from typing import Any

import panel as pn

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.web.controls import CARD_THIRD


class PlaceControls:
    """Longitude and latitude of the corner, azimuth of the axes, and a map projection for files that need one."""

    def __init__(self) -> None:
        self.longitude = pn.widgets.FloatInput(
            label="Corner lon. (°)", value=None, width=CARD_THIRD, format="0[.][000000]"
        )
        self.latitude = pn.widgets.FloatInput(
            label="Corner lat. (°)", value=None, width=CARD_THIRD, format="0[.][000000]"
        )
        self.azimuth = pn.widgets.FloatInput(label="Azimuth (°)", value=0.0, width=CARD_THIRD, format="0[.][000]")
        self.projection = pn.widgets.TextInput(label="Projection", placeholder="e.g. EPSG:32633", width=192)

    @property
    def place(self) -> Georeference | None:
        """The location of the corner; None if the fields are empty.

        Raises:
            InputError: only one of longitude and latitude is given, or the location is not valid.
        """
        longitude, latitude = self.longitude.value, self.latitude.value
        if longitude is None and latitude is None:
            return None
        if longitude is None or latitude is None:
            missing = "Corner lon. (°)" if longitude is None else "Corner lat. (°)"
            raise InputError(missing, "nothing", "both longitude and latitude of the corner, or neither")
        return Georeference(
            longitude_deg=longitude,
            latitude_deg=latitude,
            azimuth_deg=self.azimuth.value or 0.0,
            crs=(self.projection.value or "").strip() or None,
        )

    def parts(self) -> list[Any]:
        """The controls, from top to bottom."""
        return [pn.Row(self.longitude, self.latitude, self.azimuth), self.projection]
