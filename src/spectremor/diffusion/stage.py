"""The diffusion stage: from a stage-1 wavefield to broadband realizations of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.threads import thread_map
from spectremor.data.tensors import with_tensors
from spectremor.diffusion.config import DiffusionConfig, SamplerName
from spectremor.diffusion.denoiser import UNet1d
from spectremor.diffusion.latent import Latents, sensor_amplitude
from spectremor.diffusion.noise import FieldNoise, SensorNoise
from spectremor.diffusion.onset import onset_weights
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.room import check_room
from spectremor.diffusion.samplers import sample, sample_by_jumps
from spectremor.diffusion.time_windows import NoiseOf

#: Sensors per call of the network. Fixed, and the last batch padded to it, so that a sensor's bytes never depend on
#: how many realizations are asked for. 64 sensors' features fit into a core's cache.
MICRO_BATCH, MICRO_BATCH_GPU = 64, 1024
#: Batches that are handed out together; a realization's noise is kept while one of its batches is among them.
_AT_ONCE = 32


@dataclasses.dataclass(frozen=True)
class Strength:
    """How strong stage-1 motion is, in m/s.

    Attributes:
        amplitude: by which each sensor of a batch is scaled.
        field: root mean square of the whole field.
    """

    amplitude: Float[Tensor, " b"]
    field: Float[Tensor, ""]


class DiffusionStage(nn.Module):
    """A trained (or fresh) denoiser with everything needed to use it on wavefields in m/s.

    Args:
        config: every choice.
        network: in place of the U-Net, called as that is; a laboratory hands in a variant.
        process: in place of the config's noise process, likewise.
    """

    def __init__(
        self, config: DiffusionConfig, *, network: UNet1d | None = None, process: NoiseProcess | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.network = UNet1d(config.network) if network is None else network
        self.latents = Latents(config.latent)
        self.process = NoiseProcess(config.process) if process is None else process

    def generate_arrays(
        self,
        stage1: Float[np.ndarray, "3 x y time"],
        *,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        noise_correlation: float | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Float[np.ndarray, "realization 3 x y time"]:
        """Draw broadband wavefields around a stage-1 prediction.

        Realization r at sensor s is the same array whatever the number of realizations.

        Args:
            stage1: velocities in m/s, components E, N, Z.
            realizations: how many.
            seed: one seed, one result.
            steps: evaluations of the network; None: see `DiffusionConfig.evaluations`.
            sampler: "ddpm", "ddim", "dpm-solver++" or "jump" (the model's own when None).
            noise_correlation: see `SamplingConfig` (the model's own when None).
            on_progress: called with the fraction done.

        Returns:
            Velocities in m/s, float32.

        Raises:
            InputError: a shape, value or number that the model cannot take.
        """
        self._check(stage1, realizations)
        _, nx, ny, time = stage1.shape
        everywhere = np.arange(nx * ny)
        traces = self._generate(stage1, everywhere, realizations, seed, steps, sampler, noise_correlation, on_progress)
        return traces.reshape(realizations, 3, nx, ny, time)

    def generate_at(
        self,
        stage1: Float[np.ndarray, "3 x y time"],
        sensors: Int[np.ndarray, " k"],
        *,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        noise_correlation: float | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Float[np.ndarray, "realization k 3 time"]:
        """What `generate_arrays` gives at some sensors, without computing the others.

        Args:
            stage1: the whole wavefield, whose amplitude the sensors' own are judged by.
            sensors: their numbers, x-major (number = index along x times sensors along y + index along y).
            realizations: as for `generate_arrays`, and so are the other arguments.
            seed: likewise.
            steps: likewise.
            sampler: likewise.
            noise_correlation: likewise.
            on_progress: likewise.

        Raises:
            InputError: a shape, value or number that the model cannot take.
        """
        self._check(stage1, realizations)
        traces = self._generate(stage1, sensors, realizations, seed, steps, sampler, noise_correlation, on_progress)
        return np.ascontiguousarray(np.moveaxis(traces, 1, 2))

    @torch.no_grad()
    def _generate(
        self,
        stage1: Float[np.ndarray, "3 x y time"],
        sensors: Int[np.ndarray, " k"],
        realizations: int,
        seed: int,
        steps: int | None,
        sampler: SamplerName | None,
        noise_correlation: float | None,
        on_progress: Callable[[float], None] | None,
    ) -> Float[np.ndarray, "realization 3 k time"]:
        self.config.evaluations(steps, sampler)
        check_room(realizations, len(sensors) * 3 * stage1.shape[3])
        device = self.latents.target_gain.device
        flat = np.moveaxis(stage1.reshape(3, -1, stage1.shape[3]), 0, 1)
        traces = torch.from_numpy(np.ascontiguousarray(flat, dtype=np.float32)).to(device)
        out = np.empty((realizations, 3, len(sensors), stage1.shape[3]), dtype=np.float32)
        self.eval()
        size = MICRO_BATCH if device.type == "cpu" else MICRO_BATCH_GPU
        starts = range(0, len(sensors), size)

        @torch.no_grad()
        def prepare(traces: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            known = self.latents.coefficients(traces)
            return known, self.onset_weights(traces), *sensor_amplitude(known, self.config.latent)

        @torch.no_grad()
        def restore(job: tuple[int, int, NoiseOf]) -> None:
            realization, start, noise_of = job
            chosen = sensors[start : start + size]
            # The last batch is filled up with one of its sensors, so that every batch has one size.
            padded = np.concatenate([chosen, np.full(size - len(chosen), chosen[0])])
            strength = Strength(amplitude[padded], field)
            noise = noise_of(padded.tolist())
            change = self.change(known[padded], moving[padded], strength, noise, steps=steps, sampler=sampler)
            result = traces[padded] + change
            out[realization, :, start : start + len(chosen)] = result[: len(chosen)].transpose(0, 1).cpu().numpy()

        def jobs(first: int) -> Iterator[tuple[int, int, NoiseOf]]:
            for realization in range(first, min(first + together, realizations)):
                noise_of = self._noise(seed, realization, (stage1.shape[1], stage1.shape[2]), noise_correlation)
                yield from ((realization, start, noise_of) for start in starts)

        total, done = realizations * len(starts), 0
        together = max(1, _AT_ONCE // max(1, len(starts)))
        on_threads = thread_map(max(1, total)) if device.type == "cpu" else contextlib.nullcontext(map)
        with on_threads as each:
            ((known, moving, amplitude, field),) = each(prepare, [traces])
            for first in range(0, realizations, together):
                for _ in each(restore, jobs(first)):
                    done += 1
                    if on_progress is not None:
                        on_progress(done / total)
        return out

    def _noise(self, seed: int, realization: int, grid: tuple[int, int], correlation: float | None) -> NoiseOf:
        """What makes the noise of a micro-batch."""
        shape, device = (3, self.config.latent.latent_samples), self.latents.target_gain.device
        if correlation is None:
            correlation = self.config.sampling.noise_correlation
        if correlation == 0:
            return lambda sensors: SensorNoise(seed, realization, sensors, shape, device)
        return FieldNoise(seed, realization, grid, shape, correlation, device).at

    def onset_weights(self, stage1: Float[Tensor, "b 3 time"]) -> Float[Tensor, "b 1 time"]:
        """How far motion has begun at each sensor and time: where it has not, nothing is drawn."""
        return onset_weights(stage1)

    def change(
        self,
        known: Float[Tensor, "b 3 n"],
        moving: Float[Tensor, "b 1 time"],
        strength: Strength,
        noise: Callable[[], Tensor],
        *,
        steps: int | None,
        sampler: SamplerName | None,
    ) -> Float[Tensor, "b 3 time"]:
        """What a draw adds to the stage-1 traces of one micro-batch, in m/s.

        Args:
            known: cosine coefficients of the stage-1 traces.
            moving: from `onset_weights`.
            strength: how strong motion is at each sensor and in the field.
            noise: returns the next standard normal array of the batch.
            steps: as for `generate_arrays`.
            sampler: likewise.
        """
        condition = self.latents.condition(known, strength.amplitude, strength.field)
        latents = self.draw(condition, noise, steps=steps, sampler=sampler)
        change = self.latents.finish(latents, known, strength.amplitude) - known
        return self.latents.added(change, moving)

    def draw(
        self, condition: Condition, noise: Callable[[], Tensor], *, steps: int | None, sampler: SamplerName | None
    ) -> Float[Tensor, "b 3 n"]:
        """Latents of one micro-batch."""
        sampler = self.config.sampling.sampler if sampler is None else sampler
        steps = self.config.evaluations(steps, sampler)
        if sampler == "jump":
            jump = lambda x, step, to: self.jump(x, condition, step, to)  # noqa: E731
            return sample_by_jumps(jump, noise, process=self.process, steps=steps)
        return sample(self.denoise, condition, noise, process=self.process, sampler=sampler, steps=steps)

    def denoise(self, x: Float[Tensor, "b 3 n"], condition: Condition, step: int) -> Float[Tensor, "b 3 n"]:
        """D(x, condition, step), all that a sampler sees."""
        return self.process.denoise(self.network, x, condition, step)

    def jump(self, x: Float[Tensor, "b 3 n"], condition: Condition, step: int, to: int) -> Float[Tensor, "b 3 n"]:
        """Latents taken from a step to another one (-1: clean) in one evaluation of a network with jumps."""
        begin, end = (torch.full((len(x),), number, device=x.device) for number in (step, to))
        velocity = self.process.velocity(self.network, x, condition, begin, begin - end)
        return self.process.moved(x, velocity, begin, end)

    def parts(self) -> tuple[DiffusionConfig, dict[str, Tensor]]:
        """Everything that `from_parts` needs: the config and named tensors."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        return self.config, tensors

    @classmethod
    def from_parts(cls, config: DiffusionConfig, tensors: Mapping[str, Tensor]) -> DiffusionStage:
        """The stage again.

        Raises:
            InputError: tensors that are not those that the config describes.
        """
        return with_tensors(lambda: cls(config), tensors, field="diffusion weights").eval()

    def _check(self, stage1: np.ndarray, realizations: int) -> None:
        time = self.config.latent.time_samples
        if stage1.ndim != 4 or stage1.shape[0] != 3 or stage1.shape[3] != time or 0 in stage1.shape:
            raise InputError("stage-1 wavefield", f"shape {stage1.shape}", f"(3, x, y, {time})")
        if not np.isfinite(stage1).all():
            raise InputError("stage-1 wavefield", "NaN or infinite velocities", "finite velocities in m/s")
        if realizations < 1:
            raise InputError("realizations", realizations, "1 or more")
