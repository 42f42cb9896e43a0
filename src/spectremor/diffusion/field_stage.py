"""The diffusion stage that sees the field: from stage-1 traces at any sensors to draws of the motion and its mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.data.tensors import with_tensors
from spectremor.diffusion.config import DiffusionConfig, FieldConfig, PlainSampler, SamplerName
from spectremor.diffusion.field_condition import FieldCondition
from spectremor.diffusion.field_network import FieldNetwork
from spectremor.diffusion.latent import Latents
from spectremor.diffusion.onset import begun
from spectremor.diffusion.orientation import ORIENTATIONS
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.recorded import Recorded, honoured
from spectremor.diffusion.samplers import sample
from spectremor.diffusion.sensor_inputs import SensorInputs, amplitude_by_reference, delays, log_amplitude, place_inputs
from spectremor.diffusion.shared_noise import place_noise
from spectremor.diffusion.surroundings import Surroundings

OnProgress = Callable[[float], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Event:
    """The sensors of one event, whatever the orientation that they are looked at in.

    Attributes:
        traces: what the change is added to: stage 1 and, above the latents' band, the recordings where there are any.
        moving: how far motion has begun; a recording is never muted.
        stage1: cosine coefficients in m/s.
        amplitude: of each sensor.
        recorded: cosine coefficients of the recordings in m/s.
        is_recorded: 1 where a sensor has one.
        recording_error: in m/s.
        surroundings: of the sensors.
    """

    traces: Float[Tensor, "s 3 time"]
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

        Args:
            stage1: velocities in m/s, components E, N, Z, at sensors in any layout.
            surroundings: of the same sensors.
            recorded: recordings at some of them, which the draws honour.
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
        event = self._event(stage1, surroundings, recorded)
        out = np.empty((realizations, *stage1.shape), dtype=np.float32)
        samples = self.config.latent.latent_samples
        self.eval()
        for r in range(realizations):
            number = int(generator(seed, "orientation", r).integers(self.orientations))
            noise = place_noise(seed, r, surroundings.positions_m, self._delay(event), samples, self.field)
            draw = self.draw(self._condition(event, number), noise, steps=steps, sampler=sampler)
            out[r] = self._traces(event, _turned_back(draw, number))
            if on_progress is not None:
                on_progress((r + 1) / realizations)
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
        event = self._event(stage1, surroundings, recorded)
        numbers = range(self.orientations)
        self.eval()
        total = torch.zeros_like(event.stage1)
        for number in numbers:
            total += _turned_back(self.mean(self._condition(event, number)), number)
            if on_progress is not None:
                on_progress((number + 1) / len(numbers))
        return self._traces(event, total / len(numbers))

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

    def _event(self, stage1: np.ndarray, surroundings: Surroundings, recorded: Recorded | None) -> _Event:
        self._check(stage1, surroundings, recorded)
        device, latent = self.latents.target_gain.device, self.config.latent
        traces = torch.from_numpy(np.array(stage1, dtype=np.float32)).to(device)
        known = self.latents.coefficients(traces)
        moving = begun(traces)
        records = torch.zeros_like(known)
        there = torch.zeros(len(traces), device=device)
        error = torch.zeros(len(traces), 3, device=device)
        if recorded is not None:
            sensors = torch.from_numpy(np.asarray(recorded.sensors, dtype=np.int64)).to(device)
            velocity = torch.from_numpy(np.array(recorded.velocity, dtype=np.float32)).to(device)
            records[sensors] = self.latents.coefficients(velocity)
            there[sensors], moving[sensors] = 1.0, 1.0
            error[sensors] = torch.from_numpy(recorded.error_m_s().astype(np.float32)).to(device)
            # Above the band nothing is drawn: there a recording stands for itself.
            traces[sensors] = velocity - self.latents.traces(records[sensors] - known[sensors])
        return _Event(
            traces=traces,
            moving=moving,
            stage1=known,
            amplitude=amplitude_by_reference(known, surroundings.reference_m_s, latent),
            recorded=records,
            is_recorded=there,
            recording_error=error,
            surroundings=surroundings,
        )

    def _delay(self, event: _Event) -> Float[Tensor, " s"]:
        """Arrival of the S wave in latent samples."""
        return delays(event.surroundings, self.config.latent).to(event.traces.device)

    def _condition(self, event: _Event, number: int) -> FieldCondition:
        """What the network is told, in one of the orientations."""
        turn = ORIENTATIONS[number]
        reference = event.surroundings.reference_m_s
        amplitudes = log_amplitude(event.amplitude, reference, self.config.latent).cpu().numpy()
        observed = event.is_recorded.cpu().numpy() > 0
        where = event.surroundings.turned(turn)
        places = place_inputs(where, amplitudes, observed, self.field, self.config.latent)
        device = event.traces.device
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

    def _traces(self, event: _Event, latents: Float[Tensor, "s 3 n"]) -> Float[np.ndarray, "s 3 time"]:
        change = self.latents.unwhitened(latents) * event.amplitude[:, None, None]
        return np.asarray((event.traces + self.latents.added(change, event.moving)).cpu().numpy())

    def _check(self, stage1: np.ndarray, surroundings: Surroundings, recorded: Recorded | None) -> None:
        time = self.config.latent.time_samples
        if stage1.ndim != 3 or stage1.shape[1:] != (3, time) or len(stage1) != len(surroundings) or not len(stage1):
            raise InputError("stage-1 traces", f"shape {stage1.shape}", f"({len(surroundings)}, 3, {time})")
        if not np.isfinite(stage1).all():
            raise InputError("stage-1 traces", "NaN or infinite velocities", "finite velocities in m/s")
        if recorded is None:
            return
        self.config.check_takes_recordings()
        if recorded.velocity.shape != (len(recorded.sensors), 3, time):
            allowed = f"({len(recorded.sensors)}, 3, {time})"
            raise InputError("observed", f"shape {recorded.velocity.shape}", allowed)
        if not np.isfinite(recorded.velocity).all():
            raise InputError("observed", "NaN or infinite velocities", "finite velocities in m/s")


def _turned_back(latents: Float[Tensor, "s 3 n"], number: int) -> Float[Tensor, "s 3 n"]:
    return torch.from_numpy(ORIENTATIONS[number].T.copy()).to(latents) @ latents
