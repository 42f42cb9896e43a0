"""Stage 1 and stage 2 in one training: the diffusion loss reaches through the condition into the neural operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.seeds import generator
from spectremor.diffusion.latent import sensor_amplitude
from spectremor.diffusion.stage import DiffusionStage
from spectremor.surrogate.loss import LossConfig, surrogate_loss
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import Network, make_network
from spectremor.surrogate.preparation import Preparation
from spectremor.training.config import DdpmTraining
from spectremor.training.mifno import keep_waves
from spectremor.training.order import items_of_step


class JointObjective(nn.Module):
    """The loss of a batch of events: of the diffusion at some sensors, plus stage 1's own.

    Args:
        network: stage 1.
        stage: stage 2.
        weight: of stage 1's own loss.
    """

    def __init__(self, network: Network, stage: DiffusionStage, weight: float) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        self.weight = weight

    def forward(
        self,
        *,
        target: Float[Tensor, "b 3 x y time"],
        sensors: Tensor,
        step: Tensor,
        noise: Float[Tensor, "b k 3 n"],
        **inputs: Tensor,
    ) -> Float[Tensor, ""]:
        """Mean loss.

        Args:
            target: normalised traces of the truth.
            sensors: numbers (x-major) of those that the diffusion sees, shape (b, k).
            step: of the forward process, shape (b, k).
            noise: standard normal.
            inputs: of the stage-1 network.
        """
        predicted = self.network(inputs)
        losses = []
        for event, scale in enumerate(inputs["scale"]):
            stage1 = self._coefficients(predicted[event], scale)
            truth = self._coefficients(target[event], scale)
            amplitude, field = sensor_amplitude(stage1, self.stage.config.latent)
            chosen = sensors[event]
            clean = self.stage.latents.target(truth[chosen], stage1[chosen], amplitude[chosen])
            condition = self.stage.latents.condition(stage1[chosen], amplitude[chosen], field)
            losses.append(
                self.stage.process.loss(self.stage.network, clean, condition, step[event], noise[event]).mean()
            )
        own = surrogate_loss(predicted, target, LossConfig())
        return torch.stack(losses).mean() + self.weight * own

    def _coefficients(self, field: Float[Tensor, "3 x y time"], scale: Tensor) -> Float[Tensor, "s 3 n"]:
        """Cosine coefficients in m/s of every sensor."""
        return self.stage.latents.coefficients((field / scale).flatten(1, 2).transpose(0, 1))


class JointTask:
    """Both stages as one task of the loop; sees the sensors, steps and noise that `DdpmTask` sees at the same seed.

    Args:
        config: of the frozen arm, without augmentation.
        preparation: of stage 1's inputs and targets.
        surrogate: stage 1 to start from; left as it is.
        stage: stage 2 to start from; trained in place.
        train_ids: samples to train on.
        weight: of stage 1's own loss.
    """

    def __init__(
        self,
        config: DdpmTraining,
        preparation: Preparation,
        surrogate: MifnoSurrogate,
        stage: DiffusionStage,
        train_ids: list[int],
        weight: float,
    ) -> None:
        self.config = config
        self.preparation = preparation
        self.train_ids = train_ids
        network = make_network(surrogate.config)
        network.load_state_dict(surrogate.network.state_dict())
        self.surrogate = MifnoSurrogate(network, surrogate.normalisation, surrogate.simulate)
        self.stage = stage
        self.module = JointObjective(network, stage, weight)

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute the direct waves that are not on disk yet."""
        return keep_waves(self.preparation, self.train_ids[rank::world], stop, report, readers)

    def start(self) -> None:
        """Nothing: both stages bring theirs."""

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Events of a step, and at each the sensors, diffusion steps and noise that `DdpmTask` draws."""
        c = self.config
        each = c.batch // c.samples_per_batch
        shape = (each, 3, c.model.latent.latent_samples)
        rows: list[dict[str, Any]] = []
        for number, k in enumerate(items_of_step(c.seed, step, len(self.train_ids), c.samples_per_batch)):
            inputs, target = self.preparation(self.train_ids[k])
            rng = generator(c.seed, "sensors", step, number)
            sensors = rng.permutation(target.shape[1] * target.shape[2])[:each]
            spread = (rng.permutation(each) + rng.random(each)) / each
            steps = (spread * c.model.process.train_steps).astype(np.int64)
            noise = rng.standard_normal(shape, dtype=np.float32)
            drawn = {"sensors": sensors, "step": steps, "noise": noise}
            rows.append({**inputs, "target": target.astype(np.float32), **drawn})
        rows = rows[rank::world]
        return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}

    def validate(self) -> dict[str, float]:
        """Scores are the experiment's business."""
        return {}
