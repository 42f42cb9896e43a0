"""Training of stage 1."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.store import CampaignStore
from spectremor.model.campaigns import check_campaign, simulation_of
from spectremor.model.folder import Parts
from spectremor.simulation.stage1 import CoarseSimulation
from spectremor.surrogate.augmentation import SYMMETRIES
from spectremor.surrogate.config import AnyNetwork, RayConfig
from spectremor.surrogate.loss import LossConfig, surrogate_loss
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.networks import Network, make_network
from spectremor.surrogate.preparation import Example, Preparation
from spectremor.surrogate.ray_operator import RayOperator
from spectremor.training.batches import all_made
from spectremor.training.config import MifnoTraining
from spectremor.training.order import epochs_of_step, items_of_step
from spectremor.training.samples import Samples
from spectremor.training.scores import misfit_scores

_TARGET = "target"
#: Numbers of the sensors that a step learns from, on the flattened grid.
_SENSORS = "sensors"


class MifnoObjective(nn.Module):
    """The loss of a batch of events. Holds the normalisation too, so that a checkpoint has it.

    Args:
        network: what is trained.
        loss: weights of the terms.
        stride: of every `stride` output times one is learned from.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, loss: LossConfig, stride: int = 1) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.stride = stride
        for name in ("mean", "std"):
            self.register_buffer(name, torch.zeros(network.config.trained_range.nodes, dtype=torch.float64))

    def forward(self, **batch: Tensor) -> Float[Tensor, ""]:
        """Mean loss of events given by the network's inputs and, as `target`, the normalised traces.

        Where the batch names sensors, the targets are those of these alone.
        """
        target, sensors = batch.pop(_TARGET), batch.pop(_SENSORS, None)
        if sensors is None:
            prediction = self.network(batch)
        else:
            assert isinstance(self.network, RayOperator)
            prediction = self.network.at(batch, sensors, stride=self.stride)
        return surrogate_loss(prediction, target, self.loss, self.network.config.recording.sampling_hz / self.stride)

    def normalisation(self) -> GeologyNormalisation:
        """Of the geologies."""
        return GeologyNormalisation(self.mean.cpu().numpy(), self.std.cpu().numpy())


