"""Pointwise two-layer network, the costliest part of a Fourier layer, computed block by block.

The hidden volume, four times the width, never exists as a whole: a block of points passes through both products while
it is in cache. The backward pass computes the hidden block again instead of storing it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.initial import normal

#: Points per block on a processor: hidden values of a block fit the cache of one core.
BLOCK = 4096
#: On a GPU, which is busy only with many points at once: hidden values of a few hundred MB.
BLOCK_GPU = 1 << 20


def block_of(x: Tensor) -> int:
    """Points per block where this tensor lives."""
    return BLOCK if x.device.type == "cpu" else BLOCK_GPU


class FeedForward(nn.Module):
    """y = relu(x W1 + b1) W2 + b2 over the last axis, optionally added to a volume that the caller gives up.

    Args:
        channels_in: channels of the input.
        hidden: channels between the two products.
        channels_out: channels of the output.
    """

    def __init__(self, channels_in: int, hidden: int, channels_out: int) -> None:
        super().__init__()
        self.weight1 = nn.Parameter(normal(channels_in, hidden, scale=math.sqrt(2.0 / channels_in)))
        self.bias1 = nn.Parameter(torch.zeros(hidden))
        self.weight2 = nn.Parameter(normal(hidden, channels_out, scale=math.sqrt(1.0 / hidden)))
        self.bias2 = nn.Parameter(torch.zeros(channels_out))

    def forward(self, x: Float[Tensor, "*points c"], add_to: Float[Tensor, "... d"] | None = None) -> Tensor:
        """Apply the network; with `add_to`, the result is added to it in place."""
        return feed_forward(x, self.weight1, self.bias1, self.weight2, self.bias2, add_to)


def feed_forward(
    x: Float[Tensor, "*points c"],
    weight1: Float[Tensor, "c h"],
    bias1: Float[Tensor, " h"],
    weight2: Float[Tensor, "h d"],
    bias2: Float[Tensor, " d"],
    add_to: Float[Tensor, "... d"] | None = None,
) -> Float[Tensor, "*points d"]:
    """relu(x W1 + b1) W2 + b2 (+ add_to, of any shape with as many values, whose storage is reused for the result)."""
    # Autograd copies the gradient of a view that is changed in place, so `add_to` is flattened inside.
    flat = _FeedForward.apply(add_to, x.reshape(-1, x.shape[-1]), weight1, bias1, weight2, bias2)
    return flat.view(*x.shape[:-1], weight2.shape[1])


class _FeedForward(torch.autograd.Function):
    """Forward and backward in blocks of points."""

    @staticmethod
    def forward(ctx: Any, base: Tensor | None, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
        # A volume changed in place must come first: autograd counts on it where that volume is a view.
        ctx.save_for_backward(x, w1, b1, w2)
        if base is None:
            out = x.new_empty(x.shape[0], w2.shape[1])
        else:
            ctx.mark_dirty(base)
            out = base.view(-1, base.shape[-1])
        block = block_of(x)
        hidden = x.new_empty(min(block, x.shape[0]), w1.shape[1])
        for xs, ys in zip(x.split(block), out.split(block), strict=True):
            h = torch.addmm(b1, xs, w1, out=hidden[: xs.shape[0]]).relu_()
            if base is None:
                torch.addmm(b2, h, w2, out=ys)
            else:
                ys.addmm_(h, w2).add_(b2)
        return out if base is None else base

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, w1, b1, w2 = ctx.saved_tensors
        shape, grad = grad.shape, grad.contiguous().view(-1, grad.shape[-1])
        gx = torch.empty_like(x)
        gw1, gw2, gb1 = torch.zeros_like(w1), torch.zeros_like(w2), torch.zeros_like(b1)
        block = block_of(x)
        hidden = x.new_empty(min(block, x.shape[0]), w1.shape[1])
        ghidden = torch.empty_like(hidden)
        for xs, gs, gxs in zip(x.split(block), grad.split(block), gx.split(block), strict=True):
            h = torch.addmm(b1, xs, w1, out=hidden[: xs.shape[0]]).relu_()
            gw2.addmm_(h.T, gs)
            gh = torch.mm(gs, w2.T, out=ghidden[: xs.shape[0]])
            gh = torch.ops.aten.threshold_backward.grad_input(gh, h, 0.0, grad_input=gh)
            gw1.addmm_(xs.T, gh)
            gb1 += gh.sum(0)
            torch.mm(gh, w1.T, out=gxs)
        return (grad.view(shape) if ctx.needs_input_grad[0] else None), gx, gw1, gb1, gw2, grad.sum(0)
