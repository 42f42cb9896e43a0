"""Factorised Fourier convolution (Tran et al. 2023, arXiv 2111.13802, eq. 9) by truncated dense transforms.

Along one axis of n points the convolution is: real Fourier transform, keep the lowest m modes, mix the channels of
each mode with a complex matrix, transform back. At the sizes of this model (n from 32 to 320, m at least n / 10) the
truncated transforms are small dense matrices, and a product with one of them, which yields the kept modes alone, costs
less than a fast transform of everything followed by slicing. So a layer is nothing but matrix products on a
channels-last volume, each laid out so that no transposed copy is needed:

    coefficients = F x        F: (2 m, n)
    mixed        = coefficients W   per mode
    y            = G mixed    G: (n', 2 m), n' != n resamples on the way

The backward pass is written by hand: it is the same products with the transposed matrices, accumulated in place.
On a processor samples are taken one by one, so a sample's result does not depend on its batch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.initial import normal


@functools.lru_cache(maxsize=256)
@torch.inference_mode(False)
def dft_matrices(
    n_in: int,
    n_out: int,
    modes: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    parts_first: bool = False,
) -> tuple[Tensor, Tensor]:
    """Truncated forward and inverse real Fourier transforms (`ortho`) as real matrices.

    Args:
        n_in: points of the input axis.
        n_out: points of the output axis.
        modes: how many of the lowest modes are kept; no more than both axes have.
        dtype: of the matrices (they are computed in float64).
        device: of the matrices.
        parts_first: order of coefficients: all real parts, then all imaginary parts, instead of mode by mode.

    Returns:
        F of shape (2 modes, n_in) and G of shape (n_out, 2 modes).
    """
    k = torch.arange(modes, dtype=torch.float64, device="cpu")
    weight = torch.full((modes,), 2.0, dtype=torch.float64, device="cpu")
    weight[0] = 1.0
    if n_out % 2 == 0 and modes > n_out // 2:
        weight[n_out // 2] = 1.0

    def waves(n: int) -> Tensor:
        angle = 2 * math.pi / n * torch.outer(torch.arange(n, dtype=torch.float64, device="cpu"), k)
        return torch.stack([angle.cos(), -angle.sin()], dim=1 if parts_first else 2) / math.sqrt(n)

    forward = waves(n_in).reshape(n_in, 2 * modes).T
    inverse = (waves(n_out) * (weight if parts_first else weight[:, None])).reshape(n_out, 2 * modes)
    return forward.contiguous().to(device, dtype), inverse.contiguous().to(device, dtype)


def kept_modes(modes: int, n_in: int, n_out: int) -> int:
    """Modes that survive on both axes."""
    return min(modes, n_in // 2 + 1, n_out // 2 + 1)


class FactorisedConvolution(nn.Module):
    """Sum of three Fourier convolutions, one along each axis of a channels-last volume.

    Where the last axis changes its length, only the convolution along it fills the new length; the other two keep the
    old length (the rest of their output is zero).

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        modes: modes kept along each of the three axes.
    """

    def __init__(self, channels_in: int, channels_out: int, modes: tuple[int, int, int]) -> None:
        super().__init__()
        self.modes = modes
        scale = math.sqrt(2.0 / (channels_in + channels_out)) / math.sqrt(2.0)
        self.weights = nn.ParameterList(
            nn.Parameter(normal(m, 2, channels_in, channels_out, scale=scale)) for m in modes
        )

    def forward(self, x: Float[Tensor, "b x y t c"], length: int | None = None) -> Float[Tensor, "b x y t_new d"]:
        """Convolve; `length` is the new length of the last axis (unchanged when None)."""
        out = x.shape[3] if length is None else length
        return _Convolve.apply(x.contiguous(), out, *self.weights)


class _Convolve(torch.autograd.Function):
    """The three convolutions and their adjoint, accumulated into one buffer."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, length: int, wx: Tensor, wy: Tensor, wt: Tensor) -> Tensor:
        b, nx, ny, nt, _ = x.shape
        y = x.new_empty(b, nx, ny, length, wt.shape[-1])
        blocks = _complex_blocks(wt, kept_modes(wt.shape[0], nt, length))
        needs_grad = any(ctx.needs_input_grad)
        common = min(nt, length)
        saved: list[Tensor] = []
        together = _together(x, length)
        for xs, ys in zip(_shares(x, together), _shares(y, together), strict=True):
            ct = _time_forward(xs.flatten(0, 1), ys.flatten(0, 1), blocks)
            cx = _plane_forward(_along_x(xs, common, together), _along_x(ys, common, together), wx)
            cy = _plane_forward(_along_y(xs, common), _along_y(ys, common), wy)
            if needs_grad:
                saved += [ct, cx, cy]
        ctx.save_for_backward(wx, wy, wt, *saved)
        ctx.shape, ctx.length = x.shape, length
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        wx, wy, wt, *saved = ctx.saved_tensors
        nt, common = ctx.shape[3], min(ctx.shape[3], ctx.length)
        grad = grad.contiguous()
        gx = grad.new_empty(ctx.shape)
        gwx, gwy, gwt = torch.zeros_like(wx), torch.zeros_like(wy), torch.zeros_like(wt)
        blocks = _complex_blocks(wt, kept_modes(wt.shape[0], nt, ctx.length))
        together = _together(gx, ctx.length)
        for i, (gs, gxs) in enumerate(zip(_shares(grad, together), _shares(gx, together), strict=True)):
            ct, cx, cy = saved[3 * i : 3 * i + 3]
            _time_backward(gs.flatten(0, 1), gxs.flatten(0, 1), ct, blocks, gwt)
            _plane_backward(_along_x(gs, common, together), _along_x(gxs, common, together), cx, wx, gwx)
            _plane_backward(_along_y(gs, common), _along_y(gxs, common), cy, wy, gwy)
        return gx, None, gwx, gwy, gwt


