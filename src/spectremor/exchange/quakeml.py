"""QuakeML both ways: an event's place, moment tensor and rise time <-> Source.

QuakeML gives moment tensors in (Up, South, East) = (r, t, p); a Source has (East, North, Up) of the local axes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.files import atomic_file
from spectremor.core.source import HEMEW_RISE_TIME_S, Source, checked_mw, moment_from_mw
from spectremor.core.version import VERSION
from spectremor.exchange.georeference import Georeference
from spectremor.exchange.traces import DEFAULT_ORIGIN_TIME, parse_time

if TYPE_CHECKING:
    from obspy.core.event import Catalog, Event, MomentTensor, NodalPlane

MAX_QUAKEML_BYTES = 64 * 2**20
#: What has an id of its own.
_KINDS = ("catalog", "event", "origin", "magnitude", "mechanism", "tensor")
_USE = ("m_rr", "m_tt", "m_pp", "m_rt", "m_rp", "m_tp")
#: Rows: Up, South, East in terms of (East, North, Up).
_ENU_TO_USE = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])


def read_source(
    path: str | Path, place: Georeference, *, event: int | None = None, rise_time_s: float | None = None
) -> Source:
    """The source that a QuakeML file describes, in local coordinates.

    The position is the preferred (else first) origin; the mechanism is the moment tensor where there is one, else
    the first nodal plane with the scalar moment or the moment magnitude. The first usable focal mechanism is taken.

    Args:
        path: QuakeML file.
        place: where the local axes lie on Earth.
        event: which event, when the file holds several (0 is the first).
        rise_time_s: tau; None: the file's source time function, or 0.1 s where it has none.

    Raises:
        InputError: no QuakeML, or something that the source needs is missing in it.
    """
    found = _choose(_read_catalog(Path(path)), event)
    origin = found.preferred_origin() or (found.origins[0] if found.origins else None)
    if origin is None or None in (origin.longitude, origin.latitude, origin.depth):
        raise InputError("quakeml.origin", "no origin with longitude, latitude and depth", "one")
    lon, lat = np.array(float(origin.longitude)), np.array(float(origin.latitude))
    x, y = (float(v) for v in place.to_local(lon, lat))
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError("quakeml.origin", f"({float(lon):g}, {float(lat):g})", "a point that the projection covers")
    tensor, tau = _mechanism(found)
    turn = _rotation(float(place.north_azimuth_deg(np.array(x), np.array(y))))
    return Source.from_tensor(
        position_m=(x, y, -float(origin.depth)),
        tensor_nm=turn.T @ tensor @ turn,
        rise_time_s=rise_time_s if rise_time_s is not None else tau,
    )


def to_catalog(
    source: Source, place: Georeference, *, origin_time: str = DEFAULT_ORIGIN_TIME, about: str = ""
) -> Catalog:
    """An ObsPy catalogue with one event: origin, moment magnitude, nodal planes, moment tensor, rise time.

    Its ids carry a digest of source, place and origin time: catalogues can be merged, and the same event gets the same.

    Args:
        source: the source.
        place: where the domain lies on Earth.
        origin_time: date and time of the earthquake, ISO 8601 (UTC).
        about: what the motion beside it was made by; a comment of the event.

    Raises:
        InputError: no date.
    """
    ev = need("obspy.core.event", "exchange")
    x, y = np.array(source.position_m[0]), np.array(source.position_m[1])
    lon, lat = place.to_lonlat(x, y)
    azimuth = float(place.north_azimuth_deg(x, y))
    time = parse_time(origin_time)
    digest = _digest(source, place, time)
    ids = {kind: ev.ResourceIdentifier(f"smi:spectremor/{kind}/{digest}") for kind in _KINDS}
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
    text = json.dumps([[float(number) + 0.0 for number in numbers], place.crs, str(time)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_source(
    source: Source, path: str | Path, place: Georeference, *, origin_time: str = DEFAULT_ORIGIN_TIME
) -> None:
    """Write a source as QuakeML; the file appears whole or not at all."""
    with atomic_file(path) as aside:
        to_catalog(source, place, origin_time=origin_time).write(str(aside), format="QUAKEML")


def _read_catalog(path: Path) -> Catalog:
    obspy = need("obspy", "exchange")
    if not path.is_file():
        raise InputError("quakeml", path, "an existing file")
    if path.stat().st_size > MAX_QUAKEML_BYTES:
        raise InputError("quakeml", f"{path} of {path.stat().st_size} bytes", f"at most {MAX_QUAKEML_BYTES} bytes")
    try:
        # The format is fixed: left to guess, ObsPy would also unpickle.
        return obspy.read_events(io.BytesIO(path.read_bytes()), format="QUAKEML")
    except Exception as error:
        # ObsPy and lxml raise many kinds for a file that is no QuakeML.
        raise InputError("quakeml", f"{path} ({type(error).__name__})", "a QuakeML file") from error


def _choose(catalog: Catalog, event: int | None) -> Event:
    if len(catalog) == 0:
        raise InputError("quakeml", "no events", "an event")
    if event is None and len(catalog) > 1:
        raise InputError("event", f"none chosen of {len(catalog)}", f"0 to {len(catalog) - 1}")
    if event is not None and not 0 <= event < len(catalog):
        raise InputError("event", event, f"0 to {len(catalog) - 1}")
    return catalog[event or 0]


def _mechanism(event: Event) -> tuple[np.ndarray, float]:
    """Moment tensor in true (East, North, Up), N m, and the rise time in s."""
    preferred = event.preferred_focal_mechanism()
    for mechanism in [preferred] * (preferred is not None) + list(event.focal_mechanisms):
        tensor = mechanism.moment_tensor
        tau = _rise_time(tensor)
        if tensor is not None and tensor.tensor is not None:
            components = [getattr(tensor.tensor, name) for name in _USE]
            if None not in components:
                return _from_up_south_east(components), tau
        planes = mechanism.nodal_planes
        plane = None if planes is None else planes.nodal_plane_1 or planes.nodal_plane_2
        if plane is not None and None not in (plane.strike, plane.dip, plane.rake):
            return _from_plane(plane, _moment(event, tensor)), tau
    raise InputError("quakeml.focal_mechanism", "no complete tensor or nodal plane", "one of the two")


def _from_up_south_east(components: list[Any]) -> Float[np.ndarray, "3 3"]:
    rr, tt, pp, rt, rp, tp = (float(c) for c in components)
    return _ENU_TO_USE.T @ np.array([[rr, rt, rp], [rt, tt, tp], [rp, tp, pp]]) @ _ENU_TO_USE


def _from_plane(plane: NodalPlane, moment_nm: float) -> Float[np.ndarray, "3 3"]:
    anywhere = (0.0, 0.0, -1.0)
    angles = {"strike_deg": float(plane.strike), "dip_deg": float(plane.dip), "rake_deg": float(plane.rake)}
    return Source.from_angles(position_m=anywhere, moment_nm=moment_nm, **angles).tensor_nm


def _moment(event: Event, tensor: MomentTensor | None) -> float:
    if tensor is not None and tensor.scalar_moment:
        return float(tensor.scalar_moment)
    for magnitude in event.magnitudes:
        if (magnitude.magnitude_type or "").lower().startswith("mw") and magnitude.mag is not None:
            return moment_from_mw(checked_mw(float(magnitude.mag)))
    raise InputError("quakeml.moment", "no scalar moment and no moment magnitude", "one of the two")


def _rise_time(tensor: MomentTensor | None) -> float:
    function = None if tensor is None else tensor.source_time_function
    rise = None if function is None else function.rise_time
    return float(rise) if rise else HEMEW_RISE_TIME_S


def _rotation(azimuth_deg: float) -> Float[np.ndarray, "3 3"]:
    """Local (East, North, Up) vectors into true ones, where local North has this azimuth."""
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
    turn = _ENU_TO_USE @ _rotation(azimuth_deg)
    m = turn @ source.tensor_nm @ turn.T
    six = (m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2])
    # The moment function has no end; by 10 tau it has reached 99.95% of its final value.
    duration_s = 10.0 * source.rise_time_s
    return ev.MomentTensor(
        resource_id=ids["tensor"],
        derived_origin_id=ids["origin"],
        moment_magnitude_id=ids["magnitude"],
        scalar_moment=source.moment_nm,
        tensor=ev.Tensor(**{name: float(v) for name, v in zip(_USE, six, strict=True)}),
        source_time_function=ev.SourceTimeFunction(type="unknown", duration=duration_s, rise_time=source.rise_time_s),
    )
