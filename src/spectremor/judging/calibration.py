"""Is the spread of an ensemble right? Shares of the truths inside its central intervals, and the fair CRPS.

Sensors of one event are correlated, so every confidence interval here comes from resampling whole events.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectremor.judging.intervals import bootstrap_of_ratio
from spectremor.signal.ensemble import LEVELS, crps, inside


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over all cases, with its 95% interval from resampling events.

    Attributes:
        mean: over the cases of all events.
        low: of the interval.
        high: of the interval.
    """

    mean: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How well calibrated an ensemble is in one quantity.

    Attributes:
        shares: of the truths inside the central interval of each of `LEVELS`; calibrated is a share equal to its level.
            NaN for a level that takes more draws.
        crps_ln: fair CRPS of the quantity's natural logarithm, whose absolute error it is for a single prediction.
        draws: of each case.
        cases: of all events together.
        events: that have a case.
    """

    shares: tuple[Estimate, ...]
    crps_ln: Estimate
    draws: int
    cases: int
    events: int


def calibration(
    ensembles: Sequence[Float[np.ndarray, "draw _"]], truths: Sequence[Float[np.ndarray, " _"]], seed: int = 0
) -> Calibration:
    """Judge the draws of one quantity.

    Args:
        ensembles: one array (draw, sensor) for each event, of positive values.
        truths: one array (sensor,) for each event. A sensor with a NaN, or with no motion, in either is left out.
        seed: of the bootstrap.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> draws, truth = np.exp(rng.standard_normal((200, 39, 4))), np.exp(rng.standard_normal((200, 4)))
        >>> found = calibration(list(draws), list(truth))
        >>> [round(share.mean, 1) for share in found.shares[:2]]
        [0.5, 0.8]
    """
    parts = [_cases(members, truth) for members, truth in zip(ensembles, truths, strict=True)]
    counts = np.array([len(truth) for _, truth in parts], dtype=float)
    held = np.array([inside(members, truth).sum(axis=1) for members, truth in parts], dtype=float)
    scores = np.array([crps(members, truth).sum() for members, truth in parts])
    return Calibration(
        shares=tuple(_estimate(of_level, counts, seed) for of_level in held.reshape(-1, len(LEVELS)).T),
        crps_ln=_estimate(scores, counts, seed),
        draws=max((len(members) for members, _ in parts), default=0),
        cases=int(counts.sum()),
        events=int((counts > 0).sum()),
    )


def _cases(members: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the cases that are defined and move, in double precision."""
    moving = (truth > 0) & (members > 0).all(axis=0) & np.isfinite(truth) & np.isfinite(members).all(axis=0)
    return np.log(members[:, moving].astype(float)), np.log(truth[moving].astype(float))


def _estimate(sums: np.ndarray, counts: np.ndarray, seed: int) -> Estimate:
    total = counts.sum()
    mean = float(sums.sum() / total) if total > 0 else float("nan")
    return Estimate(mean, *bootstrap_of_ratio(sums, counts, seed))
