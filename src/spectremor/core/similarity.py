r"""Similarity: the same problem with other lengths and speeds.

With lengths times a, speeds times b, and times (also those of the source) times a / b, the equations of motion do not
change; density and quality factors stay the same. The ground velocity is then that of the original problem times
(M0' / M0) / (a^3 b). In floating-point numbers this holds to rounding for powers of two. A model of a cube of 9.6 km to
5 Hz can therefore serve for a cube of 4.8 km to 10 Hz, or for ground half as fast to 2.5 Hz.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from spectremor.core.geology import Geology
from spectremor.core.moment_rates import MomentRates, RiseTimes, SampledRates
from spectremor.core.q_law import REFERENCE, q_law_of
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source


@dataclasses.dataclass(frozen=True, kw_only=True)
class Similarity:
    """How many times larger a problem is than the one that a model learned.

    Attributes:
        length: a, the ratio of lengths.
        speed: b, the ratio of wave speeds.

    Example:
        >>> half = Similarity(length=0.5, speed=1.0)
        >>> half.time, half.frequency
        (0.5, 2.0)
    """

    length: float = 1.0
    speed: float = 1.0

    @property
    def time(self) -> float:
        """Ratio of times: those of this problem over those of the learned one."""
        return self.length / self.speed

    @property
    def frequency(self) -> float:
        """Ratio of frequencies: those of this problem over those of the learned one."""
        return self.speed / self.length

    @property
    def velocity(self) -> float:
        """Ratio of ground velocities at the same moment: those of this problem over those of the learned one."""
        return 1.0 / (self.length**3 * self.speed)

    def learned_geology(self, geology: Geology) -> Geology:
        """The ground of the learned problem: smaller by a, slower by b; density and quality factors stay the same.

        All five properties are given explicitly: the laws, applied to the scaled Vs, would give other values.
        """
        if self == Similarity():
            return geology
        rock = geology.rock
        given = {
            "vs": rock.vs_m_s / self.speed,
            "vp": rock.vp_m_s / self.speed,
            "density": rock.density_kg_m3,
            "qs": rock.qs,
            "qp": rock.qp,
        }
        return Geology(
            x_m=geology.x_m / self.length,
            y_m=geology.y_m / self.length,
            z_m=geology.z_m / self.length,
            given={name: np.array(values, dtype=np.float32) for name, values in given.items()},
            attrs=self._learned_attrs(geology),
        )

    def _learned_attrs(self, geology: Geology) -> Mapping[str, Any]:
        """The geology's attributes, with the frequency at which its quality factors hold scaled as well."""
        if q_law_of(geology).exponent == 0:
            return geology.attrs
        return {**geology.attrs, REFERENCE: q_law_of(geology).reference_hz / self.frequency}

    def learned_source(self, source: Source) -> Source:
        """The source of the learned problem, with the same moment."""
        x, y, z = (value / self.length for value in source.position_m)
        return dataclasses.replace(source, position_m=(x, y, z), rise_time_s=source.rise_time_s / self.time)

    def learned_rupture(self, rupture: Rupture) -> Rupture:
        """The rupture of the learned problem, with the same moments.

        Raises:
            InputError: the rigidity is unknown (`Rupture.with_rigidity`).
        """
        return dataclasses.replace(
            rupture,
            position_m=rupture.position_m / self.length,
            tensors=np.array(rupture.moment_tensor_nm),
            start_s=rupture.start_s / self.time,
            rates=_shortened_in_time(rupture.rates, self.time),
            spacing_m=None if rupture.spacing_m is None else rupture.spacing_m / self.length,
        )


def _shortened_in_time(rates: MomentRates, time_ratio: float) -> MomentRates:
    if isinstance(rates, RiseTimes):
        return RiseTimes(rates.rise_time_s / time_ratio)
    return SampledRates(rates.samples, rates.counts, rates.step_s / time_ratio)
