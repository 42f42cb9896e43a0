"""A rupture: many points of an earthquake, each with a moment tensor, a start and a moment rate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.event import Event
from spectremor.core.geology import Geology
from spectremor.core.moment_rates import MomentRates, RiseTimes, numbers_of
from spectremor.core.random_rupture import PlaneSettings, random_plane
from spectremor.core.rigidity import checked_rigidity, rigidity_at
from spectremor.core.source import MW_RANGE, Source, moment_from_mw, mw_from_moment

_DEFAULT_PLANE = PlaneSettings()
#: How far apart two starts may be and still be one, in s: a microsecond.
_SAME_START_S = 1e-6


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Rupture:
    """Many points of an earthquake, in local axes; a point source is a rupture of one.

    A subfault that slips in two directions at different times is two points of the same place.

    Attributes:
        position_m: (x, y, z) of each point in m, shape (points, 3): East, North, height (negative: below the surface).
        tensors: (Mxx, Myy, Mzz, Mxy, Mxz, Myz) of each point in (East, North, Up) axes, shape (points, 6): the final
            moment in N m; where `needs_rigidity`, the moment over the rigidity: area times slip, in m3.
        start_s: when the moment of each point begins to grow, in s after the origin time: 0 or more.
        rates: how the moment grows: `RiseTimes` or `SampledRates`.
        subfault: number of the subfault that each point belongs to; None: each point is a subfault of its own.
        needs_rigidity: whether the rigidity is still unknown; `with_rigidity` supplies it.
        slip_m: slip of each point, where it is known.
        spacing_m: distance between neighbouring subfaults in m, where they form a lattice.
        event: the earthquake that this rupture stands for, where it is known.

    Example:
        >>> import spectremor as sp
        >>> point = sp.Source.from_angles(position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, mw=5)
        >>> rupture = sp.Rupture.from_source(point)
        >>> len(rupture), round(rupture.mw, 3)
        (1, 5.0)
    """

    position_m: Float[np.ndarray, "points 3"]
    tensors: Float[np.ndarray, "points 6"]
    start_s: Float[np.ndarray, " points"]
    rates: MomentRates
    subfault: Int[np.ndarray, " points"] | None = None
    needs_rigidity: bool = False
    slip_m: Float[np.ndarray, " points"] | None = None
    spacing_m: float | None = None
    event: Event | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "position_m", numbers_of("rupture.position_m", self.position_m, (-1, 3), "m"))
        points = len(self.position_m)
        unit = None if self.needs_rigidity else "N m"
        object.__setattr__(self, "tensors", numbers_of("rupture.tensors", self.tensors, (points, 6), unit))
        object.__setattr__(self, "start_s", numbers_of("rupture.start_s", self.start_s, (points,), "s"))
        if len(self.rates) != points:
            raise InputError("rupture.rates", f"{len(self.rates)} rates", f"{points}, one for each point")
        subfault = np.arange(points) if self.subfault is None else np.unique(self.subfault, return_inverse=True)[1]
        subfault.flags.writeable = False
        object.__setattr__(self, "subfault", subfault)
        self._check_values()

    def _check_values(self) -> None:
        if (self.position_m[:, 2] >= 0).any():
            found = f"{self.position_m[:, 2].max():g} m, point {int(self.position_m[:, 2].argmax())}"
            raise InputError("rupture.z", found, "below the surface: z < 0 m")
        if self.start_s.min() < 0:
            raise InputError("rupture.start_s", f"{self.start_s.min():g} s", "0 s or more after the origin time")
        if not self.tensors.any():
            raise InputError("rupture.tensors", "all zeros", "some moment")
        if not self.needs_rigidity and not MW_RANGE[0] - 1e-9 <= self.mw <= MW_RANGE[1] + 1e-9:
            low, high = (f"{moment_from_mw(mw):.3g}" for mw in MW_RANGE)
            raise InputError("rupture.moment", f"{self.moment_nm:.4g} N m", f"{low} to {high} N m")

    def __len__(self) -> int:
        return len(self.position_m)

    def __repr__(self) -> str:
        size = "rigidity unknown" if self.needs_rigidity else f"Mw {self.mw:.2f}"
        return f"Rupture({size}; {len(self)} points, the last starts at {self.start_s.max():.3g} s)"

    @classmethod
    def from_source(cls, source: Source) -> Rupture:
        """A point source as a rupture of one point."""
        return cls(
            position_m=np.array([source.position_m]),
            tensors=np.array([source.moment_tensor_nm]),
            start_s=np.zeros(1),
            rates=RiseTimes(np.array([source.rise_time_s])),
            event=source.event,
        )

    @classmethod
    def from_magnitude(
        cls,
        *,
        mw: float,
        hypocentre_m: Sequence[float],
        strike_deg: float,
        dip_deg: float,
        rake_deg: float,
        seed: int = 0,
        geology: Geology | None = None,
        settings: PlaneSettings = _DEFAULT_PLANE,
    ) -> Rupture:
        """A random rupture of one plane, with this magnitude and mechanism.

        The plane's size is that of Leonard (2010); slip is a random field with the correlation of Mai & Beroza (2002)
        that tapers towards the edges; the rupture runs from the hypocentre at 0.8 of the local Vs; rise times grow with
        the square root of slip (Graves & Pitarka 2010). `core.random_rupture` gives the equations.

        Args:
            mw: moment magnitude.
            hypocentre_m: (x, y, z) in m of the point from which the rupture starts, at t = 0.
            strike_deg: strike of the plane, clockwise from the local y axis (North).
            dip_deg: in (0, 90].
            rake_deg: rake of the slip, the same everywhere.
            seed: seed of the slip and of the hypocentre's place on the plane.
            geology: the ground, with Vs and rigidity at each subfault; None: `settings.vs_m_s` everywhere.
            settings: size, spacing, place of the hypocentre and rupture speed.

        Raises:
            InputError: a number that is not allowed; a plane that reaches the surface or leaves the ground.

        Example:
            >>> import spectremor as sp
            >>> rupture = sp.Rupture.from_magnitude(
            ...     mw=5.8, hypocentre_m=(15e3, 15e3, -9e3), strike_deg=40, dip_deg=60, rake_deg=90, seed=1
            ... )
            >>> round(rupture.mw, 3)
            5.8
        """
        plane = random_plane(mw, hypocentre_m, (strike_deg, dip_deg, rake_deg), seed, geology, settings)
        shape = Source.from_angles(
            position_m=(0.0, 0.0, -1.0), strike_deg=strike_deg, dip_deg=dip_deg, rake_deg=rake_deg, moment_nm=1e15
        )
        rupture = cls(
            position_m=plane.position_m,
            tensors=np.outer(plane.moment_nm, np.array(shape.moment_tensor_nm) / shape.moment_nm),
            start_s=plane.start_s,
            rates=RiseTimes(plane.rise_time_s),
            slip_m=plane.slip_m,
            spacing_m=plane.spacing_m,
        )
        return rupture if geology is None else rupture.check_inside(geology.extent_m)

    def with_rigidity(self, ground: Geology | float) -> Rupture:
        """The rupture with moments in N m; unchanged, where they are known already.

        Args:
            ground: a geology, whose density times Vs squared is the rigidity at each point (linear between its nodes);
                or one rigidity in Pa for all points.

        Raises:
            InputError: a rigidity that no rock has, or a point outside the ground.
        """
        if not self.needs_rigidity:
            return self
        if isinstance(ground, Geology):
            self.check_inside(ground.extent_m)
            rigidity_pa = rigidity_at(ground, self.position_m)
        else:
            rigidity_pa = np.full(len(self), checked_rigidity(ground))
        return dataclasses.replace(self, tensors=self.tensors * rigidity_pa[:, None], needs_rigidity=False)

    @property
    def moment_tensor_nm(self) -> Float[np.ndarray, "points 6"]:
        """Final moment tensor of each point in N m, in (East, North, Up) axes.

        Raises:
            InputError: the rigidity is unknown.
        """
        if self.needs_rigidity:
            allowed = "a rigidity: rupture.with_rigidity(geology), or rigidity_pa= where the file is read"
            raise InputError("rupture.rigidity", "none in the file", allowed)
        return self.tensors

    @property
    def tensor_nm(self) -> Float[np.ndarray, "3 3"]:
        """Moment tensor of the whole rupture in N m: the sum over the points."""
        return np.asarray(_matrices(self.moment_tensor_nm.sum(axis=0)[None])[0])

    @property
    def subfault_moment_nm(self) -> Float[np.ndarray, " subfaults"]:
        """Scalar moment of each subfault in N m: the Frobenius norm of its tensor over sqrt(2)."""
        return _scalar_moments(self._subfault_sums(self.moment_tensor_nm))

    @property
    def moment_nm(self) -> float:
        """Scalar moment in N m: the sum over the subfaults, as in catalogues of ruptures."""
        return float(self.subfault_moment_nm.sum())

    @property
    def mw(self) -> float:
        """Moment magnitude (Hanks & Kanamori 1979; IASPEI constant 9.1)."""
        return mw_from_moment(self.moment_nm)

    @property
    def hypocentre_m(self) -> tuple[float, float, float]:
        """Position of the point that starts first; where several do, of the one with the largest moment."""
        first = np.flatnonzero(self.start_s <= self.start_s.min() + _SAME_START_S)
        return _triple(self.position_m[first[np.argmax(self._weights[first])]])

    @property
    def centroid_m(self) -> tuple[float, float, float]:
        """Mean position, weighted by the points' scalar moments."""
        return _triple(self._weights @ self.position_m)

    @property
    def centroid_s(self) -> float:
        """Mean time of the moment release in s after the origin time, weighted by the points' scalar moments."""
        return float(self._weights @ (self.start_s + self.rates.centroid_s))

    @property
    def rise_time_s(self) -> float:
        """Rise time tau of a point source whose moment rate has the same variance in time as that of the whole rupture.

        The variance of a point source is 2 tau^2. That of the rupture is the variance of the points' centroid times,
        plus the mean variance of the points, each taken as a point source with the same centroid time.
        """
        centroid_s = self.rates.centroid_s
        within = float(self._weights @ (0.5 * centroid_s**2))
        between = float(self._weights @ (self.start_s + centroid_s - self.centroid_s) ** 2)
        return max(math.sqrt((within + between) / 2), 1e-3)

    @property
    def mean_start_s(self) -> float:
        """Mean start of the points in s after the origin time, weighted by their scalar moments."""
        return float(self._weights @ self.start_s)

    @property
    def deepest_m(self) -> float:
        """Height of the deepest point in m (negative)."""
        return float(self.position_m[:, 2].min())

    def strike_dip_rake_deg(self) -> tuple[float, float, float]:
        """A nodal plane of the whole rupture's best double couple, in degrees: `Source.strike_dip_rake_deg`."""
        return self.as_point(rise_time_s=1.0).strike_dip_rake_deg()

    def as_point(self, *, rise_time_s: float) -> Source:
        """A point source with the same moment tensor, at the centroid.

        Args:
            rise_time_s: tau of its moment function.
        """
        tensor = self.moment_tensor_nm.sum(axis=0)
        six = tuple(float(m) for m in tensor)
        return Source(
            position_m=self.centroid_m,
            moment_tensor_nm=six,  # type: ignore[arg-type]
            rise_time_s=rise_time_s,
            event=self.event,
        )

    def as_source(self) -> Source | None:
        """The source of a rupture of one point with a rise time that starts at the origin time; otherwise None."""
        if len(self) != 1 or self.start_s[0] != 0 or not isinstance(self.rates, RiseTimes):
            return None
        return self.as_point(rise_time_s=float(self.rates.rise_time_s[0]))

    def take(self, points: Sequence[int] | Int[np.ndarray, " some"]) -> Rupture:
        """A rupture of selected points, by number."""
        which = np.asarray(points, dtype=int)
        return dataclasses.replace(
            self,
            position_m=self.position_m[which],
            tensors=self.tensors[which],
            start_s=self.start_s[which],
            rates=self.rates.take(which),
            subfault=None if self.subfault is None else self.subfault[which],
            slip_m=None if self.slip_m is None else self.slip_m[which],
        )

    def check_inside(self, extent_m: tuple[float, float, float], margin_m: float = 0.0) -> Rupture:
        """Return the rupture, or refuse it where a point lies outside the domain (or within `margin_m` of its edge).

        Raises:
            InputError: names the coordinate that reaches furthest outside, and its range.
        """
        lows = (margin_m, margin_m, -extent_m[2] + margin_m)
        highs = (extent_m[0] - margin_m, extent_m[1] - margin_m, 0.0)
        for axis, name in enumerate("xyz"):
            values = self.position_m[:, axis]
            outside = (values < lows[axis]) | (values > highs[axis])
            if outside.any():
                found = f"{values.min():g} to {values.max():g} m, {outside.sum()} of {len(self)} points outside"
                raise InputError(f"rupture.{name}", found, f"[{lows[axis]:g}, {highs[axis]:g}] m, inside the domain")
        return self

    @property
    def _weights(self) -> Float[np.ndarray, " points"]:
        size = _scalar_moments(self.tensors)
        return np.asarray(size / size.sum())

    def _subfault_sums(self, tensors: np.ndarray) -> Float[np.ndarray, "subfaults 6"]:
        assert self.subfault is not None  # set by __post_init__
        sums = np.zeros((int(self.subfault.max()) + 1, 6))
        np.add.at(sums, self.subfault, tensors)
        return sums


def _scalar_moments(tensors: Float[np.ndarray, "n 6"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.linalg.norm(_matrices(tensors), axis=(1, 2)) / math.sqrt(2.0))


def _matrices(tensors: Float[np.ndarray, "n 6"]) -> Float[np.ndarray, "n 3 3"]:
    xx, yy, zz, xy, xz, yz = tensors.T
    return np.stack([np.stack(row, axis=-1) for row in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))], axis=1)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
