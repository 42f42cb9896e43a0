"""Training of the diffusion stage that sees the field, stage 1 frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spectremor.core.seeds import generator
from spectremor.data.tensors import load_tensors
from spectremor.diffusion.denoiser import JUMP_WEIGHTS
from spectremor.diffusion.field_network import weights_of_single_sensors
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.sensor_inputs import amplitude_by_reference
from spectremor.diffusion.shared_noise import group_noise
from spectremor.model.folder import Parts
from spectremor.training.config import FieldTraining
from spectremor.training.ensemble_scores import ensemble_scores
from spectremor.training.field_batches import group_of_sample, places_of_groups
from spectremor.training.field_cache import FieldCache
from spectremor.training.field_objective import INPUTS, FieldObjective, rows_of_groups
from spectremor.training.order import items_of_step
from spectremor.training.samples import Samples


class FieldTask:
    """The diffusion stage that sees the field as a task of the loop.

    Args:
        config: of the run.
        cache: outputs of the frozen stage 1, truth and surroundings.
        samples: to train and to judge on.
        initial: tensors of a diffusion stage to start from, one that sees the field or one of single sensors; fresh
            weights when None.
    """

    module: nn.Module

    def __init__(
        self,
        config: FieldTraining,
        cache: FieldCache,
        samples: Samples,
        *,
        initial: Mapping[str, Tensor] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        cache.layout.check_group(config.sensors)
        self.config, self.cache, self.initial = config, cache, initial
        self.train_ids = samples.train
        self.val_ids = samples.val[: config.validation_samples]
        self.stage = FieldStage(config.model)
        self.module = FieldObjective(self.stage, config)

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute what is not on disk yet."""
        own = [*self.train_ids, *self.val_ids][rank::world]
        return self.cache.fill(own, stop, lambda fraction: report("stage 1, once", fraction), readers)

    def start(self) -> None:
        """Measure the spectral gains on training samples, or take over an earlier model with its own."""
        if self.initial is None:
            self._fit_gains()
            return
        tensors = dict(self.initial)
        if "network.mean" not in tensors:
            single = {
                name.removeprefix("network."): tensor
                for name, tensor in tensors.items()
                if name.startswith("network.") and not name.endswith(JUMP_WEIGHTS)
            }
            gains = {name: tensor for name, tensor in tensors.items() if not name.startswith("network.")}
            whole = weights_of_single_sensors(self.stage.network, single)
            tensors = gains | {f"network.{name}": tensor for name, tensor in whole.items()}
        load_tensors(self.stage, tensors, field="--init")

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Groups of a few samples."""
        c = self.config
        samples = items_of_step(c.seed, step, len(self.train_ids), c.batch)
        places = places_of_groups(c.seed, step, c.batch)
        groups = [
            self._group(self.train_ids[k], generator(c.seed, "group", step, number), places[number])
            for number, k in list(enumerate(samples))[rank::world]
        ]
        return _stacked(groups)

    def validate(self) -> dict[str, float]:
        """Loss at fixed groups, steps and noise; and scores of draws at these."""
        count, device = len(self.val_ids), self.stage.latents.target_gain.device
        losses: list[float] = []
        scores: list[dict[str, float]] = []
        for number, i in enumerate(self.val_ids):
            group = self._group(i, generator(self.config.seed, "validation", i), (number + 0.5) / count)
            batch = {name: tensor.to(device) for name, tensor in _stacked([group]).items()}
            losses.append(float(self.module(**batch)))
            scores.append(self._scores(i, batch))
        means = {name: _mean([score[name] for score in scores]) for name in scores[0]}
        return {"loss": float(np.mean(losses)), **means}

    def parts(self) -> Parts:
        """Stage 1 and the diffusion stage."""
        return {**self.cache.stage1.parts, "diffusion": self.stage.parts()}

    def data(self) -> dict[str, Any]:
        """What it was trained on."""
        return {
            "stage1": Path(self.cache.stage1.name).name,
            "stage1_digest": self.cache.stage1.digest,
            "band_high_hz": float(self.cache.store.attrs["band_high_hz"]),
        }

    def _group(self, i: int, rng: np.random.Generator, place: float) -> dict[str, Tensor]:
        return group_of_sample(self.cache.load(i), self.cache.layout, rng, self.config, place)

    def _scores(self, i: int, batch: dict[str, Tensor]) -> dict[str, float]:
        """Of a few draws at a group of sensors, each with noise of its own."""
        c, stage = self.config, self.stage
        inputs = {name: batch[name] for name in batch if name in INPUTS}
        rows = rows_of_groups(inputs)
        condition = rows.condition(stage.latents)
        clean = stage.latents.target(batch["truth"][0], rows.stage1, rows.amplitude)
        draws = []
        for number in range(c.validation_draws):
            rng = generator(c.seed, "validation draw", i, number)
            places = batch["positions_m"][0].cpu().numpy(), batch["delay"][0].cpu()
            noise = group_noise(rng, *places, (1, *clean.shape[1:]), stage.field)[0].to(clean.device)
            draws.append(stage.draw(condition, lambda noise=noise: noise))  # type: ignore[misc]
        return ensemble_scores(stage.latents, torch.stack(draws), stage.mean(condition), clean, rows)

    def _fit_gains(self) -> None:
        levels = []
        for i in self.train_ids[: self.config.gain_samples]:
            sample = self.cache.load(i)
            amplitude = amplitude_by_reference(
                sample.stage1, sample.surroundings.reference_m_s, self.config.model.latent
            )
            wanted = sample.truth - sample.stage1
            scaled = [(x / amplitude[:, None, None]).abs().mean(dim=(0, 1)) for x in (sample.stage1, wanted)]
            levels.append(torch.stack(scaled))
        condition, target = torch.stack(levels).mean(dim=0)
        self.stage.latents.fit_gains(condition, target)


def _mean(values: list[float]) -> float:
    """Of those that there are: not every group has a recording."""
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan


def _stacked(groups: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([group[name] for group in groups]) for name in groups[0]}
