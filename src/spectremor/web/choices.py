"""What a visitor can choose besides a ground and a point source: ruptures, stations, a simulation without a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.georeference import Georeference
from spectremor.core.recording import Recording, Sensors, Stations
from spectremor.core.rupture import Rupture

#: Longest duration and largest number of points of a rupture that the page computes.
MAX_DURATION_S, MAX_POINTS = 120.0, 20_000
#: Messages beside controls whose settings the chosen model does not accept.
ONLY_POINTS = "This model takes a point source. A rupture needs a model that simulates, or \u201cSimulation only\u201d."
ONLY_GRID = (
    "This model has its own grid of sensors. Stations need one of the models that ship, or \u201cSimulation only\u201d."
)


@dataclasses.dataclass(frozen=True)
class RandomRupture:
    """A rupture of one plane with random slip, given by magnitude, mechanism and hypocentre.

    Attributes:
        mw: moment magnitude.
        hypocentre_m: (x, y, z).
        angles_deg: strike, dip and rake.
        seed: seed of the slip.
    """

    mw: float
    hypocentre_m: tuple[float, float, float]
    angles_deg: tuple[float, float, float]
    seed: int

    place: Georeference | None = dataclasses.field(default=None, init=False)

    def rupture(self, geology: Geology) -> Rupture:
        """The rupture in this ground.

        Raises:
            InputError: as `Rupture.from_magnitude`.
        """
        strike, dip, rake = self.angles_deg
        return Rupture.from_magnitude(
            mw=self.mw,
            hypocentre_m=self.hypocentre_m,
            strike_deg=strike,
            dip_deg=dip,
            rake_deg=rake,
            seed=self.seed,
            geology=geology,
        )


@dataclasses.dataclass(frozen=True)
class FileRupture:
    """A rupture from a file.

    Attributes:
        rupture_in_file: the rupture that was read.
        name: name of the file.
        path: path of the file for the command line.
        place: location on Earth of the domain's corner.
    """

    rupture_in_file: Rupture
    name: str
    path: str
    place: Georeference

    def rupture(self, _geology: Geology) -> Rupture:
        """The rupture as it was read."""
        return self.rupture_in_file


@dataclasses.dataclass(frozen=True)
class StationList:
    """Stations from a file.

    Attributes:
        stations: the stations that were read.
        name: name of the file.
        path: path of the file for the command line.
        place: location on Earth of the domain's corner; None if the file is in metres.
    """

    stations: Stations
    name: str
    path: str
    place: Georeference | None


@dataclasses.dataclass(frozen=True)
class SimulationChoice:
    """The settings of a simulation without a model.

    Attributes:
        grid_spacing_m: spacing of the simulation's grid.
        duration_s: duration of the motion.
        lowpass_hz: corner frequency of the low-pass.
    """

    grid_spacing_m: float
    duration_s: float
    lowpass_hz: float

    def __post_init__(self) -> None:
        if not 0 < self.duration_s <= MAX_DURATION_S:
            raise InputError(
                "Duration (s)", f"{self.duration_s:g}", f"above 0, at most {MAX_DURATION_S:g} on this page"
            )

    def recording(self, sensors: Sensors) -> Recording:
        """The recording at these sensors, with this duration and low-pass."""
        recording = Recording(sensors=sensors, lowpass_hz=self.lowpass_hz)
        return dataclasses.replace(recording, samples=max(2, round(self.duration_s * recording.sampling_hz)))


RuptureChoice = RandomRupture | FileRupture


def needed_place(place: Georeference | None, what: str) -> Georeference:
    """The place on Earth, which is needed to read a file in degrees.

    Args:
        place: the place, or None.
        what: beginning of the reason, such as "ruptures are".

    Raises:
        InputError: the place is None.
    """
    if place is None:
        raise InputError("corner", "nothing", f"longitude and latitude of the corner: {what} in degrees")
    return place


def check_places(places: Iterable[tuple[str, Georeference | None]]) -> Georeference | None:
    """The place on Earth that all files in degrees were read with; None if there are none.

    Args:
        places: what was read (ground, rupture, stations), and the location of the corner then.

    Raises:
        InputError: two places differ.
    """
    stated = [(what, place) for what, place in places if place is not None]
    for what, place in stated[1:]:
        if place != stated[0][1]:
            raise InputError(
                "corner",
                f"{_words(place)} for the {what}",
                f"{_words(stated[0][1])}, as for the {stated[0][0]}: read one of the two files again",
            )
    return stated[0][1] if stated else None


def _words(place: Georeference) -> str:
    turned = f", azimuth {place.azimuth_deg:g}" if place.azimuth_deg else ""
    return f"{place.longitude_deg:g}, {place.latitude_deg:g}{turned}{f', {place.crs}' if place.crs else ''}"
