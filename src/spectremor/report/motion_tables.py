"""Tables of the motion itself: spectra, response spectra, scalar measures, coherency between sensors.

`usable` says whether the frequency or period of a row lies in the usable band of the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.judging.benchmark import Benchmark
from spectremor.judging.intervals import bootstrap_of_ratio
from spectremor.judging.tally import COHERENCY_HIGH_PASS_HZ, INTENSITIES, PERIODS_S, Tally, Traits, log_ratio
from spectremor.signal.response import usable_frequencies
from spectremor.signal.spectra import frequencies, konno_ohmachi

Rows = list[dict[str, Any]]


def frequency_axis(result: Benchmark) -> np.ndarray:
    """Frequencies of spectra and coherency, in Hz."""
    return frequencies(len(result.store.time_s), 1 / result.store.sampling_hz)


def mean_spectra(result: Benchmark, *, smooth: bool = False) -> dict[str, np.ndarray]:
    """Mean Fourier amplitude spectrum of the truth and of each contender, in m (m/s times s)."""
    sets: dict[str, list[Traits]] = {"truth": result.truth} | {t.name: t.traits for t in result.tallies}
    means = {name: nanmean(np.stack([t.spectrum for t in traits])) for name, traits in sets.items()}
    if not smooth:
        return means
    frequency = frequency_axis(result)
    return {name: _smoothed(mean, frequency) for name, mean in means.items()}


def _smoothed(spectrum: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """The spectrum, smoothed over the frequencies at which it is not NaN."""
    defined = ~np.isnan(spectrum)
    out = np.full_like(spectrum, np.nan)
    if defined.any():
        out[defined] = konno_ohmachi(spectrum[defined], frequency[defined])
    return out


def spectra_rows(result: Benchmark) -> Rows:
    """Mean amplitude spectra, unsmoothed and smoothed (Konno & Ohmachi, b = 40), one row per frequency."""
    frequency = frequency_axis(result)
    usable = usable_frequencies(frequency, result.band_hz)
    plain, smooth = mean_spectra(result), mean_spectra(result, smooth=True)
    return [
        {"frequency_hz": float(f), "usable": bool(u)}
        | {f"{name} (m)": float(mean[k]) for name, mean in plain.items()}
        | {f"{name}, smoothed (m)": float(mean[k]) for name, mean in smooth.items()}
        for k, (f, u) in enumerate(zip(frequency, usable, strict=True))
    ]


def response_residuals(result: Benchmark, tally: Tally) -> np.ndarray:
    """Logarithm of predicted over true RotD50 of SA, (case, period)."""
    truth = np.concatenate([t.response for t in result.truth])
    return log_ratio(np.concatenate([t.response for t in tally.traits]), truth)


def response_rows(result: Benchmark) -> Rows:
    """Residuals of response spectra, one row per contender and period."""
    usable = usable_frequencies(1 / PERIODS_S, result.band_hz)
    rows = []
    for tally in result.tallies:
        residual = response_residuals(result, tally)
        mean, std = nanmean(residual), _nanstd(residual)
        event_sums = _event_sums(residual, tally.traits)
        for k, period in enumerate(PERIODS_S):
            fields = {"period_s": float(period), "usable": bool(usable[k])}
            fields |= _mean_and_interval(mean[k], std[k], event_sums[..., k], result)
            rows.append({"contender": tally.name, "product": tally.product, **fields})
    return rows


def intensity_residuals(result: Benchmark, tally: Tally) -> np.ndarray:
    """Logarithm of predicted over true scalar measures, (case, measure)."""
    truth = np.concatenate([t.measures for t in result.truth])
    return log_ratio(np.concatenate([t.measures for t in tally.traits]), truth)


def intensity_rows(result: Benchmark) -> Rows:
    """Residuals of scalar measures, one row per contender and measure."""
    rows = []
    for tally in result.tallies:
        residual = intensity_residuals(result, tally)
        mean, std = nanmean(residual), _nanstd(residual)
        event_sums = _event_sums(residual, tally.traits)
        for k, name in enumerate(INTENSITIES):
            fields = {"measure": name} | _mean_and_interval(mean[k], std[k], event_sums[..., k], result)
            rows.append({"contender": tally.name, "product": tally.product, **fields})
    return rows


def _event_sums(residual: np.ndarray, traits: list[Traits]) -> np.ndarray:
    """Sum and number of residuals that are not NaN in each event, shape (2, event, quantity)."""
    ends = np.cumsum([len(one.response) for one in traits])[:-1]
    parts = np.split(residual, ends)
    counts = [(~np.isnan(part)).sum(axis=0) for part in parts]
    return np.array([[np.nansum(part, axis=0) for part in parts], counts], dtype=float)


def _mean_and_interval(mean: float, std: float, event_sums: np.ndarray, result: Benchmark) -> dict[str, float]:
    """A mean logarithm with its interval from resampling events; `event_sums` holds sums and numbers per event."""
    sums, counts = event_sums
    low, high = bootstrap_of_ratio(sums, counts, result.settings.seed)
    values = {"mean_ln_ratio": float(mean), "mean_ln_ratio_ci95_low": low, "mean_ln_ratio_ci95_high": high}
    return values | {"std_ln_ratio": float(std)}


def mean_coherency(result: Benchmark, traits: list[Traits]) -> np.ndarray:
    """Mean lagged coherency, (distance, frequency), over the events for which it was computed; NaN without pairs."""
    matrices = [t.coherency for t in traits if t.coherency is not None]
    shape = (len(result.facts["distance_edges_m"]) - 1, len(frequency_axis(result)))
    return nanmean(np.stack(matrices)) if matrices else np.full(shape, np.nan)


def coherency_rows(result: Benchmark) -> Rows:
    """Lagged coherency, one row per distance bin and frequency above the high-pass corner."""
    edges, frequency = result.facts["distance_edges_m"], frequency_axis(result)
    usable = usable_frequencies(frequency, result.band_hz)
    curves = {"truth": mean_coherency(result, result.truth)}
    curves |= {t.name: mean_coherency(result, t.traits) for t in result.tallies}
    return [
        {"from_m": edges[k], "to_m": edges[k + 1], "frequency_hz": float(frequency[j]), "usable": bool(usable[j])}
        | {name: float(curve[k, j]) for name, curve in curves.items()}
        for k in range(len(edges) - 1)
        for j in np.flatnonzero(frequency >= COHERENCY_HIGH_PASS_HZ)
    ]


def mean_semivariance(tally: Tally) -> np.ndarray:
    """Mean semivariance of ln SA residuals over events, (distance, period)."""
    return nanmean(np.stack(tally.variogram))


def semivariance_rows(result: Benchmark) -> Rows:
    """Semivariogram of ln SA residuals, one row per contender, distance bin and period."""
    edges = result.facts["distance_edges_m"]
    usable = usable_frequencies(1 / PERIODS_S, result.band_hz)
    rows = []
    for tally in result.tallies:
        gamma = mean_semivariance(tally)
        for k in range(len(edges) - 1):
            for j, period in enumerate(PERIODS_S):
                where = {"from_m": edges[k], "to_m": edges[k + 1], "period_s": float(period)}
                rows.append(
                    {
                        "contender": tally.name,
                        **where,
                        "usable": bool(usable[j]),
                        "semivariance": float(gamma[k, j]),
                    }
                )
    return rows


def nanmean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis without NaN values; NaN if there are no others."""
    count = (~np.isnan(values)).sum(axis=0)
    return np.divide(np.nansum(values, axis=0), count, out=np.full(values.shape[1:], np.nan), where=count > 0)


def _nanstd(values: np.ndarray) -> np.ndarray:
    return np.sqrt(nanmean((values - nanmean(values)) ** 2))
