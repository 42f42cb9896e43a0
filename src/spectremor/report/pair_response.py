"""Response spectra of a prediction and its reference, and their ratio."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from spectremor.judging.pairing import Pair
from spectremor.report.figures import OUTSIDE, TRUTH_COLOUR, new_figure, plain_log_axis, style_axes
from spectremor.report.overview import FULL_COLOUR
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2
from spectremor.signal.response import rotd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Largest number of traces (draws and sensors) whose RotD50 is computed; takes a few seconds.
_MOST_TRACES = 768
_PERIODS = 24


@dataclasses.dataclass(frozen=True)
class PairResponse:
    """RotD50 of SA at 5% damping at some sensors.

    Attributes:
        periods_s: undamped periods of the oscillators.
        prediction: SA in m/s2; the geometric mean over realizations.
        reference: SA in m/s2.
        band_s: shortest and longest period in the usable band of both wavefields.
    """

    periods_s: Float[np.ndarray, " period"]
    prediction: Float[np.ndarray, "sensor period"]
    reference: Float[np.ndarray, "sensor period"]
    band_s: tuple[float, float]

    @property
    def ratio(self) -> Float[np.ndarray, "3 period"]:
        """16th percentile, median and 84th percentile over the sensors of prediction / reference."""
        return np.percentile(self.prediction / self.reference, (16, 50, 84), axis=0)


def pair_response(pair: Pair) -> PairResponse | None:
    """Response spectra at evenly spread sensors that have finite motion in both wavefields; None if there are none.

    Periods extend by a factor of two beyond the usable band and the length of the record.
    """
    moving = np.isfinite(pair.prediction).all(axis=(0, 2, 3)) & np.isfinite(pair.reference).all(axis=(1, 2))
    moving &= (np.abs(pair.reference[:, :2]).max(axis=(1, 2)) > 0) & (
        np.abs(pair.prediction[:, :, :2]).max(axis=(2, 3)) > 0
    ).all(axis=0)
    (sensors,) = np.nonzero(moving)
    if not len(sensors):
        return None
    most = max(8, _MOST_TRACES // (1 + len(pair.prediction)))
    chosen = sensors[:: max(1, -(-len(sensors) // most))]
    duration_s = float(pair.time_s[-1] - pair.time_s[0])
    shortest = 1 / min(pair.band_hz[1], 0.5 / pair.dt_s)
    longest = max(min(duration_s, 1 / pair.band_hz[0] if pair.band_hz[0] > 0 else duration_s), 1.01 * shortest)
    periods_s = np.geomspace(shortest / 2, longest * 2, _PERIODS)
    draws = [_rotd50(draw[chosen], pair.dt_s, periods_s) for draw in pair.prediction]
    return PairResponse(
        periods_s=periods_s,
        prediction=np.exp(np.mean(np.log(draws), axis=0)),
        reference=_rotd50(pair.reference[chosen], pair.dt_s, periods_s),
        band_s=(shortest, longest),
    )


def _rotd50(traces: Float[np.ndarray, "sensor 3 time"], dt_s: float, periods_s: np.ndarray) -> np.ndarray:
    return np.asarray(rotd(traces[:, :2].astype(float), dt_s, periods_s, (50.0,))[0])


def response_figure(response: PairResponse) -> Figure:
    """Geometric means of SA over the sensors, and the ratio with its scatter over the sensors."""
    figure = new_figure(11, 4)
    left, right = figure.subplots(1, 2)
    count = len(response.reference)
    for spectra, label, colour in (
        (response.reference, "reference", TRUTH_COLOUR),
        (response.prediction, "prediction", FULL_COLOUR),
    ):
        mean = np.exp(np.log(spectra).mean(axis=0)) / STANDARD_GRAVITY_M_S2
        left.loglog(response.periods_s, mean, color=colour, label=label)
    low, median, high = response.ratio
    right.fill_between(response.periods_s, low, high, color=FULL_COLOUR, alpha=0.2, lw=0, label="16 to 84% of sensors")
    right.semilogx(response.periods_s, median, color=FULL_COLOUR, label="median")
    right.axhline(1, color=TRUTH_COLOUR, lw=1)
    left.set(ylabel="SA (g)", title=f"RotD50 of SA, 5% damping; geometric mean over {count} sensors")
    right.set(ylabel="prediction / reference", title="Ratio (grey: outside the usable band)")
    right.set_ylim(0, min(4.0, max(2.0, 1.1 * float(high.max()))))
    for axis in (left, right):
        axis.set(xlabel="period (s)", xlim=(response.periods_s[0], response.periods_s[-1]))
        axis.axvspan(response.periods_s[0], response.band_s[0], **OUTSIDE)
        axis.axvspan(response.band_s[1], response.periods_s[-1], **OUTSIDE)
        plain_log_axis(axis.xaxis)
        style_axes(axis)
        axis.legend(frameon=False, loc="best")
    return figure
