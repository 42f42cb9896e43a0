"""A prediction, one motion or an ensemble, beside what stations recorded and what ground-motion models say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.wavefield import (
    band_of,
    check_wavefield,
    has_stations,
    recording_of,
    sampling_step_s,
    sensors_of,
    source_of,
    with_realizations,
)
from spectremor.hazard.ground_motion_models import MODELS, ModelAnswers, ask_models, durations
from spectremor.hazard.motion import FREQUENCIES_HZ, PERIODS_S, MotionMeasures, motion_measures
from spectremor.hazard.scenario import Scenario, scenarios, vs30_of_ground
from spectremor.signal.filters import high_pass, low_pass
from spectremor.signal.gof import gof
from spectremor.signal.response import usable_frequencies

#: A record may stand this far from the sensor of a grid that it is compared with, in m.
FARTHEST_SENSOR_M = 300.0
#: So many sensors of a prediction stand beside ground-motion models at most.
MOST_SITES = 64
#: A record must have this share of the prediction's duration.
_LEAST_COVERED = 0.5
#: A zero-phase filter needs a few samples.
_LEAST_SAMPLES = 64


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Sites:
    """Predicted motion at some sensors.

    Attributes:
        names: of the sensors: stations' names, or where they stand.
        points_m: (x, y, z) of each.
        draws: predicted velocity in m/s.
        time_s: sample times after the origin time.
        band_hz: lowest and highest frequency that the prediction holds.
        lowpass_hz: corner of its low-pass; None where its sampling alone limits it.
        source: the earthquake, where the prediction says it.
    """

    names: tuple[str, ...]
    points_m: Float[np.ndarray, "site 3"]
    draws: Float[np.ndarray, "draw site 3 time"]
    time_s: Float[np.ndarray, " time"]
    band_hz: tuple[float, float]
    lowpass_hz: float | None
    source: Source | None

    @property
    def dt_s(self) -> float:
        """Sampling step in s."""
        return float(self.time_s[1] - self.time_s[0])

    def chosen(self, which: Sequence[int] | np.ndarray) -> Sites:
        """Some of the sites, in this order."""
        index = np.asarray(which, dtype=int)
        return dataclasses.replace(
            self,
            names=tuple(self.names[k] for k in index),
            points_m=self.points_m[index],
            draws=self.draws[:, index],
        )

    def measures(self) -> MotionMeasures:
        """Of every draw; the axes after RotD are draw and site."""
        return motion_measures(self.draws, self.dt_s, frequencies_hz=_frequencies(self.dt_s))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Recorded:
    """A prediction beside records at the same stations and times.

    Attributes:
        sites: the prediction there.
        observed: recorded velocity in m/s, low-passed as the prediction is.
        band_hz: what both hold.
        known_below_hz: waveforms are compared below it; None: not at all.
        eg: envelope goodness of fit of each draw and station; NaN where waveforms are not compared.
        pg: phase goodness of fit.
        notes: sentences for people.
    """

    sites: Sites
    observed: Float[np.ndarray, "site 3 time"]
    band_hz: tuple[float, float]
    known_below_hz: float | None
    eg: Float[np.ndarray, "draw site"]
    pg: Float[np.ndarray, "draw site"]
    notes: tuple[str, ...]

    def observed_measures(self) -> MotionMeasures:
        """Of every record."""
        return motion_measures(self.observed, self.sites.dt_s, frequencies_hz=_frequencies(self.sites.dt_s))

    def waveforms(self) -> tuple[Float[np.ndarray, "draw site 3 time"], Float[np.ndarray, "site 3 time"]]:
        """Draws and records in the band in which waveforms are compared; in both bands where they are not."""
        low, high = self.band_hz[0], self.known_below_hz or self.band_hz[1]
        return _in_band(self.sites.draws, self.sites.dt_s, low, high), _in_band(
            self.observed, self.sites.dt_s, low, high
        )


def sites_of(prediction: xr.DataArray) -> Sites:
    """All sensors of a prediction: a wavefield or an ensemble of them.

    Raises:
        InputError: no wavefield, several events, missing values, or too few samples.
    """
    field = check_wavefield(prediction, name="prediction")
    if "sample" in field.dims:
        raise InputError("prediction.dims", field.dims, "one event: ([realization,] component, ...)")
    field = with_realizations(field)
    if not np.isfinite(field.values).all():
        raise InputError("prediction", "NaN or infinite values", "finite ground velocities")
    if field.sizes["time"] < _LEAST_SAMPLES:
        raise InputError("prediction.time", f"{field.sizes['time']} samples", f"{_LEAST_SAMPLES} or more")
    sensors = ("station",) if has_stations(field) else ("x", "y")
    values = field.transpose("realization", *sensors, "component", "time").values.astype(float)
    points = sensors_of(field).points_m()
    if has_stations(field):
        names = tuple(str(name) for name in field["station"].values)
    else:
        names = tuple(f"({x / 1000:g}, {y / 1000:g}) km" for x, y, _ in points)
    nyquist = 0.5 / sampling_step_s(field)
    lowpass_hz = recording_of(field, name="prediction").lowpass_hz
    return Sites(
        names=names,
        points_m=points,
        draws=values.reshape(len(values), len(names), 3, -1),
        time_s=field["time"].values.astype(float),
        band_hz=band_of(field, name="prediction") or (0.0, nyquist),
        lowpass_hz=lowpass_hz if lowpass_hz < nyquist * (1 - 1e-6) else None,
        source=source_of(field),
    )


def spread_sites(sites: Sites, most: int = MOST_SITES) -> Sites:
    """At most so many sites, evenly spread over their order of epicentral distance (or over the list without source).

    Raises:
        InputError: a number below 1.
    """
    if most < 1:
        raise InputError("sites.most", most, "1 or more")
    order = np.arange(len(sites.names))
    if sites.source is not None:
        x, y, _ = sites.source.position_m
        order = np.argsort(np.hypot(sites.points_m[:, 0] - x, sites.points_m[:, 1] - y), kind="stable")
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).round().astype(int)]
    return sites.chosen(order)


def compare_with_records(
    prediction: xr.DataArray,
    records: xr.DataArray,
    *,
    known_below_hz: float | None = None,
    farthest_m: float = FARTHEST_SENSOR_M,
) -> Recorded:
    """Put a prediction beside what stations recorded.

    Stations are found in a prediction by name; in a grid, and where no name agrees, the nearest sensor within
    `farthest_m` is taken. Both are cut to the times that they share, and records are low-passed as the prediction is.

    Args:
        prediction: dims ([realization,] component, x, y, time) or (..., station, time), m/s.
        records: from `read_recordings`, of the prediction's sampling rate.
        known_below_hz: up to which frequency the ground is known well enough for waveforms to agree: below it EG and
            PG are computed. None: waveforms are not compared.
        farthest_m: from a station to the sensor that stands for it.

    Raises:
        InputError: no wavefields, another sampling, no station near a sensor, records that have less than half of the
            prediction's times, a band that both do not share, or a frequency out of that band.
    """
    sites, field = sites_of(prediction), check_wavefield(records, name="records")
    if not has_stations(field) or field.dims[:-3]:
        raise InputError("records.dims", field.dims, "(component, station, time)")
    if not np.isfinite(field.values).all():
        raise InputError("records", "NaN or infinite values", "finite ground velocities")
    sites, field, notes = _paired(sites, field, farthest_m)
    sites, observed, note = _at_common_times(sites, field)
    band = _common_band(sites, field)
    if known_below_hz is not None and not band[0] < known_below_hz <= band[1] * (1 + 1e-9):
        raise InputError("known_below_hz", known_below_hz, f"({band[0]:g}, {band[1]:g}] Hz, what both hold")
    if sites.lowpass_hz is not None and sites.lowpass_hz < 0.5 / sites.dt_s:
        observed = low_pass(observed, sites.dt_s, sites.lowpass_hz)
    made = Recorded(
        sites=sites,
        observed=observed,
        band_hz=band,
        known_below_hz=known_below_hz,
        eg=np.full(sites.draws.shape[:2], np.nan),
        pg=np.full(sites.draws.shape[:2], np.nan),
        notes=(*notes, *note),
    )
    if known_below_hz is None:
        return made
    draws, recorded = made.waveforms()
    lowest_hz = max(band[0], 1.0 / (len(sites.time_s) * sites.dt_s))
    eg, pg = gof(
        draws,
        np.broadcast_to(recorded, draws.shape).copy(),
        sites.dt_s,
        fmin_hz=lowest_hz,
        fmax_hz=known_below_hz,
    )
    return dataclasses.replace(made, eg=eg, pg=pg)


def _paired(sites: Sites, records: xr.DataArray, farthest_m: float) -> tuple[Sites, xr.DataArray, list[str]]:
    """The prediction's sites that stand for stations, and those stations, in one order."""
    stations = [str(name) for name in records["station"].values]
    by_name = [name for name in stations if name in sites.names]
    if by_name:
        chosen = sites.chosen([sites.names.index(name) for name in by_name])
        left = [name for name in stations if name not in by_name]
        notes = [f"Not in the prediction: {', '.join(left)}."] if left else []
        return chosen, records.sel(station=by_name), notes
    where = np.stack([records["x"].values, records["y"].values], axis=1).astype(float)
    offsets = np.linalg.norm(sites.points_m[None, :, :2] - where[:, None], axis=-1)
    nearest, distance = offsets.argmin(axis=1), offsets.min(axis=1)
    near = np.flatnonzero(distance <= farthest_m)
    if not len(near):
        name, gap = stations[int(distance.argmin())], float(distance.min())
        allowed = f"a station within {farthest_m:g} m of a sensor of the prediction (does its corner agree?)"
        raise InputError("records.station", f"{name}, {gap:.0f} m from the nearest sensor", allowed)
    notes = [f"{stations[k]} is {distance[k]:.0f} m from the sensor that stands for it." for k in near]
    notes += [
        f"{stations[k]} is {distance[k]:.0f} m from the nearest sensor and left out." for k in _others(near, stations)
    ]
    chosen = dataclasses.replace(sites.chosen(nearest[near]), names=tuple(stations[k] for k in near))
    return chosen, records.isel(station=near), notes


