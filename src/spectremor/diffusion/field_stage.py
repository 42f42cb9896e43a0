"""The diffusion stage that sees the field: from stage-1 traces at any sensors to draws of the motion and its mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.data.tensors import with_tensors
from spectremor.diffusion.config import DiffusionConfig, FieldConfig, PlainSampler, SamplerName
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.field_network import FieldNetwork
from spectremor.diffusion.field_parts import Plan, Progress, WholeField
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.level_errors import Levels
from spectremor.diffusion.onset import onset_weights
from spectremor.diffusion.orientation import ORIENTATIONS
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.recorded import Recorded, honoured
from spectremor.diffusion.room import check_room
from spectremor.diffusion.samplers import sample
from spectremor.diffusion.sensor_inputs import SensorInputs, amplitude_by_reference, delays, log_amplitude, place_inputs
from spectremor.diffusion.shared_noise import place_noise
from spectremor.diffusion.surroundings import Surroundings
from spectremor.diffusion.time_windows import LEAST_PEAK, NoiseOf, WindowNoise

OnProgress = Callable[[float], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Event:
    """The sensors of one event, whatever the orientation that they are looked at in.

    Attributes:
        above: what recordings have above the latents' band, less what stage 1 has there; 0 without one.
        moving: how far motion has begun; a recording is never muted.
        stage1: cosine coefficients in m/s.
        amplitude: of each sensor.
        recorded: cosine coefficients of the recordings in m/s.
        is_recorded: 1 where a sensor has one.
        recording_error: in m/s.
        surroundings: of the sensors.
    """

    above: Float[Tensor, "s 3 time"]
    moving: Float[Tensor, "s 1 time"]
    stage1: Float[Tensor, "s 3 n"]
    amplitude: Float[Tensor, " s"]
    recorded: Float[Tensor, "s 3 n"]
    is_recorded: Float[Tensor, " s"]
    recording_error: Float[Tensor, "s 3"]
    surroundings: Surroundings


class FieldStage(nn.Module):
    """A trained (or fresh) denoiser of whole fields, with everything needed to use it on traces in m/s.

    Args:
        config: every choice; has a `field`.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        self.config = config
        self.field = cast(FieldConfig, config.field)
        self.network = FieldNetwork(config)
        self.latents = Latents(config.latent)
        self.process = NoiseProcess(config.process)

    @torch.no_grad()
    def generate(
        self,
        stage1: Float[np.ndarray, "s 3 time"],
        surroundings: Surroundings,
        *,
        recorded: Recorded | None = None,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        on_progress: OnProgress | None = None,
    ) -> Float[np.ndarray, "realization s 3 time"]:
        """Draw broadband motion around stage-1 traces.

        A realization is the same whatever their number. Its noise at a sensor hangs on the place of the sensor alone.
        A longer record is restored in windows of time that overlap by half: a sensor's first window is the first in
        which its P wave comes before a little more than the middle; before it nothing is added.

        Args:
            stage1: velocities in m/s, components E, N, Z, at sensors in any layout, of one window or of several
                (`time_windows`).
            surroundings: of the same sensors.
            recorded: recordings at some of them, which the draws honour; of a record of one window.
            realizations: how many.
            seed: one seed, one result.
            steps: evaluations of the network (None: the model's own).
            sampler: "ddpm", "ddim" or "dpm-solver++" (None: the model's own).
            on_progress: called with the fraction done.

        Returns:
            Velocities in m/s, float32.

        Raises:
            InputError: a shape, value or number that the model cannot take.
        """
        if realizations < 1:
            raise InputError("realizations", realizations, "1 or more")
        sampler = self.config.sampling.sampler if sampler is None else sampler
        steps = self.config.evaluations(steps, sampler)
        plan = self._plan(WholeField(stage1, surroundings, recorded))
        check_room(realizations, stage1.size)
        noise, levels = self._noise(seed, surroundings), self._levels(plan.field, seed)
        out = np.repeat(np.array(stage1, dtype=np.float32)[None], realizations, axis=0)
        progress = Progress(on_progress, plan.work * realizations)
        self.eval()
        for part in plan.parts():
            event = self._event(plan.field.at(part.sensors), part.span)
            for r in range(realizations):
                number = int(generator(seed, "orientation", r).integers(self.orientations))
                make = noise.of(r, part.window)(part.sensors.tolist())
                draw = self.draw(self._condition(event, number), make, steps=steps, sampler=sampler)
                gain = None if levels is None else levels.of_draw(r, part.sensors)
                part.add(out[r], self._change(event, _turned_back(draw, number), gain))
                progress.add(part)
        return out

    @torch.no_grad()
    def expect(
        self,
        stage1: Float[np.ndarray, "s 3 time"],
        surroundings: Surroundings,
        *,
        recorded: Recorded | None = None,
        on_progress: OnProgress | None = None,
    ) -> Float[np.ndarray, "s 3 time"]:
        """The mean of the motion: what the network gives when it is asked for that, over all orientations.

        Args:
            stage1: as for `generate`, and so are the other arguments.
            surroundings: likewise.
            recorded: likewise.
            on_progress: likewise.

        Returns:
            Velocities in m/s, float32.

        Raises:
            InputError: as `generate`.
        """
        plan = self._plan(WholeField(stage1, surroundings, recorded))
        levels = self._levels(plan.field)
        out = np.array(stage1, dtype=np.float32)
        progress = Progress(on_progress, plan.work * self.orientations)
        self.eval()
        for part in plan.parts():
            event = self._event(plan.field.at(part.sensors), part.span)
            total = torch.zeros_like(event.stage1)
            for number in range(self.orientations):
                total += _turned_back(self.mean(self._condition(event, number)), number)
                progress.add(part)
            gain = None if levels is None else levels.of_mean(part.sensors)
            part.add(out, self._change(event, total / self.orientations, gain))
        return out

    @property
    def orientations(self) -> int:
        """Ways to look at an event among which a draw takes one, and which the mean is over."""
        return len(ORIENTATIONS) if self.field.any_orientation else 1

    def mean(self, condition: FieldCondition) -> Float[Tensor, "b 3 n"]:
        """Latents of the mean, as the network gives it at once."""
        nothing = torch.zeros_like(condition.traces)
        return self.denoise(nothing, condition.of_mean(), self.process.last_step)

    def draw(
        self,
        condition: FieldCondition,
        noise: Callable[[], Tensor],
        *,
        steps: int | None = None,
        sampler: SamplerName | None = None,
    ) -> Float[Tensor, "b 3 n"]:
        """Latents of one draw (None: the model's own sampler and steps)."""
        sampler = self.config.sampling.sampler if sampler is None else sampler
        steps = self.config.evaluations(steps, sampler)
        plain = cast(PlainSampler, sampler)
        return sample(self.denoise, condition, noise, process=self.process, sampler=plain, steps=steps)

    def denoise(self, x: Float[Tensor, "b 3 n"], condition: Condition, step: int) -> Float[Tensor, "b 3 n"]:
        """D(x, condition, step), all that a sampler sees."""
        return self.denoise_each(x, cast(FieldCondition, condition), torch.full((len(x),), step, device=x.device))[0]

    def denoise_each(
        self, x: Float[Tensor, "b 3 n"], condition: FieldCondition, step: Tensor
    ) -> tuple[Float[Tensor, "b 3 n"], Float[Tensor, "b 1 1"]]:
        """Clean latents with a step for each sensor, and the share of the variance that is signal there."""
        process = self.process
        output = self.network(x, condition, step.float() / process.last_step)
        signal = process.alpha_bar.to(x)[step.to(x.device)][:, None, None]
        predicts_velocity = process.config.prediction == "velocity"
        noise_part = (1 - signal).sqrt() * output
        clean = signal.sqrt() * x - noise_part if predicts_velocity else (x - noise_part) / signal.sqrt()
        return honoured(clean, -output, condition, self.latents), signal

    def with_config(self, config: DiffusionConfig, *, bf16: bool = False) -> FieldStage:
        """The same weights with other choices that act on sampling alone.

        Args:
            config: of the same network.
            bf16: draw in bfloat16.
        """
        changed = FieldStage.from_parts(config, self.parts()[1])
        changed.network.bf16 = bf16
        return changed

    def parts(self) -> tuple[DiffusionConfig, dict[str, Tensor]]:
        """Everything that `from_parts` needs: the config and named tensors."""
        return self.config, {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}

    @classmethod
    def from_parts(cls, config: DiffusionConfig, tensors: Mapping[str, Tensor]) -> FieldStage:
        """The stage again.

        Raises:
            InputError: tensors that are not those that the config describes.
        """
        return with_tensors(lambda: cls(config), tensors, field="diffusion weights").eval()

    def _event(self, field: WholeField, span: slice) -> _Event:
        """A window of some sensors."""
        device, latent = self.latents.target_gain.device, self.config.latent
        traces = torch.from_numpy(np.array(field.stage1[..., span], dtype=np.float32)).to(device)
        known = self.latents.coefficients(traces)
        surroundings = field.surroundings.after(span.start / latent.sampling_hz)
        if span.start:
            earlier = np.sqrt(np.square(field.stage1[..., : span.start], dtype=float).sum(axis=1)).max(axis=1)
            before = torch.from_numpy(earlier.astype(np.float32)).to(device)[:, None, None]
            moving = onset_weights(traces, before, LEAST_PEAK * surroundings.reference_m_s)
        else:
            moving = onset_weights(traces)
        above, records = torch.zeros_like(traces), torch.zeros_like(known)
        there = torch.zeros(len(traces), device=device)
        error = torch.zeros(len(traces), 3, device=device)
        if field.recorded is not None:
            recorded = field.recorded
            sensors = torch.from_numpy(np.asarray(recorded.sensors, dtype=np.int64)).to(device)
            velocity = torch.from_numpy(np.array(recorded.velocity, dtype=np.float32)).to(device)
            records[sensors] = self.latents.coefficients(velocity)
            there[sensors], moving[sensors] = 1.0, 1.0
            error[sensors] = torch.from_numpy(recorded.error_m_s().astype(np.float32)).to(device)
            # Above the band nothing is drawn: there a recording stands for itself.
            change = self.latents.traces(records[sensors] - known[sensors])
            above[sensors] = velocity - traces[sensors] - change
        return _Event(
            above=above,
            moving=moving,
            stage1=known,
            amplitude=amplitude_by_reference(known, surroundings.reference_m_s, latent),
            recorded=records,
            is_recorded=there,
            recording_error=error,
            surroundings=surroundings,
        )

    def _noise(self, seed: int, surroundings: Surroundings) -> WindowNoise:
        """The noise of all windows; a sensor's is at equal time after its S wave."""
        delay = delays(surroundings, self.config.latent).to(self.latents.target_gain.device)

        def block(realization: int, number: int, samples: int) -> NoiseOf:
            def of(sensors: list[int]) -> Callable[[], Tensor]:
                places_m = surroundings.positions_m[sensors]
                return place_noise(seed, realization, places_m, delay[sensors], samples, self.field, number)

            return of

        return WindowNoise(block, self.config.latent.latent_samples // 2)

    def _condition(self, event: _Event, number: int) -> FieldCondition:
        """What the network is told, in one of the orientations."""
        turn = ORIENTATIONS[number]
        reference = event.surroundings.reference_m_s
        amplitudes = log_amplitude(event.amplitude, reference, self.config.latent).cpu().numpy()
        observed = event.is_recorded.cpu().numpy() > 0
        where = event.surroundings.turned(turn)
        places = place_inputs(where, amplitudes, observed, self.field, self.config.latent)
        device = event.above.device
        matrix = torch.from_numpy(turn).to(device)
        inputs = SensorInputs(
            stage1=matrix @ event.stage1,
            amplitude=event.amplitude,
            reference=torch.full_like(event.amplitude, reference),
            recorded=matrix @ event.recorded,
            is_recorded=event.is_recorded,
            recording_error=event.recording_error @ matrix.abs().T,
            **{name: tensor.to(device) for name, tensor in places.items()},
        )
        return inputs.condition(self.latents)

    def _levels(self, field: WholeField, seed: int = 0) -> Levels | None:
        """The random levels of a field's draws; None where there are none."""
        config = self.config
        if config.level_errors is None:
            return None
        recorded = np.flatnonzero(field.observed)
        return Levels(config.level_errors, config.latent, field.surroundings.positions_m, recorded, seed)

    def _change(
        self, event: _Event, latents: Float[Tensor, "s 3 n"], gain: Float[Tensor, "s 1 n"] | None
    ) -> Float32[np.ndarray, "s 3 time"]:
        """What is added to stage 1, from latents; a gain is one of the whole motion."""
        change = self.latents.unwhitened(latents) * event.amplitude[:, None, None]
        if gain is not None:
            change = gain.to(change) * (event.stage1 + change) - event.stage1
        return np.asarray((event.above + self.latents.added(change, event.moving)).cpu().numpy())

    def _plan(self, field: WholeField) -> Plan:
        """In which parts a field is restored.

        Raises:
            InputError: traces or recordings that the stage cannot take.
        """
        stage1, recorded, plan = field.stage1, field.recorded, Plan(field, self.config, len(self.network.exchanges))
        time, count = self.config.latent.time_samples, len(field.surroundings)
        if stage1.ndim != 3 or stage1.shape[1] != 3 or len(stage1) != count or not len(stage1):
            raise InputError("stage-1 traces", f"shape {stage1.shape}", f"({count}, 3, {time})")
        windows = plan.windows
        if not np.isfinite(stage1).all():
            raise InputError("stage-1 traces", "NaN or infinite velocities", "finite velocities in m/s")
        if recorded is None:
            return plan
        self.config.check_takes_recordings()
        if windows.count > 1:
            raise InputError(
                "observed", "recordings in a longer record", f"none: a record of {time} samples takes them"
            )
        if recorded.velocity.shape != (len(recorded.sensors), 3, time):
            allowed = f"({len(recorded.sensors)}, 3, {time})"
            raise InputError("observed", f"shape {recorded.velocity.shape}", allowed)
        if not np.isfinite(recorded.velocity).all():
            raise InputError("observed", "NaN or infinite velocities", "finite velocities in m/s")
        return plan


def _turned_back(latents: Float[Tensor, "s 3 n"], number: int) -> Float[Tensor, "s 3 n"]:
    return torch.from_numpy(ORIENTATIONS[number].T.copy()).to(latents) @ latents
