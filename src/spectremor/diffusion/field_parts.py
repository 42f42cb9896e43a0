"""A field in parts that are restored one after the other: windows of time, and tiles of sensors in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from spectremor.diffusion.config import DiffusionConfig, FieldConfig
from spectremor.diffusion.recorded import Recorded
from spectremor.diffusion.surroundings import Surroundings
from spectremor.diffusion.tiles import tiles
from spectremor.diffusion.time_windows import Windows, windows_of


@dataclasses.dataclass(frozen=True)
class WholeField:
    """What is restored.

    Attributes:
        stage1: velocities in m/s, as long as windows of time.
        surroundings: of the sensors.
        recorded: recordings at some of them, of a record of one window.
    """

    stage1: Float[np.ndarray, "s 3 time"]
    surroundings: Surroundings
    recorded: Recorded | None

    @property
    def observed(self) -> Bool[np.ndarray, " s"]:
        """Which sensors have a recording."""
        observed = np.zeros(len(self.stage1), dtype=bool)
        if self.recorded is not None:
            observed[self.recorded.sensors] = True
        return observed

    def at(self, sensors: Int[np.ndarray, " n"]) -> WholeField:
        """Some of the sensors, in increasing order."""
        recorded = self.recorded
        if recorded is not None:
            place = np.searchsorted(sensors, recorded.sensors)
            there = np.isin(recorded.sensors, sensors)
            recorded = dataclasses.replace(recorded, sensors=place[there], velocity=recorded.velocity[there])
        return WholeField(self.stage1[sensors], self.surroundings.at(sensors), recorded)


@dataclasses.dataclass(frozen=True)
class Part:
    """Some sensors in a window of time, with those around them that they hear of.

    Attributes:
        window: number of the window.
        span: its samples.
        sensors: numbers of all these sensors, in increasing order.
        own: which of them are restored.
        weights: how much of what is added counts, at each time.
    """

    window: int
    span: slice
    sensors: Int[np.ndarray, " n"]
    own: Bool[np.ndarray, " n"]
    weights: Float32[np.ndarray, "n window"]

    def add(self, field: Float32[np.ndarray, "s 3 time"], change: Float32[np.ndarray, "n 3 window"]) -> None:
        """Add what is drawn to a field."""
        field[self.sensors[self.own], :, self.span] += self.weights[self.own, None] * change[self.own]


@dataclasses.dataclass(frozen=True)
class Plan:
    """In which parts a field is restored.

    Args:
        field: that is restored.
        config: of the stage.
        exchanges: of its network.
    """

    field: WholeField
    config: DiffusionConfig
    exchanges: int

    @property
    def windows(self) -> Windows:
        """Of the record.

        Raises:
            InputError: a record that windows do not fill.
        """
        latent, samples = self.config.latent, self.field.stage1.shape[2]
        return Windows(samples, 1) if samples == latent.time_samples else windows_of(latent, samples)

    @property
    def first(self) -> Int[np.ndarray, " s"]:
        """Each sensor's first window: the first in which its P wave comes before a little more than the middle."""
        return self.windows.first_of(self.field.surroundings.p_time_s * self.config.latent.sampling_hz)

    @property
    def work(self) -> int:
        """Sensors over all windows."""
        return int((self.windows.count - self.first).sum())

    def parts(self) -> Iterator[Part]:
        """One after the other."""
        windows, first, observed = self.windows, self.first, self.field.observed
        positions_m, config = self.field.surroundings.positions_m, self.config.field
        assert isinstance(config, FieldConfig)
        for number in range(windows.count):
            here = np.flatnonzero(first <= number)
            if not len(here):
                continue
            weights = windows.weights(number, first)
            for tile in tiles(positions_m[here], observed[here], config, self.exchanges):
                sensors = here[tile.sensors]
                yield Part(number, windows.span(number), sensors, tile.own, weights[sensors])


class Progress:
    """Tells how much of some work is done.

    Args:
        report: called with the fraction; None: nobody wants to know.
        work: all of it.
    """

    def __init__(self, report: Callable[[float], None] | None, work: int) -> None:
        self.report, self.work, self.done = report, work, 0

    def add(self, part: Part) -> None:
        """The sensors of a part have been worked on once."""
        self.done += int(part.own.sum())
        if self.report is not None:
            self.report(min(1.0, self.done / self.work))
