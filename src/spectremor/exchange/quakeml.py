"""QuakeML both ways: an event's place, moment tensor and rise time <-> Source.

QuakeML gives moment tensors in (Up, South, East) = (r, t, p); a Source has (East, North, Up) of the local axes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.event import Event
from spectremor.core.extras import need
from spectremor.core.files import atomic_file
from spectremor.core.georeference import Georeference
from spectremor.core.reading import read_small_file
from spectremor.core.source import STRESS_DROP_PA, Source
from spectremor.core.version import VERSION
from spectremor.exchange.event_choice import ENU_TO_USE, OWN_IDS, TENSOR_COMPONENTS, Choice, choose
from spectremor.exchange.event_files import EventFile, parse_quakeml
from spectremor.exchange.moment_rate import RiseTime, rise_time_of
from spectremor.exchange.placing import agreed_origin_time, agreed_place
from spectremor.exchange.subfaults import check_near
from spectremor.exchange.times import parse_time

if TYPE_CHECKING:
    from obspy.core.event import Catalog, MomentTensor
    from obspy.core.event import Event as ObspyEvent

MAX_QUAKEML_BYTES = 64 * 2**20
#: Objects that get an id.
_KINDS = ("catalog", "event", "origin", "magnitude", "mechanism", "tensor")
#: Largest number of events that an error message lists.
_LISTED = 10


def read_source(
    path: str | Path,
    place: Georeference,
    *,
    event: int | None = None,
    event_id: str | None = None,
    rise_time_s: float | None = None,
    stress_drop_pa: float | None = None,
) -> Source:
    """The source that a QuakeML file describes, in local coordinates.

    The mechanism is the preferred one, else the first, with a moment tensor, or with a nodal plane and a size. The
    position is the origin that the moment tensor names (the centroid), else the one that the mechanism names, else the
    preferred one, else the first. The size is the tensor's, else its scalar moment, else a moment magnitude: the one
    that the tensor names, else the preferred one, else the first of type Mw, Mww, Mwc, Mwb or Mwr.
    `source.event.choice` describes the choice; wavefields record it with the event's id and origin time.

    Args:
        path: QuakeML file.
        place: where the local axes lie on Earth.
        event: number of the event, when the file holds several (0 is the first).
        event_id: instead of the number, the event's public id, the part after the last / or = in it, or the number as
            text.
        rise_time_s: tau; None: as wide at low frequencies as the file's source time function, or from a stress drop
            where the file has none.
        stress_drop_pa: gives the corner frequency with the moment and Vs at the source (Brune 1970), whatever source
            time function the file has; None: 5 MPa where the file has none and no rise time is given.

    Raises:
        InputError: a rise time beside a stress drop, no QuakeML, a missing part that the source needs, or sizes that
            differ by more than 0.3 in Mw: moments in dyn cm, for instance, or a tensor normalised to 1.

    Warns:
        InputWarning: the file names an origin that it does not hold, or a source time function of unknown shape; or it
            has a large moment that no magnitude confirms: QuakeML is in N m, but dyn cm may have been meant.

    Example:
        >>> import pathlib, tempfile
        >>> corner = Georeference(longitude_deg=13.26, latitude_deg=42.29)
        >>> written = Source.from_angles(position_m=(4800, 4800, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "event.xml"
        >>> write_source(written, path, corner, origin_time="2016-08-24T01:36:32Z")
        >>> source = read_source(path, corner)
        >>> round(source.mw, 2), source.event.origin_time
        (4.9, '2016-08-24T01:36:32.000000Z')
    """
    file = _read(Path(path))
    found = _choose(file.catalog, event, event_id)
    choice = choose(found, file)
    for doubt in choice.doubts:
        warnings.warn(_plain(f"quakeml: {doubt}; took {choice.words[0]}"), InputWarning, stacklevel=2)
    lon, lat = np.array(float(choice.origin.longitude)), np.array(float(choice.origin.latitude))
    check_near("quakeml.origin", lon, lat, place)
    x, y = (float(v) for v in place.to_local(lon, lat))
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError("quakeml.origin", f"({float(lon):g}, {float(lat):g})", "a point that the projection covers")
    rise = _rise_time(choice, rise_time_s, stress_drop_pa)
    turn = _rotation(float(place.north_azimuth_deg(np.array(x), np.array(y))))
    source = Source.from_tensor(
        position_m=(x, y, -float(choice.origin.depth)),
        tensor_nm=turn.T @ choice.tensor_nm @ turn,
        rise_time_s=rise.tau_s,
        stress_drop_pa=stress_drop_pa,
    )
    if choice.size_doubt is not None:
        warnings.warn(_plain(f"quakeml: {choice.size_doubt}"), InputWarning, stacklevel=2)
    return dataclasses.replace(source, event=_event(found, choice, rise, place).with_rise_time(source.rise_time_s))


def _rise_time(choice: Choice, stated_s: float | None, stress_drop_pa: float | None) -> RiseTime:
    """The rise time that the caller states, else that of the file, else that of Brune's model."""
    if stated_s is not None:
        return RiseTime(stated_s, f"{stated_s:g} s, as asked")
    brune = "of Brune's corner frequency for a stress drop of {:g} MPa and Vs at the source, {}"
    if stress_drop_pa is not None:
        return RiseTime(None, brune.format(1e-6 * stress_drop_pa, "as asked"))
    of_file = rise_time_of(choice.function, ours=choice.tensor_id.startswith(OWN_IDS))
    return of_file or RiseTime(None, brune.format(1e-6 * STRESS_DROP_PA, "no source time function in the file"))


def _event(found: ObspyEvent, choice: Choice, rise: RiseTime, place: Georeference) -> Event:
    """The event that the source records; its origin time is when the moment function begins."""
    time, time_words, centroid_time = choice.origin.time, "origin time", None
    if time is None:
        times = [origin.time for origin in found.origins if origin.time is not None]
        time, time_words = (times[0], "origin time of another origin") if times else (None, "no origin time")
    elif choice.origin.origin_type == "centroid":
        # Times of a wavefield count from the beginning of the moment function, whose centroid comes 2 tau later.
        centroid_time, time_words = str(time), "begin 2 tau before the centroid time"
    words = [*choice.words, f"rise time {rise.words}", f"{time_words} {time}" if time is not None else time_words]
    return Event(
        event_id=None if found.resource_id is None else str(found.resource_id.id),
        origin_time=None if time is None else str(time),
        centroid_time=centroid_time,
        choice=_plain("; ".join(words)),
        place=place,
    )


def _plain(text: str) -> str:
    """Text on one line, without control characters, which a file may contain."""
    return "".join(c if c.isprintable() else " " for c in text)


def to_catalog(source: Source, place: Georeference, *, origin_time: str | None = None, about: str = "") -> Catalog:
    """An ObsPy catalogue with one event: origin, moment magnitude, nodal planes, moment tensor, rise time.

    Its ids contain a digest of source, place and origin time: catalogues can be merged, and an event keeps its ids.

    Args:
        source: the source.
        place: where the domain lies on Earth.
        origin_time: date and time of the earthquake, ISO 8601 (UTC); None: that of the source's event, else 2000-01-01.
        about: origin of the motion that is exported with it; becomes a comment of the event.

    Raises:
        InputError: no date, or a place or date other than those of the source's event.
    """
    agreed_place(source.event, place)
    ev = need("obspy.core.event", "exchange")
    x, y = np.array(source.position_m[0]), np.array(source.position_m[1])
    lon, lat = place.to_lonlat(x, y)
    azimuth = float(place.north_azimuth_deg(x, y))
    time = parse_time(agreed_origin_time(source.event, origin_time))
    digest = _digest(source, place, time)
    ids = {kind: ev.ResourceIdentifier(f"{OWN_IDS}{kind}/{digest}") for kind in _KINDS}
    origin = ev.Origin(
        resource_id=ids["origin"],
        time=time,
        longitude=float(lon),
        latitude=float(lat),
        depth=-source.position_m[2],
    )
    magnitude = ev.Magnitude(resource_id=ids["magnitude"], mag=source.mw, magnitude_type="Mw", origin_id=ids["origin"])
    mechanism = ev.FocalMechanism(
        resource_id=ids["mechanism"],
        triggering_origin_id=ids["origin"],
        nodal_planes=_nodal_planes(source, azimuth),
        moment_tensor=_moment_tensor(source, azimuth, ids),
    )
    event = ev.Event(
        resource_id=ids["event"],
        event_type="earthquake",
        origins=[origin],
        magnitudes=[magnitude],
        focal_mechanisms=[mechanism],
        event_descriptions=[ev.EventDescription(text="synthetic earthquake")],
        comments=[ev.Comment(text=about, force_resource_id=False)] if about else [],
        creation_info=ev.CreationInfo(agency_id="spectremor", version=VERSION),
    )
    event.preferred_origin_id, event.preferred_magnitude_id = ids["origin"], ids["magnitude"]
    event.preferred_focal_mechanism_id = ids["mechanism"]
    return ev.Catalog([event], resource_id=ids["catalog"])


def _digest(source: Source, place: Georeference, time: Any) -> str:
    """Twelve hexadecimal digits that differ from one event to another."""
    where = (place.longitude_deg, place.latitude_deg)
    numbers = [*source.position_m, *source.moment_tensor_nm, source.rise_time_s, *where]
    # Adding zero makes -0.0, which is the same place, the same text.
    about = [[float(number) + 0.0 for number in numbers], place.crs, str(time)]
    # An event in a domain that is not turned keeps the ids of earlier versions, which had no turned domains.
    text = json.dumps(about + [float(place.azimuth_deg)] * (place.azimuth_deg != 0))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_source(source: Source, path: str | Path, place: Georeference, *, origin_time: str | None = None) -> None:
    """Write a source as QuakeML; the file appears whole or not at all."""
    with atomic_file(path) as aside:
        to_catalog(source, place, origin_time=origin_time).write(str(aside), format="QUAKEML")


def _read(path: Path) -> EventFile:
    content = read_small_file(path, field="quakeml", allowed="an existing file", most_bytes=MAX_QUAKEML_BYTES)
    return parse_quakeml(content, str(path))


def _choose(catalog: Catalog, event: int | None, event_id: str | None) -> ObspyEvent:
    """The event with the given number or id, or the only event."""
    if len(catalog) == 0:
        raise InputError("quakeml", "no events", "an event")
    ids = [str(one.resource_id.id) for one in catalog]
    listed = ", ".join(ids[:_LISTED]) + (f", ... ({len(ids) - _LISTED} more)" if len(ids) > _LISTED else "")
    allowed = f"0 to {len(catalog) - 1}, or an id: {listed}"
    if event is not None and event_id is not None:
        raise InputError("event", f"both a number ({event}) and an id ({event_id})", "one of the two")
    if event_id is not None:
        fitting = [one for one, name in zip(catalog, ids, strict=True) if name == event_id] or [
            one for one, name in zip(catalog, ids, strict=True) if name.endswith((f"/{event_id}", f"={event_id}"))
        ]
        if not fitting and event_id.isascii() and event_id.isdigit() and int(event_id) < len(catalog):
            return catalog[int(event_id)]
        if len(fitting) != 1 or not event_id:
            found = event_id if not fitting else f"{event_id} ({len(fitting)} events)"
            raise InputError("event_id", found, allowed)
        return fitting[0]
    if event is None and len(catalog) > 1:
        raise InputError("event", f"none chosen of {len(catalog)}", allowed)
    if event is not None and not 0 <= event < len(catalog):
        raise InputError("event", event, allowed)
    return catalog[event or 0]


def _rotation(azimuth_deg: float) -> Float[np.ndarray, "3 3"]:
    """Matrix that turns local (East, North, Up) vectors into true ones; `azimuth_deg` is that of local North."""
    c, s = math.cos(math.radians(azimuth_deg)), math.sin(math.radians(azimuth_deg))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _nodal_planes(source: Source, azimuth_deg: float) -> Any:
    ev = need("obspy.core.event", "exchange")
    aux_plane = need("obspy.imaging.beachball", "exchange").aux_plane
    strike, dip, rake = source.strike_dip_rake_deg()
    first = ((strike + azimuth_deg) % 360.0, dip, rake)
    planes = [ev.NodalPlane(strike=s, dip=d, rake=r) for s, d, r in (first, aux_plane(*first))]
    return ev.NodalPlanes(nodal_plane_1=planes[0], nodal_plane_2=planes[1])


def _moment_tensor(source: Source, azimuth_deg: float, ids: dict[str, Any]) -> MomentTensor:
    ev = need("obspy.core.event", "exchange")
    turn = ENU_TO_USE @ _rotation(azimuth_deg)
    m = turn @ source.tensor_nm @ turn.T
    six = (m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2])
    # The moment function has no end; by 10 tau it has reached 99.95% of its final value.
    duration_s = 10.0 * source.rise_time_s
    return ev.MomentTensor(
        resource_id=ids["tensor"],
        derived_origin_id=ids["origin"],
        moment_magnitude_id=ids["magnitude"],
        scalar_moment=source.moment_nm,
        tensor=ev.Tensor(**{name: float(v) for name, v in zip(TENSOR_COMPONENTS, six, strict=True)}),
        source_time_function=ev.SourceTimeFunction(type="unknown", duration=duration_s, rise_time=source.rise_time_s),
    )
