"""One layer of the factorised Fourier neural operator: spectral branch + skip branch."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.feedforward import FeedForward, feed_forward
from spectremor.surrogate.resample import Law, resample_factors
from spectremor.surrogate.spectral import FactorisedConvolution


class FourierLayer(nn.Module):
    """y = feed-forward(sum of three Fourier convolutions of x) + resample(x W + b).

    Args:
        width: channels in and out.
        modes: modes kept along each axis.
        law: how the skip resamples the last axis.
        expansion: hidden width of the feed-forward over `width`.
        skip: False leaves the skip branch out (the last layer, whose skip the heads never read).
    """

    def __init__(
        self, width: int, modes: tuple[int, int, int], *, law: Law, expansion: int = 4, skip: bool = True
    ) -> None:
        super().__init__()
        self.law: Law = law
        self.convolution = FactorisedConvolution(width, width, modes)
        self.feed_forward = FeedForward(width, expansion * width, width)
        self.skip = nn.Linear(width, width) if skip else None

    def forward(self, x: Float[Tensor, "b x y t c"], length: int | None = None) -> Float[Tensor, "b x y t_new c"]:
        """Apply the layer; `length` is the new length of the last axis."""
        length = x.shape[3] if length is None else length
        ff, spectral = self.feed_forward, self.convolution(x, length)
        if self.skip is None:
            return ff(spectral)
        # Resampling keeps constants, so the skip's bias can wait for the feed-forward's.
        base = _mix_and_resample(x, self.skip.weight, length, self.law)
        return feed_forward(spectral, ff.weight1, ff.bias1, ff.weight2, ff.bias2 + self.skip.bias, base)

    def read_out(
        self,
        x: Float[Tensor, "b x y t c"],
        length: int,
        weight: Float[Tensor, "d c"],
        bias: Float[Tensor, " d"],
    ) -> Float[Tensor, "b x y t_new d"]:
        """Linear heads on the spectral branch alone, merged with the second product of the feed-forward."""
        ff, spectral = self.feed_forward, self.convolution(x, length)
        return feed_forward(spectral, ff.weight1, ff.bias1, ff.weight2 @ weight.T, ff.bias2 @ weight.T + bias)


def _mix_and_resample(x: Tensor, weight: Tensor, length: int, law: Law) -> Tensor:
    """X W^T resampled along the last axis; in the order that mixes there are fewest points."""
    if law == "band_limited" and length == x.shape[3]:
        return x @ weight.T
    a, b = resample_factors(x.shape[3], length, law, x.dtype, x.device)
    lead = x.shape[:3]
    coefficients = torch.bmm(a.expand(lead.numel(), -1, -1), x.flatten(0, 2)) @ weight.T
    return torch.bmm(b.expand(lead.numel(), -1, -1), coefficients)
