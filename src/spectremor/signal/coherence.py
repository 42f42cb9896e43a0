"""Similarity of motion at neighbouring sensors: coherency and correlation of waveforms, semivariogram of residuals."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import pdist

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.signal.filters import band_pass
from spectremor.signal.spectra import BANDS_HZ, frequencies, in_band

#: Frequency bins under the smoothing window (Abrahamson et al. 1991 use 11).
SMOOTHING_BINS = 11


def pairs_by_distance(
    positions_m: Float[np.ndarray, "sensor two"],
    edges_m: Float[np.ndarray, " edge"],
    most: int = 400,
    seed: int = 0,
) -> list[np.ndarray]:
    """Up to `most` sensor pairs, (pair, 2), for each distance bin (edges[k], edges[k + 1]], none drawn twice."""
    distance = pdist(positions_m)
    first, second = np.triu_indices(len(positions_m), k=1)
    rng = generator(seed, "pairs by distance")
    bins = []
    for low, high in itertools.pairwise(edges_m.tolist()):
        inside = np.flatnonzero((distance > low) & (distance <= high))
        if len(inside) > most:
            inside = np.sort(rng.choice(inside, most, replace=False))
        bins.append(np.stack([first[inside], second[inside]], axis=1))
    return bins


def lagged_coherency(
    traces: Float[np.ndarray, "sensor time"],
    pairs: Int[np.ndarray, "pair two"],
    smoothing_bins: int = SMOOTHING_BINS,
    taper: float = 0.05,
) -> Float[np.ndarray, "pair frequency"]:
    """Lagged coherency |S_jk| / sqrt(S_jj S_kk), spectra smoothed with a Hamming window (Zerva & Zhang 1996, eq. 4).

    The delay of plane waves does not lower it. Unrelated noise gives about 1 / sqrt(equivalent bins), 0.35 for 11: read
    curves against that floor. NaN for a pair with a sensor that is at rest or has NaN samples.

    Args:
        traces: one component of all sensors.
        pairs: indices into sensors.
        smoothing_bins: odd number of frequency bins under the window.
        taper: fraction of the record tapered (cosine) at each end.
    """
    if smoothing_bins % 2 == 0 or smoothing_bins < 3:
        raise InputError("coherency.smoothing_bins", smoothing_bins, "an odd number, 3 or more")
    spectrum = np.fft.rfft(traces * cosine_taper(traces.shape[-1], taper), axis=-1)
    power = _smooth(np.abs(spectrum) ** 2, smoothing_bins)
    cross = _smooth(spectrum[pairs[:, 0]] * spectrum[pairs[:, 1]].conj(), smoothing_bins)
    level = np.sqrt(power[pairs[:, 0]] * power[pairs[:, 1]])
    return np.asarray(np.divide(np.abs(cross), level, out=np.full(level.shape, np.nan), where=level > 0))


def coherency_by_distance(
    traces: Float[np.ndarray, "component sensor time"],
    pairs: list[np.ndarray],
    smoothing_bins: int = SMOOTHING_BINS,
) -> Float[np.ndarray, "distance frequency"]:
    """Mean lagged coherency in each distance bin, over pairs and components.

    `pairs` holds one (pair, 2) array of indices per bin. The mean is taken of atanh, which is nearly normal.
    NaN for a bin without a defined pair.
    """
    curves = np.full((len(pairs), traces.shape[-1] // 2 + 1), np.nan)
    for index, bin_pairs in enumerate(pairs):
        if len(bin_pairs):
            values = np.concatenate([lagged_coherency(component, bin_pairs, smoothing_bins) for component in traces])
            values = values[~np.isnan(values).any(axis=1)]
            if len(values):
                curves[index] = np.tanh(np.arctanh(np.minimum(values, 1 - 1e-9)).mean(axis=0))
    return curves


def aligned_coherency(
    traces: Float[np.ndarray, "component sensor time"],
    pairs: Int[np.ndarray, "pair two"],
    dt_s: float,
    longest_delay_s: float,
    band_hz: tuple[float, float] = BANDS_HZ[-1],
) -> Float[np.ndarray, " pair"]:
    """Coherency of each pair in a band, after removal of the delay between its two sensors.

    The delay is the one at which the band-passed traces of all components together correlate best, within
    +-`longest_delay_s`. Without its removal, identical traces 0.4 s apart have a coherency of 0.7, since the phase
    turns within the smoothing window. Mean of atanh over the band's bins and the components; NaN for a pair with a
    component that is at rest or has NaN samples.

    Args:
        traces: all components of all sensors.
        pairs: indices into sensors.
        dt_s: sampling step.
        longest_delay_s: longest delay that is searched, for example distance over the slowest wave speed.
        band_hz: lowest and highest frequency.
    """
    first, second = (traces[:, pairs[:, k]].astype(float) for k in (0, 1))
    longest = int(longest_delay_s / dt_s + 0.5)
    delay = _delays(_in_band(first, dt_s, band_hz), _in_band(second, dt_s, band_hz), longest)
    second = _advanced(second, delay)
    both = np.stack([first, second], axis=2).reshape(len(traces), 2 * len(pairs), traces.shape[-1])
    couples = np.arange(2 * len(pairs)).reshape(-1, 2)
    inside = in_band(frequencies(traces.shape[-1], dt_s), *band_hz)
    values = np.stack([lagged_coherency(component, couples)[:, inside] for component in both])
    return np.asarray(np.tanh(np.arctanh(np.minimum(values, 1 - 1e-9)).mean(axis=(0, 2))))


def zero_lag_correlation(
    traces: Float[np.ndarray, "component sensor time"],
    pairs: Int[np.ndarray, "pair two"],
    dt_s: float,
    band_hz: tuple[float, float] = BANDS_HZ[-1],
) -> Float[np.ndarray, "component pair"]:
    """Correlation coefficient of each pair's band-passed traces, without a lag; NaN for a trace at rest."""
    filtered = _in_band(traces, dt_s, band_hz)
    length = np.sqrt((filtered**2).sum(axis=-1, keepdims=True))
    unit = np.divide(filtered, length, out=np.full_like(filtered, np.nan), where=length > 0)
    return np.asarray((unit[:, pairs[:, 0]] * unit[:, pairs[:, 1]]).sum(axis=-1))


