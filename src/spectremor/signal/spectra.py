"""Fourier amplitude spectra: plain, in bands, smoothed."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Bool, Float

from spectremor.core.errors import InputError

#: Bands of the published frequency biases; the lower edge of all but the first is left out.
BANDS_HZ: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 2.0), (2.0, 5.0))


def bands_up_to(
    highest_hz: float, bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ
) -> tuple[tuple[float, float], ...]:
    """The bands, each cut at the highest frequency in the data; a band that begins above it becomes empty.

    Example:
        >>> bands_up_to(3.5)
        ((0.0, 1.0), (1.0, 2.0), (2.0, 3.5))
    """
    return tuple((low, min(high, highest_hz)) for low, high in bands_hz)


def frequencies(samples: int, dt_s: float) -> Float[np.ndarray, " frequency"]:
    """Frequencies in Hz of the bins of a real Fourier transform."""
    return np.fft.rfftfreq(samples, dt_s)


def amplitude_spectrum(
    traces: Float[np.ndarray, "*batch time"], dt_s: float | None = None
) -> Float[np.ndarray, "*batch frequency"]:
    """Modulus of the real Fourier transform of each trace.

    Args:
        traces: time last, m/s.
        dt_s: sampling step in s, by which the sum is multiplied (m/s times s); None: the plain sum.
    """
    spectrum = np.abs(np.fft.rfft(traces, axis=-1))
    return spectrum if dt_s is None else spectrum * dt_s


def in_band(
    frequency_hz: Float[np.ndarray, " frequency"], low_hz: float, high_hz: float
) -> Bool[np.ndarray, " frequency"]:
    """Bins with low < f <= high (0 <= f for a band that starts at 0)."""
    # Whether a bin on an edge counts must not depend on the rounding of its frequency.
    slack = 1e-9 * max(high_hz, 1.0)
    above = frequency_hz > low_hz + slack if low_hz > 0 else frequency_hz >= 0
    return np.asarray(above & (frequency_hz <= high_hz + slack))


def rotd_fourier(
    horizontal: Float[np.ndarray, "*batch two time"], dt_s: float
) -> Float[np.ndarray, "two_percentiles *batch frequency"]:
    """RotD50 and RotD100 of the Fourier amplitude spectrum of two horizontal components.

    In the direction theta the squared modulus is a + b cos(2 theta - phi), with a = (|E|^2 + |N|^2) / 2 and
    b = |E^2 + N^2| / 2. Its median over all directions is a, its largest value a + b: RotD50 is the effective amplitude
    spectrum (Goulet et al. 2018, PEER 2018/02), whatever the axes of the components.

    Args:
        horizontal: two horizontal components in m/s (or m/s2), time last.
        dt_s: sampling step in s.

    Returns:
        RotD50 and RotD100 at `frequencies(samples, dt_s)`, in the unit of the motion times s.

    Raises:
        InputError: not two components.

    Example:
        >>> motion = np.stack([np.ones(8), np.zeros(8)])
        >>> rotd_fourier(motion, 0.5)[:, 0].round(3).tolist()
        [2.828, 4.0]
    """
    if horizontal.shape[-2] != 2:
        raise InputError("rotd_fourier.horizontal", f"{horizontal.shape[-2]} components", "the two horizontal ones")
    spectrum = np.fft.rfft(horizontal.astype(np.float64), axis=-1) * dt_s
    middle = 0.5 * (np.abs(spectrum) ** 2).sum(axis=-2)
    swing = 0.5 * np.abs((spectrum**2).sum(axis=-2))
    return np.asarray(np.sqrt(np.stack([middle, middle + swing])))


def band_means(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ
) -> Float[np.ndarray, "*batch band"]:
    """Mean modulus of the Fourier transform in each band; NaN for a band without a bin (too short a record)."""
    spectrum = amplitude_spectrum(traces)
    frequency = frequencies(traces.shape[-1], dt_s)
    means = np.full((*spectrum.shape[:-1], len(bands_hz)), np.nan)
    for index, (low, high) in enumerate(bands_hz):
        chosen = in_band(frequency, low, high)
        if chosen.any():
            means[..., index] = spectrum[..., chosen].mean(axis=-1)
    return means


def band_rms(
    traces: Float[np.ndarray, "*batch time"], dt_s: float, bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ
) -> Float[np.ndarray, "*batch band"]:
    """Root-mean-square motion in each band: its energy, as an amplitude in the unit of the traces (Parseval).

    NaN for a band without a bin.
    """
    samples = traces.shape[-1]
    power = amplitude_spectrum(traces) ** 2
    # Every bin stands for two frequencies, except 0 and, for an even number of samples, Nyquist.
    twice = np.full(power.shape[-1], 2.0)
    twice[0] = 1.0
    if samples % 2 == 0:
        twice[-1] = 1.0
    frequency = frequencies(samples, dt_s)
    rms = np.full((*power.shape[:-1], len(bands_hz)), np.nan)
    for index, (low, high) in enumerate(bands_hz):
        chosen = in_band(frequency, low, high)
        if chosen.any():
            rms[..., index] = np.sqrt((power * twice)[..., chosen].sum(axis=-1)) / samples
    return rms


def konno_ohmachi(
    spectrum: Float[np.ndarray, "*batch frequency"],
    frequency_hz: Float[np.ndarray, " frequency"],
    centres_hz: Float[np.ndarray, " centre"] | None = None,
    bandwidth: float = 40.0,
) -> Float[np.ndarray, "*batch centre"]:
    """Spectrum smoothed with the window of Konno & Ohmachi (1998, eq. 4), constant width in log frequency.

    Args:
        spectrum: amplitudes.
        frequency_hz: their frequencies.
        centres_hz: where the smoothed spectrum is wanted (default: at every input frequency).
        bandwidth: b; larger is narrower.

    Returns:
        Weighted means at the centres; at 0 Hz, and where no bin lies near a centre, the window degenerates and the
        nearest bin is returned.
    """
    if spectrum.shape[-1] != len(frequency_hz):
        raise InputError("konno_ohmachi.spectrum", f"{spectrum.shape[-1]} bins", f"{len(frequency_hz)} bins")
    centres = frequency_hz if centres_hz is None else centres_hz
    weights = _konno_ohmachi_weights(tuple(frequency_hz.tolist()), tuple(centres.tolist()), bandwidth)
    out: np.ndarray = spectrum @ weights
    return out


@functools.lru_cache(maxsize=8)
def _konno_ohmachi_weights(
    frequency_hz: tuple[float, ...], centres_hz: tuple[float, ...], bandwidth: float
) -> Float[np.ndarray, "frequency centre"]:
    f, centre = np.asarray(frequency_hz)[:, None], np.asarray(centres_hz)[None, :]
    positive = (f > 0) & (centre > 0)
    log_ratio = bandwidth * np.log10(np.where(positive, f, 1.0) / np.where(positive, centre, 1.0))
    # sinc takes the limit 1 at the centre.
    weights = np.where(positive, np.sinc(log_ratio / np.pi) ** 4, 0.0)
    empty = weights.sum(axis=0) < 1e-6
    nearest = np.abs(f - centre).argmin(axis=0)
    weights[:, empty] = 0.0
    weights[nearest[empty], np.flatnonzero(empty)] = 1.0
    return np.asarray(weights / weights.sum(axis=0))
