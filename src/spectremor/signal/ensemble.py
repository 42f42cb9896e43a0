"""Calibration of an ensemble's spread: CRPS, coverage of central intervals, rank histograms."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator

LEVELS = (0.5, 0.8, 0.95)


def crps(
    ensemble: Float[np.ndarray, "member ..."], truth: Float[np.ndarray, "*batch"], *, fair: bool = True
) -> Float[np.ndarray, "*batch"]:
    """Continuous ranked probability score, in the unit of the data; 0 is perfect.

    mean |x - y| - 1/2 mean |x - x'| (Gneiting & Raftery 2007, eq. 21); `fair` takes the second mean over distinct
    members (Ferro 2014), so that scores of small and large ensembles are comparable. One member: absolute error.
    """
    members = _members(ensemble, truth)
    error = np.abs(ensemble - truth).mean(axis=0)
    if members == 1:
        return np.asarray(error)
    ordered = np.sort(ensemble, axis=0)
    # Sum of |x_i - x_j| over all ordered pairs, from the sorted members.
    weight = (2 * np.arange(1, members + 1) - members - 1).reshape(-1, *([1] * truth.ndim))
    spread = 2 * (weight * ordered).sum(axis=0)
    return np.asarray(error - 0.5 * spread / (members * (members - 1) if fair else members**2))


def coverage(
    ensemble: Float[np.ndarray, "member ..."],
    truth: Float[np.ndarray, "*batch"],
    levels: tuple[float, ...] = LEVELS,
) -> Float[np.ndarray, " level"]:
    """Share of truths inside the ensemble's central interval of each level; equal to the level if calibrated.

    Quantiles are those of Weibull plotting positions k / (n + 1), under which a calibrated ensemble of any size has
    the nominal coverage; a level above (n - 1) / (n + 1), which n members cannot reach, is NaN. NaN cases are left
    out.
    """
    _members(ensemble, truth)
    defined = ~(np.isnan(truth) | np.isnan(ensemble).any(axis=0))
    if not defined.any():
        return np.full(len(levels), np.nan)
    return np.asarray(inside(ensemble[:, defined], truth[defined], levels).mean(axis=1))


def inside(
    ensemble: Float[np.ndarray, "member ..."],
    truth: Float[np.ndarray, "*batch"],
    levels: tuple[float, ...] = LEVELS,
) -> Float[np.ndarray, "level ..."]:
    """1 where a truth lies in the ensemble's central interval of a level, else 0; NaN for a level out of reach.

    As `coverage`, case by case; no case may be NaN.
    """
    members = _members(ensemble, truth)
    covered = np.full((len(levels), *truth.shape), np.nan)
    for index, level in enumerate(levels):
        if level <= (members - 1) / (members + 1) + 1e-12:
            tails = [0.5 - level / 2, 0.5 + level / 2]
            low, high = np.quantile(ensemble, tails, axis=0, method="weibull")
            covered[index] = (truth >= low) & (truth <= high)
    return covered


def rank_histogram(
    ensemble: Float[np.ndarray, "member ..."], truth: Float[np.ndarray, "*batch"], seed: int = 0
) -> Int[np.ndarray, " rank"]:
    """How often the truth ranks 0 ... members within the ensemble; flat if calibrated, a U if too narrow (Hamill 2001).

    Ties are drawn at random. NaN cases are left out.
    """
    members = _members(ensemble, truth)
    defined = ~(np.isnan(truth) | np.isnan(ensemble).any(axis=0))
    below = (ensemble < truth).sum(axis=0)[defined]
    ties = (ensemble == truth).sum(axis=0)[defined]
    ranks = below + generator(seed, "rank ties").integers(0, ties + 1)
    return np.bincount(ranks, minlength=members + 1)


def _members(ensemble: np.ndarray, truth: np.ndarray) -> int:
    if ensemble.ndim < 1 or ensemble.shape[1:] != truth.shape or len(ensemble) < 1:
        raise InputError("ensemble", f"shape {ensemble.shape}", f"(member, ...) with the truth's shape {truth.shape}")
    return len(ensemble)
