"""One call that trains a stage: from a config and a store to a run with a model folder."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pydantic
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.core.files import locked
from spectremor.data.store import CampaignStore
from spectremor.diffusion.config import DiffusionConfig, SamplingConfig
from spectremor.model.build import build_diffusion
from spectremor.model.folder import find_run_model, read_model_folder
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.training.batches import check_readers
from spectremor.training.checkpoint import Progress
from spectremor.training.config import DdpmTraining, MifnoTraining, TrainingConfig
from spectremor.training.ddpm import DdpmTask
from spectremor.training.export import export_best
from spectremor.training.history import trainings
from spectremor.training.loop import BEST, Outcome, Watch, fit
from spectremor.training.mifno import MifnoTask, check_training_campaign
from spectremor.training.pace import affordable_steps, shortened
from spectremor.training.processes import processes
from spectremor.training.run_folder import (
    BUDGET,
    check_run,
    is_run,
    record_run,
    recorded_init,
    with_recorded_length,
)
from spectremor.training.stage1_cache import FrozenStage1, Stage1Cache, check_cache
from spectremor.training.task import Task


def train(
    config: TrainingConfig,
    data: str | Path,
    out: str | Path,
    *,
    stage1: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    budget: float | None = None,
    cache: str | Path | None = None,
    init: str | Path | None = None,
    readers: int | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Train a stage.

    Args:
        config: of the run.
        data: campaign store.
        out: folder of the run; its `model` is the result.
        stage1: for the diffusion stage: a model folder, a run, the name of a model that ships, or `simulation:SPACING`.
        resume: go on with the run in `out`; a run that was killed takes the steps that it would have taken.
        minutes: stop after about so long, in a state that can be resumed.
        budget: minutes for a new training as a whole: it takes as many of the config's steps as fit into them, and the
            learning rate falls over these. What is resumed keeps its length.
        cache: folder for what is computed once (by default beside the store).
        init: a model folder, a run or the name of a model that ships, of the same network, whose weights a new run
            starts from; a run that is resumed knows its own.
        readers: processes that make batches ahead; None: none on processors, many beside a GPU.
        watch: who looks on.

    Raises:
        InputError: a config, store, folder or stage 1 that does not fit.
    """
    begun = time.monotonic()
    for name, value in (("--minutes", minutes), ("--budget", budget)):
        if value is not None and not value > 0:
            raise InputError(name, value, "a positive number")
    if budget is not None and processes().num_processes > 1:
        raise InputError("--budget", budget, "one process; of several, --minutes stops them")
    for name, model in (("--init", init), ("--stage1", stage1)):
        # A name that ships would be this run's own when it goes on.
        if model is not None and Path(model).resolve() == Path(out).resolve():
            raise InputError(name, model, "another folder than --out")
    readers = check_readers(readers)
    store = CampaignStore.open(data)
    kept = Path(cache) if cache is not None else store.path.with_name(f"{store.path.name}.cache")
    check_cache(kept)
    frozen = _frozen(config, store, stage1)
    if resume and init is None:
        init = recorded_init(Path(out))
    initial = _initial(config, init)
    facts = _facts(config, store, frozen, init)
    if isinstance(config, MifnoTraining):
        check_training_campaign(store, config)
    run = Path(out)
    known = is_run(run)
    if resume:
        config = with_recorded_length(run, config)
    with processes().main_process_first():
        # The others go on with the run that the first has just begun.
        facts = check_run(run, config, facts, resume=resume or not processes().is_main_process)
        # What a task refuses leaves no run behind, which would stand in the way of the corrected command.
        task = _task(config, store, kept, frozen, facts, initial)
        new = budget is not None and not known
        if new:
            run.mkdir(parents=True, exist_ok=True)
        else:
            record_run(run, config, facts)
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    asking = watch or Watch()
    with _alone(run), _asked_to_stop() as asked:
        late = lambda: asked.is_set() or asking.stop() or (deadline is not None and time.monotonic() >= deadline)  # noqa: E731
        watch = replace(asking, stop=late)
        if new:
            assert budget is not None
            if is_run(run):
                raise InputError("--out", run, "a new folder; another command has just begun a run there")
            laid = _within(task, config, begun + 60 * budget, readers, watch)
            if laid is None:
                return Outcome(Progress(), finished=False)
            config = laid
            record_run(run, config, facts | {BUDGET: budget})
        outcome = fit(task, config, run, watch, readers, prepared=new)
        if (run / BEST).is_file() and processes().is_main_process:
            export_best(run, task, config, facts)
    return outcome


