"""The controlled test of weak motion: one event, its stage 1 and its truth both scaled down by known factors.

The physics is linear, so nothing should change; what does is what the second stage makes of a weak condition. A whole
field is scaled with its earthquake. A stage that takes amplitudes over that of the whole field, or of the earthquake,
sees nothing of that, so the judged sensors are also scaled alone, among others that keep their strength.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.at_sensors import at_sensors
from spectremor.core.seeds import derive_seed
from spectremor.data.store import CampaignStore
from spectremor.judging.calibration import calibration
from spectremor.judging.scores import LOG_BIASES, mean, sensor_scores
from spectremor.judging.tally import ENSEMBLE_QUANTITIES, ensemble_quantities
from spectremor.model.pipeline import GroundMotionModel

FACTORS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
WHOLE_FIELD, JUDGED_SENSORS = "whole field", "judged sensors alone"
SCALED = (WHOLE_FIELD, JUDGED_SENSORS)
_SCORES = ("EG", "PG", *LOG_BIASES)


def scaled_condition_rows(
    model: GroundMotionModel,
    store: CampaignStore,
    sample: int,
    sensors: Int[np.ndarray, " k"],
    *,
    highest_hz: float,
    factors: tuple[float, ...] = FACTORS,
    realizations: int = 19,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Scores of draws, of their mean, and of stage 1 itself, at each factor.

    Args:
        model: with a diffusion stage.
        store: a campaign.
        sample: the event.
        sensors: numbers of the judged sensors, x-major.
        highest_hz: frequency up to which the truth is sound.
        factors: what stage 1 and truth are multiplied with.
        realizations: draws at each factor; the same noise at all of them.
        seed: one seed, one result.

    Returns:
        One row for what is scaled, factor and product (stage 1, mean, draw); CRPS of logarithms of the quantities that
        ensembles are judged by (of a single prediction, its absolute error).
    """
    stage1 = model.predict(store.geology(sample), store.source(sample))
    truth = np.ascontiguousarray(at_sensors(store.velocity(sample), sensors))
    noise = derive_seed(seed, "condition scaling", sample) % 2**31
    dt_s = 1 / store.sampling_hz
    rows = []
    for scaled, factor in itertools.product(SCALED, factors):
        weak = stage1.copy(data=_scaled(stage1.values, factor, None if scaled == WHOLE_FIELD else sensors))
        if scaled == WHOLE_FIELD:
            weak.attrs["source_moment_tensor_nm"] = factor * np.asarray(stage1.attrs["source_moment_tensor_nm"])
        fields = model.restore(weak, realizations=realizations, seed=noise, geology=store.geology(sample))
        draws = np.ascontiguousarray(at_sensors(fields.values, sensors))
        products = {
            ("stage 1", "mean"): np.ascontiguousarray(at_sensors(weak.values, sensors))[None],
            (f"mean of {realizations} draws", "mean"): draws.mean(axis=0, keepdims=True),
            ("draw", "draw"): draws,
        }
        for (field, product), predicted in products.items():
            about = {"model": model.model_id, "sample": sample, "scaled": scaled, "factor": factor}
            about |= {"field": field, "product": product}
            rows.append(about | _scores(predicted, truth * factor, dt_s, highest_hz))
    return rows


def _scaled(
    stage1: Float[np.ndarray, "3 x y time"], factor: float, sensors: Int[np.ndarray, " k"] | None
) -> Float[np.ndarray, "3 x y time"]:
    """The field times a factor, at some sensors (x-major) or at all."""
    factors = np.ones(stage1.shape[1] * stage1.shape[2], np.float32)
    factors[slice(None) if sensors is None else sensors] = factor
    return stage1 * factors.reshape(stage1.shape[1:3])[..., None]


def _scores(
    predicted: Float[np.ndarray, "realization k 3 time"],
    truth: Float[np.ndarray, "k 3 time"],
    dt_s: float,
    highest_hz: float,
) -> dict[str, float]:
    each = [sensor_scores(one, truth, dt_s, highest_hz=highest_hz) for one in predicted[:2]]
    scores = {name: mean(np.mean([one[name] for one in each], axis=0)) for name in _SCORES}
    quantities = np.stack([ensemble_quantities(one, dt_s, highest_hz) for one in predicted])
    true = ensemble_quantities(truth, dt_s, highest_hz)
    for k, name in enumerate(ENSEMBLE_QUANTITIES):
        scores[f"CRPS of ln {name}"] = calibration([quantities[:, k]], [true[k]]).crps_ln.mean
    return scores