def _in_band(traces: np.ndarray, dt_s: float, band_hz: tuple[float, float]) -> np.ndarray:
    return np.asarray(band_pass(traces.astype(float), dt_s, band_hz[0], min(band_hz[1], 0.45 / dt_s)))


def _delays(first: np.ndarray, second: np.ndarray, longest: int) -> Int[np.ndarray, " pair"]:
    """Number of samples by which the second trace of each pair is late; both arrays (component, pair, time)."""
    samples = first.shape[-1]
    longest = min(longest, samples - 1)
    spectra = [np.fft.rfft(traces, n=2 * samples, axis=-1) for traces in (first, second)]
    cross_correlation = np.fft.irfft((spectra[1] * spectra[0].conj()).sum(axis=0), axis=-1)
    lags = np.arange(-longest, longest + 1)
    return np.asarray(lags[np.argmax(np.nan_to_num(cross_correlation[:, lags]), axis=-1)])


def _advanced(traces: np.ndarray, delay: np.ndarray) -> np.ndarray:
    """Traces (component, pair, time) shifted to earlier times by `delay` samples; 0 beyond the record."""
    samples = traces.shape[-1]
    index = np.arange(samples) + delay[:, None]
    recorded = (index >= 0) & (index < samples)
    moved = np.take_along_axis(traces, np.clip(index, 0, samples - 1)[None], axis=-1)
    return np.where(recorded, moved, 0.0)


def semivariogram(values: Float[np.ndarray, " sensor"], pairs: list[np.ndarray]) -> Float[np.ndarray, " distance"]:
    """Half the mean squared difference over the pairs of each distance bin; NaN sensors are left out."""
    gamma = np.full(len(pairs), np.nan)
    for index, bin_pairs in enumerate(pairs):
        squares = (values[bin_pairs[:, 0]] - values[bin_pairs[:, 1]]) ** 2
        squares = squares[~np.isnan(squares)]
        if len(squares):
            gamma[index] = 0.5 * squares.mean()
    return gamma


def cosine_taper(samples: int, fraction: float) -> Float[np.ndarray, " time"]:
    """Ones, with a fraction of the record at each end falling to zero as a cosine."""
    window = np.ones(samples)
    n = int(fraction * samples)
    if n:
        edge = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
        window[:n], window[-n:] = edge, edge[::-1]
    return window


def _smooth(spectrum: np.ndarray, bins: int) -> np.ndarray:
    """Weighted mean over neighbouring bins; fewer of them at the two ends."""
    window = np.hamming(bins)
    half = bins // 2
    padded = np.pad(spectrum, [(0, 0), (half, half)])
    if spectrum.shape[1] < bins:
        raise InputError("coherency.traces", f"{spectrum.shape[1]} frequency bins", f"{bins} or more (a longer record)")
    count = np.convolve(np.ones(spectrum.shape[1]), window, mode="same")
    views = np.lib.stride_tricks.sliding_window_view(padded, bins, axis=1)
    return np.asarray(views @ window / count)
