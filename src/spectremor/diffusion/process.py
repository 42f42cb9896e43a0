"""The forward process, the loss, and the denoiser that a trained network is.

With a_t the share of signal in the variance at step t, x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e (Ho et al. 2020, eq. 4).
The network predicts the noise e or the velocity v = sqrt(a_t) e - sqrt(1 - a_t) x_0 (Salimans & Ho 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectremor.diffusion.config import ProcessConfig
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.schedule import alpha_bars, cosine_betas

#: (noisy latents, condition, step as a fraction of the process) -> noise or velocity.
Network = Callable[..., Tensor]


class NoiseProcess:
    """Adds noise to latents, and turns the output of a network into a loss or an estimate of the clean latents.

    Args:
        config: its length, and what the network predicts.
        betas: variance of the noise that each step adds (Ho et al. 2020, eq. 2); None: the cosine schedule.

    Attributes:
        alpha_bar: share of the variance that is signal, at each step of the process; float32, on the CPU.
    """

    def __init__(self, config: ProcessConfig, betas: Float[np.ndarray, " step"] | None = None) -> None:
        self.config = config
        table = alpha_bars(cosine_betas(config.train_steps) if betas is None else betas)
        self.alpha_bar = torch.from_numpy(table)
        # Of clean latents (step -1) and of all steps.
        signal = torch.from_numpy(np.concatenate([[1.0], table]))
        self._angles = torch.atan2((1 - signal).sqrt(), signal.sqrt())

    def loss(
        self,
        network: Network,
        clean: Float[Tensor, "b c n"],
        condition: Condition,
        step: Int[Tensor, " b"],
        noise: Float[Tensor, "b c n"],
    ) -> Float[Tensor, " b"]:
        """Loss of each item: the mean square error of the noise or velocity.

        Args:
            network: called with (noisy latents, condition, step as a fraction).
            clean: latents to be learned.
            condition: of the same batch.
            step: of the forward process, one per item.
            noise: standard normal.
        """
        noisy = self.noisy(clean, noise, step)
        target = self.true_velocity(clean, noise, step) if self.config.prediction == "velocity" else noise
        output = network(noisy, condition, self._fraction(step))
        return (output - target).square().mean(dim=(1, 2))

    def noisy(
        self, clean: Float[Tensor, "b c n"], noise: Float[Tensor, "b c n"], step: Int[Tensor, " b"]
    ) -> Float[Tensor, "b c n"]:
        """Latents at a step of the forward process (Ho et al. 2020, eq. 4)."""
        signal = self._signal(clean, step)
        return signal.sqrt() * clean + (1 - signal).sqrt() * noise

    def true_velocity(
        self, clean: Float[Tensor, "b c n"], noise: Float[Tensor, "b c n"], step: Int[Tensor, " b"]
    ) -> Float[Tensor, "b c n"]:
        """The velocity that a network should predict for these latents and this noise (Salimans & Ho 2022)."""
        signal = self._signal(clean, step)
        return signal.sqrt() * noise - (1 - signal).sqrt() * clean

    def _signal(self, like: Tensor, step: Tensor) -> Float[Tensor, "b 1 1"]:
        return self.alpha_bar.to(like)[step.to(like.device)][:, None, None]

    @property
    def last_step(self) -> int:
        """The noisiest step."""
        return self.config.train_steps - 1

    def denoise(
        self, network: Network, x: Float[Tensor, "b c n"], condition: Condition, step: int
    ) -> Float[Tensor, "b c n"]:
        """D(x, condition, step): the clean latents that the output of the network stands for."""
        fraction = self._fraction(torch.full((len(x),), step, device=x.device))
        output = network(x, condition, fraction)
        signal = float(self.alpha_bar[step])
        if self.config.prediction == "velocity":
            return signal**0.5 * x - (1 - signal) ** 0.5 * output
        return (x - (1 - signal) ** 0.5 * output) / signal**0.5

    def velocity(
        self,
        network: Network,
        x: Float[Tensor, "b c n"],
        condition: Condition,
        step: Int[Tensor, " b"],
        jump: Int[Tensor, " b"],
    ) -> Float[Tensor, "b c n"]:
        """The velocity, from a network with jumps, that covers `jump` steps in one evaluation."""
        return network(x, condition, self._fraction(step), jump.float() / self.config.train_steps)

    def moved(
        self,
        x: Float[Tensor, "b c n"],
        velocity: Float[Tensor, "b c n"],
        step: Int[Tensor, " b"],
        to: Int[Tensor, " b"],
    ) -> Float[Tensor, "b c n"]:
        """Latents at `step` taken along a velocity to `to`, as DDIM does (Song et al. 2021, eq. 12).

        In the angle whose cosine is the signal's part this is a rotation (Salimans & Ho 2022, appendix D).
        """
        angle = self._angle(step, to)
        return angle.cos() * x - angle.sin() * velocity

    def velocity_between(
        self, x: Float[Tensor, "b c n"], there: Float[Tensor, "b c n"], step: Int[Tensor, " b"], to: Int[Tensor, " b"]
    ) -> Float[Tensor, "b c n"]:
        """The velocity that takes latents at `step` to those at `to` in one step."""
        angle = self._angle(step, to)
        return (angle.cos() * x - there) / angle.sin()

    def _angle(self, step: Int[Tensor, " b"], to: Int[Tensor, " b"]) -> Float[Tensor, "b 1 1"]:
        """How much nearer to clean latents, at 0, `to` is: the angle whose cosine is the signal's part."""
        angles = self._angles.to(step.device)
        return (angles[step + 1] - angles[to + 1]).float()[:, None, None]

    def _fraction(self, step: Tensor) -> Tensor:
        return step.float() / self.last_step
