"""The wavefield that the page shows, and the numbers that are computed from it."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.wavefield import (
    band_of,
    check_wavefield,
    has_stations,
    sampling_step_s,
    source_of,
    with_realizations,
)
from spectremor.signal.calculus import derivative, integral
from spectremor.signal.response import rotd, rotd_peak

#: Measures of the motion that the map can show: label and unit.
MEASURES = {
    "PGV": ("Peak velocity, RotD50", "cm/s"),
    "PGA": ("Peak acceleration, RotD50", "m/s²"),
    "PGD": ("Peak displacement, RotD50", "cm"),
    "SA(0.3)": ("SA at 0.3 s, RotD50", "m/s²"),
    "SA(1.0)": ("SA at 1 s, RotD50", "m/s²"),
}
_SCALES = {"cm/s": 100.0, "cm": 100.0, "m/s²": 1.0}
_HORIZONTAL = slice(0, 2)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A wavefield to show, with its stage-1 prediction if there is one.

    Attributes:
        field: dims (realization, component, x, y, time), or (..., component, station, time), m/s.
        stage1: wavefield of stage 1, without realizations; None for an opened file.
        title: what the page calls the wavefield.
        source: the earthquake, if the field's attributes hold it.
        band_high_hz: upper end of the usable band, if the field's attributes hold it.
        rupture_m: positions (x, y, z) of the points of the rupture; None without a rupture.
        place: location on Earth of the domain's corner, if it is known.
        remarks: warnings about the input.
    """

    field: xr.DataArray
    stage1: xr.DataArray | None
    title: str
    source: Source | None
    band_high_hz: float | None
    rupture_m: Float[np.ndarray, "points 3"] | None = None
    place: Georeference | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, field: xr.DataArray, title: str, stage1: xr.DataArray | None = None) -> Scene:
        """A scene from any wavefield of a single sample.

        Raises:
            InputError: the field is not a wavefield, has several samples or values that are not finite, or its source
                is not valid.
        """
        check_wavefield(field)
        if "sample" in field.dims:
            raise InputError("wavefield", f"{field.sizes['sample']} samples", "one sample")
        field = with_realizations(field)
        if not np.isfinite(field.values).all():
            raise InputError("wavefield", "NaN or infinite values", "finite ground velocities")
        band_hz = band_of(field)
        high = None if band_hz is None else band_hz[1]
        return cls(field=field, stage1=stage1, title=title, source=source_of(field), band_high_hz=high)

    def with_rupture(self, earthquake: Source | Rupture) -> Scene:
        """The scene with the points of its earthquake, if that is a rupture."""
        return self if isinstance(earthquake, Source) else dataclasses.replace(self, rupture_m=earthquake.position_m)

    @property
    def realization_numbers(self) -> list[int]:
        """The numbers of the realizations in the field's coordinate, or from 0 without one."""
        if "realization" not in self.field.coords:
            return list(range(self.field.sizes["realization"]))
        return [int(number) for number in self.field["realization"].values]

    @property
    def stage1_label(self) -> str:
        """Label of stage 1; empty without stage 1."""
        return "" if self.stage1 is None else f"{self.stage1.attrs.get('stage1', 'stage 1')} alone"

    @property
    def label(self) -> str:
        """Label of the field itself."""
        return self.title if self.stage1 is None else {"generated": "with diffusion"}.get(self.title, self.title)

    @functools.cached_property
    def sensor_positions_m(self) -> Float[np.ndarray, "sensor 2"]:
        """East and North of each sensor in m."""
        x, y = self.field["x"].values, self.field["y"].values
        if not has_stations(self.field):
            x, y = np.meshgrid(x, y, indexing="ij")
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(float)

    @property
    def spacing_km(self) -> tuple[float, float]:
        """Size of a sensor's square on the map along East and North, in km: on a grid, the sensor spacing."""
        if has_stations(self.field):
            size = float(np.ptp(self.sensor_positions_m, axis=0).max()) / 1000 / 28
            return size or 1.0, size or 1.0
        return _spacing(self.field["x"].values / 1000), _spacing(self.field["y"].values / 1000)

    @functools.cached_property
    def traces_m_s(self) -> Float[np.ndarray, "realization 3 sensor time"]:
        """Velocity at every sensor, in m/s."""
        values = self.field.values
        return values.reshape(*values.shape[:2], -1, values.shape[-1])

    def stage1_traces_m_s(self, sensor: int) -> Float[np.ndarray, "3 time"] | None:
        """Velocity of stage 1 at a sensor, in m/s; None without stage 1."""
        if self.stage1 is None:
            return None
        values = self.stage1.values
        return values.reshape(values.shape[0], -1, values.shape[-1])[:, sensor]

    def nearest_sensor(self, x_m: float, y_m: float) -> int:
        """Index of the sensor nearest to a position."""
        return int(((self.sensor_positions_m - (x_m, y_m)) ** 2).sum(axis=1).argmin())

    def measure(self, name: str, realization: int) -> Float[np.ndarray, " sensor"]:
        """One of `MEASURES` at every sensor (RotD50 of the horizontal motion), in its unit."""
        return self._measures(name, realization)

    @functools.cached_property
    def _measure_cache(self) -> dict[tuple[str, int], np.ndarray]:
        return {}

    def _measures(self, name: str, realization: int) -> np.ndarray:
        key = (name, realization)
        if key not in self._measure_cache:
            horizontal = self.traces_m_s[realization, _HORIZONTAL].swapaxes(0, 1)
            self._measure_cache[key] = rotd50(horizontal, self.step_s, name) * _SCALES[MEASURES[name][1]]
        return self._measure_cache[key]

    @functools.cached_property
    def sensor_motions(self) -> dict[Any, Any]:
        """Cache of the motion at single sensors, which `SensorMotion.of` fills."""
        return {}

    def strongest_sensor(self) -> int:
        """Index of the sensor with the largest PGV in the first realization."""
        return int(self.measure("PGV", 0).argmax())

    def station_name(self, sensor: int) -> str | None:
        """The name of a station; None on a grid."""
        return str(self.field["station"].values[sensor]) if has_stations(self.field) else None

    def has_measure(self, name: str, realization: int) -> bool:
        """Whether the values of `measure` are in the cache."""
        return (name, realization) in self._measure_cache

    def frames(self, component: int, realization: int, most_numbers: int = 800_000) -> tuple[np.ndarray, np.ndarray]:
        """A component of the wavefield at evenly spaced times, for the animated map.

        Args:
            component: 0 East, 1 North, 2 Up.
            realization: index of the draw.
            most_numbers: largest number of values in all frames; times are left out evenly until they fit.

        Returns:
            Times in s, and velocities in cm/s, shape (time, sensor), float32.
        """
        traces = self.traces_m_s[realization, component]
        every = max(1, -(-traces.size // most_numbers))
        return self.time_s[::every], np.ascontiguousarray(traces[:, ::every].T * 100, dtype=np.float32)

    @property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Sample times in s after the origin time."""
        return self.field["time"].values.astype(float)

    @property
    def step_s(self) -> float:
        """The time step in s."""
        return sampling_step_s(self.field)


def rotd50(horizontal_m_s: Float[np.ndarray, "*batch 2 time"], step_s: float, name: str) -> Float[np.ndarray, "*batch"]:
    """RotD50 of one measure: PGV (m/s), PGA (m/s2), PGD (m) or SA(T) (m/s2)."""
    if name.startswith("SA("):
        return rotd(horizontal_m_s, step_s, np.array([float(name[3:-1])]), (50.0,))[0, ..., 0]
    motion = {"PGV": lambda v, _: v, "PGA": derivative, "PGD": integral}[name](horizontal_m_s, step_s)
    return rotd_peak(motion, (50.0,))[0]


def _spacing(positions: np.ndarray) -> float:
    return float(np.diff(positions).mean()) if len(positions) > 1 else 1.0
