"""The published scores of one wavefield against another, per sensor and in the mean."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, as_geology
from spectremor.core.source import Source
from spectremor.core.wavefield import source_of
from spectremor.judging.pairing import Pair, Sensors, make_pair
from spectremor.signal.gof import gof
from spectremor.signal.misfit import event_scale, log_biases, relative_biases, relative_errors
from spectremor.signal.spectra import BANDS_HZ, bands_up_to

#: Mean of ln(prediction / reference) of the Fourier amplitude at 0-1, 1-2 and 2-5 Hz.
LOG_BIASES = ("ln_bias_low", "ln_bias_mid", "ln_bias_high")
#: The published form, mean of (prediction - reference) / reference, in the same bands.
PUBLISHED_BIASES = ("published_relative_bias_low", "published_relative_bias_mid", "published_relative_bias_high")
BIASES = (*LOG_BIASES, *PUBLISHED_BIASES)
#: Every score, in the order of the tables.
METRICS = ("rMAE", "rRMSE", *BIASES, "EG", "PG", "rMAE_raw", "rRMSE_raw")
#: Names of scores in earlier versions, which are still understood.
_EARLIER_NAMES = dict(zip(("bias_low", "bias_mid", "bias_high"), PUBLISHED_BIASES, strict=True))


class Scores(dict[str, float]):
    """Mean scores by name, over the sensors where each is defined.

    Attributes:
        per_sensor: one array of shape (sensor,) for each metric; NaN where undefined.
        positions_m: (sensor, 2).
        notes: what could not be scored, and why, in words.
    """

    def __init__(self, per_sensor: dict[str, np.ndarray], positions_m: np.ndarray, notes: list[str]) -> None:
        super().__init__({name: mean(values) for name, values in per_sensor.items()})
        self.per_sensor = per_sensor
        self.positions_m = positions_m
        self.notes = notes

    def __missing__(self, name: str) -> float:
        """A score by the name that an earlier version gave it: `bias_high` is `published_relative_bias_high`."""
        return self[_EARLIER_NAMES[name]]

    @property
    def sensors(self) -> int:
        """How many sensors were looked at."""
        return len(self.positions_m)

    @property
    def undefined_sensors(self) -> int:
        """How many of them have no goodness of fit: they have NaN or no motion."""
        return undefined(self.per_sensor)


def evaluate(
    prediction: xr.DataArray,
    reference: xr.DataArray,
    *,
    sensors: Sensors = None,
    tolerance_m: float = 60.0,
    window_s: tuple[float, float] | None = None,
    geology: Geology | xr.DataArray | xr.Dataset | None = None,
) -> Scores:
    """Judge a wavefield as the published figures are computed.

    Args:
        prediction: dims ([realization,] component, x, y, time), m/s; each realization is scored, and the scores
            averaged.
        reference: dims (component, x, y, time), m/s; a sample or realization that is the only one may lead them.
        sensors: None demands the same sensors; "nearest" pairs those within `tolerance_m` along each axis.
        tolerance_m: for "nearest".
        window_s: common time window in s after origin; None demands the same times.
        geology: gives Vs at the reference's source, without which the event-normalised rMAE and rRMSE are NaN.

    Returns:
        rMAE, rRMSE, ln_bias_low (0-1 Hz), ln_bias_mid (1-2 Hz), ln_bias_high (2-5 Hz), the same three in the published
        form as published_relative_bias_low and so on, EG, PG, rMAE_raw, rRMSE_raw: means over the sensors where each is
        defined; and as attributes `sensors` and `undefined_sensors`.

    Raises:
        InputError: wavefields that do not describe the same ground at the same times, with both values named.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> ground = sp.make_geology(np.full((9, 9, 9), 3000.0), (2400, 2400, 2400))
        >>> source = sp.Source.from_angles(position_m=(1200, 1200, -900), strike_deg=20, dip_deg=60, rake_deg=30, mw=4)
        >>> sensors_m = (np.array([600.0, 1800.0]), np.array([1050.0]))
        >>> truth = sp.simulate(ground, source, grid_spacing_m=150, duration_s=2, sensors_m=sensors_m)
        >>> scores = sp.evaluate(1.1 * truth, truth, geology=ground)  # a tenth too strong
        >>> round(scores["EG"], 1), round(scores["PG"], 1)
        (9.1, 10.0)
    """
    pair = make_pair(prediction, reference, sensors=sensors, tolerance_m=tolerance_m, window_s=window_s)
    scale = math.nan if geology is None else scale_at_source(as_geology(geology), _known_source(reference, prediction))
    draws = [sensor_scores(draw, pair.reference, pair.dt_s, scale) for draw in pair.prediction]
    per_sensor = {name: np.mean([d[name] for d in draws], axis=0) for name in METRICS}
    left_out = notes(pair, per_sensor)
    one, other = source_of(prediction), source_of(reference)
    if one is not None and other is not None and not _same_source(one, other):
        left_out.append("prediction and reference record different sources: they are two earthquakes")
    return Scores(per_sensor, pair.positions_m, left_out)


def sensor_scores(
    prediction: Float[np.ndarray, "sensor 3 time"],
    reference: Float[np.ndarray, "sensor 3 time"],
    dt_s: float,
    scale: float = math.nan,
    highest_hz: float = BANDS_HZ[-1][1],
) -> dict[str, np.ndarray]:
    """Every metric at every sensor; NaN where it has no meaning.

    Args:
        prediction: velocities in m/s.
        reference: velocities in m/s.
        dt_s: sampling step in s.
        scale: `signal.misfit.event_scale`.
        highest_hz: frequency up to which the reference is sound; goodness of fit and biases look no further.
    """
    # An infinite sample leaves a sensor as undefined as one that is no number.
    prediction, reference = (np.where(np.isfinite(field), field, np.nan) for field in (prediction, reference))
    bands_hz = bands_up_to(highest_hz)
    eg, pg = gof(prediction, reference, dt_s, fmax_hz=bands_hz[-1][1])
    biases = [biases_of(prediction, reference, dt_s, bands_hz) for biases_of in (log_biases, relative_biases)]
    rmae_raw, rrmse_raw = relative_errors(prediction, reference)
    rmae, rrmse = relative_errors(prediction, reference, scale)
    columns = (rmae, rrmse, *np.moveaxis(np.concatenate(biases, axis=-1), -1, 0), eg, pg, rmae_raw, rrmse_raw)
    return {name: np.asarray(column, dtype=float) for name, column in zip(METRICS, columns, strict=True)}


def scale_at_source(geology: Geology, source: Source) -> float:
    """The event's normalising constant, with Vs at the geology's node nearest to the source."""
    axes = zip((geology.x_m, geology.y_m, geology.z_m), source.position_m, strict=True)
    # Of two nodes that are equally near, the one further East, North or up.
    nearest = tuple(len(axis) - 1 - int(np.abs(axis - at)[::-1].argmin()) for axis, at in axes)
    return event_scale(float(geology.vs_m_s[nearest]), -source.position_m[2])


def mean(values: np.ndarray) -> float:
    """Mean of what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def undefined(per_sensor: dict[str, np.ndarray]) -> int:
    """Sensors without a goodness of fit."""
    return int(np.isnan(per_sensor["EG"]).sum())


