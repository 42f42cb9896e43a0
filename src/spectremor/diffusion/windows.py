"""Records longer than the network's: restored in windows of time that overlap by half, for any number of sensors.

A window is as long as the records that the network was trained on. Two neighbours share half of their time, and there
the same noise; what they add fades from one into the other over the middle quarter of what they share. A sensor's first
window is the first in which its first arrival comes before a little more than the middle: before it nothing is added,
and arrivals lie where they lay in training. What a window gives depends on nothing later than its end. So the first
windows of a record are what they are in any longer one, and a record of one window is restored as a whole.

Sensors are taken a few at a time: beside stage 1 and the result, memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from spectremor.core.threads import thread_map
from spectremor.diffusion.config import SamplerName
from spectremor.diffusion.latent import sensor_amplitude, sensor_power
from spectremor.diffusion.noise import FieldNoise, PlaceNoise, SensorNoise
from spectremor.diffusion.onset import onset_weights
from spectremor.diffusion.room import check_room
from spectremor.diffusion.stage import MICRO_BATCH, MICRO_BATCH_GPU, DiffusionStage, Strength
from spectremor.diffusion.time_windows import LEAST_PEAK, NoiseOf, WindowNoise, Windows, windows_of
from spectremor.signal.corner import with_rise_time

#: Sensors that are worked on together.
SENSORS_AT_ONCE = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongField:
    """Stage-1 motion that is to be restored in windows.

    Attributes:
        traces_m_s: at the sensors, as long as the windows.
        reference_m_s: at sensors that say how strong the field is: spread as those that the network was trained on.
        first_arrival_s: at each sensor, after the first sample.
        sampling_hz: samples per second.
        rise_times_s: of the source, and of the sources that the network was trained on; None: the same.
    """

    traces_m_s: Float32[np.ndarray, "3 sensor time"]
    reference_m_s: Float32[np.ndarray, "3 reference time"]
    first_arrival_s: Float[np.ndarray, " sensor"]
    sampling_hz: float
    rise_times_s: tuple[float, float] | None = None


def grid_noise(stage: DiffusionStage, seed: int, grid: tuple[int, int]) -> WindowNoise:
    """The noise that `DiffusionStage.generate_arrays` takes at the sensors of a grid, continued in time."""
    correlation, device = stage.config.sampling.noise_correlation, stage.latents.target_gain.device

    def block(realization: int, number: int, samples: int) -> NoiseOf:
        shape = (3, samples)
        if correlation == 0:
            return lambda sensors: SensorNoise(seed, realization, sensors, shape, device, number)
        return FieldNoise(seed, realization, grid, shape, correlation, device, number).at

    return WindowNoise(block, stage.config.latent.latent_samples // 2)


def place_noise(
    stage: DiffusionStage, seed: int, positions_m: Float[np.ndarray, "sensor 2"], correlation_m: float
) -> WindowNoise:
    """Noise at sensors anywhere, which depends on where they are alone.

    Args:
        stage: says the device.
        seed: one seed, one result.
        positions_m: (x, y) of each sensor.
        correlation_m: distance over which it is alike; 0: each sensor's own, by its number.
    """
    device = stage.latents.target_gain.device

    def block(realization: int, number: int, samples: int) -> NoiseOf:
        shape = (3, samples)
        if correlation_m == 0:
            return lambda sensors: SensorNoise(seed, realization, sensors, shape, device, number)
        return PlaceNoise(seed, realization, positions_m, shape, correlation_m, device, number).at

    return WindowNoise(block, stage.config.latent.latent_samples // 2)


@torch.no_grad()
def restore_in_windows(
    stage: DiffusionStage,
    field: LongField,
    noise: WindowNoise,
    *,
    realizations: int = 1,
    steps: int | None = None,
    sampler: SamplerName | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Float32[np.ndarray, "realization 3 sensor time"]:
    """Draw broadband motion around stage-1 motion of any length, at any number of sensors.

    Args:
        stage: the diffusion stage.
        field: stage 1.
        noise: of the windows.
        realizations: how many.
        steps: as for `DiffusionStage.generate_arrays`.
        sampler: likewise.
        on_progress: called with the fraction done.

    Returns:
        Velocities in m/s.

    Raises:
        InputError: a network whose windows cannot be halved, a record that windows do not fill, or more than fits in
            memory.
    """
    windows = windows_of(stage.config.latent, field.traces_m_s.shape[2])
    _, sensors, time = field.traces_m_s.shape
    check_room(realizations, 3 * sensors * time)
    first = windows.first_of(field.first_arrival_s * field.sampling_hz)
    levels = _levels(stage, field, windows)
    out = np.zeros((realizations, 3, sensors, time), dtype=np.float32)
    stage.eval()
    parts = [np.arange(start, min(start + SENSORS_AT_ONCE, sensors)) for start in range(0, sensors, SENSORS_AT_ONCE)]
    draws = _Draws(stage, noise, windows, realizations, steps, sampler)
    for done, part in enumerate(parts):
        traces = _at_rise_time(field.traces_m_s[:, part], field, to_learned=True)
        change = out[:, :, part[0] : part[-1] + 1]

        def report(share: float, done: int = done) -> None:
            if on_progress is not None:
                on_progress((done + share) / len(parts))

        draws.add(traces, part, first[part], levels, change, report)
        for draw in change:
            draw[:] = _at_rise_time(draw, field, to_learned=False)
            draw += field.traces_m_s[:, part]
    return out


@dataclasses.dataclass(frozen=True)
class _Level:
    """How strong the field has been up to the end of a window: mean square velocity, and the largest modulus."""

    power: Float[Tensor, ""]
    peak: float


def _levels(stage: DiffusionStage, field: LongField, windows: Windows) -> list[_Level]:
    """Of each window; they never fall, so that a late window is judged by the waves that went before."""
    reference = _at_rise_time(field.reference_m_s, field, to_learned=True)
    device = stage.latents.target_gain.device
    levels: list[_Level] = []
    for number in range(windows.count):
        traces = _tensor(reference[:, :, windows.span(number)], device)
        power = sensor_power(stage.latents.coefficients(traces), stage.config.latent).mean()
        peak = float(traces.square().sum(dim=1).max().sqrt())
        if levels:
            power, peak = torch.maximum(power, levels[-1].power), max(peak, levels[-1].peak)
        levels.append(_Level(power, peak))
    return levels


@dataclasses.dataclass(frozen=True)
class _Draws:
    """What is drawn, whatever the sensors."""

    stage: DiffusionStage
    noise: WindowNoise
    windows: Windows
    realizations: int
    steps: int | None
    sampler: SamplerName | None

    def add(
        self,
        traces: Float32[np.ndarray, "3 some time"],
        sensors: Int[np.ndarray, " some"],
        first: Int[np.ndarray, " some"],
        levels: Sequence[_Level],
        change: Float32[np.ndarray, "realization 3 some time"],
        report: Callable[[float], None],
    ) -> None:
        """Add what all windows add at some sensors to `change`."""
        modulus = np.sqrt(np.square(traces, dtype=np.float64).sum(axis=0))
        for number in range(self.windows.count):
            (here,) = np.nonzero(first <= number)
            if len(here):
                span = self.windows.span(number)
                earlier = modulus[here, : span.start].max(axis=1, initial=0.0)
                prepared = self._prepared(traces[:, here, span], earlier, levels[number])
                weights = self.windows.weights(number, first[here])
                for realization, rows, added in self._drawn(prepared, sensors[here], number):
                    change[realization][:, here[rows], span] += weights[rows] * added
            report((number + 1) / self.windows.count)

    def _prepared(
        self, traces: Float32[np.ndarray, "3 some window"], earlier: Float[np.ndarray, " some"], level: _Level
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Coefficients, onset and amplitude of a window at some sensors, and the field's amplitude."""
        device = self.stage.latents.target_gain.device
        tensor = _tensor(traces, device)
        coefficients = self.stage.latents.coefficients(tensor)
        before = torch.from_numpy(earlier.astype(np.float32)).to(device)[:, None, None]
        moving = onset_weights(tensor, before, LEAST_PEAK * level.peak)
        return coefficients, moving, *sensor_amplitude(coefficients, self.stage.config.latent, level.power)

    def _drawn(
        self, prepared: tuple[Tensor, Tensor, Tensor, Tensor], sensors: Int[np.ndarray, " some"], window: int
    ) -> Iterator[tuple[int, np.ndarray, Float32[np.ndarray, "3 rows window"]]]:
        """For each realization and micro-batch: which of the sensors, and what is added there."""
        coefficients, moving, amplitude, field = prepared
        on_cpu = coefficients.device.type == "cpu"
        size = MICRO_BATCH if on_cpu else MICRO_BATCH_GPU
        batches = [np.arange(start, min(start + size, len(sensors))) for start in range(0, len(sensors), size)]

        @torch.no_grad()
        def draw(job: tuple[int, np.ndarray, NoiseOf]) -> tuple[int, np.ndarray, np.ndarray]:
            realization, rows, noise_of = job
            # The last batch is filled up with one of its sensors, so that every batch has one size.
            padded = np.concatenate([rows, np.full(size - len(rows), rows[0])])
            added = self.stage.change(
                coefficients[padded],
                moving[padded],
                Strength(amplitude[padded], field),
                noise_of(sensors[padded].tolist()),
                steps=self.steps,
                sampler=self.sampler,
            )
            return realization, rows, added[: len(rows)].transpose(0, 1).cpu().numpy()

        with thread_map(len(batches)) if on_cpu else contextlib.nullcontext(map) as each:
            for realization in range(self.realizations):
                noise_of = self.noise.of(realization, window)
                yield from each(draw, [(realization, rows, noise_of) for rows in batches])


def _at_rise_time(
    traces: Float32[np.ndarray, "3 some time"], field: LongField, *, to_learned: bool
) -> Float32[np.ndarray, "3 some time"]:
    """Motion as if the source had the rise time that the network was trained on, or back again."""
    if field.rise_times_s is None:
        return traces
    own, learned = field.rise_times_s
    times = (own, learned) if to_learned else (learned, own)
    return with_rise_time(traces, 1 / field.sampling_hz, *times)


def _tensor(traces: Float32[np.ndarray, "3 some time"], device: torch.device) -> Float[Tensor, "some 3 time"]:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(traces, 0, 1), dtype=np.float32)).to(device)
