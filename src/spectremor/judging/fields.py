"""Spatial measures of a whole field: coherency of neighbours, apparent velocity, and differences of neighbours.

Of draws, and of what they add to the mean: sensors restored one by one, or with noise that all share at one time, show
here and in no score of single sensors.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.seeds import generator
from spectremor.signal.coherence import SMOOTHING_BINS, aligned_coherency, zero_lag_correlation
from spectremor.signal.spectra import BANDS_HZ, frequencies, in_band
from spectremor.signal.strain import peak_differences
from spectremor.signal.wavenumber import fast_power_share

#: Distances along the axes at which neighbours are compared; those below the grid's spacing need a patch of sensors.
DISTANCES_M = (75.0, 150.0, 300.0, 600.0, 900.0, 1800.0)
#: Pairs of each distance, drawn at random.
PAIRS = 200
#: Distance in m between the sensors whose peak difference is measured.
STRAIN_M = 300.0
#: No shear wave of the campaigns' ground is slower: the delay between two sensors is no longer than this allows.
SLOWEST_M_S = 1000.0

#: Measures by name: arrays of shape () or (distance,).
Measures = dict[str, np.ndarray]


def can_measure(samples: int, dt_s: float, band_hz: tuple[float, float]) -> bool:
    """Whether a record is long and fine enough, and its band wide enough, for coherency."""
    inside = in_band(frequencies(samples, dt_s), *band_hz)
    return samples // 2 + 1 >= 2 * SMOOTHING_BINS and band_hz[1] < 0.5 / dt_s and int(inside.sum()) >= 2


def band_up_to(highest_hz: float) -> tuple[float, float]:
    """2 to 5 Hz, as far as the truth is sound."""
    low, high = BANDS_HZ[-1]
    return low, min(high, highest_hz)


def field_measures(
    field: Float[np.ndarray, "3 x y time"], spacing_m: float, dt_s: float, highest_hz: float, seed: int = 0
) -> Measures:
    """Spatial measures of one field at 2 to 5 Hz.

    Args:
        field: velocities in m/s on a regular grid.
        spacing_m: between sensors, the same along x and y.
        dt_s: sampling step.
        highest_hz: frequency up to which the truth is sound.
        seed: of the choice of pairs; fields that are compared need the same.

    Returns:
        `fast_share`, the share of power above 12 km/s apparent velocity; `aligned_coherency` and `correlation`, one
        value for each of `DISTANCES_M`; `ln_difference`, the mean logarithm of RotD50 of the peak difference of
        velocity between sensors `STRAIN_M` apart. NaN where the grid has no such pair.
    """
    *_, nx, ny, samples = field.shape
    band_hz = band_up_to(highest_hz)
    measurable = can_measure(samples, dt_s, band_hz) and bool(np.isfinite(field).all())
    measures = {"fast_share": np.array(np.nan), "ln_difference": np.array(_ln_difference(field, spacing_m))}
    if measurable and min(nx, ny) >= 4:
        measures["fast_share"] = fast_power_share(field.astype(float), (spacing_m, spacing_m), dt_s, band_hz)
    traces = field.reshape(3, nx * ny, samples)
    alike = np.full((2, len(DISTANCES_M)), np.nan)
    for k, distance_m in enumerate(DISTANCES_M):
        pairs = _pairs(nx, ny, distance_m / spacing_m, seed)
        if measurable and len(pairs):
            coherency = aligned_coherency(traces, pairs, dt_s, distance_m / SLOWEST_M_S, band_hz)
            correlation = zero_lag_correlation(traces, pairs, dt_s, band_hz)
            alike[:, k] = _mean_coherency(coherency), _mean(correlation)
    return measures | {"aligned_coherency": alike[0], "correlation": alike[1]}


def draw_measures(
    draws: Float[np.ndarray, "draw 3 x y time"],
    truth: Float[np.ndarray, "3 x y time"],
    spacing_m: float,
    dt_s: float,
    highest_hz: float,
    seed: int = 0,
) -> Measures:
    """As `field_measures` of the first draw, and of three draws or more what they add to the mean.

    Returns:
        Also `residual_fast_share` of (draw - mean of the other draws), and `true_residual_fast_share` of (truth - mean
        of all draws); NaN of fewer than three draws.
    """
    measures = field_measures(draws[0], spacing_m, dt_s, highest_hz, seed)
    shares = [math.nan, math.nan]
    band_hz = band_up_to(highest_hz)
    *_, nx, ny, samples = truth.shape
    if len(draws) >= 3 and min(nx, ny) >= 4 and can_measure(samples, dt_s, band_hz):
        residuals = np.stack([draws[0] - draws[1:].mean(axis=0), truth - draws.mean(axis=0)]).astype(float)
        shares = fast_power_share(residuals, (spacing_m, spacing_m), dt_s, band_hz).tolist()
    return measures | {
        "residual_fast_share": np.array(shares[0]),
        "true_residual_fast_share": np.array(shares[1]),
    }


def with_patch(measures: Measures, patch: Measures, spacing_m: float) -> Measures:
    """Measures of a grid, with those of a patch at distances below the grid's spacing."""
    below = np.array(DISTANCES_M) < spacing_m * (1 - 1e-6)
    taken = {name: np.where(below, patch[name], measures[name]) for name in ("aligned_coherency", "correlation")}
    return measures | taken


def _pairs(nx: int, ny: int, steps: float, seed: int) -> Int[np.ndarray, "pair 2"]:
    """Pairs of sensors (x-major) so many grid steps apart along x or along y; none if that is no whole number."""
    whole = round(steps)
    if whole < 1 or abs(steps - whole) > 1e-3:
        return np.zeros((0, 2), int)
    numbers = np.arange(nx * ny).reshape(nx, ny)
    along = [(numbers[:-whole], numbers[whole:]), (numbers[:, :-whole], numbers[:, whole:])]
    every = np.concatenate([np.stack([one.ravel(), other.ravel()], axis=1) for one, other in along])
    if len(every) <= PAIRS:
        return every
    return every[np.sort(generator(seed, "pairs along the axes", whole).choice(len(every), PAIRS, replace=False))]


def _ln_difference(field: np.ndarray, spacing_m: float) -> float:
    steps = round(STRAIN_M / spacing_m)
    if steps < 1 or abs(steps * spacing_m - STRAIN_M) > 1e-3 * STRAIN_M or max(field.shape[1:3]) <= steps:
        return math.nan
    peaks = peak_differences(field, steps)
    peaks = peaks[np.isfinite(peaks) & (peaks > 0)]
    return float(np.log(peaks).mean()) if len(peaks) else math.nan


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _mean_coherency(values: np.ndarray) -> float:
    """Mean over pairs of atanh of the coherency, which is close to normally distributed."""
    return math.tanh(_mean(np.arctanh(np.minimum(values, 1 - 1e-9))))
