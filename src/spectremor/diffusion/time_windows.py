"""Windows of time, as long as the records that a network was trained on, over a record that is longer.

Two neighbours share half of their time, and there the same noise; what they add fades from one into the other over the
middle quarter of what they share.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.diffusion.config import LatentConfig

#: Makes, from numbers of sensors, the function that returns their successive noises.
NoiseOf = Callable[[list[int]], Callable[[], Tensor]]

#: Where the fade from one window into the next begins and ends, as shares of the half that they have in common.
FADE = (3 / 8, 5 / 8)
#: Latest first arrival in a sensor's first window, as a share of the window.
LATEST_ARRIVAL = 9 / 16
#: Least peak of a sensor, as a share of the field's: weaker motion counts as none.
LEAST_PEAK = 0.01


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows of equal length, each starting in the middle of the one before.

    Attributes:
        length: samples of a window; even.
        count: number of windows.

    Example:
        >>> windows = Windows.over(600, 320)
        >>> windows.count, windows.samples
        (3, 640)
    """

    length: int
    count: int

    @classmethod
    def over(cls, samples: int, length: int) -> Windows:
        """The fewest windows that hold this many samples."""
        return cls(length, 1 + max(0, -(-(samples - length) // (length // 2))))

    @property
    def hop(self) -> int:
        """Samples from the start of a window to that of the next."""
        return self.length // 2

    @property
    def samples(self) -> int:
        """From the start of the first window to the end of the last."""
        return self.length + (self.count - 1) * self.hop

    def span(self, number: int) -> slice:
        """The samples of a window."""
        return slice(number * self.hop, number * self.hop + self.length)

    def first_of(self, arrival: Float[np.ndarray, " sensor"]) -> Int[np.ndarray, " sensor"]:
        """Each sensor's first window.

        Args:
            arrival: first arrival at each sensor, in samples.
        """
        late = arrival - LATEST_ARRIVAL * self.length
        return np.asarray(np.clip(np.floor(late / self.hop) + 1, 0, self.count - 1).astype(int))

    def weights(self, number: int, first: Int[np.ndarray, " sensor"]) -> Float32[np.ndarray, "sensor window"]:
        """How much of what a window adds counts, at sensors with these first windows; over all windows it sums to 1."""
        low, high = FADE
        share = (np.arange(self.hop) + 0.5) / self.hop
        rise = 0.5 - 0.5 * np.cos(np.pi * np.clip((share - low) / (high - low), 0, 1))
        weights = np.ones((len(first), self.length), dtype=np.float32)
        weights[first < number, : self.hop] = rise
        if number + 1 < self.count:
            weights[:, self.hop :] = 1 - rise
        weights[first > number] = 0
        return weights


@dataclasses.dataclass(frozen=True)
class WindowNoise:
    """Noise of windows: what two of them share of time has the same noise in both.

    Attributes:
        block: makes the noise of a realization over a block of time: block 0 is as long as a window, the others half as
            long, each starting where the one before ends.
        half: latent samples of half a window.
    """

    block: Callable[[int, int, int], NoiseOf]
    half: int

    def of(self, realization: int, window: int) -> NoiseOf:
        """What makes the noise of a window."""
        if window == 0:
            return self.block(realization, 0, 2 * self.half)
        # The last half of block 0, or the whole block before.
        before = self.block(realization, window - 1, self.half * (2 if window == 1 else 1))
        here = self.block(realization, window, self.half)

        def noise_of(sensors: list[int]) -> Callable[[], Tensor]:
            earlier, later = before(sensors), here(sensors)
            return lambda: torch.cat([earlier()[..., -self.half :], later()], dim=-1)

        return noise_of


def windows_of(config: LatentConfig, samples: int) -> Windows:
    """The windows of a record.

    Raises:
        InputError: windows that cannot be halved, or that do not end where the record ends.
    """
    if config.time_samples % 2 or config.latent_samples % 2:
        sizes = f"{config.time_samples} and {config.latent_samples}"
        raise InputError("diffusion.latent", f"{sizes} samples", "even numbers, for records of more than one window")
    windows = Windows.over(samples, config.time_samples)
    if windows.samples != samples:
        raise InputError("stage-1 wavefield.time", f"{samples} samples", f"{windows.samples}, which windows fill")
    return windows
