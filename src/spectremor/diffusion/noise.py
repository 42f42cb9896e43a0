"""The noise of a sensor: the same whatever is computed beside it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator

#: The matrix of correlated noise has the square of this: 1 GB of float32.
MAX_SENSORS = 1 << 14


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


class FieldNoise:
    """Successive standard normal arrays for a grid of sensors, alike between neighbours.

    The correlation is exp(-distance / `correlation`), the distance in sensor spacings. Each sensor's own noise stays
    standard normal, so each sensor's own result keeps its distribution; only what sensors have in common changes.

    Args:
        seed: of the whole result.
        realization: which one.
        grid: sensors along x and y.
        shape: of one sensor's array.
        correlation: in sensor spacings, positive.
        device: of the result; the numbers are drawn on the CPU.
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        grid: tuple[int, int],
        shape: tuple[int, ...],
        correlation: float,
        device: torch.device | str = "cpu",
    ) -> None:
        self._key = (seed, "diffusion of a field", realization)
        self._mixing = noise_mixing(*grid, correlation)
        self._shape = shape
        self._device = device
        self._last: tuple[int, np.ndarray] | None = None
        self._drawing = threading.Lock()

    def at(self, sensors: Sequence[int]) -> Callable[[], Float[Tensor, "sensor ..."]]:
        """What gives the successive arrays of some sensors; the same for a sensor whatever the others."""
        numbers, count = np.asarray(sensors), 0

        def draw() -> Float[Tensor, "sensor ..."]:
            nonlocal count
            field = self._field(count)
            count += 1
            return torch.from_numpy(field[numbers]).to(self._device)

        return draw

    def _field(self, number: int) -> Float32[np.ndarray, "all ..."]:
        """Draw `number` of every sensor. The last one is kept: most samplers draw once, for many batches of sensors."""
        with self._drawing:
            if self._last is None or self._last[0] != number:
                rows = generator(*self._key, number).standard_normal(
                    (len(self._mixing), *self._shape), dtype=np.float32
                )
                mixed = (self._mixing @ rows.reshape(len(rows), -1)).reshape(rows.shape)
                self._last = (number, mixed)
            return self._last[1]


@functools.lru_cache(maxsize=8)
def noise_mixing(nx: int, ny: int, correlation: float) -> Float32[np.ndarray, "all all"]:
    """Matrix that turns independent noises of a grid's sensors (x-major) into ones that neighbours share in part.

    Raises:
        InputError: more sensors than such a matrix can be made for.
    """
    if nx * ny > MAX_SENSORS:
        allowed = f"0 (each sensor's noise its own) for more than {MAX_SENSORS} sensors"
        raise InputError("sampling.noise_correlation", f"{correlation:g} with {nx} x {ny} sensors", allowed)
    square = np.zeros((nx * ny, nx * ny))
    for positions in np.meshgrid(np.arange(float(nx)), np.arange(float(ny)), indexing="ij"):
        square += np.subtract.outer(positions.ravel(), positions.ravel()) ** 2
    covariance = np.exp(-np.sqrt(square, out=square) / correlation)
    mixing = scipy.linalg.cholesky(covariance, lower=True).astype(np.float32)
    mixing.flags.writeable = False
    return mixing
