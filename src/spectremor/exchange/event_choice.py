"""The choice of the origin, mechanism and magnitude that make the source of a catalogue's event.

References inside the event come first (the origin and magnitude that a moment tensor names, the origin that its
mechanism names), then the event's preferred ones, then the first usable one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.source import MW_RANGE, Source, checked_mw, moment_from_mw, mw_from_moment
from spectremor.exchange.event_files import EventFile

if TYPE_CHECKING:
    from obspy.core.event import Event, FocalMechanism, Magnitude, MomentTensor, NodalPlane, Origin

#: Types of true moment magnitudes, in lower case; Mw(mB), Mwp and the like are estimates from other quantities.
MOMENT_MAGNITUDES = frozenset(("mw", "mww", "mwc", "mwb", "mwr"))
#: Largest difference in Mw between two sizes of one event.
SAME_SIZE_MW = 0.3
#: Largest difference between magnitudes of any two types for one event.
SAME_EVENT = 3.0
TENSOR_COMPONENTS = ("m_rr", "m_tt", "m_pp", "m_rt", "m_rp", "m_tp")
#: Rows: Up, South, East in terms of (East, North, Up).
ENU_TO_USE = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
#: Difference in Mw between a moment in dyn cm and the same number in N m, and the tolerance around it.
_DYN_CM_MW, _NEAR_MW = 7 / 1.5, 0.5
#: Mw above which a moment that no magnitude confirms is doubtful: in dyn cm it would be that of a common earthquake.
_DOUBTFUL_MW = 6.5
#: Start of the ids in files that this project wrote.
OWN_IDS = "smi:spectremor/"
#: Depth in m below which km may have been meant: hardly any earthquake is so shallow.
_SHALLOW_M = 100.0


@dataclasses.dataclass(frozen=True)
class Choice:
    """The chosen parts of an event.

    Attributes:
        tensor_nm: moment tensor in N m, in true (East, North, Up).
        origin: the chosen origin, with longitude, latitude and depth.
        function: source time function of the chosen mechanism, where it has one.
        tensor_id: public id of the chosen moment tensor, where there is one.
        words: the chosen parts in words, with their public ids.
        doubts: references to missing or incomplete origins, and a depth that looks like km.
        size_doubt: why the size may be wrong, where nothing but the unit of the moment confirms it.
    """

    tensor_nm: Float[np.ndarray, "3 3"]
    origin: Origin
    function: Any
    tensor_id: str
    words: tuple[str, ...]
    doubts: tuple[str, ...]
    size_doubt: str | None


def choose(event: Event, file: EventFile) -> Choice:
    """The parts of an event that a source is made from.

    Raises:
        InputError: no usable origin, mechanism or size, or sizes that contradict one another.
    """
    mechanism, size, geometry = _usable_mechanism(event, file)
    unconfirmed = size.is_moment and all(m.mag is None for m in event.magnitudes)
    origin, doubts = _origin(event, mechanism, file)
    tensor = mechanism.moment_tensor
    return Choice(
        tensor_nm=geometry,
        origin=origin,
        function=None if tensor is None else tensor.source_time_function,
        tensor_id="" if tensor is None else _id(tensor),
        words=(
            _position_words(origin),
            f"mechanism {_named(mechanism)}",
            f"{size.words}, in N m as QuakeML has it, without a magnitude to compare" if unconfirmed else size.words,
        ),
        doubts=doubts + _doubt_of_depth(origin),
        size_doubt=_doubt_of_unit(size) if unconfirmed else None,
    )


# -- the mechanism and its size ---------------------------------------------------------------------------------------


def _usable_mechanism(event: Event, file: EventFile) -> tuple[FocalMechanism, _Size, Float[np.ndarray, "3 3"]]:
    """The preferred mechanism, else the first, that has a complete tensor, or a nodal plane and a size."""
    unsized = []
    reasons = []
    for mechanism in _preferred_first(event.focal_mechanisms, event.preferred_focal_mechanism_id):
        tensor = mechanism.moment_tensor
        full = _full_tensor(tensor)
        unit = None if full is not None else _unit_of_planes(mechanism)
        if full is None and unit is None:
            found = _not_numbers(mechanism, file) + ("" if tensor is None else _not_numbers(tensor, file))
            reasons.append(f"{_id(mechanism)} has no complete tensor or nodal plane{found}")
            continue
        magnitudes = _magnitudes(event, tensor, file)
        sizes = _sizes(full, tensor, magnitudes)
        if not sizes:
            unsized.append(_id(mechanism))
            continue
        _refuse_contradictions(sizes)
        _refuse_another_event(sizes[0], event)
        if full is not None:
            return mechanism, sizes[0], full
        assert unit is not None
        return mechanism, sizes[0], moment_from_mw(sizes[0].mw) * unit
    if unsized:
        kinds = sorted({str(m.magnitude_type) for m in event.magnitudes})
        others = f" (only {', '.join(kinds)})" if kinds else ""
        found = f"no scalar moment and no moment magnitude{others} for mechanism {', '.join(unsized)}"
        raise InputError("quakeml.moment", found, f"one of the two; of magnitudes: {_TYPES}")
    found = "; ".join(reasons[:5]) or "no mechanism"
    raise InputError("quakeml.focal_mechanism", found, "a mechanism with a complete tensor or nodal plane")


_TYPES = "Mw, Mww, Mwc, Mwb or Mwr"


@dataclasses.dataclass(frozen=True)
class _Size:
    mw: float
    words: str
    is_moment: bool = False

    @classmethod
    def of(cls, what: str, moment_nm: float) -> _Size:
        mw = mw_from_moment(moment_nm)
        return cls(mw, f"{what} of {moment_nm:.4g} N m (Mw {mw:.2f})", is_moment=True)


def _sizes(
    full: Float[np.ndarray, "3 3"] | None, tensor: MomentTensor | None, magnitudes: list[Magnitude]
) -> list[_Size]:
    """All sizes of a mechanism in order of preference: from its tensor, its scalar moment, a magnitude."""
    sizes = []
    if full is not None:
        sizes.append(_Size.of("tensor", float(np.linalg.norm(full) / math.sqrt(2.0))))
    if tensor is not None and tensor.scalar_moment and tensor.scalar_moment > 0:
        sizes.append(_Size.of("scalar moment", float(tensor.scalar_moment)))
    if not sizes and magnitudes:
        checked_mw(float(magnitudes[0].mag))
    found = [_Size(float(m.mag), _magnitude_words(m)) for m in magnitudes]
    # Of several magnitudes without a preference, the nearest to the other size counts.
    return sizes + (sorted(found, key=lambda s: abs(s.mw - sizes[0].mw))[:1] if sizes else found[:1])


def _refuse_contradictions(sizes: list[_Size]) -> None:
    for i, one in enumerate(sizes):
        for other in sizes[i + 1 :]:
            if abs(one.mw - other.mw) > SAME_SIZE_MW:
                allowed = f"sizes within {SAME_SIZE_MW:g} of each other in Mw, moments in N m{_hint(one, other)}"
                raise InputError("quakeml.moment", f"a {one.words} and a {other.words}", allowed)


def _refuse_another_event(size: _Size, event: Event) -> None:
    """Refuse a size that is far from every magnitude of the event, of whatever type.

    Magnitudes of one event differ by about two at most, where one of them saturates.
    """
    others = [m for m in event.magnitudes if m.mag is not None]
    nearest = min(others, key=lambda m: abs(float(m.mag) - size.mw), default=None)
    if nearest is not None and abs(float(nearest.mag) - size.mw) > SAME_EVENT:
        other = _Size(float(nearest.mag), _magnitude_words(nearest))
        allowed = f"magnitudes within {SAME_EVENT:g} of each other, moments in N m{_hint(size, other)}"
        raise InputError("quakeml.moment", f"a {size.words} and a {other.words}", allowed)


def _hint(one: _Size, other: _Size) -> str:
    apart = abs(abs(one.mw - other.mw) - _DYN_CM_MW)
    if min(one.mw, other.mw) < MW_RANGE[0]:
        return " (the smaller one looks normalised to 1, or without its power of ten)"
    if apart < _NEAR_MW:
        return " (the larger one looks like dyn cm: 1 dyn cm is 1e-7 N m)"
    return ""


def _magnitudes(event: Event, tensor: MomentTensor | None, file: EventFile) -> list[Magnitude]:
    """Moment magnitudes: the one that the tensor names, else the preferred one, else all, in the file's order."""
    given = [m for m in event.magnitudes if m.mag is not None]
    everywhere = [*given, *(m for e in file.catalog for m in e.magnitudes if m.mag is not None)]
    named = referred(everywhere, None if tensor is None else tensor.moment_magnitude_id)
    if named is not None and (_type(named) in ("", "m") or _type(named) in MOMENT_MAGNITUDES):
        return [named]
    moment_magnitudes = [m for m in given if _type(m) in MOMENT_MAGNITUDES]
    preferred = referred(moment_magnitudes, event.preferred_magnitude_id)
    return moment_magnitudes if preferred is None else [preferred]