def _within(task: Task, config: TrainingConfig, end: float, readers: int, watch: Watch) -> TrainingConfig | None:
    """The config with as many steps as can be taken until `end`, the task prepared; None when asked to stop before."""
    if not task.prepare(0, 1, watch.stop, watch.on_prepare, readers):
        return None
    watch.on_prepare("timing a few steps", 1.0)
    left = max(0.0, end - time.monotonic()) / 60
    steps = affordable_steps(task, config, left, readers=readers, validate_every=config.validate_every)
    return shortened(config, steps)


def _task(
    config: TrainingConfig,
    store: CampaignStore,
    cache: Path,
    frozen: FrozenStage1 | None,
    facts: dict[str, Any],
    initial: dict[str, Tensor] | None,
) -> Task:
    ids = facts["train_ids"], facts["val_ids"]
    if isinstance(config, MifnoTraining):
        return MifnoTask(config, store, cache / f"direct_waves-{_campaign_digest(store)}", *ids, initial)
    assert frozen is not None
    return DdpmTask(config, store, Stage1Cache(cache, frozen, config.model.latent), *ids, initial)


def _initial(config: TrainingConfig, init: str | Path | None) -> dict[str, Tensor] | None:
    """Tensors of an earlier model's stage."""
    if init is None:
        return None
    part = "surrogate" if isinstance(config, MifnoTraining) else "diffusion"
    earlier = read_model_folder(find_run_model(init, "--init"))
    if part not in earlier.config.parts:
        raise InputError("--init", init, f"a model with a {part}")
    tensors = earlier.tensors()
    with earlier.errors_name_folder():
        # What is wrong with the weights shows before anything is written.
        if earlier.config.surrogate is not None and part == "surrogate":
            MifnoSurrogate.from_parts(earlier.config.surrogate, tensors[part])
        else:
            build_diffusion(earlier.config, tensors)
    if not _same_network(earlier.config.parts[part], config):
        plain = isinstance(config, DdpmTraining) and not config.model.network.jumps
        raise InputError("--init", init, f"a model whose {part} has this config's network{', without jumps' * plain}")
    return tensors[part]


def _same_network(earlier: pydantic.BaseModel, config: TrainingConfig) -> bool:
    """Whether a training can start from these weights; how a stage is sampled is no matter of its weights."""
    wanted = config.model
    if not isinstance(earlier, DiffusionConfig) or not isinstance(wanted, DiffusionConfig):
        return earlier == wanted
    return _trained(earlier) == _trained(wanted) and earlier.network.jumps <= wanted.network.jumps


def _trained(config: DiffusionConfig) -> DiffusionConfig:
    """Without what acts on sampling alone, and without jumps, which a training can begin to learn."""
    latent = config.latent.model_copy(update={"keep_below_hz": 0.0})
    return config.without_jumps().model_copy(update={"latent": latent, "sampling": SamplingConfig()})


def _campaign_digest(store: CampaignStore) -> str:
    """Of what its samples are made from: two campaigns may share a cache folder."""
    made_from = json.dumps(dict(store.attrs), sort_keys=True, default=str) + str(store.path.resolve())
    return hashlib.blake2b(made_from.encode(), digest_size=8).hexdigest()


def _frozen(config: TrainingConfig, store: CampaignStore, stage1: str | None) -> FrozenStage1 | None:
    if isinstance(config, DdpmTraining):
        if stage1 is None:
            raise InputError("--stage1", "nothing", "a model folder, a run, or simulation:SPACING")
        return FrozenStage1(store, stage1)
    if stage1 is not None:
        raise InputError("--stage1", stage1, "nothing when stage 1 itself is trained")
    return None


def _facts(
    config: TrainingConfig, store: CampaignStore, frozen: FrozenStage1 | None, init: str | Path | None
) -> dict[str, Any]:
    """What a run records of what it learns from."""
    facts: dict[str, Any] = {"store": str(store.path.resolve())}
    facts |= {f"{split}_ids": store.ids(split).tolist() for split in ("train", "val")}
    facts["train_ids"] = facts["train_ids"][: config.train_samples or None]
    if frozen is not None:
        facts |= {"stage1": frozen.digest, "earlier": frozen.history}
    if init is not None:
        # Of a folder the whole path: a run may be resumed from elsewhere.
        path = str(Path(init).resolve()) if Path(init).is_dir() else str(init)
        facts |= {
            "init": path,
            "before": trainings(read_model_folder(find_run_model(init, "--init")).config.training, config.stage),
        }
    if not facts["train_ids"] or not facts["val_ids"]:
        found = f"{len(facts['train_ids'])} complete samples to train on, {len(facts['val_ids'])} for validation"
        raise InputError("--data", found, "at least one of each")
    return facts


def _alone(run: Path) -> AbstractContextManager[None]:
    """The run's lock: two commands in one run would take away each other's checkpoints."""
    if not processes().is_main_process:
        return nullcontext()
    return locked(run, field="--out", allowed="a run that no other command is training")


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; a second one ends the process as usual."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def remember(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, remember)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
