r"""How a rupture drives one run: a moment function for each of its points, sampled for the time axis of that run.

`time_axis` divides a record by the spectrum of the sampled moment function of one rise time, and multiplies it by that
function's own. A run driven by other functions becomes exact by the same matrix when each is the sampled one, convolved
with what turns one moment function into the other: at the run's frequency w, which stands for W = 2/dt sin(w dt/2),
that is R(W) exp(-i W start) (1 + i W tau)^2, with R the spectrum of the point's moment rate. Above the frequencies that
the record keeps it is faded out. Such a function begins a little before its point; the run starts `lead` samples early.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Float32

from spectremor.core.moment_rates import SampledRates
from spectremor.core.rupture import Rupture
from spectremor.core.source import moment_function
from spectremor.simulation.time_axis import highest_frequency_hz

#: Rise time of the moment function that the others are made of, in s. What comes out hardly depends on it.
BASE_RISE_TIME_S = 0.1
#: The fade is an error function: its half-width in standard deviations, and after how many widths nothing rings.
_FADE_DEVIATIONS, _FADE_LEAD = 5.0, 9.0
#: After this many rise times a moment has reached its final value to rounding.
_TAIL = 40.0
#: Complex numbers in one piece of the spectra (32 MiB).
_PIECE = 1 << 21


@dataclasses.dataclass(frozen=True)
class Drive:
    """Moment functions of the points of a rupture.

    Attributes:
        moments: share of the final moment at each sample of the run.
        lead: samples of the run before the origin time.
        mean_start_s: mean start of the points, weighted by moment.
    """

    moments: Float32[np.ndarray, "points run"]
    lead: int
    mean_start_s: float


def lead_samples(rupture: Rupture, dt_s: float, lowpass_hz: float) -> int:
    """Samples that a run must start before the origin time."""
    low_hz, high_hz = _fade_hz(dt_s, lowpass_hz)
    return math.ceil((_FADE_LEAD / (high_hz - low_hz) + rupture.rates.lead_s) / dt_s)


def rupture_drive(rupture: Rupture, dt_s: float, n_samples: int, lowpass_hz: float) -> Drive:
    """The moment functions that drive a run.

    Args:
        rupture: the points.
        dt_s: time step of the run.
        n_samples: samples from the origin time on.
        lowpass_hz: of the record.
    """
    lead = lead_samples(rupture, dt_s, lowpass_hz)
    total = lead + n_samples
    # The Fourier transform's period: what starts after the record must not come round to its beginning.
    period = scipy.fft.next_fast_len(total + lead + math.ceil(_last_s(rupture) / dt_s), real=True)
    base = moment_function(np.arange(period) * dt_s, BASE_RISE_TIME_S)
    w = 2 * np.pi * scipy.fft.rfftfreq(period, dt_s)
    true = 2 / dt_s * np.sin(w * dt_s / 2)
    low_hz, high_hz = _fade_hz(dt_s, lowpass_hz)
    middle, deviation = (low_hz + high_hz) / 2, (high_hz - low_hz) / 2 / _FADE_DEVIATIONS
    fade = 0.5 * scipy.special.erfc((w / (2 * np.pi) - middle) / (deviation * math.sqrt(2)))
    # Increments, which end; the moment itself does not.
    common = scipy.fft.rfft(np.diff(base, prepend=0.0)) * fade * (1 + 1j * true * BASE_RISE_TIME_S) ** 2
    common *= np.exp(-1j * w * dt_s * lead)
    moments = np.empty((len(rupture), total), dtype=np.float32)
    size = max(1, _PIECE // len(w))
    for first in range(0, len(rupture), size):
        points = np.arange(first, min(first + size, len(rupture)))
        starts = np.exp(-1j * np.outer(rupture.start_s[points], true))
        spectra = rupture.rates.take(points).spectrum(true) * starts * common
        moments[points] = np.cumsum(scipy.fft.irfft(spectra, period, axis=1)[:, :total], axis=1)
    return Drive(moments, lead, rupture.mean_start_s)


def _fade_hz(dt_s: float, lowpass_hz: float) -> tuple[float, float]:
    """Frequencies of the run between which moment functions are faded out: the first is the highest that is used."""
    used_hz = highest_frequency_hz(dt_s, lowpass_hz)
    low_hz = math.asin(math.pi * used_hz * dt_s) / (math.pi * dt_s)
    return low_hz, min(2 * low_hz, 0.5 / dt_s)


def _last_s(rupture: Rupture) -> float:
    """When the last point has its final moment, and the moment function that all are made of too, in s."""
    rates = rupture.rates
    lasting = rates.counts * rates.step_s if isinstance(rates, SampledRates) else _TAIL * rates.rise_time_s
    return float((rupture.start_s + lasting).max()) + _TAIL * BASE_RISE_TIME_S
