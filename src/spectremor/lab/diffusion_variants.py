"""Variants of the diffusion stage for ablations, passed to a training as objects."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.denoiser import COMPONENTS, UNet1d
from spectremor.diffusion.process import NoiseProcess
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.stage import DiffusionStage

#: First and last beta of the linear schedule (Ho et al. 2020, section 4).
LINEAR_BETAS = (1e-4, 0.02)


def linear_betas(train_steps: int) -> Float[np.ndarray, " step"]:
    """The linear noise schedule (Ho et al. 2020, section 4)."""
    return np.linspace(*LINEAR_BETAS, train_steps)


def stage_of_linear_noise(config: DiffusionConfig) -> DiffusionStage:
    """A diffusion stage with random weights whose noise follows the linear schedule instead of the cosine one."""
    return DiffusionStage(config, process=NoiseProcess(config.process, linear_betas(config.process.train_steps)))


class BlindUNet(UNet1d):
    """The U-Net without the traces of stage 1 as input; each sensor's amplitude is still an input."""

    channels_seen = COMPONENTS

    def seen(self, x: Float[Tensor, "b 3 n"], condition: Condition) -> Float[Tensor, "b channel n"]:
        """The noisy latents alone."""
        del condition
        return x


class BlindStage(DiffusionStage):
    """The diffusion stage without the traces of stage 1 as its condition.

    Args:
        config: as of `DiffusionStage`.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__(config, network=BlindUNet(config.network))

    def onset_weights(self, stage1: Float[Tensor, "b 3 time"]) -> Float[Tensor, "b 1 time"]:
        """One everywhere: a stage that does not see stage 1 does not use its arrival times either."""
        return torch.ones_like(stage1[:, :1])