class MifnoTask:
    """Stage 1 as a task of the loop.

    Args:
        config: of the run.
        store: the campaign.
        cache: folder for direct waves, which are computed once.
        samples: to train and to judge on.
        initial: tensors of a stage 1 of the same config to start from; fresh weights when None.
        build: makes the network from its config; a laboratory hands in a variant.
    """

    def __init__(
        self,
        config: MifnoTraining,
        store: CampaignStore,
        cache: Path,
        samples: Samples,
        *,
        initial: Mapping[str, Tensor] | None = None,
        build: Callable[[Any], Network] = make_network,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.store = store
        self.cache = cache
        self.initial = initial
        self.train_ids = samples.train
        self.val_ids = samples.val[: config.validation_samples]
        self.simulation = check_training_campaign(store, config)
        self.network = build(config.model)
        if isinstance(self.network, RayOperator):
            self.network.bf16 = config.mixed_precision == "bf16"
        self.module = MifnoObjective(self.network, config.loss, config.stride)
        self._preparation: Preparation | None = None

    def prepare(
        self, rank: int, world: int, stop: Callable[[], bool], report: Callable[[str, float], None], readers: int = 0
    ) -> bool:
        """Compute the direct waves that are not on disk yet."""
        nodes = self.config.model.trained_range.nodes
        neutral = GeologyNormalisation(np.zeros(nodes), np.ones(nodes))
        preparation = Preparation(self.store, self.config.model, neutral, self.cache, self.config.stride)
        return keep_waves(preparation, [*self.train_ids, *self.val_ids][rank::world], stop, report, readers)

    def start(self) -> None:
        """Measure mean and standard deviation of the training geologies, or take over an earlier model with its own."""
        if self.initial is not None:
            self._take_over(MifnoSurrogate.from_parts(self.config.model, self.initial))
            return
        measured = GeologyNormalisation.from_statistics(self.store.compute_statistics(self.train_ids))
        self._normalise_by(measured)

    def _take_over(self, earlier: MifnoSurrogate) -> None:
        self.network.load_state_dict(earlier.network.state_dict())
        self._normalise_by(earlier.normalisation)

    def _normalise_by(self, normalisation: GeologyNormalisation) -> None:
        self.module.mean.copy_(torch.from_numpy(normalisation.mean))
        self.module.std.copy_(torch.from_numpy(normalisation.std))

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Events, each turned by a symmetry of its epoch."""
        c = self.config
        chosen = items_of_step(c.seed, step, len(self.train_ids), c.batch)
        epochs = epochs_of_step(step, len(self.train_ids), c.batch)
        examples = []
        for k, epoch in list(zip(chosen, epochs, strict=True))[rank::world]:
            i = self.train_ids[k]
            symmetry = int(generator(c.seed, "symmetry", int(epoch), i).integers(SYMMETRIES)) if c.augment else 0
            examples.append(self._prepared()(i, symmetry))
        batch = _stack(examples)
        return self._at_sensors(batch, step, rank, world) if isinstance(c.model, RayConfig) else batch

    def _at_sensors(self, batch: dict[str, Tensor], step: int, rank: int, world: int) -> dict[str, Tensor]:
        """The batch with the numbers of sensors drawn for each event, and the targets there."""
        every = math.prod(self.config.model.domain.sensors)
        draw = generator(self.config.seed, "sensors", step)
        count = self.config.sensors or every
        drawn = np.stack([draw.permutation(every)[:count] for _ in range(self.config.batch)])[rank::world]
        sensors = torch.from_numpy(drawn)
        target = batch[_TARGET].flatten(2, 3)
        index = sensors[:, None, :, None].expand(-1, 3, -1, target.shape[-1])
        return {**batch, _SENSORS: sensors, _TARGET: target.gather(2, index)}

    def validate(self) -> dict[str, float]:
        """Loss, relative errors and biases of the traces in m/s."""
        rows = []
        device = self.module.mean.device
        whole = Preparation(self.store, self.config.model, self.module.normalisation(), self.cache)
        for i in self.val_ids:
            inputs, target = whole(i)
            batch = {name: tensor.to(device) for name, tensor in _stack([(inputs, target)]).items()}
            truth = batch.pop(_TARGET)
            traces = self.network(batch)
            loss = float(surrogate_loss(traces, truth, self.config.loss, self.store.sampling_hz))
            rows.append({"loss": loss, **self._scores(traces[0].cpu().numpy() / inputs["scale"], i)})
        return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}

    def parts(self) -> Parts:
        """Stage 1 alone, with the simulation that it corrects."""
        own = {"surrogate": MifnoSurrogate(self.network, self.module.normalisation()).parts()}
        return own if self.simulation is None else {"simulation": self.simulation.parts(), **own}

    def data(self) -> dict[str, Any]:
        """What it was trained on, beside the campaign."""
        return {"band_high_hz": float(self.store.attrs["band_high_hz"])}

    def _scores(self, field: np.ndarray, i: int) -> dict[str, float]:
        prediction, truth = (np.moveaxis(v.astype(np.float32), 0, 2) for v in (field, self.store.velocity(i)))
        return misfit_scores(prediction, truth, 1.0 / self.store.sampling_hz)

    def _prepared(self) -> Preparation:
        if self._preparation is None:
            normalisation = self.module.normalisation()
            c = self.config
            self._preparation = Preparation(self.store, c.model, normalisation, self.cache, c.stride)
        return self._preparation


def waves_folder(store: CampaignStore, cache: Path) -> Path:
    """The folder of a campaign's direct waves inside the cache, which several campaigns may share.

    Args:
        store: the campaign.
        cache: the folder for results that are computed once.
    """
    made_from = json.dumps(dict(store.attrs), sort_keys=True, default=str) + str(store.path.resolve())
    return cache / f"direct_waves-{hashlib.blake2b(made_from.encode(), digest_size=8).hexdigest()}"


def keep_waves(
    preparation: Preparation,
    ids: list[int],
    stop: Callable[[], bool],
    report: Callable[[str, float], None],
    readers: int,
) -> bool:
    """Compute the direct waves and thinned traces that are not on disk; False when stopped before the end."""
    report_waves = functools.partial(report, "direct waves, once")

    def keep(index: int) -> object:
        waves = preparation.waves(index) if preparation.needs_waves else None
        if preparation.stride == 1:
            return waves
        corrects = preparation.config.simulation_m is not None
        return waves, preparation.traces(index), preparation.simulated(index) if corrects else None

    return all_made(keep, ids, stop=stop, report=report_waves, readers=readers)


def check_training_campaign(store: CampaignStore, config: MifnoTraining) -> CoarseSimulation | None:
    """Refuse a campaign that a network cannot be trained on.

    Returns:
        The coarse simulation that the network corrects; None for a network that corrects none.

    Raises:
        InputError: other events than the network's, ones without the symmetries that augmentation needs, or a store
            without the simulations that the network corrects.
    """
    check_campaign(store, config.model.recording, config.model.trained_range)
    if config.augment and not _is_centred_square(config.model):
        raise InputError("augment", "true", "false where ground and sensors are not square and centred")
    spacing_m = config.model.simulation_m
    if spacing_m is None:
        return None
    if spacing_m not in store.also_m:
        allowed = ", ".join(f"{s:g} m" for s in store.also_m) or "none in this store"
        raise InputError("model.simulation_m", f"{spacing_m:g} m", f"a coarser grid of the store: {allowed}")
    simulation = simulation_of(store, spacing_m)
    if simulation is None:
        raise InputError("--data", f"{store.path}: does not say how it was simulated", "a store that does")
    return simulation


def _is_centred_square(config: AnyNetwork) -> bool:
    """Whether turning an event turns its sensors onto each other."""
    (east_m, north_m), ground = (config.sensors.x_m, config.sensors.y_m), config.trained_range
    ends_m = (east_m[0] + east_m[-1], north_m[0] + north_m[-1])
    centred = np.allclose(ends_m, ground.extent_m[:2], rtol=1e-4)
    square = ground.extent_m[0] == ground.extent_m[1] and ground.nodes[0] == ground.nodes[1]
    return bool(centred) and square and np.array_equal(east_m, north_m)


def _stack(examples: list[Example]) -> dict[str, Tensor]:
    names = examples[0][0]
    batch = {name: torch.from_numpy(np.stack([inputs[name] for inputs, _ in examples])) for name in names}
    return {**batch, _TARGET: torch.from_numpy(np.stack([target for _, target in examples]).astype(np.float32))}
