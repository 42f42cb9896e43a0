"""The baseline that every prediction can have for nothing: times one gain for each frequency."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class FrequencyGain:
    """A zero-phase filter: it mends the mean spectrum, and adds nothing that the prediction doesn't already hold.

    Attributes:
        gain: (frequency,), of the bins of a real Fourier transform of a trace.
    """

    gain: Float[np.ndarray, " frequency"]

    @classmethod
    def fit(cls, pairs: Iterable[tuple[np.ndarray, np.ndarray]], dt_s: float, band_high_hz: float) -> FrequencyGain:
        """Ratio of the mean moduli of truth and prediction at each frequency; 1 above the usable band.

        Args:
            pairs: (prediction, truth), each (..., time), of one length.
            dt_s: sampling step.
            band_high_hz: the truth's highest sound frequency.

        Raises:
            InputError: no pair.
        """
        fit = GainFit(dt_s)
        for prediction, truth in pairs:
            fit.add(prediction, truth, band_high_hz)
        return fit.gain()

    def __call__(self, traces: Float[np.ndarray, "*batch time"]) -> Float[np.ndarray, "*batch time"]:
        """The traces with each frequency amplified."""
        spectrum = np.fft.rfft(traces, axis=-1) * self.gain
        return np.fft.irfft(spectrum, n=traces.shape[-1], axis=-1).astype(traces.dtype)


class GainFit:
    """A gain in the making: mean moduli of predictions and truths, pair by pair.

    Args:
        dt_s: sampling step.
    """

    def __init__(self, dt_s: float) -> None:
        self.dt_s = dt_s
        self.moduli: np.ndarray | None = None

    def add(self, prediction: np.ndarray, truth: np.ndarray, highest_hz: float) -> None:
        """One more pair, each (..., time); it counts up to `highest_hz`, where the truth is sound."""
        samples = truth.shape[-1]
        both = [np.abs(np.fft.rfft(v, axis=-1)).reshape(-1, samples // 2 + 1).mean(axis=0) for v in (prediction, truth)]
        sound = np.fft.rfftfreq(samples, self.dt_s) <= highest_hz
        moduli = np.stack(both) * sound
        self.moduli = moduli if self.moduli is None else self.moduli + moduli

    def gain(self) -> FrequencyGain:
        """Ratio of the mean moduli of truth and prediction; 1 where no truth is sound.

        Raises:
            InputError: no pair was added.
        """
        if self.moduli is None:
            raise InputError("gain", "no training sample", "at least one")
        predicted, true = self.moduli
        return FrequencyGain(np.divide(true, predicted, out=np.ones_like(predicted), where=predicted > 0))
