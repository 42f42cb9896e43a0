"""Training of the diffusion stage, stage 1 frozen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.at_sensors import at_sensors
from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.data.tensors import load_tensors
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.denoiser import JUMP_WEIGHTS
from spectremor.diffusion.jumps import Jumps, drawn_jumps, loss_with_jumps
from spectremor.diffusion.latent import sensor_amplitude
from spectremor.diffusion.stage import DiffusionStage
from spectremor.model.folder import Parts
from spectremor.training.config import DdpmTraining
from spectremor.training.order import items_of_step
from spectremor.training.samples import Samples
from spectremor.training.scores import trace_scores
from spectremor.training.stage1_cache import Stage1Cache


class DdpmObjective(nn.Module):
    """The loss of a batch of sensors.

    Args:
        stage: what is trained.
    """

    def __init__(self, stage: DiffusionStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(
        self,
        stage1: Tensor,
        truth: Tensor,
        amplitude: Tensor,
        field: Tensor,
        step: Tensor,
        noise: Tensor,
        **jumps: Tensor,
    ) -> Float[Tensor, ""]:
        """Mean loss.

        Args:
            stage1: coefficients of stage 1 in m/s, shape (sensor, 3, n).
            truth: coefficients of the truth in m/s, same shape.
            amplitude: of each sensor.
            field: amplitude of the field that each sensor belongs to.
            step: of the forward process, one per sensor.
            noise: standard normal, shape of `truth`.
            jumps: the other fields of `Jumps`, for a network with jumps.
        """
        latents = self.stage.latents
        condition = latents.condition(stage1, amplitude, field)
        clean = latents.target(truth, stage1, amplitude)
        if jumps:
            inputs = clean, condition, Jumps(step=step, **jumps), noise
            return loss_with_jumps(self.stage.process, self.stage.network, *inputs).mean()
        return self.stage.process.loss(self.stage.network, clean, condition, step, noise).mean()


class DdpmTask:
    """The diffusion stage as a task of the loop.

    Args:
        config: of the run.
        cache: outputs of the frozen stage 1, and truth.
        samples: to train and to judge on.
        initial: tensors of a diffusion stage of the same config to start from; fresh weights when None.
        build: makes the stage from its config; a laboratory hands in a variant.
    """

    module: nn.Module

    def __init__(
        self,
        config: DdpmTraining,
        cache: Stage1Cache,
        samples: Samples,
        *,
        initial: Mapping[str, Tensor] | None = None,
        build: Callable[[DiffusionConfig], DiffusionStage] = DiffusionStage,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.store = store = cache.stage1.store
        self.cache = cache
        self.initial = initial
        self.train_ids = samples.train
        self.val_ids = samples.val[: config.validation_samples]
        each, sensors = config.batch // config.samples_per_batch, len(store.x_m) * len(store.y_m)
        if each > sensors:
            raise InputError("batch", config.batch, f"at most {config.samples_per_batch} samples x {sensors} sensors")
        self.stage = build(config.model)
        self.stage.network.bf16 = config.mixed_precision == "bf16"
        self.module = DdpmObjective(self.stage)
        # As many samples as a step uses stay in memory, 2 MB each at the usual sizes: of few training samples, the next
        # step uses the same.
        self._sample = functools.lru_cache(maxsize=config.samples_per_batch)(self._load)

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute the outputs of stage 1 that are not on disk yet."""
        own = [*self.train_ids, *self.val_ids][rank::world]
        return self.cache.fill(own, stop, lambda fraction: report("stage 1, once", fraction), readers)

    def start(self) -> None:
        """Measure the spectral gains on training samples, or take over an earlier model with its own."""
        if self.initial is not None:
            # Weights for jumps that the earlier network does not have start where they change nothing.
            own = {name: tensor for name, tensor in self.stage.state_dict().items() if name not in self.initial}
            new = {name: tensor for name, tensor in own.items() if name.endswith(JUMP_WEIGHTS)}
            load_tensors(self.stage, {**self.initial, **new}, field="--init")
            return
        levels = []
        for i in self.train_ids[: self.config.gain_samples]:
            stage1, truth, amplitude, _ = self._load(i)
            target = truth - stage1 if self.config.model.latent.target == "residual" else truth
            # A silent field has no level.
            moving = amplitude > 0
            scaled = [(x[moving] / amplitude[moving, None, None]).abs().mean(dim=(0, 1)) for x in (stage1, target)]
            levels.append(torch.stack(scaled))
        condition, target = torch.stack(levels).nanmean(dim=0)
        self.stage.latents.fit_gains(condition, target)

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Sensors of a few samples, their augmentation, diffusion steps and noise."""
        c = self.config
        samples = items_of_step(c.seed, step, len(self.train_ids), c.samples_per_batch)
        each = c.batch // c.samples_per_batch
        rows: list[dict[str, Tensor]] = []
        for number, k in enumerate(samples):
            rng = generator(c.seed, "sensors", step, number)
            stage1, truth, amplitude, field = self._sample(self.train_ids[k])
            chosen = torch.from_numpy(rng.permutation(len(stage1))[:each])
            turn = torch.from_numpy(component_symmetries(rng, each)) if c.augment else torch.eye(3).expand(each, 3, 3)
            # Spread evenly over the process, so that every batch sees all noise levels (Kingma et al. 2021, appendix).
            steps = self._steps(each, functools.partial(_evenly_at_random, rng), rng)
            noise = torch.from_numpy(rng.standard_normal((each, *stage1.shape[1:]), dtype=np.float32))
            rows.append(
                {
                    "stage1": turn @ stage1[chosen],
                    "truth": turn @ truth[chosen],
                    "amplitude": amplitude[chosen],
                    "field": field.expand(each),
                    "noise": noise,
                    **steps,
                }
            )
        return {name: torch.cat([row[name] for row in rows])[rank::world] for name in rows[0]}

    def _steps(self, count: int, places: Callable[[int], np.ndarray], rng: np.random.Generator) -> dict[str, Tensor]:
        """Steps of the process at places in [0, 1); for a network with jumps, the jumps come first."""
        c, longest = self.config, self.config.model.process.train_steps
        far = c.jumps_among(count)
        step = torch.from_numpy((places(count - far) * longest).astype(np.int64))
        if not c.model.network.jumps:
            return {"step": step}
        jumps, plain = drawn_jumps(rng, far, longest), Jumps.none(step)
        return {
            field.name: torch.cat([getattr(jumps, field.name), getattr(plain, field.name)])
            for field in dataclasses.fields(Jumps)
        }

    def validate(self) -> dict[str, float]:
        """Loss at fixed sensors, steps and noise; and scores of generated traces at some of them."""
        c = self.config
        losses: list[dict[str, float]] = []
        scores: list[dict[str, float]] = []
        for i in self.val_ids:
            stage1, truth, amplitude, field = self._load(i)
            rng = generator(c.seed, "validation", i)
            chosen = torch.from_numpy(rng.permutation(len(stage1))[: c.validation_sensors])
            count = len(chosen)
            noise = torch.from_numpy(rng.standard_normal((count, *stage1.shape[1:]), dtype=np.float32))
            inputs = {
                "stage1": stage1[chosen],
                "truth": truth[chosen],
                "amplitude": amplitude[chosen],
                "field": field.expand(count),
                "noise": noise,
                **self._steps(count, lambda n: (np.arange(n) + 0.5) / n, rng),
            }
            losses.append(self._losses(inputs))
            if c.scored_sensors:
                scores.append(self._score(i, np.sort(chosen[: c.scored_sensors].numpy())))
        result = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
        for name in scores[0] if scores else ():
            result[name] = float(np.nanmean([score[name] for score in scores]))
        return result

    def _losses(self, inputs: dict[str, Tensor]) -> dict[str, float]:
        """The loss; where some items are jumps, also the loss of the jumps and that of the other items."""
        device = self.stage.latents.target_gain.device

        def loss(items: Tensor) -> float:
            return float(self.module(**{name: tensor[items].to(device) for name, tensor in inputs.items()}))

        count = len(inputs["step"])
        far = self.config.jumps_among(count)
        if not far:
            return {"loss": loss(torch.arange(count))}
        jumps, plain = loss(torch.arange(far)), loss(torch.arange(far, count))
        return {"loss": (far * jumps + (count - far) * plain) / count, "loss_plain": plain, "loss_jumps": jumps}

    def parts(self) -> Parts:
        """Stage 1 and the diffusion stage."""
        return {**self.cache.stage1.parts, "diffusion": self.stage.parts()}

    def data(self) -> dict[str, Any]:
        """What it was trained on."""
        return {
            "stage1": Path(self.cache.stage1.name).name,
            "stage1_digest": self.cache.stage1.digest,
            "band_high_hz": float(self.store.attrs["band_high_hz"]),
        }

    def _score(self, i: int, sensors: np.ndarray) -> dict[str, float]:
        """Stage 1 ("stage1_...") and generated traces ("...") of some sensors against the truth."""
        stage1 = self._stage1_traces(i) if "surrogate" in self.cache.stage1.parts else self.cache.stage1(i)
        truth = at_sensors(self.store.velocity(i), sensors)
        drawn = self.stage.generate_at(stage1, sensors, seed=self.config.seed)[0]
        dt_s = 1.0 / self.store.sampling_hz
        before = trace_scores(at_sensors(stage1, sensors), truth, dt_s)
        return {f"stage1_{name}": value for name, value in before.items()} | trace_scores(drawn, truth, dt_s)

    def _stage1_traces(self, i: int) -> Float[np.ndarray, "3 x y time"]:
        """Stage 1 within the latent band, from the cache."""
        stage1, _ = self.cache.load(i)
        traces = self.cache.traces(stage1)
        return np.ascontiguousarray(np.moveaxis(traces, 1, 0)).reshape(
            3, len(self.store.x_m), len(self.store.y_m), traces.shape[-1]
        )

    def _load(self, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        stage1, truth = self.cache.load(i)
        amplitude, field = sensor_amplitude(stage1, self.config.model.latent)
        return stage1, truth, amplitude, field


def _evenly_at_random(rng: np.random.Generator, count: int) -> Float[np.ndarray, " count"]:
    """Places in [0, 1), one in each of `count` equal parts, in random order."""
    return (rng.permutation(count) + rng.random(count)) / count


def component_symmetries(rng: np.random.Generator, count: int) -> Float[np.ndarray, "count 3 3"]:
    """Random matrices that act on (E, N, Z): exchange of E and N, mirrors of each, and the sign of the moment.

    These are the symmetries of the square as a single sensor sees them, and the linearity in the moment tensor.
    """
    bits = rng.integers(0, 2, size=(4, count))
    matrices = np.zeros((count, 3, 3), dtype=np.float32)
    east, north, sign = 1.0 - 2.0 * bits[1:]
    exchanged = bits[0] == 1
    rows = np.arange(count)
    matrices[rows, 0, np.where(exchanged, 1, 0)] = east * sign
    matrices[rows, 1, np.where(exchanged, 0, 1)] = north * sign
    matrices[:, 2, 2] = sign
    return matrices
