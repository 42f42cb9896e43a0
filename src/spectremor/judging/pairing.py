"""Prediction and reference brought side by side: same sensors, same times, or a refusal that names both."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectremor.core.errors import InputError
from spectremor.core.wavefield import (
    LEADING_DIMS,
    band_of,
    check_wavefield,
    has_stations,
    recording_of,
    sampling_step_s,
    sensor_dims,
    with_realizations,
)

#: None: the same sensors; "nearest": those within a tolerance.
Sensors = str | None

#: Positions nearer than this along each axis are the same sensor.
SAME_SENSOR_M = 1.0


@dataclasses.dataclass(frozen=True)
class Pair:
    """Traces of the same ground, twice.

    Attributes:
        prediction: (realization, sensor, component, time) in m/s.
        reference: (sensor, component, time) in m/s.
        positions_m: (sensor, 2), East and North, of the reference's sensors.
        time_s: common sample times.
        dt_s: sampling step.
        band_hz: frequencies that both hold.
    """

    prediction: Float[np.ndarray, "realization sensor 3 time"]
    reference: Float[np.ndarray, "sensor 3 time"]
    positions_m: Float[np.ndarray, "sensor 2"]
    time_s: Float[np.ndarray, " time"]
    dt_s: float
    band_hz: tuple[float, float]


def make_pair(
    prediction: xr.DataArray,
    reference: xr.DataArray,
    *,
    sensors: Sensors = None,
    tolerance_m: float = 60.0,
    window_s: tuple[float, float] | None = None,
) -> Pair:
    """Pair two wavefields.

    Args:
        prediction: dims ([realization,] component, x, y, time), or (..., station, time).
        reference: dims (component, x, y, time) or (component, station, time); a sample or
                realization that is the only one may lead them.
        sensors: of grids; wavefields at stations always need the same stations, in any order. None demands
            the same sensors; "nearest" pairs each reference sensor with the predicted one nearest to
            it along each axis, where both distances are within `tolerance_m` (nothing is ever interpolated).
        tolerance_m: for "nearest".
        window_s: (from, to) in s after origin: both are cut to it first. None demands the same times.

    Raises:
        InputError: units, sampling, sensors, length or start that differ, with both values named.
    """
    prediction = _lead(check_wavefield(prediction, name="prediction"), "prediction")
    reference = _only_one(check_wavefield(reference, name="reference"))
    dt = _same_sampling(prediction, reference)
    if window_s is not None:
        prediction, reference = (
            _cut(f, window_s, dt, n) for f, n in ((prediction, "prediction"), (reference, "reference"))
        )
    _same_times(prediction, reference, dt)
    if sensors not in (None, "nearest"):
        raise InputError("sensors", sensors, "None (the same ones) or 'nearest'")
    if has_stations(prediction) or has_stations(reference):
        pred, ref = _at_same_stations(prediction, reference), reference
        x, y = ref["x"].values, ref["y"].values
    else:
        pred, ref = _at_same_places(prediction, reference, sensors, tolerance_m)
        x, y = np.meshgrid(ref["x"].values, ref["y"].values, indexing="ij")
    return Pair(
        prediction=_rows(pred),
        reference=_rows(ref),
        positions_m=np.stack([x.ravel(), y.ravel()], axis=1).astype(float),
        time_s=ref["time"].values.astype(float),
        dt_s=dt,
        band_hz=common_band(prediction, reference, dt),
    )


def _at_same_stations(prediction: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    """The prediction at the reference's stations, in their order."""
    if has_stations(prediction) and has_stations(reference):
        names = reference["station"].values
        if set(names.tolist()) == set(prediction["station"].values.tolist()):
            prediction = prediction.sel(station=names)
    differences = recording_of(reference, name="reference").axes_differences(recording_of(prediction))
    if differences:
        raise InputError("prediction", "; ".join(differences), "the reference's stations")
    return prediction


def _at_same_places(
    prediction: xr.DataArray, reference: xr.DataArray, sensors: Sensors, tolerance_m: float
) -> tuple[xr.DataArray, xr.DataArray]:
    """Both on the sensors of two grids that are at the same places."""
    tolerance = SAME_SENSOR_M if sensors is None else tolerance_m
    (px, rx), (py, ry) = (_match(prediction[a].values, reference[a].values, tolerance) for a in ("x", "y"))
    if sensors is None:
        _same_sensors(prediction, reference, (px, rx), (py, ry))
    if not len(rx) or not len(ry):
        raise InputError("sensors", "no two within tolerance_m", f"sensors within {tolerance:g} m along x and y")
    return prediction.isel(x=px, y=py), reference.isel(x=rx, y=ry)


