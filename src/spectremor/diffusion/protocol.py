"""What a sampler sees of a denoiser, and nothing more."""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Condition:
    """What is known about a batch of traces before any noise is drawn.

    Attributes:
        traces: stage-1 traces as latents, shape (batch, component, latent), about unit variance.
        log_amplitude: log10 of the sensor's stage-1 amplitude over that of the whole field, shape (batch,).
    """

    traces: Float[Tensor, "b c n"]
    log_amplitude: Float[Tensor, " b"]


@runtime_checkable
class Denoiser(Protocol):
    """D(x, condition, step): the expected clean latents, given noisy ones at a step of the diffusion.

    Whether the network behind it predicts noise, velocity or the traces, and whether it looks at one sensor at a
    time or at all of them, stays behind this signature.
    """

    def __call__(self, x: Float[Tensor, "b c n"], condition: Condition, step: int) -> Float[Tensor, "b c n"]:
        """Estimate the clean latents.

        Args:
            x: noisy latents, shape (batch, component, latent).
            condition: of the same batch.
            step: of the forward process, from 0 (almost clean) to its last (almost pure noise).
        """
        ...
