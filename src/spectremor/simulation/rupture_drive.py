r"""The moment functions of a rupture's points that drive one run, sampled for the time axis of this run.

`time_axis` divides a record by the spectrum of a base moment function of one rise time as sampled, and multiplies it by
that function's exact spectrum. The same matrix makes a run exact that is driven by other moment functions, if each is
the sampled base function convolved with a filter that turns one function into the other. At the run's frequency w,
which stands for W = 2/dt sin(w dt/2), this filter is R(W) exp(-i W start) (1 + i W tau)^2, with R the spectrum of the
point's moment rate. It is faded out above the frequencies that the record keeps. Such a function begins a little before
its point starts; the run therefore starts `lead` samples early.
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

#: Rise time of the base moment function in s. Results hardly depend on it.
BASE_RISE_TIME_S = 0.1
#: The fade is an error function: its half-width in standard deviations, and its ringing time in inverse widths.
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
        lowpass_hz: corner of the record's low-pass.
    """
    lead = lead_samples(rupture, dt_s, lowpass_hz)
    total = lead + n_samples
    # Period of the Fourier transform: points that start after the record must not wrap round to its beginning.
    period = scipy.fft.next_fast_len(total + lead + math.ceil(_last_s(rupture) / dt_s), real=True)
    base = moment_function(np.arange(period) * dt_s, BASE_RISE_TIME_S)
    w = 2 * np.pi * scipy.fft.rfftfreq(period, dt_s)
    exact = 2 / dt_s * np.sin(w * dt_s / 2)
    low_hz, high_hz = _fade_hz(dt_s, lowpass_hz)
    middle, deviation = (low_hz + high_hz) / 2, (high_hz - low_hz) / 2 / _FADE_DEVIATIONS
    fade = 0.5 * scipy.special.erfc((w / (2 * np.pi) - middle) / (deviation * math.sqrt(2)))
    # Increments of the moment, which end, while the moment itself does not.
    common = scipy.fft.rfft(np.diff(base, prepend=0.0)) * fade * (1 + 1j * exact * BASE_RISE_TIME_S) ** 2
    common *= np.exp(-1j * w * dt_s * lead)
    moments = np.empty((len(rupture), total), dtype=np.float32)
    size = max(1, _PIECE // len(w))
    for first in range(0, len(rupture), size):
        points = np.arange(first, min(first + size, len(rupture)))
        starts = np.exp(-1j * np.outer(rupture.start_s[points], exact))
        spectra = rupture.rates.take(points).spectrum(exact) * starts * common
        moments[points] = np.cumsum(scipy.fft.irfft(spectra, period, axis=1)[:, :total], axis=1)
    return Drive(moments, lead, rupture.mean_start_s)


def _fade_hz(dt_s: float, lowpass_hz: float) -> tuple[float, float]:
    """Frequencies of the run between which moment functions are faded out; the record uses those up to the first."""
    used_hz = highest_frequency_hz(dt_s, lowpass_hz)
    low_hz = math.asin(math.pi * used_hz * dt_s) / (math.pi * dt_s)
    return low_hz, min(2 * low_hz, 0.5 / dt_s)


def _last_s(rupture: Rupture) -> float:
    """Time in s after which every point, convolved with the base moment function, has its final moment."""
    rates = rupture.rates
    lasting = rates.counts * rates.step_s if isinstance(rates, SampledRates) else _TAIL * rates.rise_time_s
    return float((rupture.start_s + lasting).max()) + _TAIL * BASE_RISE_TIME_S
