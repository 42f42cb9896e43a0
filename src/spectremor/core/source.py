"""The earthquake: a point source with a moment tensor and a rise time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from spectremor.core.axes import TENSOR_COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.event import Event
from spectremor.core.labelled import by_label, is_labelled, plain_array

Convention = Literal["standard", "hemew"]

#: Source of HEMEW-3D: moment in N m and rise time in s.
HEMEW_MOMENT_NM = 2.47e16
HEMEW_RISE_TIME_S = 0.1
#: Default stress drop in Pa, and the Vs in m/s assumed at a source until its ground is known.
STRESS_DROP_PA = 5e6
REFERENCE_VS_M_S = 3500.0
#: Allowed moment magnitudes, also where a moment is given: from microearthquakes in mines to the largest earthquake on
#: record (Chile 1960). Tensors normalised to 1 or without their power of ten lie below, many moments in dyn cm above.
MW_RANGE = (-3.0, 9.5)
_HINT = "1 dyn cm is 1e-7 N m, and a tensor normalised to 1 needs its scalar moment"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A point earthquake.

    Attributes:
        position_m: (x, y, z) in m: East, North, and height above the surface (negative: below it).
        moment_tensor_nm: (Mxx, Myy, Mzz, Mxy, Mxz, Myz) in N m, in (East, North, Up) axes.
        rise_time_s: tau of the moment function 1 - (1 + t/tau) exp(-t/tau).
        stress_drop_pa: stress drop from which the rise time follows by Brune's model, with Vs at the source:
            `core.corner.in_ground` computes it once the ground is known. Until then the rise time is that of rock with
            a Vs of 3500 m/s. None: the rise time is final.
        event: the earthquake that this source stands for, where it was read from a catalogue; wavefields record it. It
            does not affect the motion, and comparisons of sources leave it out.

    Example:
        >>> import spectremor as sp
        >>> source = sp.Source.from_angles(
        ...     position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, mw=4.9
        ... )
        >>> round(source.mw, 3), [round(angle) for angle in source.strike_dip_rake_deg()]
        (4.9, [48, 45, 88])
    """

    position_m: tuple[float, float, float]
    moment_tensor_nm: tuple[float, float, float, float, float, float]
    rise_time_s: float = HEMEW_RISE_TIME_S
    stress_drop_pa: float | None = None
    event: Event | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "position_m", _position(self.position_m))
        tensor = _labelled_numbers("source.moment_tensor_nm", self.moment_tensor_nm, TENSOR_COMPONENTS, "N m")
        object.__setattr__(self, "moment_tensor_nm", tensor)
        if self.position_m[2] >= 0:
            raise InputError("source.z", f"{self.position_m[2]:g} m", "below the surface: z < 0 m")
        if not (math.isfinite(self.rise_time_s) and self.rise_time_s > 0):
            raise InputError("source.rise_time_s", self.rise_time_s, "a positive number of seconds")
        if self.moment_nm == 0:
            raise InputError("source.moment_tensor_nm", "all zeros", "a moment tensor with a nonzero component")
        if not MW_RANGE[0] - 1e-9 <= self.mw <= MW_RANGE[1] + 1e-9:
            low, high = (f"{moment_from_mw(mw):.3g}" for mw in MW_RANGE)
            allowed = f"{low} to {high} N m (moment magnitude {MW_RANGE[0]:g} to {MW_RANGE[1]:g}); {_HINT}"
            raise InputError("source.moment", f"{self.moment_nm:.4g} N m", allowed)
        if self.stress_drop_pa is not None:
            _check_stress_drop(self.stress_drop_pa)
            expected_s = brune_rise_time_s(self.moment_nm, REFERENCE_VS_M_S, self.stress_drop_pa)
            if not math.isclose(self.rise_time_s, expected_s, rel_tol=1e-9):
                # A copy made with another rise time: that rise time is final.
                object.__setattr__(self, "stress_drop_pa", None)

    @classmethod
    def from_angles(
        cls,
        *,
        position_m: Any,
        strike_deg: float,
        dip_deg: float,
        rake_deg: float,
        moment_nm: float | None = None,
        mw: float | None = None,
        convention: Convention = "standard",
        stress_drop_pa: float | None = None,
        rise_time_s: float | None = None,
    ) -> Source:
        """A double couple from fault angles and a moment or magnitude.

        The corner frequency follows from the moment and the stress drop, with Vs at the source once the ground is known
        (Brune 1970: `brune_rise_time_s`), unless a rise time is stated.

        Args:
            position_m: (x, y, z) in m; labels, where there are any, are honoured.
            strike_deg: any angle; standard convention: clockwise from North.
            dip_deg: in [0, 90].
            rake_deg: any angle.
            moment_nm: scalar moment in N m (2.47e16, the published database's, when neither it nor `mw` is given).
            mw: moment magnitude, instead of `moment_nm`.
            convention: "standard" is Aki & Richards (2002, eq. 4.91); "hemew" are the published data's angles,
                whose components are read as (East, North, Up) with no rotation from (North, East, Down), and whose
                rise time is 0.1 s.
            stress_drop_pa: 5 MPa unless given.
            rise_time_s: tau of the moment function; None: from the stress drop, but 0.1 s in the published convention
                or where neither moment nor magnitude is given.

        Raises:
            InputError: an angle, size or convention that is not allowed, or a stress drop beside a rise time.

        Example:
            >>> from spectremor import Source
            >>> place = {"position_m": (4800, 4800, -8400), "strike_deg": 48, "dip_deg": 45, "rake_deg": 88}
            >>> Source.from_angles(**place, mw=4.9).stress_drop_pa
            5000000.0
            >>> Source.from_angles(**place, mw=4.9, rise_time_s=0.2).stress_drop_pa is None
            True
        """
        angles = _numbers("source.strike_dip_rake", (strike_deg, dip_deg, rake_deg), 3)
        if not 0 <= angles[1] <= 90:
            raise InputError("source.dip", f"{dip_deg:g} degrees", "[0, 90] degrees")
        if convention not in ("standard", "hemew"):
            raise InputError("source.convention", convention, "standard or hemew")
        ned = _aki_richards(*angles)
        unit = ned if convention == "hemew" else _rotate_ned_to_enu(ned)
        scale = _scalar_moment(moment_nm, mw)
        if stress_drop_pa is not None:
            _check_alone(stress_drop_pa, convention, rise_time_s)
        elif rise_time_s is None and convention == "standard" and (moment_nm is not None or mw is not None):
            stress_drop_pa = STRESS_DROP_PA
        if stress_drop_pa is not None:
            rise_time_s = brune_rise_time_s(scale, REFERENCE_VS_M_S, stress_drop_pa)
        return cls(
            position_m=_position(position_m),
            moment_tensor_nm=tuple(float(scale * m) for m in unit),  # type: ignore[arg-type]
            rise_time_s=HEMEW_RISE_TIME_S if rise_time_s is None else rise_time_s,
            stress_drop_pa=stress_drop_pa,
        )

    @classmethod
    def from_tensor(
        cls,
        *,
        position_m: Any,
        tensor_nm: Any,
        stress_drop_pa: float | None = None,
        rise_time_s: float | None = None,
    ) -> Source:
        """A point source from a symmetric 3 x 3 moment tensor in N m, in (East, North, Up) axes.

        Args:
            position_m: (x, y, z) in m; labels, where there are any, are honoured.
            tensor_nm: the tensor.
            stress_drop_pa: gives the corner frequency, as in `from_angles`; 5 MPa unless given.
            rise_time_s: tau of the moment function, instead of a stress drop.

        Raises:
            InputError: a tensor or position that is not allowed, or a stress drop beside a rise time.
        """
        m = plain_array("source.tensor_nm", _in_enu(tensor_nm), "N m").astype(float)
        if m.shape != (3, 3) or not np.isfinite(m).all():
            raise InputError("source.tensor_nm", f"shape {m.shape}, {m.tolist()}", "a finite 3 x 3 matrix in N m")
        if not np.allclose(m, m.T, rtol=1e-6, atol=1e-9 * np.abs(m).max()):
            raise InputError("source.tensor_nm", m.tolist(), "a symmetric 3 x 3 matrix in N m")
        six = (m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2])
        if stress_drop_pa is not None:
            _check_alone(stress_drop_pa, "standard", rise_time_s)
        source = cls(
            position_m=_position(position_m),
            moment_tensor_nm=tuple(float(v) for v in six),  # type: ignore[arg-type]
            rise_time_s=HEMEW_RISE_TIME_S if rise_time_s is None else rise_time_s,
        )
        if rise_time_s is not None:
            return source
        drop = STRESS_DROP_PA if stress_drop_pa is None else stress_drop_pa
        tau_s = brune_rise_time_s(source.moment_nm, REFERENCE_VS_M_S, drop)
        return dataclasses.replace(source, rise_time_s=tau_s, stress_drop_pa=drop)

    @property
    def tensor_nm(self) -> Float[np.ndarray, "3 3"]:
        """The symmetric moment tensor in N m, in (East, North, Up) axes."""
        xx, yy, zz, xy, xz, yz = self.moment_tensor_nm
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])

    @property
    def moment_nm(self) -> float:
        """Scalar moment in N m: the Frobenius norm over sqrt(2)."""
        return float(np.linalg.norm(self.tensor_nm) / math.sqrt(2.0))

    @property
    def mw(self) -> float:
        """Moment magnitude (Hanks & Kanamori 1979; IASPEI constant 9.1)."""
        return mw_from_moment(self.moment_nm)

    def strike_dip_rake_deg(self) -> tuple[float, float, float]:
        """A nodal plane (strike, dip, rake) of the best double couple, standard convention, in degrees.

        A tensor does not tell the two nodal planes apart: this is the one with the smaller strike.
        """
        return _best_double_couple(self.tensor_nm)

    def check_inside(self, extent_m: tuple[float, float, float], margin_m: float = 0.0) -> Source:
        """Return the source, or refuse it when it lies outside the domain (or within `margin_m` of a side or bottom).

        Raises:
            InputError: names the coordinate and its range.
        """
        lows = (margin_m, margin_m, -extent_m[2] + margin_m)
        highs = (extent_m[0] - margin_m, extent_m[1] - margin_m, 0.0)
        for name, value, low, high in zip("xyz", self.position_m, lows, highs, strict=True):
            if not low <= value <= high:
                raise InputError(f"source.{name}", f"{value:g} m", f"[{low:g}, {high:g}] m, inside the domain")
        return self