def _others(near: np.ndarray, stations: list[str]) -> list[int]:
    return [k for k in range(len(stations)) if k not in near]


def _at_common_times(sites: Sites, records: xr.DataArray) -> tuple[Sites, np.ndarray, list[str]]:
    """Both at the times that they share."""
    step_s = sampling_step_s(records, name="records")
    if abs(step_s / sites.dt_s - 1) > 1e-4:
        raise InputError("records.time", f"a step of {step_s:g} s", f"the prediction's step of {sites.dt_s:g} s")
    theirs = records["time"].values.astype(float)
    shift = (sites.time_s[0] - theirs[0]) / step_s
    if abs(shift - round(shift)) > 0.01:
        raise InputError("records.time", f"samples from {theirs[0]:g} s", "the prediction's sample times")
    first, last = max(theirs[0], sites.time_s[0]), min(theirs[-1], sites.time_s[-1])
    whole = sites.time_s[-1] - sites.time_s[0]
    if last - first < _LEAST_COVERED * whole or (last - first) / step_s < _LEAST_SAMPLES:
        found = f"{theirs[0]:.2f} to {theirs[-1]:.2f} s after the origin time"
        allowed = f"half of the prediction's {sites.time_s[0]:g} to {sites.time_s[-1]:g} s or more"
        raise InputError("records.time", found, allowed)
    ours = (sites.time_s >= first - 0.1 * step_s) & (sites.time_s <= last + 0.1 * step_s)
    kept = (theirs >= first - 0.1 * step_s) & (theirs <= last + 0.1 * step_s)
    observed = records.transpose("station", "component", "time").values[..., kept].astype(float)
    cut = dataclasses.replace(sites, draws=sites.draws[..., ours], time_s=sites.time_s[ours])
    note = f"Compared from {first:.2f} to {last:.2f} s after the origin time, which both have."
    return cut, observed, [] if ours.all() else [note]


