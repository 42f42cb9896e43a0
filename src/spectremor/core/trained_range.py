"""The range of grounds and sources that a model was trained on, and checks that an event lies inside."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from spectremor.core.axes import HEMEW_EXTENT_M, HEMEW_NODES
from spectremor.core.errors import InputError
from spectremor.core.geology import VS_MAX_M_S, VS_MIN_M_S, Geology
from spectremor.core.source import HEMEW_RISE_TIME_S, Source


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedRange:
    """The ground and the sources that a stage was trained on.

    Attributes:
        extent_m: size of the geology along x, y and depth.
        nodes: number of the geology's nodes along x, y, z.
        source_low_m: lowest source position (x, y, z).
        source_high_m: highest source position (x, y, z).
        rise_time_s: tau of the sources' moment function.
        vs_low_m_s: lowest S-wave velocity.
        vs_high_m_s: highest S-wave velocity.

    Example:
        >>> TrainedRange().nodes
        (32, 32, 32)
    """

    extent_m: tuple[float, float, float] = (HEMEW_EXTENT_M, HEMEW_EXTENT_M, HEMEW_EXTENT_M)
    nodes: tuple[int, int, int] = (HEMEW_NODES, HEMEW_NODES, HEMEW_NODES)
    source_low_m: tuple[float, float, float] = (1200.0, 1200.0, -9000.0)
    source_high_m: tuple[float, float, float] = (8400.0, 8400.0, -600.0)
    rise_time_s: float = HEMEW_RISE_TIME_S
    vs_low_m_s: float = VS_MIN_M_S
    vs_high_m_s: float = VS_MAX_M_S

    def differences(self, other: TrainedRange) -> list[str]:
        """How another range's ground and rise time differ from this one's, in words; source positions may differ.

        Example:
            >>> TrainedRange().differences(TrainedRange(rise_time_s=0.2))
            ['a rise time of 0.2 s, not 0.1 s']
        """
        differences = []
        if self.nodes != other.nodes:
            differences.append(f"{_by(other.nodes)} nodes, not {_by(self.nodes)}")
        if not np.allclose(self.extent_m, other.extent_m, rtol=1e-4):
            differences.append(f"an extent of {_by(other.extent_m)} m, not {_by(self.extent_m)} m")
        if not is_same_rise_time(self.rise_time_s, other.rise_time_s):
            differences.append(f"a rise time of {other.rise_time_s:g} s, not {self.rise_time_s:g} s")
        return differences

    def times_larger(self, length: float) -> TrainedRange:
        """The range of a problem whose lengths are `length` times larger."""
        low, high, extent = (
            (length * x, length * y, length * z) for x, y, z in (self.source_low_m, self.source_high_m, self.extent_m)
        )
        return dataclasses.replace(self, source_low_m=low, source_high_m=high, extent_m=extent)

    def has_shape_of(self, geology: Geology) -> bool:
        """Whether a geology has the nodes, the extent and the origin that the stage was trained on."""
        try:
            self.check_geology(geology)
        except InputError:
            return False
        return True

    def check_event(self, geology: Geology, source: Source, *, any_rise_time: bool = False) -> None:
        """Refuse a geology or a source outside the trained range.

        Args:
            geology: the ground.
            source: a source of any moment.
            any_rise_time: allow any rise time: a simulation is right at any.

        Raises:
            InputError: a geology of another size or extent, or a source that is not inside the trained range, or of
                another rise time.
        """
        self.check_geology(geology)
        self.check_source(source, any_rise_time=any_rise_time)

    def check_geology(self, geology: Geology) -> None:
        """Refuse a geology of another number of nodes, extent or origin.

        Raises:
            InputError: names the geology's value and the model's.
        """
        self.check_shape(geology.shape)
        extent_m = geology.extent_m
        if not np.allclose(extent_m, self.extent_m, rtol=1e-3):
            raise InputError("geology", f"a domain of {_by(extent_m)} m", f"{_by(self.extent_m)} m, the model's")
        origin = [float(axis[0]) for axis in (geology.x_m, geology.y_m)]
        if not np.allclose(origin, 0.0, atol=1e-3 * self.extent_m[0]):
            raise InputError("geology", f"a domain that starts at ({origin[0]:g}, {origin[1]:g}) m", "(0, 0) m")

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse a geology of another number of nodes.

        Raises:
            InputError: names both shapes.
        """
        if shape != self.nodes:
            allowed = f"shape {self.nodes}, the model's (resample it: docs/reference/data_format.md)"
            raise InputError("geology", f"shape {shape}", allowed)

    def check_source(self, source: Source, *, any_rise_time: bool = False) -> None:
        """Refuse a source outside the ground, outside the trained positions, or of another rise time.

        Raises:
            InputError: names the coordinate and its range, or the two rise times.
        """
        source.check_inside(self.extent_m)
        positions = zip("xyz", source.position_m, self.source_low_m, self.source_high_m, strict=True)
        for name, value, low, high in positions:
            if not low <= value <= high:
                allowed = f"[{low:g}, {high:g}] m, where the model was trained"
                raise InputError(f"source.{name}", f"{value:g} m", allowed)
        if not any_rise_time:
            self.check_rise_time(source)

    def check_rise_time(self, source: Source) -> None:
        """Refuse a rise time that a model was not trained on: it decides how much high frequency the motion has.

        Raises:
            InputError: names both rise times.
        """
        if not is_same_rise_time(source.rise_time_s, self.rise_time_s):
            allowed = f"{self.rise_time_s:g} s, what the model was trained on"
            raise InputError("source.rise_time_s", f"{source.rise_time_s:g} s", allowed)


def is_same_rise_time(one_s: float, other_s: float) -> bool:
    """Whether two rise times count as one: within a thousandth."""
    return math.isclose(one_s, other_s, rel_tol=1e-3)


def _by(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
