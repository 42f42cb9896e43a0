"""Stage 2 around what stage 1 gives: broadband motion in the user's own problem."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from spectremor.core.errors import InputWarning
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange, is_same_rise_time
from spectremor.model.draws import EXPECTED, Draws
from spectremor.model.first_stage import Stage1Motion
from spectremor.model.measured import ORDINARY_GROUND, SLOW_GROUND, measured_error
from spectremor.model.region import SLOW, Region
from spectremor.signal.corner import with_rise_time

if TYPE_CHECKING:
    from spectremor.diffusion.field_stage import FieldStage
    from spectremor.diffusion.stage import DiffusionStage

#: Amplification of the highest frequency by a shorter rise time, above which it is said.
_WORTH_SAYING = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecondStage:
    """A model's diffusion stage with what the model learned.

    Attributes:
        diffusion: restores each sensor alone, or all together.
        recording: where and when the model records by itself.
        trained_range: the events that it was trained on.
        model_id: name and digest of the weights, by which measured errors are found.
    """

    diffusion: DiffusionStage | FieldStage
    recording: Recording
    trained_range: TrainedRange
    model_id: str

    @property
    def sees_field(self) -> bool:
        """Whether it restores all sensors together."""
        return self.diffusion.config.field is not None

    def as_asked(self, draws: Draws) -> Draws:
        """The draws themselves, or what gives the mean of all of them."""
        if draws.mean and not self.sees_field:
            return dataclasses.replace(draws, steps=EXPECTED.steps, sampler=EXPECTED.sampler)
        return draws

    def fields(self, motion: Stage1Motion, draws: Draws) -> Float32[np.ndarray, "realization 3 *sensors time"]:
        """Broadband motion in m/s, in the problem's own units.

        Raises:
            InputError: as `GroundMotionModel.generate`.
        """
        if self.sees_field:
            return self._drawn_together(motion, draws)
        if isinstance(motion.problem, Region):
            return self._drawn_in_region(motion.learned_m_s, motion.problem, draws)
        if motion.problem is None:
            return self.around(motion.learned_m_s, motion.source.rise_time_s, draws)
        similar = motion.problem.similarity
        fields = self.around(motion.learned_m_s, motion.source.rise_time_s / similar.time, draws)
        return fields[..., : motion.problem.samples] * np.float32(similar.velocity)

    @property
    def _single_sensors(self) -> DiffusionStage:
        from spectremor.diffusion.stage import DiffusionStage

        assert isinstance(self.diffusion, DiffusionStage)
        return self.diffusion

    def around(
        self, traces: Float32[np.ndarray, "3 x y time"], own_s: float, draws: Draws
    ) -> Float32[np.ndarray, "realization 3 x y time"]:
        """Broadband motion at the model's own times, around stage-1 motion of a source of any rise time."""
        learned_s, step_s = self.trained_range.rise_time_s, 1 / self.recording.sampling_hz
        _warn_of_amplification(own_s, learned_s, self.recording.lowpass_hz)
        learned = traces if is_same_rise_time(own_s, learned_s) else with_rise_time(traces, step_s, own_s, learned_s)
        fields = self._single_sensors.generate_arrays(
            learned,
            realizations=draws.realizations,
            seed=draws.seed,
            steps=draws.steps,
            sampler=draws.sampler,
            on_progress=draws.on_progress,
        )
        if learned is not traces:
            for draw in fields:
                draw[:] = traces + with_rise_time(draw - learned, step_s, learned_s, own_s)
        return fields

    def _drawn_together(self, motion: Stage1Motion, draws: Draws) -> Float32[np.ndarray, "realization 3 *sensors time"]:
        """Broadband motion at all sensors together, in the problem's own units."""
        from spectremor.diffusion.field_stage import FieldStage
        from spectremor.model.field_event import field_event, learned_field

        diffusion = self.diffusion
        assert isinstance(diffusion, FieldStage)
        learned_s, step_s = self.trained_range.rise_time_s, 1 / self.recording.sampling_hz
        field = learned_field(motion.problem, motion.geology, motion.source, motion.learned_m_s, self.recording)
        if isinstance(motion.problem, Region):
            self._warn_of_region(motion.problem)
        _warn_of_amplification(field.rise_time_s, learned_s, self.recording.lowpass_hz)
        same = is_same_rise_time(field.rise_time_s, learned_s)
        field.check_observed(draws.observed, own_rise_time=same)
        learned = field.traces_m_s if same else with_rise_time(field.traces_m_s, step_s, field.rise_time_s, learned_s)
        event = field_event(field, learned, step_s, draws.observed)
        if draws.mean:
            drawn = diffusion.expect(event.stage1, event.surroundings, recorded=event.recorded)[None]
        else:
            drawn = diffusion.generate(
                event.stage1,
                event.surroundings,
                recorded=event.recorded,
                realizations=draws.realizations,
                seed=draws.seed,
                steps=draws.steps,
                sampler=draws.sampler,
                on_progress=draws.on_progress,
            )
        fields = np.moveaxis(drawn[:, : event.own], 1, 2)
        if not same:
            changed = [with_rise_time(one - learned, step_s, learned_s, field.rise_time_s) for one in fields]
            fields = field.traces_m_s + np.stack(changed)
        fields = fields[..., : field.samples] * np.float32(field.similarity.velocity)
        return fields.reshape(len(fields), 3, *field.shape, field.samples)

    def _drawn_in_region(
        self, learned_m_s: Float32[np.ndarray, "3 sensor time"], region: Region, draws: Draws
    ) -> Float32[np.ndarray, "realization 3 *sensors wanted"]:
        """Broadband motion in windows of time, at any sensors, in the problem's own units."""
        from spectremor.diffusion.windows import LongField, grid_noise, place_noise, restore_in_windows

        diffusion, sensors = self._single_sensors, region.long.sensors
        self._warn_of_region(region)
        learned_s, own_s = self.trained_range.rise_time_s, region.point.rise_time_s / region.similarity.time
        _warn_of_amplification(own_s, learned_s, self.recording.lowpass_hz)
        traces, reference = learned_m_s[:, : sensors.count], learned_m_s[:, sensors.count :]
        if region.reference is None:
            assert isinstance(sensors, SensorGrid)
            noise = grid_noise(diffusion, draws.seed, (len(sensors.x_m), len(sensors.y_m)))
        else:
            correlation_m = diffusion.config.sampling.noise_correlation * _sensor_spacing_m(self.recording)
            noise = place_noise(diffusion, draws.seed, sensors.points_m()[:, :2], correlation_m)
        fields = restore_in_windows(
            diffusion,
            LongField(
                traces_m_s=traces,
                reference_m_s=traces if region.reference is None else reference,
                first_arrival_s=region.first_arrival_s,
                sampling_hz=self.recording.sampling_hz,
                rise_times_s=None if is_same_rise_time(own_s, learned_s) else (own_s, learned_s),
            ),
            noise,
            realizations=draws.realizations,
            steps=draws.steps,
            sampler=draws.sampler,
            on_progress=draws.on_progress,
        )
        fields = fields[..., : region.recording.samples]
        if region.similarity.velocity != 1:
            fields = fields * np.float32(region.similarity.velocity)
        return fields.reshape(draws.realizations, 3, *sensors.shape, -1)

    def _warn_of_region(self, region: Region) -> None:
        if not region.outside:
            return
        source = "point" if isinstance(region.earthquake, Source) else "rupture"
        ground = SLOW_GROUND if SLOW in region.outside else ORDINARY_GROUND
        error = measured_error(self.model_id, source=source, ground=ground)
        warnings.warn(f"model: outside of what it learned ({', '.join(region.outside)}): {error}", InputWarning, 6)


def _sensor_spacing_m(recording: Recording) -> float:
    assert isinstance(recording.sensors, SensorGrid)
    x_m = recording.sensors.x_m
    return float(x_m[-1] - x_m[0]) / max(1, len(x_m) - 1)


def _warn_of_amplification(own_s: float, learned_s: float, highest_hz: float) -> None:
    """Say where motion for a shorter rise time is amplified, and with it what the model does not carry."""
    omega = 2 * math.pi * highest_hz
    gain = (1 + (omega * learned_s) ** 2) / (1 + (omega * own_s) ** 2)
    if gain > _WORTH_SAYING:
        corner_hz = 1 / (2 * math.pi * learned_s)
        warnings.warn(
            f"source.rise_time_s: {own_s:.3g} s is shorter than {learned_s:g} s, of which the model has learned "
            f"motion: above {corner_hz:.2g} Hz its motion and its errors are amplified, at the highest frequency "
            f"{gain:.2g} times",
            InputWarning,
            stacklevel=6,
        )
