"""The noise of a sensor: the same whatever is computed beside it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np
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
        block: of time, where a record is longer than one array (`windows`).
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        sensors: Sequence[int],
        shape: tuple[int, ...],
        device: torch.device | str = "cpu",
        block: int = 0,
    ) -> None:
        more = ("block", block) if block else ()
        self._generators = [generator(seed, "diffusion", realization, sensor, *more) for sensor in sensors]
        self._shape = shape
        self._device = device

    def __call__(self) -> Float[Tensor, "sensor ..."]:
        """The next array of every sensor, shape (sensor, *shape)."""
        arrays = [g.standard_normal(self._shape, dtype=np.float32) for g in self._generators]
        return torch.from_numpy(np.stack(arrays)).to(self._device)


class StationNoise(SensorNoise):
    """As `SensorNoise`, of places: a sensor's noise hangs on where it stands, to the mm, and not on the list it is in.

    Args:
        seed: of the whole result.
        realization: which one.
        positions_m: East and North of each sensor.
        shape: of one sensor's array.
        device: of the result.
        block: of time, as for `SensorNoise`.
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        positions_m: Float[np.ndarray, "sensor 2"],
        shape: tuple[int, ...],
        device: torch.device | str = "cpu",
        block: int = 0,
    ) -> None:
        places = np.round(1000 * positions_m).astype(np.int64).tolist()
        more = ("block", block) if block else ()
        self._generators = [generator(seed, "diffusion at a place", realization, x, y, *more) for x, y in places]
        self._shape = shape
        self._device = device


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
        block: of time, where a record is longer than one array (`windows`).
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        grid: tuple[int, int],
        shape: tuple[int, ...],
        correlation: float,
        device: torch.device | str = "cpu",
        block: int = 0,
    ) -> None:
        self._key = (seed, "diffusion of a field", realization, *(("block", block) if block else ()))
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


class PlaceNoise:
    """Successive standard normal arrays for sensors anywhere, alike where they are near each other.

    A sum of plane waves with random amplitudes: at any place it is standard normal, and the correlation of two places
    is close to exp(-distance / `correlation_m`) (wavenumbers spread over the spectrum of that function in two
    dimensions, directions by the golden angle). So what a sensor has does not depend on which other sensors there are,
    nor on their number.

    Args:
        seed: of the whole result.
        realization: which one.
        positions_m: (x, y) of each sensor in m.
        shape: of one sensor's array.
        correlation_m: positive.
        device: of the result; the numbers are drawn on the CPU.
        block: of time, where a record is longer than one array (`windows`).
    """

    def __init__(
        self,
        seed: int,
        realization: int,
        positions_m: Float[np.ndarray, "sensor 2"],
        shape: tuple[int, ...],
        correlation_m: float,
        device: torch.device | str = "cpu",
        block: int = 0,
    ) -> None:
        self._key = (seed, "diffusion at places", realization, block)
        self._positions = positions_m / correlation_m
        self._shape = shape
        self._device = device

    def at(self, sensors: Sequence[int]) -> Callable[[], Float[Tensor, "sensor ..."]]:
        """What gives the successive arrays of some sensors; the same for a sensor whatever the others."""
        angle = self._positions[np.asarray(sensors)] @ _plane_waves()
        waves = (np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(PLANE_WAVES)).astype(np.float32)
        count = 0

        def draw() -> Float[Tensor, "sensor ..."]:
            nonlocal count
            size = (2 * PLANE_WAVES, int(np.prod(self._shape)))
            amplitudes = generator(*self._key, count).standard_normal(size, dtype=np.float32)
            count += 1
            return torch.from_numpy((waves @ amplitudes).reshape(-1, *self._shape)).to(self._device)

        return draw


#: Plane waves of a `PlaceNoise`.
PLANE_WAVES = 1024
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@functools.cache
def _plane_waves() -> Float[np.ndarray, "2 wave"]:
    """Wavenumbers over 1 / correlation length, of the density (1 + k^2)^(-3/2) / (2 pi) of exp(-distance)."""
    share = (np.arange(PLANE_WAVES) + 0.5) / PLANE_WAVES
    number = np.sqrt(1 / (1 - share) ** 2 - 1)
    angle = _GOLDEN_ANGLE * np.arange(PLANE_WAVES)
    return np.asarray(number * np.stack([np.cos(angle), np.sin(angle)]))


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
    mixing = np.linalg.cholesky(covariance).astype(np.float32)
    mixing.flags.writeable = False
    return mixing
