r"""The Morlet wavelet transform of short traces, as products with small matrices.

Kristekova et al. (2006, doi:10.1785/0120060012, eq. 4), discretised as the published goodness-of-fit figures
are: with scale a = w0 / (2 pi f), the transform of a trace s of N samples at frequency f is

    W(f, n) = dt / sqrt(a) sum_m s(m) pi^(-1/4) exp(i w0 u) exp(-u^2 / 2),   u = (n - m - 1/2) dt / a,

the half sample being where the wavelet's centre falls on an even number of points. Since w0 u is linear in n
and m, exp(i w0 u) splits into a phase of n and a phase of m:

    W(f, n) = exp(2 pi i f (n - 1/2) dt) sum_m G(f, n - m) [exp(-2 pi i f m dt) s(m)],

with a real Gaussian G. The first phase has modulus one and is shared by all traces, so envelopes and phase
differences do not need it. G is smooth: its numerical rank is 2 at 0.01 Hz and about 60 at 5 Hz (320 samples
at 50 Hz), so G = L R with thin real matrices (`MatrixPlan`). For traces of thousands of samples these matrices
become too large, and the transform is a convolution by FFT instead (`FourierPlan`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float

#: Singular values of G below this fraction of the largest are dropped.
RANK_TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
#: Longest trace for which the matrices are used.
MATRIX_SAMPLES = 2048


@dataclasses.dataclass(frozen=True)
class MatrixPlan:
    """The transform as thin matrix products.

    Attributes:
        analysis: (time, 2 * sum of ranks); for each frequency, R times the cosine, then R times minus the sine.
        synthesis: for each frequency, (rank, time): the transpose of L, with dt / sqrt(a) / pi^(1/4) inside.
        offsets: first column of each frequency in `analysis`.
        gains: approximate upper bound of the transform's modulus, at each frequency, for traces of modulus 1.
    """

    analysis: torch.Tensor
    synthesis: tuple[torch.Tensor, ...]
    offsets: tuple[int, ...]
    gains: tuple[float, ...]

    @property
    def nf(self) -> int:
        """Number of frequencies."""
        return len(self.synthesis)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Numerical rank at each frequency."""
        return tuple(len(s) for s in self.synthesis)

    def project(self, traces: torch.Tensor) -> torch.Tensor:
        """Coefficients of each trace, (trace, time) -> (trace, coefficient): all frequencies side by side."""
        return torch.mm(traces, self.analysis)

    def planes(
        self, coefficients: torch.Tensor, index: int, out: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and imaginary part of W at one frequency, each (trace, time), written into `out`."""
        rank, start = len(self.synthesis[index]), self.offsets[index]
        real = coefficients[:, start : start + rank]
        imag = coefficients[:, start + rank : start + 2 * rank]
        synthesis = self.synthesis[index]
        return torch.mm(real, synthesis, out=out[0]), torch.mm(imag, synthesis, out=out[1])


@dataclasses.dataclass(frozen=True)
class FourierPlan:
    """The transform as a convolution by FFT.

    Attributes:
        samples: length of the traces.
        wavelets: (frequency, fft length), the spectra of the wavelets.
        gains: as in `MatrixPlan`.
    """

    samples: int
    wavelets: torch.Tensor
    gains: tuple[float, ...]

    @property
    def nf(self) -> int:
        """Number of frequencies."""
        return len(self.wavelets)

    def project(self, traces: torch.Tensor) -> torch.Tensor:
        """Spectra of the traces, padded against wrap-around."""
        spectra: torch.Tensor = torch.fft.fft(traces, n=self.wavelets.shape[1])
        return spectra

    def planes(
        self, coefficients: torch.Tensor, index: int, out: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and imaginary part of W at one frequency, each (trace, time), written into `out`."""
        transform = torch.fft.ifft(coefficients * self.wavelets[index])
        valid = transform[:, self.samples - 1 : 2 * self.samples - 1]
        return out[0].copy_(valid.real), out[1].copy_(valid.imag)


#: The transform at all frequencies, up to a phase that depends on frequency and output time alone.
WaveletPlan = MatrixPlan | FourierPlan


def log_frequencies(fmin_hz: float, fmax_hz: float, nf: int) -> Float[np.ndarray, " nf"]:
    """Frequencies in Hz, evenly spaced in logarithm, ends included."""
    return np.logspace(np.log10(fmin_hz), np.log10(fmax_hz), nf)


@functools.lru_cache(maxsize=16)
def wavelet_plan(
    samples: int, dt_s: float, fmin_hz: float, fmax_hz: float, nf: int, w0: float, dtype: torch.dtype, device: str
) -> WaveletPlan:
    """The plan for traces of one length; cached, since one evaluation uses it thousands of times."""
    frequencies = log_frequencies(fmin_hz, fmax_hz, nf)
    if samples > MATRIX_SAMPLES:
        return fourier_plan(samples, dt_s, frequencies, w0, dtype, device)
    return matrix_plan(samples, dt_s, frequencies, w0, dtype, device)


def matrix_plan(
    samples: int, dt_s: float, frequencies_hz: Float[np.ndarray, " nf"], w0: float, dtype: torch.dtype, device: str
) -> MatrixPlan:
    """Factors of the transform at given frequencies."""
    analysis, synthesis, offsets = [], [], [0]
    step = np.arange(samples) * dt_s
    for frequency in frequencies_hz:
        left, right = _gaussian_factors(samples, dt_s, w0 / (2 * math.pi * frequency), RANK_TOLERANCE[dtype])
        phase = 2 * math.pi * frequency * step[:, None]
        analysis += [right.T * np.cos(phase), -right.T * np.sin(phase)]
        synthesis.append(torch.as_tensor(np.ascontiguousarray(left.T), dtype=dtype, device=device))
        offsets.append(offsets[-1] + 2 * len(right))
    joined = torch.as_tensor(np.concatenate(analysis, axis=1), dtype=dtype, device=device)
    return MatrixPlan(joined, tuple(synthesis), tuple(offsets[:-1]), _gains(samples, dt_s, frequencies_hz, w0))


def fourier_plan(
    samples: int, dt_s: float, frequencies_hz: Float[np.ndarray, " nf"], w0: float, dtype: torch.dtype, device: str
) -> FourierPlan:
    """Spectra of the wavelets at given frequencies."""
    scale = w0 / (2 * math.pi * frequencies_hz[:, None])
    u = (np.arange(2 * samples) - (samples - 0.5)) * dt_s / scale
    wavelet = dt_s / np.sqrt(scale) * math.pi**-0.25 * np.exp(1j * w0 * u - 0.5 * u**2)
    spectra = np.fft.fft(wavelet, n=scipy.fft.next_fast_len(3 * samples), axis=1)
    kind = torch.complex64 if dtype == torch.float32 else torch.complex128
    wavelets = torch.as_tensor(spectra, dtype=kind, device=device)
    return FourierPlan(samples, wavelets, _gains(samples, dt_s, frequencies_hz, w0))


def _gains(samples: int, dt_s: float, frequencies_hz: Float[np.ndarray, " nf"], w0: float) -> tuple[float, ...]:
    """Integral of the wavelet's envelope, over no more than the record."""
    scale = w0 / (2 * math.pi * frequencies_hz)
    area = np.minimum(math.sqrt(2 * math.pi) * scale, samples * dt_s)
    return tuple((math.pi**-0.25 / np.sqrt(scale) * area).tolist())


def _gaussian_factors(
    samples: int, dt_s: float, scale_s: float, tolerance: float
) -> tuple[Float[np.ndarray, "time rank"], Float[np.ndarray, "rank time"]]:
    """Thin L and R with L R = G, by a randomised range finder (Halko et al. 2011, alg. 4.1) and a small SVD."""
    index = np.arange(samples)
    lag = (index[:, None] - index[None, :] - 0.5) * (dt_s / scale_s)
    gaussian = (dt_s / math.sqrt(scale_s) * math.pi**-0.25) * np.exp(-0.5 * lag**2)
    # Twice the time-bandwidth product of a Gaussian cut at the tolerance, and a margin for its edges.
    band_hz = math.sqrt(2 * math.log(1 / tolerance)) / (2 * math.pi * scale_s)
    guess = int(2 * band_hz * samples * dt_s) + 24
    if guess >= samples // 2:
        left, values, right = np.linalg.svd(gaussian)
    else:
        probe = np.random.Generator(np.random.PCG64(0)).standard_normal((samples, guess))
        basis, _ = np.linalg.qr(gaussian @ probe)
        left, values, right = np.linalg.svd(basis.T @ gaussian, full_matrices=False)
        left = basis @ left
    rank = max(1, int((values > tolerance * values[0]).sum()))
    return left[:, :rank], values[:rank, None] * right[:rank]
