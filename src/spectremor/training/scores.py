"""The scores that a validation reports."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.signal.gof import gof
from spectremor.signal.misfit import frequency_biases, relative_errors


def trace_scores(
    prediction: Float[np.ndarray, "sensor 3 time"], truth: Float[np.ndarray, "sensor 3 time"], dt_s: float
) -> dict[str, float]:
    """Means over sensors: `EG` and `PG` (0 to 10), `rRMSE_raw`, and the frequency biases of three bands."""
    eg, pg = gof(prediction, truth, dt_s)
    values = {"EG": np.nanmean(eg), "PG": np.nanmean(pg), **misfit_scores(prediction, truth, dt_s)}
    return {name: float(value) for name, value in values.items()}


def misfit_scores(
    prediction: Float[np.ndarray, "*sensor 3 time"], truth: Float[np.ndarray, "*sensor 3 time"], dt_s: float
) -> dict[str, float]:
    """Means over sensors of `rRMSE_raw` and of the frequency biases of three bands."""
    _, rrmse = relative_errors(prediction, truth)
    biases = frequency_biases(prediction, truth, dt_s)
    low, mid, high = np.nanmean(biases, axis=tuple(range(biases.ndim - 1)))
    return {"rRMSE_raw": float(rrmse.mean()), "bias_low": float(low), "bias_mid": float(mid), "bias_high": float(high)}