def notes(pair: Pair, per_sensor: dict[str, np.ndarray]) -> list[str]:
    """What was left out of the means."""
    left_out = []
    bad = undefined(per_sensor)
    if bad:
        left_out.append(
            f"{bad} of {len(pair.reference)} sensors have NaN or no motion: left out of EG and PG, not scored 0"
        )
    duration = len(pair.time_s) * pair.dt_s
    reason = f"no frequency of a {duration:g} s record falls in its band, or the reference is silent there"
    left_out += [f"{name}: {reason}" for name in BIASES if np.isnan(per_sensor[name]).all()]
    if np.isnan(per_sensor["rMAE"]).all():
        left_out.append(
            "rMAE, rRMSE: need the geology and the source (Vs at the source sets their scale); the _raw ones do not"
        )
    if pair.band_hz[1] < 5.0 - 1e-9:
        left_out.append(
            f"the wavefields hold no more than {pair.band_hz[1]:g} Hz: scores that look up to 5 Hz reach beyond it"
        )
    return left_out


def _same_source(one: Source, other: Source) -> bool:
    """The same place and tensor, within what files round off."""
    scale = np.abs(other.tensor_nm).max()
    return bool(
        np.allclose(one.position_m, other.position_m, atol=1.0)
        and np.allclose(one.tensor_nm, other.tensor_nm, atol=1e-3 * scale)
    )


def _known_source(reference: xr.DataArray, prediction: xr.DataArray) -> Source:
    source = source_of(reference) or source_of(prediction)
    if source is None:
        raise InputError("reference.attrs", "no source recorded", "a wavefield with its source, or no geology")
    return source