def common_band(prediction: xr.DataArray, reference: xr.DataArray, dt_s: float) -> tuple[float, float]:
    """Frequencies in Hz that both wavefields say they hold; up to Nyquist where neither says.

    Raises:
        InputError: a band that is none, or two that have nothing in common.
    """
    one, other = (_stated_band(f, name, dt_s) for f, name in ((prediction, "prediction"), (reference, "reference")))
    low, high = max(one[0], other[0]), min(one[1], other[1])
    if not low < high:
        own_band, reference_band = (f"{low:g} to {high:g} Hz" for low, high in (one, other))
        raise InputError(
            "prediction.attrs.band_high_hz", own_band, f"a band that meets the reference's, {reference_band}"
        )
    return low, high


def _stated_band(field: xr.DataArray, name: str, dt_s: float) -> tuple[float, float]:
    """Up to Nyquist where no upper end is stated."""
    if field.attrs.get("band_high_hz") is None:
        field = field.assign_attrs(band_high_hz=0.5 / dt_s)
    band = band_of(field, name=name)
    assert band is not None
    return band


def _lead(field: xr.DataArray, name: str) -> xr.DataArray:
    if "sample" in field.dims:
        raise InputError(f"{name}.dims", field.dims, "one event: ([realization,] component, x, y, time)")
    return with_realizations(field)


def _only_one(reference: xr.DataArray) -> xr.DataArray:
    """A reference without leading dimensions, where each has one entry."""
    lead = [str(dim) for dim in reference.dims if dim in LEADING_DIMS]
    several = [f"{reference.sizes[dim]} along {dim}" for dim in lead if reference.sizes[dim] != 1]
    if several:
        sizes = f"{' and '.join(several)} of {reference.dims}"
        raise InputError(
            "reference.dims", sizes, "(component, x, y, time) or (component, station, time): one reference"
        )
    return reference.squeeze(lead, drop=True)


def _rows(field: xr.DataArray) -> np.ndarray:
    """Traces by sensor, (..., sensor, component, time): y fastest, or the stations in their order."""
    sensors = sensor_dims(field)
    lead = tuple(dim for dim in field.dims if dim not in (*sensors, "component", "time"))
    values = field.transpose(*lead, *sensors, "component", "time").values
    return np.ascontiguousarray(values.reshape(*values.shape[: len(lead)], -1, *values.shape[-2:]))


def _same_sampling(prediction: xr.DataArray, reference: xr.DataArray) -> float:
    steps = sampling_step_s(prediction, name="prediction"), sampling_step_s(reference, name="reference")
    if abs(steps[0] / steps[1] - 1) > 1e-4:
        raise InputError("prediction.time", f"a step of {steps[0]:g} s", f"the reference's step of {steps[1]:g} s")
    return steps[1]


def _cut(field: xr.DataArray, window_s: tuple[float, float], dt: float, name: str) -> xr.DataArray:
    time, (start, end) = field["time"].values, window_s
    chosen = (time >= start - 0.01 * dt) & (time <= end + 0.01 * dt)
    if not start < end or chosen.sum() < 2:
        raise InputError("window_s", f"{start:g} to {end:g} s", f"a stretch of {name}'s {time[0]:g} to {time[-1]:g} s")
    return field.isel(time=chosen)


def _same_times(prediction: xr.DataArray, reference: xr.DataArray, dt: float) -> None:
    p, r = prediction["time"].values, reference["time"].values
    if len(p) != len(r):
        own_times = f"{len(p)} samples from {p[0]:g} to {p[-1]:g} s"
        raise InputError(
            "prediction.time", own_times, f"the reference's {len(r)} from {r[0]:g} to {r[-1]:g} s, or a window_s"
        )
    if abs(p[0] - r[0]) > 0.01 * dt:
        raise InputError(
            "prediction.time", f"starts at {p[0]:g} s", f"the reference's start at {r[0]:g} s, or a window_s"
        )


def _match(
    prediction: np.ndarray, reference: np.ndarray, tolerance: float
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Indices along one axis of the pairs that are mutually nearest and within the tolerance."""
    distance = np.abs(prediction[:, None].astype(float) - reference[None, :])
    nearest = distance.argmin(axis=0)
    mutual = distance.argmin(axis=1)[nearest] == np.arange(len(reference))
    matched = np.flatnonzero(mutual & (distance[nearest, np.arange(len(reference))] <= tolerance))
    return nearest[matched], matched


def _same_sensors(prediction: xr.DataArray, reference: xr.DataArray, *matches: tuple[np.ndarray, np.ndarray]) -> None:
    for axis, (p, r) in zip(("x", "y"), matches, strict=True):
        have, want = prediction[axis].values, reference[axis].values
        if not len(p) == len(r) == len(have) == len(want):
            text = "{} sensors from {:g} to {:g} m"
            own_axis, reference_axis = (text.format(len(v), v[0], v[-1]) for v in (have, want))
            raise InputError(f"prediction.{axis}", own_axis, f"the reference's {reference_axis}, or sensors='nearest'")
