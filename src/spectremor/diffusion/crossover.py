"""The crossover: below a frequency, as this project's low-pass filter sees it, the result is that of stage 1.

A weight per frequency would leave two gaps: the zero-phase low-pass (fourth order, forward and backward, the record
continued as scipy does) lets half through at its corner, and rings at the ends of a record, where it mixes in what lies
above. So the change that stage 2 makes is freed of every shape that this low-pass, or a cut of the spectrum, would let
through. The price: in the first and the last half second less is restored, and another filter or a part of a record
sees a little of the draw. (What is muted before the first arrival, `Latents.added`, brings a little of it back.)
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from jaxtyping import Float

from spectremor.diffusion.config import LatentConfig
from spectremor.signal.butterworth import zero_phase_low_pass

#: A shape of which the filter passes more than the first share is removed; less than the second share: it stays.
KEPT_OUT, LET_IN = 0.2, 0.02


@functools.lru_cache(maxsize=8)
def crossover(config: LatentConfig) -> Float[np.ndarray, "n n"]:
    """The matrix that takes a change, as cosine coefficients, to what of it may be made: symmetric, float32.

    Args:
        config: `keep_below_hz` is the corner, f, of the project's own low-pass (`signal.filters.low_pass`) and of the
            cut. With singular values s of both together, a shape is weighted by 0 above `KEPT_OUT`, by 1 below
            `LET_IN`, half a cosine over log(s) between.
    """
    waves = scipy.fft.idct(np.eye(config.latent_samples, config.time_samples), norm="ortho")
    slow = zero_phase_low_pass(waves, 1.0 / config.sampling_hz, config.keep_below_hz)
    spectrum = scipy.fft.rfft(waves)
    spectrum[:, scipy.fft.rfftfreq(config.time_samples, 1.0 / config.sampling_hz) > config.keep_below_hz] = 0.0
    seen = np.concatenate([slow, scipy.fft.irfft(spectrum, config.time_samples)], axis=1)
    power, shapes = np.linalg.eigh(seen @ seen.T)
    level = 0.5 * np.log(np.maximum(power, LET_IN**4))
    position = ((level - np.log(LET_IN)) / np.log(KEPT_OUT / LET_IN)).clip(0, 1)
    weight = 0.5 + 0.5 * np.cos(np.pi * position)
    matrix: np.ndarray = ((shapes * weight) @ shapes.T).astype(np.float32)
    matrix.setflags(write=False)
    return matrix