def _type(magnitude: Magnitude) -> str:
    return (magnitude.magnitude_type or "").strip().lower()


def _full_tensor(tensor: MomentTensor | None) -> Float[np.ndarray, "3 3"] | None:
    """A complete moment tensor in true (East, North, Up), N m."""
    if tensor is None or tensor.tensor is None:
        return None
    components = [getattr(tensor.tensor, name) for name in TENSOR_COMPONENTS]
    if None in components or not any(components):
        return None
    rr, tt, pp, rt, rp, tp = (float(c) for c in components)
    return np.asarray(ENU_TO_USE.T @ np.array([[rr, rt, rp], [rt, tt, tp], [rp, tp, pp]]) @ ENU_TO_USE)


def _unit_of_planes(mechanism: FocalMechanism) -> Float[np.ndarray, "3 3"] | None:
    """The double couple of moment 1 on the preferred nodal plane, else the first complete one, in (East, North, Up)."""
    planes = mechanism.nodal_planes
    if planes is None:
        return None
    both = [planes.nodal_plane_1, planes.nodal_plane_2]
    for plane in reversed(both) if planes.preferred_plane == 2 else both:
        if plane is not None and None not in (plane.strike, plane.dip, plane.rake) and 0 <= plane.dip <= 90:
            return _double_couple(plane)
    return None


