"""The weights of an earlier model that a training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
from torch import Tensor

from spectremor.core.errors import InputError
from spectremor.diffusion.config import DiffusionConfig, SamplingConfig
from spectremor.model.build import build_diffusion
from spectremor.model.folder import find_run_model, read_model_folder
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.training.config import DdpmTraining, FieldTraining, MifnoTraining, TrainingConfig
from spectremor.training.history import trainings


def initial_tensors(config: TrainingConfig, init: str | Path) -> dict[str, Tensor]:
    """The tensors, in an earlier model, of the stage that is trained.

    Raises:
        InputError: no such model, one without this stage, or one of another network.
    """
    part = "surrogate" if isinstance(config, MifnoTraining) else "diffusion"
    earlier = read_model_folder(find_run_model(init, "--init"))
    if part not in earlier.config.parts:
        raise InputError("--init", init, f"a model with a {part}")
    tensors = earlier.tensors()
    with earlier.errors_name_folder():
        # Built once here, so that unsound weights are refused before anything is written.
        if earlier.config.surrogate is not None and part == "surrogate":
            MifnoSurrogate.from_parts(earlier.config.surrogate, tensors[part])
        else:
            build_diffusion(earlier.config, tensors)
    if isinstance(config, FieldTraining):
        if not _network_of_sensors(earlier.config.parts[part], config):
            raise InputError("--init", init, f"a model whose {part} has this config's network, or that without a field")
        return tensors[part]
    if not _same_network(earlier.config.parts[part], config):
        plain = isinstance(config, DdpmTraining) and not config.model.network.jumps
        raise InputError("--init", init, f"a model whose {part} has this config's network{', without jumps' * plain}")
    return tensors[part]


def facts_of_initial(config: TrainingConfig, init: str | Path) -> dict[str, Any]:
    """What a run records of the model that it starts from."""
    # Of a folder the whole path: a run may be resumed from elsewhere.
    path = str(Path(init).resolve()) if Path(init).is_dir() else str(init)
    record = read_model_folder(find_run_model(init, "--init")).config.training
    return {"init": path, "before": trainings(record, config.stage)}


def _same_network(earlier: pydantic.BaseModel, config: TrainingConfig) -> bool:
    """Whether a training can start from weights of this config; settings of the sampling do not matter."""
    own = config.model
    if not isinstance(earlier, DiffusionConfig) or not isinstance(own, DiffusionConfig):
        return earlier == own
    return _of_weights(earlier) == _of_weights(own) and earlier.network.jumps <= own.network.jumps


def _network_of_sensors(earlier: pydantic.BaseModel, config: FieldTraining) -> bool:
    """Whether a network that sees the field can start from weights of this config, with a field or without."""
    if not isinstance(earlier, DiffusionConfig):
        return False
    field = config.model.field if earlier.field is not None else None
    own = config.model.model_copy(update={"field": field})
    return _of_weights(earlier) == _of_weights(own)


def _of_weights(config: DiffusionConfig) -> DiffusionConfig:
    """The config without settings that act on sampling alone, and without jumps, which a training can add."""
    latent = config.latent.model_copy(update={"keep_below_hz": 0.0})
    return config.without_jumps().model_copy(update={"latent": latent, "sampling": SamplingConfig()})