def checked_mw(mw: float) -> float:
    """The moment magnitude.

    Raises:
        InputError: a magnitude that no earthquake has.
    """
    if not MW_RANGE[0] <= mw <= MW_RANGE[1]:
        raise InputError("source.mw", mw, f"a moment magnitude in [{MW_RANGE[0]:g}, {MW_RANGE[1]:g}]")
    return mw


def moment_from_mw(mw: float) -> float:
    """Scalar moment in N m of a moment magnitude (IASPEI: log10 M0 = 1.5 Mw + 9.1)."""
    return float(10.0 ** (1.5 * mw + 9.1))


def mw_from_moment(moment_nm: float) -> float:
    """Moment magnitude of a scalar moment in N m (Hanks & Kanamori 1979; IASPEI: Mw = (log10 M0 - 9.1) / 1.5)."""
    return (math.log10(moment_nm) - 9.1) / 1.5


def brune_rise_time_s(moment_nm: float, vs_m_s: float, stress_drop_pa: float = 5e6) -> float:
    """Rise time tau in s of the moment function whose corner frequency is that of Brune's model.

    fc = 0.49 Vs (stress drop / M0)^(1/3) (Brune 1970, doi:10.1029/JB075i026p04997), and tau = 1 / (2 pi fc): the moment
    rate (t / tau^2) exp(-t / tau) has the spectrum of modulus 1 / (1 + (f / fc)^2).

    Args:
        moment_nm: scalar moment in N m.
        vs_m_s: Vs at the source in m/s.
        stress_drop_pa: stress drop in Pa.

    Raises:
        InputError: a number that is not positive.

    Example:
        >>> round(brune_rise_time_s(moment_from_mw(4.9), 3770.0, 18e6), 3)
        0.1
    """
    for field, value in (
        ("source.moment", moment_nm),
        ("source.vs_m_s", vs_m_s),
        ("source.stress_drop_pa", stress_drop_pa),
    ):
        if not (math.isfinite(value) and value > 0):
            raise InputError(field, value, "a positive number")
    corner_hz = 0.49 * vs_m_s * (stress_drop_pa / moment_nm) ** (1 / 3)
    return float(1 / (2 * math.pi * corner_hz))