def _common_band(sites: Sites, records: xr.DataArray) -> tuple[float, float]:
    own = band_of(records, name="records") or (0.0, 0.5 / sites.dt_s)
    low, high = max(own[0], sites.band_hz[0]), min(own[1], sites.band_hz[1])
    if not low < high:
        found = f"{sites.band_hz[0]:g} to {sites.band_hz[1]:g} Hz"
        raise InputError("prediction.band_hz", found, f"a band that meets the records', {own[0]:g} to {own[1]:g} Hz")
    return low, high


def _in_band(traces: np.ndarray, dt_s: float, low_hz: float, high_hz: float) -> np.ndarray:
    nyquist = 0.5 / dt_s
    out = low_pass(traces, dt_s, high_hz) if high_hz < nyquist else traces
    return high_pass(out, dt_s, low_hz, order=2) if low_hz > 0 else out


def _frequencies(dt_s: float) -> tuple[float, ...]:
    return tuple(f for f in FREQUENCIES_HZ if f <= 0.5 / dt_s)


# -- tables -----------------------------------------------------------------------------------------------------------


def record_rows(recorded: Recorded) -> list[dict[str, Any]]:
    """A row for each station and measure: the record, the draws, where the record stands among them.

    `percentile` is the share of draws below the record (Weibull: rank over the number of draws + 1); with a single draw
    it says nothing and is NaN.
    """
    draws, observed = recorded.sites.measures(), recorded.observed_measures()
    rows = []
    for label, unit, usable, many, one in _listed(draws, observed, recorded):
        for k, name in enumerate(recorded.sites.names):
            values, value = many[:, k], float(one[k])
            low, middle, high = np.percentile(values, (16, 50, 84))
            rows.append(
                {
                    "station": name,
                    "measure": label,
                    "unit": unit,
                    "usable": usable,
                    "observed": value,
                    "predicted_median": float(middle),
                    "predicted_16": float(low),
                    "predicted_84": float(high),
                    "ln_observed_over_predicted": _log_ratio(value, float(middle)),
                    "percentile": _percentile(values, value),
                    "draws": len(values),
                }
            )
    return rows


