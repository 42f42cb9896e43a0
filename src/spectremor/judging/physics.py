"""What every model of ground motion owes to physics, measured on any of them: small numbers are good.

A stage 1 or a mean is held to all of it. A draw is held to it in distribution alone: its noise belongs to its sensors,
so the draw of a turned event is another draw.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.travel_times import interpolate, travel_times
from spectremor.data.symmetries import Symmetry
from spectremor.signal.response import rotd_peak

#: A wavefield of one event, dims (component, x, y, time), from its geology and source.
Predict = Callable[[Geology, Source], xr.DataArray]

#: The zero-phase low-pass at 5 Hz rings ahead of an arrival for about so long.
RINGING_S = 0.4


def motion_before_p(
    field: xr.DataArray, geology: Geology, source: Source, margin_s: float = RINGING_S
) -> Float[np.ndarray, "x y"]:
    """Largest velocity before the first P wave can arrive, over the sensor's peak velocity.

    Args:
        field: dims (component, x, y, time), m/s; its times are s after the origin time.
        geology: whose P-wave speed sets the arrival, by the eikonal equation.
        source: where the wave starts.
        margin_s: before the arrival, left out.

    Returns:
        NaN for a sensor whose record begins after that, or at rest throughout.
    """
    times = travel_times(geology.rock.vp_m_s, source.position_m, geology.extent_m)
    x, y = np.meshgrid(field["x"].values, field["y"].values, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(float)
    arrival_s = interpolate(times, points, geology.extent_m).reshape(x.shape)
    modulus = np.abs(field.values).max(axis=0)
    early = field["time"].values < arrival_s[..., None] - margin_s
    peak = modulus.max(axis=-1)
    share = np.divide((modulus * early).max(axis=-1), peak, out=np.full(peak.shape, np.nan), where=peak > 0)
    return np.where(early.any(axis=-1), share, np.nan)


def symmetry_error(predict: Predict, geology: Geology, source: Source, symmetry: Symmetry) -> float:
    """How far the prediction of a turned or mirrored event is from the turned prediction, over its size (L2)."""
    turned = symmetry.wavefield(predict(geology, source), geology.extent_m)
    other = predict(symmetry.geology(geology), symmetry.source(source, geology.extent_m))
    return _relative(other.values, turned.values)


def moment_error(predict: Predict, geology: Geology, source: Source, factor: float = 0.5) -> float:
    """How far the prediction of `factor` times the moment is from `factor` times the prediction, over its size (L2)."""
    weaker = _with_tensor(source, factor * source.tensor_nm)
    return _relative(predict(geology, weaker).values, factor * predict(geology, source).values)


def superposition_error(predict: Predict, geology: Geology, source: Source, other: Source) -> float:
    """How far the prediction of the sum of two moment tensors is from the sum of both predictions, over its size (L2).

    Both sources are taken at the place of the first one.
    """
    tensors = (source.tensor_nm, other.tensor_nm, source.tensor_nm + other.tensor_nm)
    first, second, both = (predict(geology, _with_tensor(source, tensor)).values for tensor in tensors)
    return _relative(both, first + second)


@dataclasses.dataclass(frozen=True)
class Decay:
    """How peak velocity (RotD50) falls with distance from the source, ln PGV = a + b ln R, and what is left.

    Attributes:
        slope: b; -1 in uniform ground.
        level: a + b ln R at 10 km, ln of m/s.
        rest: (x, y) ln PGV less the line: radiation pattern and ground.
    """

    slope: float
    level: float
    rest: Float[np.ndarray, "x y"]


def decay(field: xr.DataArray, source: Source) -> Decay:
    """Fit the decay of a field, over all sensors that move."""
    peak = rotd_peak(np.moveaxis(field.values[:2], 0, -2).astype(float), (50.0,), angles=36)[0]
    x, y = np.meshgrid(field["x"].values, field["y"].values, indexing="ij")
    at = source.position_m
    distance_m = np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2 + at[2] ** 2)
    moving = np.isfinite(peak) & (peak > 0)
    logarithm = np.log(np.where(moving, peak, np.nan))
    along = np.log(distance_m / 10_000.0)
    slope, level = np.polyfit(along[moving], logarithm[moving], 1)
    return Decay(float(slope), float(level), logarithm - level - slope * along)


def pattern_correlation(prediction: Decay, truth: Decay) -> float:
    """Correlation over sensors of what the decay leaves: 1 where strong and weak directions are the truth's."""
    one, other = prediction.rest.ravel(), truth.rest.ravel()
    defined = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[defined], other[defined])[0, 1]) if defined.sum() > 2 else math.nan


def _with_tensor(source: Source, tensor_nm: Float[np.ndarray, "3 3"]) -> Source:
    return Source.from_tensor(position_m=source.position_m, tensor_nm=tensor_nm, rise_time_s=source.rise_time_s)


def _relative(values: np.ndarray, reference: np.ndarray) -> float:
    size = float(np.linalg.norm(reference))
    return float(np.linalg.norm(values - reference)) / size if size > 0 else math.nan
