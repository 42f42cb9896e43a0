"""How the moment of each point of a rupture grows with time: an analytic function with a rise time, or sampled rates.

Rates have unit area, to be multiplied by the point's final moment. Time counts from the start of the point.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Int

from spectremor.core.errors import InputError
from spectremor.core.labelled import plain_array


@dataclasses.dataclass(frozen=True, eq=False)
class RiseTimes:
    """The moment rate of the point source, (t / tau^2) exp(-t / tau), with a rise time tau for each point.

    Attributes:
        rise_time_s: tau of each point in s.

    Example:
        >>> RiseTimes(np.array([0.1, 0.2])).centroid_s
        array([0.2, 0.4])
    """

    rise_time_s: Float[np.ndarray, " points"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rise_time_s", numbers_of("rupture.rise_time_s", self.rise_time_s, (-1,), "s"))
        if not (self.rise_time_s > 0).all():
            raise InputError("rupture.rise_time_s", f"{self.rise_time_s.min():g} s", "positive numbers of seconds")

    def __len__(self) -> int:
        return len(self.rise_time_s)

    @property
    def centroid_s(self) -> Float[np.ndarray, " points"]:
        """Mean time of each rate after the point's start, in s."""
        return 2.0 * self.rise_time_s

    @property
    def lead_s(self) -> float:
        """How long before the points' starts a rate may differ from 0, in s."""
        return 0.0

    def spectrum(self, angular_frequency: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "points f"]:
        """Fourier transform of each rate, 1 / (1 + i w tau)^2, at angular frequencies w in rad/s."""
        return np.asarray(1 / (1 + 1j * np.outer(self.rise_time_s, angular_frequency)) ** 2)

    def take(self, points: Int[np.ndarray, " some"]) -> RiseTimes:
        """The rates of some of the points."""
        return RiseTimes(self.rise_time_s[points])


@dataclasses.dataclass(frozen=True, eq=False)
class SampledRates:
    """Moment rates as samples, linear in between and 0 one step before the first and one step after the last.

    The area of such a rate is the sum of its samples times the step. The rates are brought to unit area.

    Attributes:
        samples: the samples of the first point, then those of the second, ..., in any unit.
        counts: number of samples of each point.
        step_s: time between the samples of each point, in s; the first is at the point's start.

    Example:
        >>> rates = SampledRates(np.array([0.0, 3.0, 1.0, 5.0]), np.array([3, 1]), np.array([0.1, 0.2]))
        >>> rates.centroid_s
        array([0.125, 0.   ])
    """

    samples: Float[np.ndarray, " samples"]
    counts: Int[np.ndarray, " points"]
    step_s: Float[np.ndarray, " points"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", numbers_of("rupture.rate", self.samples, (-1,), None))
        object.__setattr__(self, "step_s", numbers_of("rupture.rate_step_s", self.step_s, (-1,), "s"))
        object.__setattr__(self, "counts", np.array(self.counts, dtype=int))
        self.counts.flags.writeable = False
        if len(self.counts) != len(self.step_s) or (self.counts < 1).any() or self.counts.sum() != len(self.samples):
            found = f"{len(self.samples)} samples for counts that sum to {self.counts.sum()}"
            raise InputError("rupture.rate", found, "at least one sample for each point, and a step for each point")
        if not (self.step_s > 0).all():
            raise InputError("rupture.rate_step_s", f"{self.step_s.min():g} s", "positive numbers of seconds")
        if not (self._areas > 0).all():
            raise InputError("rupture.rate", "a rate without positive area", "rates whose samples sum to more than 0")

    def __len__(self) -> int:
        return len(self.counts)

    @functools.cached_property
    def _first(self) -> Int[np.ndarray, " points"]:
        """Number of each point's first sample."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @functools.cached_property
    def _number(self) -> Int[np.ndarray, " samples"]:
        """Number of each sample within its point."""
        return np.asarray(np.arange(len(self.samples)) - np.repeat(self._first, self.counts))

    @functools.cached_property
    def _areas(self) -> Float[np.ndarray, " points"]:
        return np.asarray(np.add.reduceat(self.samples, self._first) * self.step_s)

    @property
    def centroid_s(self) -> Float[np.ndarray, " points"]:
        """Mean time of each rate after the point's start, in s."""
        moments = np.add.reduceat(self.samples * self._number, self._first) * self.step_s**2
        return np.asarray(moments / self._areas)

    @property
    def lead_s(self) -> float:
        """How long before the points' starts a rate may differ from 0, in s."""
        return float(self.step_s.max())

    def spectrum(self, angular_frequency: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "points f"]:
        """Fourier transform of each rate at angular frequencies in rad/s."""
        result = np.empty((len(self), len(angular_frequency)), dtype=complex)
        for step_s in np.unique(self.step_s):
            points = np.flatnonzero(self.step_s == step_s)
            table = np.zeros((len(points), int(self.counts[points].max())))
            for row, point in enumerate(points):
                first, count = self._first[point], self.counts[point]
                table[row, :count] = self.samples[first : first + count] * (step_s / self._areas[point])
            turns = np.exp(-1j * np.outer(np.arange(table.shape[1]) * step_s, angular_frequency))
            # Linear between samples: each is the middle of a triangle two steps wide.
            triangle = np.sinc(angular_frequency * step_s / (2 * np.pi)) ** 2
            result[points] = (table @ turns) * triangle
        return result

    def take(self, points: Int[np.ndarray, " some"]) -> SampledRates:
        """The rates of some of the points."""
        parts = [self.samples[self._first[p] : self._first[p] + self.counts[p]] for p in points]
        return SampledRates(np.concatenate(parts), self.counts[points], self.step_s[points])


#: How the moment of a rupture's points grows.
MomentRates = RiseTimes | SampledRates


def numbers_of(field: str, values: Any, shape: tuple[int, ...], unit: str | None) -> Float[np.ndarray, "..."]:
    """Finite numbers as a read-only array of a shape, in which -1 stands for any length.

    Raises:
        InputError: another shape or unit, masked values, or values that are NaN or infinite.
    """
    array = np.array(plain_array(field, values, unit), dtype=float)
    fits = array.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, array.shape, strict=True))
    expected = " x ".join("n" if n < 0 else str(n) for n in shape)
    if not fits or not array.size:
        raise InputError(field, f"an array of shape {array.shape}", f"{expected} numbers")
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise InputError(field, f"{bad} NaN or infinite values", f"finite numbers{f' in {unit}' if unit else ''}")
    array.flags.writeable = False
    return array