def _listed(draws: MotionMeasures, observed: MotionMeasures, recorded: Recorded) -> list[tuple[Any, ...]]:
    """Name, unit, whether both hold it, the draws' values (draw, site) and the records' (site)."""
    low, high = recorded.band_hz
    duration_s = float(recorded.sites.time_s[-1] - recorded.sites.time_s[0])
    sa_usable = usable_frequencies(1.0 / draws.periods_s, (low, high), duration_s)
    fas_usable = usable_frequencies(draws.frequencies_hz, (low, high), duration_s)
    listed: list[tuple[Any, ...]] = [
        ("PGA RotD50", "m/s2", True, draws.pga[0], observed.pga[0]),
        ("PGA RotD100", "m/s2", True, draws.pga[1], observed.pga[1]),
        ("PGV RotD50", "m/s", True, draws.pgv[0], observed.pgv[0]),
        ("PGV RotD100", "m/s", True, draws.pgv[1], observed.pgv[1]),
        ("D5-95", "s", True, draws.duration_s, observed.duration_s),
    ]
    for rotd, kind in ((0, "RotD50"), (1, "RotD100")):
        listed += [
            (f"SA({t:g} s) {kind}", "m/s2", bool(good), draws.sa[rotd, ..., k], observed.sa[rotd, ..., k])
            for k, (t, good) in enumerate(zip(draws.periods_s, sa_usable, strict=True))
        ]
        listed += [
            (f"FAS({f:g} Hz) {kind}", "m/s", bool(good), draws.fas[rotd, ..., k], observed.fas[rotd, ..., k])
            for k, (f, good) in enumerate(zip(draws.frequencies_hz, fas_usable, strict=True))
        ]
    return listed


def _log_ratio(observed: float, predicted: float) -> float:
    return math.log(observed / predicted) if observed > 0 and predicted > 0 else math.nan


def _percentile(values: np.ndarray, value: float) -> float:
    if len(values) < 2 or not math.isfinite(value):
        return math.nan
    rank = float((values < value).sum()) + 0.5 * float((values == value).sum()) + 0.5
    return 100.0 * rank / (len(values) + 1)


