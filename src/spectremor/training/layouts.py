"""Groups of sensors that are trained on together, as varied in layout as those that a model will be used with."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from jaxtyping import Int

from spectremor.core.errors import InputError
from spectremor.data.station_plan import StationPlan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The sensors of a sample: its grid, x slowest; then its random stations and its patch, where it has them.

    Attributes:
        grid: sensors along x and y.
        stations: how the stations are made up; None: there are none.
    """

    grid: tuple[int, int]
    stations: StationPlan | None = None

    @property
    def count(self) -> int:
        """Sensors altogether."""
        return self.grid[0] * self.grid[1] + (0 if self.stations is None else self.stations.count)

    def check_group(self, sensors: int) -> None:
        """Refuse a size that a group cannot have.

        Raises:
            InputError: names it.
        """
        side = min(*self.grid, *([] if self.stations is None else [self.stations.patch]))
        if math.isqrt(sensors) > side or (self.stations is not None and sensors > max(self.stations.random, side**2)):
            raise InputError("sensors", sensors, f"at most {side**2}, the largest window of the grid and the patch")

    def group(self, rng: np.random.Generator, sensors: int) -> Int[np.ndarray, " sensors"]:
        """Numbers of the sensors of a random group.

        Half of the groups are windows of the grid, the others windows of the patch and sensors of all kinds at random.

        Args:
            rng: that draws.
            sensors: how many, a square number.
        """
        kind = rng.random()
        on_grid = self.grid[0] * self.grid[1]
        if kind < 0.5:
            return _window(rng, self.grid, sensors)
        if self.stations is not None and kind < 0.75:
            patch = (self.stations.patch, self.stations.patch)
            return on_grid + self.stations.random + _window(rng, patch, sensors)
        return np.sort(rng.choice(self.count, sensors, replace=False))


def _window(rng: np.random.Generator, grid: tuple[int, int], sensors: int) -> Int[np.ndarray, " sensors"]:
    side = math.isqrt(sensors)
    x, y = (np.arange(side) + rng.integers(n - side + 1) for n in grid)
    return (x[:, None] * grid[1] + y).ravel()
