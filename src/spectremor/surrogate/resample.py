"""Resampling in Fourier space.

Two laws, both linear maps along an axis, so both are dense matrices here:

- `lowpass`: the published skip's. Of the half axis (the last of the three) it keeps only the lowest
  min(floor((n/2 + 1) / 2), floor(m / 2)) of the n/2 + 1 bins, so it is a low-pass even where the size stays.
- `band_limited`: keeps every wavenumber that both sizes can hold; the identity where the size stays.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from spectremor.surrogate.spectral import dft_matrices

Law = Literal["lowpass", "band_limited"]


def kept_bins(n_in: int, n_out: int, law: Law) -> int:
    """Bins of the half axis that survive resampling from n_in to n_out points."""
    if law == "lowpass":
        return min((n_in // 2 + 1) // 2, n_out // 2)
    return min(n_in, n_out) // 2 + 1


@functools.lru_cache(maxsize=256)
@torch.inference_mode(False)
def resample_factors(
    n_in: int, n_out: int, law: Law, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> tuple[Float[Tensor, "r n_in"], Float[Tensor, "n_out r"]]:
    """The resampling matrix of one axis as a thin product B A: coefficients = A x, result = B coefficients."""
    bins = kept_bins(n_in, n_out, law)
    forward, inverse = dft_matrices(n_in, n_out, bins, torch.float64)
    # `ortho` on both sides keeps energies; a resampled function keeps its values.
    return forward.to(device, dtype), (inverse * math.sqrt(n_out / n_in)).to(device, dtype)


def resample_last_axis(x: Float[Tensor, "*lead n c"], n_out: int, law: Law) -> Float[Tensor, "*lead m c"]:
    """Resample the last but one axis (the last one is channels) to n_out points."""
    if law == "band_limited" and n_out == x.shape[-2]:
        return x
    a, b = resample_factors(x.shape[-2], n_out, law, x.dtype, x.device)
    return torch.matmul(b, torch.matmul(a, x))


def resample_volume(x: Float[Tensor, "b x y z c"], size: tuple[int, int, int]) -> Float[Tensor, "b x2 y2 z2 c"]:
    """The published resampling (`lowpass`) of all three axes of a channels-last volume.

    Horizontally it keeps the lowest min(n, m)/2 wavenumbers of each sign: everything where the size stays.
    """
    n1, n2, n3 = x.shape[1:4]
    if (n1, n2) == size[:2] and n1 % 2 == 0 and n2 % 2 == 0:
        return resample_last_axis(x, size[2], "lowpass")
    k1, k2, k3 = min(n1, size[0]) // 2, min(n2, size[1]) // 2, kept_bins(n3, size[2], "lowpass")
    spectrum = torch.fft.rfftn(x, dim=(1, 2, 3), norm="forward")
    resampled = spectrum.new_zeros(x.shape[0], size[0], size[1], size[2] // 2 + 1, x.shape[-1])
    for i in (slice(0, k1), slice(-k1, None)):
        for j in (slice(0, k2), slice(-k2, None)):
            resampled[:, i, j, :k3] = spectrum[:, i, j, :k3]
    return torch.fft.irfftn(resampled, s=size, dim=(1, 2, 3), norm="forward")
