"""Residuals ln(observed / predicted) of many records, split into what an event shares and what is left within it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.optimize
from jaxtyping import Float, Int

from spectremor.core.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Residuals:
    """The parts of residuals r = bias + event term + remainder.

    Attributes:
        bias: mean, of the model with random event terms: above 0 the prediction is too small.
        bias_standard_error: of the bias.
        between: standard deviation of the event terms (tau).
        within: standard deviation of the remainders (phi).
        event_terms: of each event, in the order of `events`, shrunk towards 0 as few records ask.
        events: labels, in the order of their first record.
        records: number of residuals.
    """

    bias: float
    bias_standard_error: float
    between: float
    within: float
    event_terms: Float[np.ndarray, " event"]
    events: tuple[str, ...]
    records: int

    @property
    def total(self) -> float:
        """Standard deviation of a residual: of both parts together."""
        return float(np.hypot(self.between, self.within))


def split_residuals(residuals: Sequence[float] | Float[np.ndarray, " record"], events: Sequence[str]) -> Residuals:
    """Bias, between-event and within-event parts by restricted maximum likelihood.

    The model of Abrahamson & Youngs (1992, doi:10.1785/BSSA0820010505) with a constant as its only fixed effect. NaN
    residuals do not count. With one record, or one record in every event, the two standard deviations cannot be told
    apart: `between` and `within` are then NaN, and the bias is the plain mean.

    Args:
        residuals: ln(observed / predicted), one a record.
        events: which earthquake each is of.

    Raises:
        InputError: other numbers of residuals and events.

    Example:
        >>> parts = split_residuals([0.9, 1.1, -1.1, -0.9], ["a", "a", "b", "b"])
        >>> bool(parts.between > 5 * parts.within)
        True
    """
    values = np.asarray(residuals, dtype=float)
    if values.shape != (len(events),):
        raise InputError("residuals", f"shape {values.shape} for {len(events)} events", "one event for each residual")
    kept = np.isfinite(values)
    values, labels = values[kept], [event for event, keep in zip(events, kept, strict=True) if keep]
    names = tuple(dict.fromkeys(labels))
    if not len(values):
        return _undefined(names, np.empty(0), np.nan)
    of_event = np.array([names.index(label) for label in labels])
    counts = np.bincount(of_event)
    if len(values) < 3 or len(names) < 2 or counts.max() == 1:
        return _undefined(names, values, float(values.mean()))
    return _restricted_likelihood(values, of_event, names)


def _undefined(names: tuple[str, ...], values: np.ndarray, bias: float) -> Residuals:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
    return Residuals(
        bias=bias,
        bias_standard_error=error,
        between=np.nan,
        within=np.nan,
        event_terms=np.full(len(names), np.nan),
        events=names,
        records=len(values),
    )


def _restricted_likelihood(
    values: Float[np.ndarray, " record"], of_event: Int[np.ndarray, " record"], names: tuple[str, ...]
) -> Residuals:
    counts = np.bincount(of_event).astype(float)
    means = np.bincount(of_event, values) / counts
    around = float(((values - means[of_event]) ** 2).sum())
    scale = max(float(values.var()), 1e-12)

    def cost(logs: np.ndarray) -> float:
        """Minus twice the restricted log-likelihood, of the logarithms of the two variances over the whole one."""
        between, within = np.exp(logs) * scale
        variance = between + within / counts
        bias = (means / variance).sum() / (1 / variance).sum()
        fit = ((means - bias) ** 2 / variance).sum() + around / within
        size = np.log(variance).sum() + (counts - 1).sum() * np.log(within) + np.log(counts).sum()
        return float(fit + size + np.log((1 / variance).sum()))

    limits = [(np.log(1e-8), np.log(50.0))] * 2
    starts = ((0.5, 0.5), (0.05, 0.95), (0.95, 0.05))
    found = min(
        (scipy.optimize.minimize(cost, np.log(start), method="L-BFGS-B", bounds=limits) for start in starts),
        key=lambda result: float(result.fun),
    )
    between, within = np.exp(found.x) * scale
    variance = between + within / counts
    bias = float((means / variance).sum() / (1 / variance).sum())
    return Residuals(
        bias=bias,
        bias_standard_error=float(np.sqrt(1 / (1 / variance).sum())),
        between=float(np.sqrt(between)),
        within=float(np.sqrt(within)),
        event_terms=between / variance * (means - bias),
        events=names,
        records=len(values),
    )
