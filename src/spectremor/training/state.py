"""The state of a training, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from spectremor.core.extras import need
from spectremor.core.files import atomic_file
from spectremor.core.seeds import derive_seed
from spectremor.training.batches import Batch, batches
from spectremor.training.checkpoint import Progress, checkpoints, load_checkpoint, save_checkpoint
from spectremor.training.config import LoopConfig
from spectremor.training.processes import on_cpu
from spectremor.training.run_folder import BEST
from spectremor.training.schedule import learning_rate
from spectremor.training.task import Task


def make_accelerator() -> Any:
    """The device or devices that this process trains on, in full precision."""
    # Fixed here, whatever a launcher says: autocast around the whole task would also reach its Fourier transforms.
    return need("accelerate", "train").Accelerator(cpu=on_cpu(), mixed_precision="no", gradient_accumulation_steps=1)


class TrainingState:
    """Weights, their running average, the optimizer, and where the training stands.

    Args:
        accelerator: from `make_accelerator`.
        task: what is trained; prepared.
        config: how.
        run: folder whose newest checkpoint the state is taken from; None, or one without a checkpoint: a fresh state.
        readers: processes that make batches ahead.
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
        self.average = _average(task, config)
        self.progress = Progress()
        if saved:
            with torch.no_grad():
                self.progress, self.average.optimization_step = load_checkpoint(
                    saved[-1], task.module, self.average.shadow_params, self.optimizer
                )
        self.network = accelerator.prepare_model(task.module)
        rank, world = accelerator.process_index, accelerator.num_processes
        self.batches = batches(task, self.progress.step, config.steps, rank=rank, world=world, readers=readers)

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self) -> float:
        """Take one step; returns its loss.

        Raises:
            FloatingPointError: a loss or gradient that is no finite number; the weights are left as they were.
        """
        config, step = self.config, self.progress.step
        parameters = list(self.task.module.parameters())
        # The learning rate and everything random follow from the step's number alone.
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        torch.manual_seed(derive_seed(config.seed, "step", step, self.accelerator.process_index))
        # Gradient of the mean loss.
        loss = self._accumulate_gradient(next(self.batches))
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm or math.inf)
        # Checked before the weights change: a checkpoint must never hold NaN.
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(
                f"the training loss is {loss} and its gradient's norm {float(norm)} at step {step + 1}; "
                "lower the learning rate"
            )
        # Weights, then their average.
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.step(parameters)
        self.progress.step += 1
        return loss

    def _accumulate_gradient(self, batch: Batch) -> float:
        """Add up the gradient of the mean loss over micro-batches; returns that loss, averaged over processes."""
        device = self.accelerator.device
        count = len(next(iter(batch.values())))
        size = self.config.micro_batch or count
        self.network.train()
        total = torch.zeros((), device=device)
        for start in range(0, count, size):
            part = {name: tensor[start : start + size].to(device, non_blocking=True) for name, tensor in batch.items()}
            loss = self.network(**part) * (len(next(iter(part.values()))) / count)
            self.accelerator.backward(loss)
            total += loss.detach()
        return float(self.accelerator.reduce(total, "mean"))

    def judge(self, validate: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Scores of the averaged weights; the progress remembers whether they are the best so far.

        Args:
            validate: called while the task's module has these weights.
        """
        scores = self._with_averaged_weights(validate)
        progress = self.progress
        if scores["loss"] < progress.best_loss:
            progress.best_loss, progress.best_step, progress.worse = scores["loss"], progress.step, 0
        else:
            progress.worse += 1
        return scores

    def _with_averaged_weights(self, validate: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Scores of the averaged weights, computed by the main process and sent to all."""
        from accelerate.utils import broadcast_object_list

        scores: list[Any] = [None]
        if self.accelerator.is_main_process:
            module = self.task.module
            own = [parameter.detach().clone() for parameter in module.parameters()]
            self.average.copy_to(module.parameters())
            module.eval()
            with torch.no_grad():
                scores[0] = validate()
                for parameter, value in zip(module.parameters(), own, strict=True):
                    parameter.copy_(value)
        if self.accelerator.num_processes > 1:
            broadcast_object_list(scores)
        result: dict[str, float] = scores[0]
        return result

    def averaged(self) -> dict[str, Tensor]:
        """The module's state with the averaged weights in the place of its own; shares memory with both."""
        names = [name for name, _ in self.task.module.named_parameters()]
        return self.task.module.state_dict() | dict(zip(names, self.average.shadow_params, strict=True))

    def save(self, run: Path) -> None:
        """Write a checkpoint."""
        average = self.average
        save_checkpoint(
            run, self.progress, self.task.module, average.shadow_params, average.optimization_step, self.optimizer
        )

    def keep_best(self, run: Path) -> None:
        """Write the averaged weights down as the best so far."""
        with atomic_file(run / BEST) as aside:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.averaged().items()}
            about = {"step": str(self.progress.step), "loss": repr(self.progress.best_loss)}
            save_file(tensors, aside, metadata=about)

    def close(self) -> None:
        """End the readers, and leave the averaged weights in the task's module."""
        self.batches.close()
        self.average.copy_to(self.task.module.parameters())


def _average(task: Task, config: LoopConfig) -> Any:
    # Imported here: it is slow to import, and only training needs it.
    from diffusers.training_utils import EMAModel

    parameters = list(task.module.parameters())
    # On a GPU all tensors at once. On a CPU one by one: as fast, and stored results depend on its exact bytes.
    return EMAModel(parameters, decay=config.ema_decay, foreach=parameters[0].is_cuda)
