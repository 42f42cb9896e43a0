"""Scores of one sample at some sensors, and their means over samples or trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from spectremor.judging.scores import LOG_BIASES, PUBLISHED_BIASES, mean, sensor_scores

__all__ = ["LOG_BIASES", "PUBLISHED_BIASES", "SCORES", "mean", "score", "spread", "standard_error", "summary"]

SCORES = ("EG", "PG", *LOG_BIASES, *PUBLISHED_BIASES, "rMAE_raw", "rRMSE_raw")


def score(
    prediction: Float[np.ndarray, "sensor 3 time"], truth: Float[np.ndarray, "sensor 3 time"], dt_s: float
) -> dict[str, float]:
    """Mean of each score over the sensors of one sample; sensors at which a score is undefined are left out of it."""
    columns = sensor_scores(prediction, truth, dt_s)
    return {name: mean(columns[name]) for name in SCORES}


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean and standard deviation of every score over rows: `EG`, `EG_std`, ..."""
    statistics: dict[str, float] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], dtype=float)
        statistics[name], statistics[f"{name}_std"] = mean(values), spread(values)
    return statistics


def spread(values: np.ndarray | Sequence[float]) -> float:
    """Sample standard deviation of the values that are not NaN; 0 for a single value."""
    defined = _defined(values)
    return float(defined.std(ddof=1)) if len(defined) > 1 else 0.0


def standard_error(values: np.ndarray | Sequence[float]) -> float:
    """Standard error of the mean of the values that are not NaN."""
    return spread(values) / math.sqrt(max(len(_defined(values)), 1))


def _defined(values: np.ndarray | Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=float).ravel()
    return array[~np.isnan(array)]
