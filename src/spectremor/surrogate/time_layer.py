"""A layer along time alone, linear in the waves and steered by the ground: `gated` for one sensor at a time."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.gated import gate, gate_bf16
from spectremor.surrogate.initial import normal
from spectremor.surrogate.spectral import dft_matrices


class GatedTimeLayer(nn.Module):
    """One layer, linear in its first argument: y = h S + (relu(c Wc + bc) * (K(h) W1)) W2.

    K is a Fourier convolution along time, channel by channel, the same at all sensors; W1 mixes the channels.

    Args:
        width: channels of the waves.
        context: channels of the context.
        modes: Fourier modes kept along time.
        expansion: gates over width.
    """

    def __init__(self, width: int, context: int, modes: int, *, expansion: int) -> None:
        super().__init__()
        hidden = expansion * width
        self.modes = modes
        self.kernel = nn.Parameter(normal(modes, 2, width, scale=math.sqrt(0.5)))
        self.skip = nn.Linear(width, width, bias=False)
        self.weight1 = nn.Parameter(normal(width, hidden, scale=math.sqrt(1.0 / width)))
        self.gate = nn.Parameter(normal(context, hidden, scale=math.sqrt(1.0 / context)))
        self.gate_bias = nn.Parameter(torch.ones(hidden))
        self.weight2 = nn.Parameter(normal(hidden, width, scale=math.sqrt(0.1 / hidden)))
        with torch.no_grad():
            # Not `nn.init.eye_`, whose form for the meta device loads torch's compiler.
            self.skip.weight.copy_(torch.eye(width, device="cpu"))

    def forward(
        self, waves: Float[Tensor, "n t w"], context: Float[Tensor, "n t c"], *, bf16: bool = False
    ) -> Float[Tensor, "n t w"]:
        """Propagate and scatter the waves of each sensor; the pointwise network in bfloat16 if asked."""
        moved, steering = self._convolved(waves).flatten(0, 1), context.flatten(0, 1)
        weights = self.weight1, self.gate, self.gate_bias, self.weight2
        scattered = gate_bf16(moved, steering, *weights) if bf16 else gate(moved, steering, *weights)
        return self.skip(waves) + scattered.view_as(waves)

    def _convolved(self, waves: Float[Tensor, "n t w"]) -> Float[Tensor, "n t w"]:
        n, steps, width = waves.shape
        forward, inverse = dft_matrices(steps, steps, self.modes, waves.dtype, waves.device)
        real, imaginary = (forward @ waves).view(n, self.modes, 2, width).unbind(dim=2)
        re, im = self.kernel.unbind(dim=1)
        moved = torch.stack([real * re - imaginary * im, real * im + imaginary * re], dim=2)
        return inverse @ moved.view(n, 2 * self.modes, width)
