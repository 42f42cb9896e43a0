"""The scores that a validation reports."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from spectremor.signal.gof import gof
from spectremor.signal.misfit import log_biases, relative_biases, relative_errors


def trace_scores(
    prediction: Float[np.ndarray, "sensor 3 time"], truth: Float[np.ndarray, "sensor 3 time"], dt_s: float
) -> dict[str, float]:
    """Means over sensors: `EG` and `PG` (0 to 10), and those of `misfit_scores`."""
    eg, pg = gof(prediction, truth, dt_s)
    values = {"EG": np.nanmean(eg), "PG": np.nanmean(pg), **misfit_scores(prediction, truth, dt_s)}
    return {name: float(value) for name, value in values.items()}


def misfit_scores(
    prediction: Float[np.ndarray, "*sensor 3 time"], truth: Float[np.ndarray, "*sensor 3 time"], dt_s: float
) -> dict[str, float]:
    """Means over sensors of `rRMSE_raw` and of the frequency biases of three bands in two forms.

    `ln_bias_...` are means of ln(prediction / truth), `bias_...` the published relative errors, under the names that
    records of trainings have for them.
    """
    _, rrmse = relative_errors(prediction, truth)
    scores = {"rRMSE_raw": float(rrmse.mean())}
    for form, biases_of in (("ln_bias", log_biases), ("bias", relative_biases)):
        biases = biases_of(prediction, truth, dt_s)
        means = np.nanmean(biases, axis=tuple(range(biases.ndim - 1)))
        scores |= {f"{form}_{band}": float(value) for band, value in zip(("low", "mid", "high"), means, strict=True)}
    return scores
