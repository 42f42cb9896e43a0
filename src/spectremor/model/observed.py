"""Recordings that a person brings, among the sensors of a model: parsed once, trusted afterwards."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.axes import COMPONENTS
from spectremor.core.errors import InputError
from spectremor.core.labelled import plain_array
from spectremor.core.recording import Recording, parse_positions

#: Distance in m below which a station stands at a sensor.
SAME_PLACE_M = 1.0
#: Greatest depth in m of a station at the surface.
_AT_SURFACE_M = 1.0
_DIMS = ("component", "station", "time")
#: Part of a time step by which times may differ.
_SAME_TIME = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observed:
    """Recordings at stations on the surface, at the times of the model.

    Attributes:
        positions_m: East and North of each station.
        velocity: in m/s, components E, N, Z.
        error: standard deviation of each sample's error, as a part of the trace's root-mean-square velocity.
    """

    positions_m: Float[np.ndarray, "r 2"]
    velocity: Float[np.ndarray, "r 3 time"]
    error: float


def parse_observed(observed: xr.DataArray, error: float, recording: Recording) -> Observed:
    """Recordings as a model takes them.

    Args:
        observed: DataArray, dims (component, station, time) in any order, coordinates `x` and `y` in m on the
            stations, `time` in s, values in m/s.
        error: standard deviation of each sample's error, as a part of the trace's root-mean-square velocity.
        recording: of the model, whose times the recordings must have.

    Raises:
        InputError: names what is wrong.
    """
    if not isinstance(observed, xr.DataArray):
        raise InputError("observed", f"a {type(observed).__name__}", "an xarray.DataArray with labelled dimensions")
    if set(observed.dims) != set(_DIMS) or len(observed.dims) != len(_DIMS):
        raise InputError("observed.dims", observed.dims, f"({', '.join(_DIMS)})")
    if not (isinstance(error, int | float) and math.isfinite(error) and 0 <= error <= 1):
        raise InputError("observed_error", error, "0 to 1, a part of each trace's root-mean-square velocity")
    for name, dim in (("x", "station"), ("y", "station"), ("time", "time")):
        if name not in observed.coords or observed[name].dims != (dim,):
            raise InputError(f"observed.{name}", "no coordinate", f"a number for each {dim}")
    observed = observed.transpose(*_DIMS)
    if "component" in observed.coords and tuple(map(str, observed["component"].values)) != COMPONENTS:
        raise InputError("observed.component", observed["component"].values.tolist(), "E, N, Z in this order")
    _check_times(plain_array("observed.time", observed["time"], "s"), recording)
    if "z" in observed.coords and (np.abs(plain_array("observed.z", observed["z"], "m")) > _AT_SURFACE_M).any():
        raise InputError("observed.z", observed["z"].values.tolist(), "0 m: stations at the surface")
    velocity = np.moveaxis(np.asarray(plain_array("observed", observed, "m/s")), 0, 1)
    if velocity.dtype.kind != "f" or not velocity.shape[0] or velocity.shape[1] != len(COMPONENTS):
        raise InputError("observed", f"{velocity.dtype} of shape {observed.shape}", "real numbers, 3 x station x time")
    if not np.isfinite(velocity).all():
        raise InputError("observed", "NaN or infinite velocities", "finite velocities in m/s")
    x_m, y_m = (parse_positions(f"observed.{axis}", observed[axis]) for axis in "xy")
    return Observed(positions_m=np.stack([x_m, y_m], axis=1), velocity=velocity.astype(np.float32), error=float(error))


def _check_times(time_s: np.ndarray, recording: Recording) -> None:
    times_s = recording.time_s
    if len(time_s) != len(times_s) or np.abs(time_s - times_s).max() * recording.sampling_hz > _SAME_TIME:
        found = f"{len(time_s)} samples from {time_s[0]:g} to {time_s[-1]:g} s" if len(time_s) else "no samples"
        allowed = f"the model's {len(times_s)} from {times_s[0]:g} to {times_s[-1]:g} s"
        raise InputError("observed.time", found, allowed)