def _together(x: Tensor, length: int) -> bool:
    """Whether the samples of a batch go through the products together.

    A processor takes them one by one, which is quicker there (a sample stays in cache). A GPU takes the whole batch
    where the last axis keeps its length; else the rows of several samples are not evenly spaced.
    """
    return x.device.type != "cpu" and x.shape[3] == length


def _shares(volume: Tensor, together: bool) -> Sequence[Tensor]:
    """The parts of a batch that go through the products one after the other."""
    return (volume,) if together else volume.split(1)


def _along_x(volume: Tensor, common: int, together: bool) -> Float[Tensor, "p n t c"]:
    """A share with x second: rows over (y, time), or one sample's y by y."""
    b, nx, ny, nt, c = volume.shape
    return volume.view(b, nx, ny * nt, c) if together else volume[0].transpose(0, 1)[:, :, :common]


def _along_y(volume: Tensor, common: int) -> Float[Tensor, "p n t c"]:
    """A share with y second."""
    return volume.flatten(0, 1)[:, :, :common]


def _complex_blocks(weight: Tensor, modes: int) -> Tensor:
    """(modes, 2 in, 2 out) real matrices that multiply (real, imaginary) row vectors by complex weights."""
    re, im = weight[:modes, 0], weight[:modes, 1]
    return torch.cat([torch.cat([re, im], dim=2), torch.cat([-im, re], dim=2)], dim=1)


def _time_forward(x: Tensor, y: Tensor, blocks: Tensor) -> Tensor:
    """Convolve along the last axis of x (p, q, n, c) into y (p, q, n', d); return the coefficients (pq, modes, 2c)."""
    p, q, n, c = x.shape
    n_out, d = y.shape[2:]
    m = blocks.shape[0]
    f, g = dft_matrices(n, n_out, m, x.dtype, x.device)
    coefficients = torch.bmm(f.expand(p * q, -1, -1), x.view(p * q, n, c)).view(p * q, m, 2 * c)
    mixed = x.new_empty(p * q, m, 2 * d)
    torch.bmm(coefficients.transpose(0, 1), blocks, out=mixed.transpose(0, 1))
    torch.bmm(g.expand(p * q, -1, -1), mixed.view(p * q, 2 * m, d), out=y.view(p * q, n_out, d))
    return coefficients


