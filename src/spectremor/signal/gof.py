r"""Envelope and phase goodness of fit of Kristekova et al. (2009, doi:10.1785/0120080012).

With the wavelet transforms W (prediction) and W_ref of one component, summed over frequency and time:

    EM = sqrt( sum (|W| - |W_ref|)^2 ) / norm            (Table 2)
    PM = sqrt( sum (|W_ref| arg(W / W_ref) / pi)^2 ) / norm
    EG = 10 exp(-EM),   PG = 10 (1 - PM)                 (eqs. 15, 16; A = 10, k = 1)

where norm is sqrt(sum |W_ref|^2), of the same component ("local") or the largest over the sensor's components
("global"). 10 is perfect; above 8 excellent, above 6 good, above 4 fair.

Cost, per sensor of 3 components, 320 samples, 100 frequencies: see `docs/reference/metrics.md`.
"""

from __future__ import annotations

import contextlib
import functools
import math
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float

from spectremor.core.errors import InputError
from spectremor.core.threads import thread_map
from spectremor.signal.labelled_traces import plain_traces
from spectremor.signal.wavelet import WaveletPlan, wavelet_plan

Norm = Literal["global", "local"]
Precision = Literal["float32", "float64"]

#: Traces transformed together: the work arrays of a block stay in a core's second-level cache.
BLOCK_TRACES = {"cpu": 96, "cuda": 12288}
#: Modulus of a transform, over the largest possible, below which float32 leaves its phase uncertain.
NOISE = 3e-6
#: Sensors whose score in float32 may be wrong by more than this are computed again in float64.
MISSED_SCORE = 5e-5