def waveform_rows(recorded: Recorded) -> list[dict[str, Any]]:
    """A row for each station: EG and PG below the frequency to which the ground is known, over the draws."""
    if recorded.known_below_hz is None:
        return []
    return [
        {
            "station": name,
            "from_hz": recorded.band_hz[0],
            "to_hz": recorded.known_below_hz,
            "EG_mean": float(recorded.eg[:, k].mean()),
            "PG_mean": float(recorded.pg[:, k].mean()),
            "EG_best": float(recorded.eg[:, k].max()),
            "PG_best": float(recorded.pg[:, k].max()),
            "draws": len(recorded.eg),
        }
        for k, name in enumerate(recorded.sites.names)
    ]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BesideModels:
    """A prediction beside ground-motion models at the same magnitude, distance, depth and Vs30.

    Attributes:
        sites: of the prediction.
        seen: what each site sees of the earthquake.
        answers: what the models say, at `PERIODS_S`.
        duration_s: D5-95 of Afshari & Stewart (2016).
    """

    sites: Sites
    seen: tuple[Scenario, ...]
    answers: ModelAnswers
    duration_s: Float[np.ndarray, " site"]


def beside_models(
    sites: Sites, vs30: float | Geology, *, source: Source | None = None, names: Sequence[str] = MODELS
) -> BesideModels:
    """Ask ground-motion models what they say at the prediction's sites.

    Args:
        sites: of the prediction.
        vs30: in m/s at all sites, or the ground whose top 30 m say it at each.
        source: of a prediction that does not say its own.
        names: of the models.

    Raises:
        InputError: a prediction without source, or a Vs30 or model that is none.
        MissingExtraError: pygmm is not installed.
    """
    known = sites.source or source
    if known is None:
        raise InputError("prediction.attrs.source_position_m", "nothing", "a prediction that records its source")
    if isinstance(vs30, Geology):
        speeds = vs30_of_ground(vs30, sites.points_m)
    else:
        if not (math.isfinite(vs30) and 50 <= vs30 <= 5000):
            raise InputError("vs30", f"{vs30:g} m/s", "[50, 5000] m/s")
        speeds = np.full(len(sites.names), float(vs30))
    seen = scenarios(known, sites.points_m, speeds)
    return BesideModels(
        sites=sites, seen=tuple(seen), answers=ask_models(seen, PERIODS_S, names), duration_s=durations(seen)
    )


def model_rows(beside: BesideModels) -> list[dict[str, Any]]:
    """A row for each site, measure and model: the prediction's median over draws, the model's median and sigma."""
    measures = beside.sites.measures()
    low, high = beside.sites.band_hz
    duration_s = float(beside.sites.time_s[-1] - beside.sites.time_s[0])
    usable = usable_frequencies(1.0 / measures.periods_s, (low, high), duration_s)
    rows = []
    for motion in beside.answers.motions:
        listed: list[tuple[Any, ...]] = [("PGV RotD50", "m/s", True, measures.pgv[0], motion.pgv, motion.sigma_pgv)]
        listed += [
            (f"SA({t:g} s) RotD50", "m/s2", bool(good), measures.sa[0, ..., k], motion.sa[:, k], motion.sigma_sa[:, k])
            for k, (t, good) in enumerate(zip(measures.periods_s, usable, strict=True))
        ]
        for label, unit, good, draws, median, sigma in listed:
            middle = np.median(draws, axis=0)
            for k, (name, site) in enumerate(zip(beside.sites.names, beside.seen, strict=True)):
                rows.append(
                    {
                        "site": name,
                        "rrup_km": site.rrup_km,
                        "rjb_km": site.rjb_km,
                        "vs30_m_s": site.vs30_m_s,
                        "measure": label,
                        "unit": unit,
                        "usable": good,
                        "predicted_median": float(middle[k]),
                        "model": motion.name,
                        "model_median": float(median[k]),
                        "model_sigma_ln": float(sigma[k]),
                        "ln_predicted_over_model": _log_ratio(float(middle[k]), float(median[k])),
                    }
                )
    return rows
