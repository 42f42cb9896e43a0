"""One call that trains a stage: from a config and a store to a run with a model folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore
from spectremor.surrogate.networks import Network, make_network
from spectremor.training.batches import check_readers
from spectremor.training.config import DdpmTraining, FieldTraining, MifnoTraining, TrainingConfig
from spectremor.training.ddpm import DdpmTask
from spectremor.training.driver import Facts, Job, TimeLimits, drive
from spectremor.training.export import export_best
from spectremor.training.field import FieldTask
from spectremor.training.field_cache import FieldCache
from spectremor.training.initial import facts_of_initial, initial_tensors
from spectremor.training.loop import Outcome, Watch
from spectremor.training.mifno import MifnoTask, check_training_campaign, waves_folder
from spectremor.training.processes import processes
from spectremor.training.run_folder import recorded_init
from spectremor.training.samples import Samples
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache, cache_folder
from spectremor.training.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Settings of a training that do not change its result.

    Attributes:
        cache: folder for what is computed once (None: beside the store).
        readers: processes that prepare batches ahead; None: none on a CPU, many beside a GPU.
        watch: functions that follow the training, and may stop it.
    """

    cache: str | Path | None = None
    readers: int | None = None
    watch: Watch = dataclasses.field(default_factory=Watch)


def train(
    config: TrainingConfig,
    data: str | Path,
    out: str | Path,
    *,
    stage1: str | None = None,
    init: str | Path | None = None,
    resume: bool = False,
    limits: TimeLimits | None = None,
    surroundings: Surroundings | None = None,
    network: Callable[[Any], Network] | None = None,
) -> Outcome:
    """Train a stage.

    Args:
        config: of the run.
        data: campaign store.
        out: folder of the run; its `model` is the result.
        stage1: for the diffusion stage: a model folder, a run, the name of a model that ships, or `simulation:SPACING`.
        init: a model folder, a run or the name of a model that ships, of the same network, whose weights a new run
            starts from; a run that is resumed has recorded it.
        resume: go on with the run in `out`; a run that was killed takes the steps that it would have taken.
        limits: the time that it has; None: as much as it takes.
        surroundings: settings that do not change the result.
        network: makes a variant of the network of stage 1 from its config; a run of a variant is validated, but writes
            no model folder.

    Raises:
        InputError: a config, store, folder or stage 1 that does not fit.
    """
    # Read and refuse.
    limits = limits or TimeLimits()
    surroundings = surroundings or Surroundings()
    if limits.budget is not None and processes().num_processes > 1:
        raise InputError("--budget", limits.budget, "one process; of several, --minutes stops them")
    run = Path(out)
    for name, model in (("--init", init), ("--stage1", stage1)):
        # As the name of a folder it would mean this run itself, once it is resumed.
        if model is not None and Path(model).resolve() == run.resolve():
            raise InputError(name, model, "another folder than --out")
    readers = check_readers(surroundings.readers)
    store = CampaignStore.open(data)
    folder = cache_folder(store, surroundings.cache)
    frozen = _frozen_stage1(config, store, stage1)
    if resume and init is None:
        init = recorded_init(run)
    initial = None if init is None else initial_tensors(config, init)
    samples = Samples.of(store, config.train_samples, config.skip_samples)
    facts: Facts = {"store": str(store.path.resolve()), "train_ids": samples.train, "val_ids": samples.val}
    if frozen is not None:
        facts |= {"stage1": frozen.digest, "earlier": frozen.history}
    if init is not None:
        facts |= facts_of_initial(config, init)
    if isinstance(config, MifnoTraining):
        check_training_campaign(store, config)

    # Train.
    def make_task(recorded: Facts) -> Task:
        chosen = Samples(train=recorded["train_ids"], val=recorded["val_ids"])
        return _task(config, store, folder, frozen, chosen, initial, network)

    job = Job(config=config, facts=facts, run=run, make_task=make_task, export=export_best if network is None else None)
    return drive(job, resume=resume, limits=limits, readers=readers, watch=surroundings.watch)


def _task(
    config: TrainingConfig,
    store: CampaignStore,
    folder: Path,
    frozen: FrozenStage1 | None,
    samples: Samples,
    initial: dict[str, Tensor] | None,
    network: Callable[[Any], Network] | None,
) -> Task:
    if isinstance(config, MifnoTraining):
        waves = waves_folder(store, folder)
        return MifnoTask(config, store, waves, samples, initial=initial, build=network or make_network)
    assert frozen is not None
    if isinstance(config, FieldTraining):
        return FieldTask(config, FieldCache(folder, frozen, config.model.latent), samples, initial=initial)
    return DdpmTask(config, Stage1Cache(folder, frozen, config.model.latent), samples, initial=initial)


def _frozen_stage1(config: TrainingConfig, store: CampaignStore, stage1: str | None) -> FrozenStage1 | None:
    if isinstance(config, DdpmTraining | FieldTraining):
        if stage1 is None:
            raise InputError("--stage1", "nothing", "a model folder, a run, or simulation:SPACING")
        return FrozenStage1(store, stage1)
    if stage1 is not None:
        raise InputError("--stage1", stage1, "nothing when stage 1 itself is trained")
    return None