def gof(
    prediction: Any,
    reference: Any,
    dt_s: float,
    *,
    fmin_hz: float = 0.01,
    fmax_hz: float = 5.0,
    nf: int = 100,
    w0: float = 6.0,
    norm: Norm = "global",
    precision: Precision = "float32",
    device: str = "cpu",
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """Envelope and phase goodness of fit of sensors, the mean over their components.

    Args:
        prediction: traces, shape (..., component, time), any unit; or an xarray.DataArray, whose axes are put in order.
        reference: traces of the same shape and unit; see `labelled_traces`.
        dt_s: sampling step in s.
        fmin_hz: lowest frequency.
        fmax_hz: highest frequency.
        nf: number of frequencies, evenly spaced in logarithm.
        w0: Morlet parameter: time against frequency resolution.
        norm: "global" or "local", see the module's docstring.
        precision: "float64" (scores within 1e-6) or "float32" (within 1e-4; doubtful sensors are computed in float64).
        device: a torch device.

    Returns:
        (EG, PG), each of shape (...), in [0, 10]. NaN where a score has no meaning: a NaN or infinite sample, or a
        component without motion, in either wavefield.

    Raises:
        InputError: shapes or labels that differ, or a setting out of range.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> trace = np.sin(2 * np.pi * np.arange(300) / 50) * np.hanning(300)
        >>> reference = np.stack([trace, 0.5 * trace, 0.2 * trace])  # (component, time)
        >>> eg, pg = sp.gof(1.1 * reference, reference, dt_s=0.02)
        >>> round(float(pg), 2)
        10.0
    """
    eg, pg = gof_components(
        prediction,
        reference,
        dt_s,
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
        nf=nf,
        w0=w0,
        norm=norm,
        precision=precision,
        device=device,
    )
    return np.asarray(eg.mean(axis=-1)), np.asarray(pg.mean(axis=-1))


def gof_components(
    prediction: Any,
    reference: Any,
    dt_s: float,
    *,
    fmin_hz: float = 0.01,
    fmax_hz: float = 5.0,
    nf: int = 100,
    w0: float = 6.0,
    norm: Norm = "global",
    precision: Precision = "float32",
    device: str = "cpu",
) -> tuple[Float[np.ndarray, "*batch component"], Float[np.ndarray, "*batch component"]]:
    """As `gof`, one pair of scores per component; an undefined component makes its whole sensor NaN."""
    prediction, reference = plain_traces(prediction, reference, dt_s, field="gof")
    _check(prediction, reference, dt_s, fmin_hz, fmax_hz, nf, w0, norm, precision)
    components, samples = reference.shape[-2:]
    pred = prediction.reshape(-1, samples)
    ref = reference.reshape(-1, samples)
    pred_peak, ref_peak = _peaks(pred), _peaks(ref)
    defined = (pred_peak > 0) & (ref_peak > 0) & np.isfinite(pred_peak) & np.isfinite(ref_peak)
    defined = np.repeat(defined.reshape(-1, components).all(axis=1), components)
    scores = np.full((2, len(ref)), np.nan)

    def score(chosen: np.ndarray, dtype: torch.dtype) -> np.ndarray:
        plan = wavelet_plan(samples, float(dt_s), float(fmin_hz), float(fmax_hz), int(nf), float(w0), dtype, device)
        sums = _misfit_sums(plan, pred, ref, pred_peak, ref_peak, chosen, dtype, device)
        scores[:, chosen] = _scores(sums, ref_peak[chosen], components, norm)
        return chosen[np.repeat(_doubtful(sums).reshape(-1, components).any(axis=1), components)]

    rows = np.flatnonzero(defined)
    if precision == "float32" and len(rows):
        rows = score(rows, torch.float32)
    if len(rows):
        score(rows, torch.float64)
    return tuple(s.reshape(reference.shape[:-1]) for s in scores)  # type: ignore[return-value]


def _check(
    prediction: np.ndarray,
    reference: np.ndarray,
    dt_s: float,
    fmin_hz: float,
    fmax_hz: float,
    nf: int,
    w0: float,
    norm: str,
    precision: str,
) -> None:
    if prediction.shape != reference.shape:
        raise InputError("gof.prediction", f"shape {prediction.shape}", f"the reference's shape {reference.shape}")
    if reference.ndim < 2 or reference.shape[-1] < 2:
        raise InputError("gof.reference", f"shape {reference.shape}", "(..., component, time), two samples or more")
    if not (math.isfinite(dt_s) and dt_s > 0):
        raise InputError("gof.dt_s", dt_s, "a positive number of seconds")
    if not 0 < fmin_hz <= fmax_hz < math.inf:
        raise InputError("gof.fmin_hz, fmax_hz", (fmin_hz, fmax_hz), "0 < fmin_hz <= fmax_hz")
    if nf < 1:
        raise InputError("gof.nf", nf, "at least one frequency")
    if not (math.isfinite(w0) and w0 > 0):
        raise InputError("gof.w0", w0, "a positive number")
    if norm not in ("global", "local"):
        raise InputError("gof.norm", norm, "global or local")
    if precision not in ("float32", "float64"):
        raise InputError("gof.precision", precision, "float32 or float64")


def _peaks(traces: Float[np.ndarray, "trace time"]) -> Float[np.ndarray, " trace"]:
    """Largest modulus of each trace; NaN or infinite for a trace with such a sample."""
    peaks: np.ndarray = np.maximum(traces.max(axis=1), -traces.min(axis=1)).astype(np.float64)
    return peaks


def _scores(
    sums: Float[np.ndarray, "four trace"], peak: Float[np.ndarray, " trace"], components: int, norm: str
) -> Float[np.ndarray, "two trace"]:
    envelope, phase, energy = (peak * s for s in np.sqrt(sums[:3]))
    if norm == "global":
        energy = np.repeat(energy.reshape(-1, components).max(axis=1), components)
    return np.stack([10.0 * np.exp(-envelope / energy), 10.0 * (1.0 - phase / energy / math.pi)])


def _doubtful(sums: Float[np.ndarray, "four trace"]) -> Bool[np.ndarray, " trace"]:
    """Whether the phase score of each trace in float32 may be wrong by more than 5e-5.

    Where the prediction's transform is below the rounding error of float32 (as in a silent stretch), its phase is
    noise. The error bound follows from the share of the reference's energy at those points.
    """
    _, phase, energy, unsure = sums
    share = np.divide(unsure, energy, out=np.zeros_like(energy), where=energy > 0)
    misfit = np.sqrt(np.divide(phase, energy, out=np.zeros_like(energy), where=energy > 0)) / math.pi
    error = np.minimum(np.sqrt(share), np.divide(share, 2 * misfit, out=np.ones_like(share), where=misfit > 0))
    return np.asarray(10.0 * error > MISSED_SCORE)


def _misfit_sums(
    plan: WaveletPlan,
    pred: np.ndarray,
    ref: np.ndarray,
    pred_peak: np.ndarray,
    ref_peak: np.ndarray,
    chosen: np.ndarray,
    dtype: torch.dtype,
    device: str,
) -> Float[np.ndarray, "four trace"]:
    """The sums of squares in EM, PM and norm, and of doubtful points, in units of the reference's peak.

    Every trace is divided by its peak, so that neither tiny nor huge ones leave the range of float32.
    """
    on_cpu = torch.device(device).type == "cpu"
    size = BLOCK_TRACES["cpu" if on_cpu else "cuda"]
    load = functools.partial(torch.as_tensor, dtype=dtype, device=device)

    def block(start: int) -> torch.Tensor:
        rows = chosen[start : start + size]
        p_peak, r_peak = pred_peak[rows, None], ref_peak[rows, None]
        return _block_sums(plan, load(pred[rows] / p_peak), load(ref[rows] / r_peak), load(p_peak / r_peak))

    starts = range(0, len(chosen), size)
    # One thread per block, even for a single block: far less waiting than two threads inside each small operation.
    with thread_map(max(1, len(starts))) if on_cpu else contextlib.nullcontext(map) as map_blocks:
        parts = list(map_blocks(block, starts))
    return torch.cat(parts, dim=1).double().cpu().numpy()


def _block_sums(plan: WaveletPlan, pred: torch.Tensor, ref: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
    """The four sums over frequency and time of a block of traces; `ratio` scales the prediction's envelope."""
    pred_part, ref_part = plan.project(pred), plan.project(ref)
    total = torch.zeros(4, len(ref), dtype=torch.float64, device=ref.device)
    # Work arrays that every frequency uses again stay in the cache.
    planes, (one, two, three) = [torch.empty_like(pred) for _ in range(4)], (torch.empty_like(pred) for _ in range(3))
    for index in range(plan.nf):
        a, b = plan.planes(pred_part, index, planes[:2])
        c, d = plan.planes(ref_part, index, planes[2:])
        envelope = torch.mul(a, a, out=one).addcmul_(b, b).sqrt_()
        reference = torch.mul(c, c, out=two).addcmul_(d, d).sqrt_()
        # arg(W / W_ref) = arg(W conj(W_ref)), with W = a + ib and W_ref = c + id.
        across = torch.mul(b, c, out=three).addcmul_(a, d, value=-1)
        along = a.mul_(c).addcmul_(b, d)
        phase = across.atan2_(along).mul_(reference)
        misfit = torch.addcmul(reference, envelope, ratio, value=-1, out=b)
        unsure = envelope.lt_(NOISE * plan.gains[index]).mul_(reference)
        sums = [torch.linalg.vector_norm(v, dim=1) for v in (misfit, phase, reference, unsure)]
        total += torch.stack(sums).double().square_()
    return total
