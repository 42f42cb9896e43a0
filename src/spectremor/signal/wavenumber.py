"""Apparent velocity of waves along the surface, from the power of a field over frequency and horizontal wavenumber."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.signal.coherence import cosine_taper
from spectremor.signal.spectra import BANDS_HZ, frequencies, in_band

#: Apparent velocity in m/s above which no wave of a campaign's ground should carry much power along the surface.
FAST_M_S = 12_000.0


def fast_power_share(
    field: Float[np.ndarray, "*batch component x y time"],
    spacing_m: tuple[float, float],
    dt_s: float,
    band_hz: tuple[float, float] = BANDS_HZ[-1],
    fast_m_s: float = FAST_M_S,
) -> Float[np.ndarray, "*batch"]:
    """Share of a band's power whose apparent velocity along the surface is above a limit; all components together.

    Noise that all sensors share at one time has infinite apparent velocity, f / |k| at |k| = 0. Hann tapers along x
    and y keep the power of slow waves out of small wavenumbers; a cosine over 5% of the record at each end does the
    same for low frequencies.

    Args:
        field: on a regular grid, at least 4 x 4 sensors.
        spacing_m: distances between sensors along x and y.
        dt_s: sampling step.
        band_hz: lowest and highest frequency.
        fast_m_s: apparent velocity above which power counts as fast.

    Returns:
        In [0, 1]; NaN without power in the band.

    Raises:
        InputError: fewer than 4 sensors along x or y.
    """
    *_, nx, ny, samples = field.shape
    if min(nx, ny) < 4:
        raise InputError("wavenumber.field", f"{nx} x {ny} sensors", "4 x 4 or more, on a regular grid")
    window = _hann(nx)[:, None, None] * _hann(ny)[:, None] * cosine_taper(samples, 0.05)
    frequency = frequencies(samples, dt_s)
    inside = in_band(frequency, *band_hz)
    spectrum = np.fft.fft2(np.fft.rfft(field * window, axis=-1)[..., inside], axes=(-3, -2))
    power = (np.abs(spectrum) ** 2).sum(axis=-4)
    along = [np.fft.fftfreq(n, step) for n, step in zip((nx, ny), spacing_m, strict=True)]
    wavenumber = np.hypot(along[0][:, None], along[1])[..., None]
    fast = frequency[inside] > fast_m_s * wavenumber
    total = power.sum(axis=(-3, -2, -1))
    fast_power = (power * fast).sum(axis=(-3, -2, -1))
    return np.asarray(np.divide(fast_power, total, out=np.full(np.shape(total), np.nan), where=total > 0))


def _hann(n: int) -> np.ndarray:
    """A Hann window without zeros at its ends."""
    return np.hanning(n + 2)[1:-1]
