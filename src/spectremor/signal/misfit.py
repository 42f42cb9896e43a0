"""Pointwise and spectral misfits, as the published figures are computed (arXiv 2504.00757).

Functions act on traces (..., component, time) and return one number per sensor (...); callers take the mean over
sensors, then over samples. NaN where a score has no meaning.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.signal.spectra import BANDS_HZ, band_means

#: Added to the modulus of the reference, in its unit.
FLOOR = 0.01


def event_scale(vs_source_m_s: float, source_depth_m: float) -> float:
    """The factor by which every trace of an event is multiplied before normalised misfits.

    1e-8 Vs^2 R, with Vs at the source in m/s and R = sqrt(z^2 + 2.4^2) km: it brings events that differ in depth and
    in stiffness at the source to similar amplitudes (arXiv 2404.10115).

    Args:
        vs_source_m_s: S-wave velocity at the source.
        source_depth_m: depth of the source below the surface, positive.
    """
    return 1e-8 * vs_source_m_s**2 * math.hypot(source_depth_m / 1000.0, 2.4)


def relative_errors(
    prediction: Float[np.ndarray, "*batch component time"],
    reference: Float[np.ndarray, "..."],
    scale: float = 1.0,
    floor: float = FLOOR,
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """The errors rMAE and rRMSE of |prediction - reference| / (|reference| + floor), on traces times `scale`.

    The mean (rMAE) or root mean square (rRMSE) over time, then the mean over components.

    Args:
        prediction: traces in m/s.
        reference: traces in m/s, same shape.
        scale: `event_scale` for rMAE and rRMSE; 1 for rMAE_raw and rRMSE_raw.
        floor: keeps the quotient finite.

    Returns:
        (rMAE, rRMSE), shape (...).
    """
    _same_shape(prediction, reference)
    error = np.abs(prediction - reference) * scale / (np.abs(reference) * scale + floor)
    rmae = error.mean(axis=-1).mean(axis=-1)
    rrmse = np.sqrt((error**2).mean(axis=-1)).mean(axis=-1)
    return np.asarray(rmae), np.asarray(rrmse)


def log_biases(
    prediction: Float[np.ndarray, "*batch component time"],
    reference: Float[np.ndarray, "..."],
    dt_s: float,
    bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ,
) -> Float[np.ndarray, "*batch band"]:
    """Natural logarithm of predicted over true mean Fourier modulus in each band; -0.44 means a factor of exp(-0.44).

    The modulus is averaged over the band's bins, then over the components. For draws from the true distribution the
    mean over events is 0, unlike that of the relative error (`relative_biases`).

    Args:
        prediction: traces in m/s.
        reference: traces in m/s, same shape.
        dt_s: sampling step in s.
        bands_hz: (low, high] pairs; a band from 0 includes 0.

    Returns:
        ln(prediction / reference), shape (..., band); NaN for a band that the record cannot resolve and for a band in
        which prediction or reference has no energy.

    Example:
        >>> traces = np.random.default_rng(0).standard_normal((3, 320))
        >>> log_biases(2.0 * traces, traces, 0.02).round(3).tolist()
        [0.693, 0.693, 0.693]
    """
    predicted, true = _band_levels(prediction, reference, dt_s, bands_hz)
    defined = (predicted > 0) & (true > 0)
    ratio = np.divide(predicted, true, out=np.ones_like(true), where=defined)
    return np.where(defined, np.log(ratio), np.nan)


def relative_biases(
    prediction: Float[np.ndarray, "*batch component time"],
    reference: Float[np.ndarray, "..."],
    dt_s: float,
    bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ,
) -> Float[np.ndarray, "*batch band"]:
    """The published frequency bias: signed relative error of the mean Fourier modulus; -0.44 means 44% is missing.

    The modulus is averaged over the band's bins, then over the components, and then compared: the mean of the
    modulus, never the modulus of a mean. For draws from the true distribution the mean bias over events is above 0;
    `log_biases` has no such offset.

    Args:
        prediction: traces in m/s.
        reference: traces in m/s, same shape.
        dt_s: sampling step in s.
        bands_hz: (low, high] pairs; a band from 0 includes 0.

    Returns:
        (prediction - reference) / reference, shape (..., band); NaN for a band that the record cannot resolve and for
        a band in which the reference has no energy.
    """
    predicted, true = _band_levels(prediction, reference, dt_s, bands_hz)
    return np.asarray(np.divide(predicted - true, true, out=np.full_like(true, np.nan), where=true > 0))


def _band_levels(
    prediction: np.ndarray, reference: np.ndarray, dt_s: float, bands_hz: tuple[tuple[float, float], ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean modulus of prediction and reference in each band, over bins and components, shape (..., band)."""
    _same_shape(prediction, reference)
    predicted, true = (band_means(traces, dt_s, bands_hz).mean(axis=-2) for traces in (prediction, reference))
    return predicted, true


def _same_shape(prediction: np.ndarray, reference: np.ndarray) -> None:
    if prediction.shape != reference.shape:
        raise InputError("prediction", f"shape {prediction.shape}", f"the reference's shape {reference.shape}")
