"""The training loop, for either stage, on one device or many.

Everything random is a function of (seed, step), so the state of a run is its weights, their average, the optimizer and
a few counters: resumed from a checkpoint it takes the very steps that it would have taken.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.core.files import atomic_file
from spectremor.core.seeds import derive_seed
from spectremor.training.batches import Batch, batches, check_readers
from spectremor.training.checkpoint import Progress, checkpoints, load_checkpoint, save_checkpoint
from spectremor.training.config import LoopConfig
from spectremor.training.logs import Log
from spectremor.training.processes import on_cpu
from spectremor.training.schedule import learning_rate
from spectremor.training.task import Task

BEST = "best.safetensors"
#: Steps that are timed at least, and a length that no timing comes to the end of.
_TIMED, _ENDLESS = 5, 1 << 40


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watch:
    """What the loop tells and asks while it runs.

    Attributes:
        stop: True when the run is to end at the next step (time over, a signal).
        on_step: called with the progress and the loss after every step.
        on_validation: called with the steps done and the scores.
        on_length: called with the number of steps of the whole training, before the first of them.
        on_prepare: called with what is computed once before training, and the fraction done.
    """

    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[Progress, float], None] = lambda _progress, _loss: None
    on_validation: Callable[[int, dict[str, float]], None] = lambda _step, _scores: None
    on_length: Callable[[int], None] = lambda _steps: None
    on_prepare: Callable[[str, float], None] = lambda _what, _fraction: None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call of `fit` ended.

    Attributes:
        progress: where the run stands.
        finished: nothing is left to do: all steps taken, or stopped early for good.
    """

    progress: Progress
    finished: bool


def fit(
    task: Task, config: LoopConfig, run: Path, watch: Watch, readers: int | None = None, *, prepared: bool = False
) -> Outcome:
    """Train, from the newest checkpoint of the run if it has one.

    Args:
        task: what to train.
        config: how.
        run: folder of the run.
        watch: who looks on.
        readers: processes that make batches ahead; None: none on processors, many beside a GPU.
        prepared: the task was prepared just now.
    """
    readers = check_readers(readers)
    accelerator = _accelerator()
    main = accelerator.is_main_process
    _check_share(config, accelerator.num_processes)
    rank, world = accelerator.process_index, accelerator.num_processes
    ready = prepared or task.prepare(rank, world, watch.stop, watch.on_prepare, readers)
    if _agree(accelerator, not ready):
        return Outcome(Progress(), finished=False)

    state = _State(accelerator, task, config, run, readers)
    progress, log = state.progress, Log(run, state.progress.step) if main else None
    watch.on_length(config.steps)
    started, before = time.monotonic(), progress.seconds
    finished = _done(progress, config)
    while not finished and not _agree(accelerator, watch.stop()):
        loss = state.step()
        progress.seconds = before + time.monotonic() - started
        watch.on_step(progress, loss)
        if progress.step % config.validate_every == 0 or progress.step == config.steps:
            scores = state.judge()
            if log is not None:
                _write_down(log, progress, state.rate, loss, scores)
                if progress.worse == 0:
                    state.keep_best(run)
            watch.on_validation(progress.step, scores)
        finished = _done(progress, config)
        if main and (progress.step % config.checkpoint_every == 0 or finished):
            state.save(run)

    if log is not None:
        if progress.step:
            state.save(run)
        log.close()
    state.batches.close()
    state.ema.copy_to(task.module.parameters())
    accelerator.wait_for_everyone()
    return Outcome(progress, finished)