def _check_stress_drop(stress_drop_pa: float) -> None:
    if not (math.isfinite(stress_drop_pa) and 1e3 <= stress_drop_pa <= 1e10):
        raise InputError("source.stress_drop_pa", f"{stress_drop_pa:g} Pa", "1e3 to 1e10 Pa (5 MPa is 5e6 Pa)")


def _check_alone(stress_drop_pa: float, convention: str, rise_time_s: float | None) -> None:
    _check_stress_drop(stress_drop_pa)
    if rise_time_s is not None or convention == "hemew":
        other = "the convention hemew, which is 0.1 s" if rise_time_s is None else f"a rise time of {rise_time_s:g} s"
        raise InputError("source.stress_drop_pa", f"{stress_drop_pa:g} Pa beside {other}", "one of the two")


def moment_function(t_s: Float[np.ndarray, "..."], rise_time_s: float) -> Float[np.ndarray, "..."]:
    """Moment over final moment: 1 - (1 + t/tau) exp(-t/tau) for t > 0, else 0."""
    u = np.maximum(t_s, 0.0) / rise_time_s
    return np.asarray(1.0 - (1.0 + u) * np.exp(-u))


def _numbers(field: str, values: Sequence[float], n: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        raise InputError(field, values, f"{n} numbers") from None
    if len(numbers) != n or not all(math.isfinite(v) for v in numbers):
        raise InputError(field, values, f"{n} finite numbers")
    return numbers


def _position(position_m: Any) -> tuple[float, float, float]:
    x, y, z = _labelled_numbers("source.position_m", position_m, "xyz", "m")
    return x, y, z


def _labelled_numbers(field: str, values: Any, labels: Sequence[str], unit: str) -> tuple[float, ...]:
    """Numbers in the order of `labels`; the values' own labels and unit, where present, are honoured."""
    if not isinstance(values, (tuple, list)):
        values = plain_array(field, by_label(field, values, labels), unit).tolist()
    return _numbers(field, values, len(labels))


def _in_enu(tensor: Any) -> Any:
    """The tensor, after a check that axis labels, where present, are x, y, z or East, North, Up in this order."""
    for dim in tensor.dims if is_labelled(tensor) else ():
        labels = [str(label) for label in tensor[dim].values] if dim in getattr(tensor, "coords", ()) else list("xyz")
        if labels not in (["x", "y", "z"], ["E", "N", "U"], ["E", "N", "Z"]):
            raise InputError(f"source.tensor_nm.{dim}", ", ".join(labels), "x, y, z: East, North, Up")
    return tensor


def _scalar_moment(moment_nm: float | None, mw: float | None) -> float:
    if moment_nm is not None and mw is not None:
        raise InputError("source.moment", f"both a moment ({moment_nm:g}) and a magnitude ({mw:g})", "one of the two")
    if mw is not None:
        return moment_from_mw(checked_mw(mw))
    moment = HEMEW_MOMENT_NM if moment_nm is None else moment_nm
    if not (math.isfinite(moment) and moment > 0):
        raise InputError("source.moment", moment, "a positive scalar moment in N m")
    return moment


def _aki_richards(strike_deg: float, dip_deg: float, rake_deg: float) -> tuple[float, ...]:
    """Unit double couple (Mxx, Myy, Mzz, Mxy, Mxz, Myz) in (North, East, Down): Aki & Richards (2002), eq. 4.91."""
    s, d, r = (math.radians(v) for v in (strike_deg, dip_deg, rake_deg))
    sd, cd, s2d, c2d = math.sin(d), math.cos(d), math.sin(2 * d), math.cos(2 * d)
    sr, cr = math.sin(r), math.cos(r)
    ss, cs, s2s, c2s = math.sin(s), math.cos(s), math.sin(2 * s), math.cos(2 * s)
    return (
        -(sd * cr * s2s + s2d * sr * ss**2),
        sd * cr * s2s - s2d * sr * cs**2,
        s2d * sr,
        sd * cr * c2s + 0.5 * s2d * sr * s2s,
        -(cd * cr * cs + c2d * sr * ss),
        -(cd * cr * ss - c2d * sr * cs),
    )


def _rotate_ned_to_enu(m: tuple[float, ...]) -> tuple[float, ...]:
    """East = axis 2, North = axis 1, Up = -axis 3 of (North, East, Down)."""
    nn, ee, dd, ne, nd, ed = m
    return ee, nn, dd, ne, -ed, -nd


def _best_double_couple(tensor_enu: Float[np.ndarray, "3 3"]) -> tuple[float, float, float]:
    _, vectors = np.linalg.eigh(tensor_enu)
    pressure, tension = vectors[:, 0], vectors[:, 2]
    normal, slip = (tension + pressure) / math.sqrt(2), (tension - pressure) / math.sqrt(2)
    # A tensor does not say which of its two planes slipped, and the signs of eigenvectors are arbitrary.
    return min(_plane(normal, slip), _plane(slip, normal), key=lambda plane: tuple(round(a, 6) % 360.0 for a in plane))


def _plane(normal: Float[np.ndarray, "3"], slip: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    """Strike, dip and rake in degrees of slip along a plane with this normal (either may point to either side)."""
    # The normal points from the footwall into the hanging wall, so upward; a vertical plane strikes below 180.
    turned = normal[2] < 0
    if abs(normal[2]) < 1e-9:
        turned = normal[1] > 1e-9 or (abs(normal[1]) < 1e-9 and normal[0] < 0)
    if turned:
        normal, slip = -normal, -slip
    dip = math.acos(min(1.0, max(0.0, float(normal[2]))))
    horizontal = math.hypot(normal[0], normal[1])
    strike = math.atan2(-normal[1], normal[0]) if horizontal > 1e-9 else 0.0
    along = np.array([math.sin(strike), math.cos(strike), 0.0])
    # Cross product of normal and strike direction points up the dip of the hanging wall.
    rake = math.atan2(float(slip @ np.cross(normal, along)), float(slip @ along))
    return math.degrees(strike) % 360.0, math.degrees(dip), math.degrees(rake)
