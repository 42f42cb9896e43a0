"""From a model folder to a model: the one place where stages are put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spectremor.core.errors import InputError
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.stage import DiffusionStage
from spectremor.model.config import ModelConfig
from spectremor.model.folder import ModelFolder, read_model_folder
from spectremor.model.pipeline import GroundMotionModel
from spectremor.simulation.stage1 import CoarseSimulation
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.regional import RegionalOperator

if TYPE_CHECKING:
    from torch import Tensor

#: Tensors of each part, by name.
Tensors = Mapping[str, Mapping[str, "Tensor"]]


def load_model(folder: str | Path | ModelFolder | None = None) -> GroundMotionModel:
    """The model in a folder, or one that ships with the package.

    Args:
        folder: its path, the name of a model that ships, a folder that has been read already, or None for the default
            model.

    Raises:
        InputError: a missing, truncated or foreign file; nothing is ever unpickled.

    Example:
        >>> import spectremor as sp
        >>> sp.load_model().stage1.name
        'simulation at 300 m'
    """
    read = folder if isinstance(folder, ModelFolder) else read_model_folder(folder)
    read.require()
    tensors = read.tensors()
    with read.errors_name_folder():
        return build_model(read.config, tensors, model_id=f"{read.name}@{read.digest()}")


def build_model(config: ModelConfig, tensors: Tensors, *, model_id: str) -> GroundMotionModel:
    """A model from its config and its tensors.

    Args:
        config: with a stage 1.
        tensors: of each part.
        model_id: what its wavefields record.

    Raises:
        InputError: tensors that are missing, foreign, of another shape or not finite, or simulations of another
            solver's version.
    """
    return GroundMotionModel(
        stage1=build_stage1(config, tensors),
        diffusion=build_diffusion(config, tensors),
        model_id=model_id,
        recording=config.recording,
        trained_range=config.trained_range,
    )


def build_stage1(config: ModelConfig, tensors: Tensors) -> MifnoSurrogate | CoarseSimulation:
    """The first stage alone: a network with the simulation that it corrects, if any, or a simulation.

    Raises:
        InputError: as `build_model`, or no stage 1.
    """
    simulation = build_simulation(config, tensors)
    if config.surrogate is not None:
        simulate = None if simulation is None else simulation.velocity_at
        operator = MifnoSurrogate.from_parts(config.surrogate, tensors["surrogate"], simulate)
        return RegionalOperator(operator, simulation) if operator.any_sensors and simulation else operator
    if simulation is None:
        raise InputError("stage 1", "none", "a model with one")
    return simulation


def build_simulation(config: ModelConfig, tensors: Tensors) -> CoarseSimulation | None:
    """The model's simulation alone; None where it makes none.

    Raises:
        InputError: as `build_model`.
    """
    if config.simulation is None:
        return None
    return CoarseSimulation.from_parts(config.simulation, tensors["simulation"])


def build_diffusion(config: ModelConfig, tensors: Tensors) -> DiffusionStage | FieldStage | None:
    """The second stage alone; None where the model has none.

    Raises:
        InputError: as `build_model`.
    """
    if config.diffusion is None:
        return None
    kind = DiffusionStage if config.diffusion.field is None else FieldStage
    return kind.from_parts(config.diffusion, tensors["diffusion"])