def seconds_of_a_step(task: Task, config: LoopConfig, readers: int, *, longest_s: float) -> tuple[float, float]:
    """Seconds of a step of a fresh training here, and of what comes before the first.

    Args:
        task: prepared, not started; its weights are put back.
        config: of the training.
        readers: processes that make batches ahead.
        longest_s: after which no more steps are timed than are needed.
    """
    weights = {name: tensor.detach().clone() for name, tensor in task.module.state_dict().items()}
    begun = time.monotonic()
    state = _State(_accelerator(), task, config.model_copy(update={"steps": _ENDLESS}), None, readers)
    start = time.monotonic() - begun
    # The first step also loads and compiles. With readers steps come in rounds of as many: of these, whole ones.
    skipped, together = 1 + readers, max(1, readers)
    stamps = []
    while True:
        state.step()
        stamps.append(time.monotonic())
        count = len(stamps) - skipped
        enough = count >= _TIMED and (not readers or count >= 4 * readers or stamps[-1] - begun > longest_s)
        if enough and count % together == 0:
            break
    state.batches.close()
    task.module.zero_grad(set_to_none=True)
    task.module.load_state_dict(weights)
    each = sorted(b - a for a, b in itertools.pairwise(stamps[skipped - 1 :]))
    return (sum(each) / len(each) if readers else each[len(each) // 2]), start


def _accelerator() -> Any:
    # Said here, not taken from a launcher's settings: autocast around the whole task would reach its transforms.
    return need("accelerate", "train").Accelerator(cpu=on_cpu(), mixed_precision="no", gradient_accumulation_steps=1)


class _State:
    """What a training consists of on its way: weights, their average, the optimizer, where it stands.

    Fresh, or as the newest checkpoint of the run has it.
    """

    def __init__(self, accelerator: Any, task: Task, config: LoopConfig, run: Path | None, readers: int) -> None:
        self.accelerator, self.task, self.config = accelerator, task, config
        saved = [] if run is None else checkpoints(run)
        if not saved:
            task.start()
        task.module.to(accelerator.device)
        self.optimizer = torch.optim.AdamW(
            task.module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self.ema = _average(task, config)
        self.progress = Progress()
        if saved:
            averages = self.ema.shadow_params
            with torch.no_grad():
                loaded = load_checkpoint(saved[-1], task.module, averages, self.optimizer)
            self.progress, self.ema.optimization_step = loaded
        self.network = accelerator.prepare_model(task.module)
        rank, world = accelerator.process_index, accelerator.num_processes
        self.batches = batches(task, self.progress.step, config.steps, rank=rank, world=world, readers=readers)

    def step(self) -> float:
        """Take one step; its loss."""
        parameters, config, number = self.task.module.parameters, self.config, self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(number, config)
        torch.manual_seed(derive_seed(config.seed, "step", number, self.accelerator.process_index))
        loss = _gradient(self.accelerator, self.network, next(self.batches), config)
        norm = torch.nn.utils.clip_grad_norm_(parameters(), config.clip_norm or math.inf)
        # Before the weights change: a checkpoint must never hold anything but numbers.
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(
                f"the training loss is {loss} and its gradient's norm {float(norm)} at step {number + 1}; "
                "lower the learning rate"
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.ema.step(parameters())
        self.progress.step += 1
        return loss

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def judge(self) -> dict[str, float]:
        """Scores of the averaged weights; the progress remembers whether they are the best so far."""
        scores = _validate(self.accelerator, self.task, self.ema)
        progress = self.progress
        if scores["loss"] < progress.best_loss:
            progress.best_loss, progress.best_step, progress.worse = scores["loss"], progress.step, 0
        else:
            progress.worse += 1
        return scores

    def save(self, run: Path) -> None:
        """Write a checkpoint."""
        ema = self.ema
        save_checkpoint(run, self.progress, self.task.module, ema.shadow_params, ema.optimization_step, self.optimizer)

    def keep_best(self, run: Path) -> None:
        """Write the averaged weights down as the best so far."""
        state: dict[str, Tensor] = dict(self.task.module.state_dict())
        names = [name for name, _ in self.task.module.named_parameters()]
        state |= dict(zip(names, self.ema.shadow_params, strict=True))
        with atomic_file(run / BEST) as aside:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
            about = {"step": str(self.progress.step), "loss": repr(self.progress.best_loss)}
            save_file(tensors, aside, metadata=about)


def _write_down(log: Log, progress: Progress, rate: float, loss: float, scores: dict[str, float]) -> None:
    values = {"seconds": progress.seconds, "learning_rate": rate, "train_loss": loss}
    log.write(progress.step, values | {f"val_{name}": value for name, value in scores.items()})


def _check_share(config: LoopConfig, processes: int) -> None:
    """Refuse a batch that cannot be shared evenly: its mean would not be that of one process."""
    if config.batch % processes:
        raise InputError("batch", config.batch, f"a multiple of the number of processes, {processes}")


def _average(task: Task, config: LoopConfig) -> Any:
    # Imported here: it is slow to import, and only training needs it.
    from diffusers.training_utils import EMAModel

    parameters = list(task.module.parameters())
    # On a GPU all tensors at once; on processors the other way is as quick, and its bytes are on record.
    return EMAModel(parameters, decay=config.ema_decay, foreach=parameters[0].is_cuda)


def _gradient(accelerator: Any, network: Any, batch: Batch, config: LoopConfig) -> float:
    """Accumulate the gradient of the mean loss of a step; return that loss, averaged over processes."""
    count = len(next(iter(batch.values())))
    size = config.micro_batch or count
    network.train()
    total = torch.zeros((), device=accelerator.device)
    for start in range(0, count, size):
        part = {
            name: tensor[start : start + size].to(accelerator.device, non_blocking=True)
            for name, tensor in batch.items()
        }
        weight = len(next(iter(part.values()))) / count
        loss = network(**part) * weight
        accelerator.backward(loss)
        total += loss.detach()
    return float(accelerator.reduce(total, "mean"))


def _validate(accelerator: Any, task: Task, ema: Any) -> dict[str, float]:
    """Scores of the averaged weights, computed by the main process and told to all."""
    from accelerate.utils import broadcast_object_list

    scores: list[Any] = [None]
    if accelerator.is_main_process:
        own = [parameter.detach().clone() for parameter in task.module.parameters()]
        ema.copy_to(task.module.parameters())
        task.module.eval()
        with torch.no_grad():
            scores[0] = task.validate()
            for parameter, value in zip(task.module.parameters(), own, strict=True):
                parameter.copy_(value)
    if accelerator.num_processes > 1:
        broadcast_object_list(scores)
    return scores[0]


def _done(progress: Progress, config: LoopConfig) -> bool:
    return progress.step >= config.steps or bool(config.patience and progress.worse >= config.patience)


def _agree(accelerator: Any, stop: bool) -> bool:
    """Whether any process wants to stop; all of them then stop at the same step."""
    if accelerator.num_processes == 1:
        return stop
    wish = torch.tensor(float(stop), device=accelerator.device)
    return bool(accelerator.reduce(wish, "sum") > 0)
