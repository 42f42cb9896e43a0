"""A Fourier layer that is linear in the waves and nonlinear in the ground.

Ground motion is linear in the source, and the ground enters the wave equation as a coefficient. So this layer treats
the waves h linearly and lets a context c, which knows the geology but not the moment tensor, decide pointwise what
happens to them:

    y = h S + (relu(c Wc + bc) * (K(h) W1)) W2

with K the factorised Fourier convolution: propagation by K, scattering by the gate, as in a Born series.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.feedforward import block_of
from spectremor.surrogate.initial import normal
from spectremor.surrogate.spectral import FactorisedConvolution


class GatedFourierLayer(nn.Module):
    """One layer, linear in its first argument.

    Args:
        width: channels of the waves.
        context: channels of the context.
        modes: modes kept along x, y and time.
        expansion: gates over width.
    """

    def __init__(self, width: int, context: int, modes: tuple[int, int, int], *, expansion: int) -> None:
        super().__init__()
        hidden = expansion * width
        self.convolution = FactorisedConvolution(width, width, modes)
        self.skip = nn.Linear(width, width, bias=False)
        self.weight1 = nn.Parameter(normal(width, hidden, scale=math.sqrt(1.0 / width)))
        self.gate = nn.Parameter(normal(context, hidden, scale=math.sqrt(1.0 / context)))
        self.gate_bias = nn.Parameter(torch.ones(hidden))
        self.weight2 = nn.Parameter(normal(hidden, width, scale=math.sqrt(0.1 / hidden)))
        with torch.no_grad():
            # Not `nn.init.eye_`, whose form for the meta device loads torch's compiler.
            self.skip.weight.copy_(torch.eye(width, device="cpu"))

    def forward(
        self, waves: Float[Tensor, "b x y t w"], context: Float[Tensor, "b x y t c"]
    ) -> Float[Tensor, "b x y t w"]:
        """Propagate and scatter the waves."""
        propagated = self.convolution(waves).flatten(0, 3)
        scattered = gate(propagated, context.flatten(0, 3), self.weight1, self.gate, self.gate_bias, self.weight2)
        return self.skip(waves) + scattered.view_as(waves)


def gate(
    x: Float[Tensor, "points w"], c: Float[Tensor, "points c"], w1: Tensor, wc: Tensor, bc: Tensor, w2: Tensor
) -> Float[Tensor, "points w"]:
    """(relu(c Wc + bc) * (x W1)) W2, whose hidden values are never kept."""
    gated: Tensor = _Gate.apply(x, c, w1, wc, bc, w2)
    return gated


def gate_bf16(
    x: Float[Tensor, "points w"], c: Float[Tensor, "points c"], w1: Tensor, wc: Tensor, bc: Tensor, w2: Tensor
) -> Float[Tensor, "points w"]:
    """As `gate`, in bfloat16 and with its hidden values kept, for training."""
    with torch.autocast(x.device.type, torch.bfloat16):
        hidden: Tensor = torch.addmm(bc, c, wc).relu() * (x @ w1)
        return (hidden @ w2).to(x.dtype)


class _Gate(torch.autograd.Function):
    """(relu(c Wc + bc) * (x W1)) W2 over rows, in blocks, the hidden values computed again for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor, w1: Tensor, wc: Tensor, bc: Tensor, w2: Tensor) -> Tensor:
        ctx.save_for_backward(x, c, w1, wc, bc, w2)
        out = x.new_empty(x.shape[0], w2.shape[1])
        block = block_of(x)
        for xs, cs, ys in zip(x.split(block), c.split(block), out.split(block), strict=True):
            gate = torch.addmm(bc, cs, wc).relu_()
            torch.mm(gate.mul_(xs @ w1), w2, out=ys)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        x, c, w1, wc, bc, w2 = ctx.saved_tensors
        grad = grad.contiguous()
        gx, gc = torch.empty_like(x), torch.empty_like(c)
        gw1, gwc, gbc, gw2 = (torch.zeros_like(w) for w in (w1, wc, bc, w2))
        block = block_of(x)
        blocks = (v.split(block) for v in (x, c, grad, gx, gc))
        for xs, cs, gs, gxs, gcs in zip(*blocks, strict=True):
            gate, value = torch.addmm(bc, cs, wc).relu_(), xs @ w1
            ghidden = gs @ w2.T
            gw2.addmm_((gate * value).T, gs)
            ggate = (ghidden * value).mul_(gate > 0)
            gvalue = ghidden.mul_(gate)
            gw1.addmm_(xs.T, gvalue)
            gwc.addmm_(cs.T, ggate)
            gbc += ggate.sum(0)
            torch.mm(gvalue, w1.T, out=gxs)
            torch.mm(ggate, wc.T, out=gcs)
        return gx, gc, gw1, gwc, gbc, gw2
