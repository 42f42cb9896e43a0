"""Normalisation of the stage-1 network's inputs and outputs (arXiv 2404.10115, section 3).

Vs becomes (Vs - mean) / (4 std), with mean and standard deviation point by point over the training split. Traces are
multiplied by one constant per event, which compensates depth and stiffness at the source, and by a reference moment
over the event's moment, so that the network's task does not change with magnitude.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float32

from spectremor.core.source import HEMEW_MOMENT_NM, Source
from spectremor.core.travel_times import interpolate
from spectremor.signal.misfit import event_scale

#: Smallest standard deviation in m/s that is used.
_LEAST_STD_M_S = 100.0
#: Nodes whose Vs varied less than this among the training geologies, in m/s, such as those of a fixed bottom layer.
_CONSTANT_M_S = 1.0


@dataclasses.dataclass(frozen=True)
class GeologyNormalisation:
    """Pointwise mean and standard deviation of Vs in m/s, each (x, y, z)."""

    mean: Float[np.ndarray, "x y z"]
    std: Float[np.ndarray, "x y z"]

    @classmethod
    def from_statistics(cls, statistics: Mapping[str, np.ndarray]) -> GeologyNormalisation:
        """The normalisation from a campaign's `vs_mean` and `vs_std`, averaged over x and y.

        The random geologies are stationary horizontally: the average is the better estimate, and it keeps the exact
        symmetries of the square.
        """
        mean, std = np.asarray(statistics["vs_mean"]), np.asarray(statistics["vs_std"])
        variance = (std**2 + mean**2).mean(axis=(0, 1)) - mean.mean(axis=(0, 1)) ** 2
        mean_profile = np.broadcast_to(mean.mean(axis=(0, 1)), mean.shape)
        return cls(mean_profile.copy(), np.broadcast_to(np.sqrt(np.maximum(variance, 0)), mean.shape).copy())

    def apply(self, vs_m_s: Float[np.ndarray, "x y z"]) -> Float32[np.ndarray, "x y z"]:
        """Normalised geology.

        It is 0 at nodes whose Vs was the same in all training geologies: what other ground there does, a network
        could not learn, and the value would lie far outside of all that it has seen.
        """
        normalised = (vs_m_s - self.mean) / (4 * np.maximum(self.std, _LEAST_STD_M_S))
        return np.where(self.std < _CONSTANT_M_S, 0.0, normalised).astype(np.float32)


def trace_scale(vs_m_s: Float[np.ndarray, "x y z"], source: Source, extent_m: tuple[float, float, float]) -> float:
    """Factor from velocities in m/s to normalised traces: the event's scale times reference moment over moment."""
    vs_source = float(interpolate(np.asarray(vs_m_s, dtype=float), np.array([source.position_m]), extent_m)[0])
    return event_scale(vs_source, -source.position_m[2]) * HEMEW_MOMENT_NM / source.moment_nm