def _time_backward(gy: Tensor, gx: Tensor, coefficients: Tensor, blocks: Tensor, gw: Tensor) -> None:
    """Adjoint of `_time_forward`: writes gx, adds to gw (modes, 2, c, d)."""
    p, q, n_out, d = gy.shape
    n, c = gx.shape[2:]
    m = blocks.shape[0]
    f, g = dft_matrices(n, n_out, m, gx.dtype, gx.device)
    gmixed = torch.bmm(g.T.expand(p * q, -1, -1), gy.view(p * q, n_out, d)).view(p * q, m, 2 * d)
    gblocks = torch.bmm(coefficients.permute(1, 2, 0), gmixed.transpose(0, 1))
    gw[:m, 0] += gblocks[:, :c, :d] + gblocks[:, c:, d:]
    gw[:m, 1] += gblocks[:, :c, d:] - gblocks[:, c:, :d]
    gcoefficients = gx.new_empty(p * q, m, 2 * c)
    torch.bmm(gmixed.transpose(0, 1), blocks.transpose(1, 2), out=gcoefficients.transpose(0, 1))
    torch.bmm(f.T.expand(p * q, -1, -1), gcoefficients.view(p * q, 2 * m, c), out=gx.view(p * q, n, c))


def _plane_forward(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Convolve along axis 1 of x (p, n, t, c), add to y (p, n, t, d); return the coefficients (2, modes, pt, c).

    Both may be views with axes 0 and 1 transposed and with rows (t, c) that are a part of a longer row.
    """
    p, n, t, c = x.shape
    d, m = y.shape[-1], kept_modes(weight.shape[0], n, n)
    f, g = dft_matrices(n, n, m, x.dtype, x.device, parts_first=True)
    coefficients = x.new_empty(2, m, p * t, c)
    torch.bmm(f.expand(p, -1, -1), x.view(p, n, t * c), out=coefficients.view(2 * m, p, t * c).transpose(0, 1))
    mixed = _mix(coefficients, weight[:m, 0], weight[:m, 1])
    y.view(p, n, t * d).baddbmm_(g.expand(p, -1, -1), mixed.view(2 * m, p, t * d).transpose(0, 1))
    return coefficients


def _plane_backward(gy: Tensor, gx: Tensor, coefficients: Tensor, weight: Tensor, gw: Tensor) -> None:
    """Adjoint of `_plane_forward`: adds to gx and to gw (modes, 2, c, d)."""
    p, n, t, d = gy.shape
    c, m = gx.shape[-1], kept_modes(weight.shape[0], n, n)
    f, g = dft_matrices(n, n, m, gx.dtype, gx.device, parts_first=True)
    gmixed = gx.new_empty(2, m, p * t, d)
    torch.bmm(g.T.expand(p, -1, -1), gy.view(p, n, t * d), out=gmixed.view(2 * m, p, t * d).transpose(0, 1))
    real, imaginary = coefficients.transpose(2, 3)
    gw[:m, 0] += torch.bmm(real, gmixed[0]).baddbmm_(imaginary, gmixed[1])
    gw[:m, 1] += torch.bmm(real, gmixed[1]).baddbmm_(imaginary, gmixed[0], alpha=-1)
    gcoefficients = _mix(gmixed, weight[:m, 0].transpose(1, 2), weight[:m, 1].transpose(1, 2), sign=-1)
    gx.view(p, n, t * c).baddbmm_(f.T.expand(p, -1, -1), gcoefficients.view(2 * m, p, t * c).transpose(0, 1))


def _mix(coefficients: Tensor, re: Tensor, im: Tensor, sign: int = 1) -> Tensor:
    """Complex product of each mode's rows (2, modes, rows, c) with its matrix re + i sign im (modes, c, d)."""
    real, imaginary = coefficients
    mixed = coefficients.new_empty(*coefficients.shape[:3], re.shape[-1])
    torch.bmm(real, re, out=mixed[0])
    mixed[0].baddbmm_(imaginary, im, alpha=-sign)
    torch.bmm(imaginary, re, out=mixed[1])
    mixed[1].baddbmm_(real, im, alpha=sign)
    return mixed