def _double_couple(plane: NodalPlane) -> Float[np.ndarray, "3 3"]:
    strike, dip, rake = (float(angle) for angle in (plane.strike, plane.dip, plane.rake))
    source = Source.from_angles(position_m=(0.0, 0.0, -1.0), strike_deg=strike, dip_deg=dip, rake_deg=rake)
    return source.tensor_nm / source.moment_nm


# -- the origin -------------------------------------------------------------------------------------------------------


def _origin(event: Event, mechanism: FocalMechanism, file: EventFile) -> tuple[Origin, tuple[str, ...]]:
    """The origin that the tensor, its mechanism or the event names, else the first; and why others were passed over."""
    everywhere = [*event.origins, *(o for e in file.catalog for o in e.origins)]
    tensor = mechanism.moment_tensor
    named = (
        ("the moment tensor", None if tensor is None else tensor.derived_origin_id),
        ("the mechanism", mechanism.triggering_origin_id),
        ("the event", event.preferred_origin_id),
    )
    doubts: list[str] = []
    for who, reference in named:
        if reference is not None:
            origin = referred(everywhere, reference)
            problem = "that is not in the file" if origin is None else _problem(origin, file)
            if origin is not None and problem is None:
                return origin, tuple(doubts)
            doubts.append(f"{who} names origin {reference.id} {problem}")
    problems = []
    for origin in event.origins:
        problem = _problem(origin, file)
        if problem is None:
            return origin, tuple(doubts)
        problems.append(f"origin {_id(origin)} {problem}")
    found = "; ".join(doubts + problems[:5]) or "no origin"
    raise InputError("quakeml.origin", found, "an origin with longitude, latitude and depth")


def _problem(origin: Origin, file: EventFile) -> str | None:
    """Why an origin is no usable position; None where it is one."""
    missing = [name for name in ("longitude", "latitude", "depth") if getattr(origin, name) is None]
    if missing:
        return "with " + " and ".join(f"no {name}" for name in missing) + _not_numbers(origin, file)
    if abs(origin.latitude) > 90 or abs(origin.longitude) > 360:
        return f"at longitude {origin.longitude:g} and latitude {origin.latitude:g}"
    return None


def _doubt_of_unit(size: _Size) -> str | None:
    """A warning about a large moment, with the Mw that it would have in dyn cm; None for other moments."""
    if size.mw <= _DOUBTFUL_MW:
        return None
    return (
        f"no magnitude in the file confirms the {size.words}; if it is in dyn cm, the earthquake has Mw "
        f"{size.mw - _DYN_CM_MW:.2f}: then multiply moments by 1e-7, or give a --source"
    )


def _doubt_of_depth(origin: Origin) -> tuple[str, ...]:
    if 0 < origin.depth < _SHALLOW_M and not _id(origin).startswith(OWN_IDS):
        return (f"origin {_id(origin)} is {origin.depth:g} m deep (a depth in km? QuakeML's are in m)",)
    return ()


# -- words ------------------------------------------------------------------------------------------------------------


def _position_words(origin: Origin) -> str:
    kind = f", {origin.origin_type}" if origin.origin_type else ""
    return f"origin {_named(origin)}{kind}"


def _magnitude_words(magnitude: Magnitude) -> str:
    return f"magnitude {magnitude.magnitude_type or 'of no type'} {float(magnitude.mag):g} ({_named(magnitude)})"


def _named(part: Any) -> str:
    """A public id, with the agency where it is given."""
    agency = part.creation_info.agency_id if part.creation_info is not None else None
    return f"{_id(part)} by {agency}" if agency else _id(part)


def _not_numbers(part: Any, file: EventFile) -> str:
    found = file.not_numbers.get(_id(part))
    return f" ({', '.join(found[:6])})" if found else ""


def _id(part: Any) -> str:
    return str(part.resource_id.id) if part.resource_id is not None else "without an id"


def referred(parts: Iterable[Any], reference: Any) -> Any | None:
    """The part with the id of a reference; compared as text, since ObsPy's look-up spans all files ever read."""
    if reference is None:
        return None
    return next((p for p in parts if p.resource_id is not None and p.resource_id.id == reference.id), None)


def _preferred_first(parts: list[Any], reference: Any) -> list[Any]:
    preferred = referred(parts, reference)
    return parts if preferred is None else [preferred, *(p for p in parts if p is not preferred)]
