"""The noise of a sensor: the same whatever is computed beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from spectremor.core.seeds import generator


class SensorNoise:
    """Successive standard normal arrays for a batch of sensors, each from a generator of its own.

    Args:
        seed: of the whole result.
        realization: which one.
        sensors: numbers of the sensors in the field.
        shape: of one sensor's array.
        device: of the result; the numbers are drawn on the CPU, so they are the same on every device.
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        sensors: Sequence[int],
        shape: tuple[int, ...],
        device: torch.device | str = "cpu",
    ) -> None:
        self._generators = [generator(seed, "diffusion", realization, sensor) for sensor in sensors]
        self._shape = shape
        self._device = device

    def __call__(self) -> Float[Tensor, "sensor ..."]:
        """The next array of every sensor, shape (sensor, *shape)."""
        arrays = [g.standard_normal(self._shape, dtype=np.float32) for g in self._generators]
        return torch.from_numpy(np.stack(arrays)).to(self._device)
