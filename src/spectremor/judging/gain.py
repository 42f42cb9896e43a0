"""The baseline that a restoring stage must beat: stage 1 times one gain for each frequency."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class StageOneGain:
    """A zero-phase filter: it mends the mean spectrum, and adds nothing that stage 1 doesn't already hold.

    Attributes:
        gain: (frequency,), of the bins of a real Fourier transform of a trace.
    """

    gain: Float[np.ndarray, " frequency"]

    @classmethod
    def fit(cls, pairs: Iterable[tuple[np.ndarray, np.ndarray]], dt_s: float, band_high_hz: float) -> StageOneGain:
        """Ratio of the mean moduli of truth and prediction at each frequency; 1 above the usable band.

        Args:
            pairs: (prediction, truth), each (..., time), of one length.
            dt_s: sampling step.
            band_high_hz: the truth's highest sound frequency.

        Raises:
            InputError: no pair.
        """
        samples = 0
        spectra: list[np.ndarray] = []
        for pair in pairs:
            samples = pair[1].shape[-1]
            both = [np.abs(np.fft.rfft(v, axis=-1)).reshape(-1, samples // 2 + 1).mean(axis=0) for v in pair]
            spectra = [np.stack(both) + sum(spectra)]
        if not spectra:
            raise InputError("gain", "no training sample", "at least one")
        predicted, true = spectra[0]
        gain = np.divide(true, predicted, out=np.ones_like(predicted), where=predicted > 0)
        return cls(np.where(np.fft.rfftfreq(samples, dt_s) <= band_high_hz, gain, 1.0))

    def __call__(self, traces: Float[np.ndarray, "*batch time"]) -> Float[np.ndarray, "*batch time"]:
        """The traces with each frequency amplified."""
        spectrum = np.fft.rfft(traces, axis=-1) * self.gain
        return np.fft.irfft(spectrum, n=traces.shape[-1], axis=-1).astype(traces.dtype)
