"""Joint training of both stages: gradients of the diffusion loss pass through the condition to the neural operator."""

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
    """The loss of a batch of events: the diffusion loss at some sensors plus stage 1's own loss.

    Args:
        network: stage 1.
        stage: stage 2.
        stage1_weight: weight of stage 1's own loss.
    """

    def __init__(self, network: Network, stage: DiffusionStage, stage1_weight: float) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        self.stage1_weight = stage1_weight

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
            sensors: numbers (x-major) of the sensors in the diffusion loss, shape (b, k).
            step: steps of the forward process, shape (b, k).
            noise: standard normal noise of the latents.
            inputs: inputs of the stage-1 network.
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
        stage1_loss = surrogate_loss(predicted, target, LossConfig())
        return torch.stack(losses).mean() + self.stage1_weight * stage1_loss

    def _coefficients(self, field: Float[Tensor, "3 x y time"], scale: Tensor) -> Float[Tensor, "s 3 n"]:
        """Cosine coefficients of the traces of every sensor, in m/s."""
        return self.stage.latents.coefficients((field / scale).flatten(1, 2).transpose(0, 1))


class JointTask:
    """Both stages as one task of the training loop; sensors, steps and noise are those of `DdpmTask` with that seed.

    Args:
        config: training config, the same as that of the frozen arm, without augmentation.
        preparation: prepares stage 1's inputs and targets.
        surrogate: stage 1 to start from; a copy is trained.
        stage: stage 2 to start from; trained in place.
        train_ids: samples to train on.
        stage1_weight: weight of stage 1's own loss.
    """

    def __init__(
        self,
        config: DdpmTraining,
        preparation: Preparation,
        surrogate: MifnoSurrogate,
        stage: DiffusionStage,
        train_ids: list[int],
        stage1_weight: float,
    ) -> None:
        self.config = config
        self.preparation = preparation
        self.train_ids = train_ids
        network = make_network(surrogate.config)
        network.load_state_dict(surrogate.network.state_dict())
        self.surrogate = MifnoSurrogate(network, surrogate.normalisation, surrogate.simulate)
        self.stage = stage
        self.module = JointObjective(network, stage, stage1_weight)

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute the direct waves that are not on disk yet."""
        return keep_waves(self.preparation, self.train_ids[rank::world], stop, report, readers)

    def start(self) -> None:
        """Do nothing: both stages already have their weights."""

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """The events of a step, and for each event the sensors, diffusion steps and noise that `DdpmTask` draws."""
        c = self.config
        sensors_per_event = c.batch // c.samples_per_batch
        shape = (sensors_per_event, 3, c.model.latent.latent_samples)
        rows: list[dict[str, Any]] = []
        for number, k in enumerate(items_of_step(c.seed, step, len(self.train_ids), c.samples_per_batch)):
            inputs, target = self.preparation(self.train_ids[k])
            rng = generator(c.seed, "sensors", step, number)
            sensors = rng.permutation(target.shape[1] * target.shape[2])[:sensors_per_event]
            # One diffusion time in each of `sensors_per_event` equal parts of (0, 1), in random order.
            times = (rng.permutation(sensors_per_event) + rng.random(sensors_per_event)) / sensors_per_event
            steps = (times * c.model.process.train_steps).astype(np.int64)
            noise = rng.standard_normal(shape, dtype=np.float32)
            drawn = {"sensors": sensors, "step": steps, "noise": noise}
            rows.append({**inputs, "target": target.astype(np.float32), **drawn})
        rows = rows[rank::world]
        return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}

    def validate(self) -> dict[str, float]:
        """Return no scores: the experiment computes them."""
        return {}
