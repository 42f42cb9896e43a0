"""The numbers that the page shows, without widgets and figures."""

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

#: Measures of the motion that the map can show: what a person reads, and the unit.
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
    """A wavefield to look at, and the stage-1 prediction behind it where there is one.

    Attributes:
        field: dims (realization, component, x, y, time), or (..., component, station, time), m/s.
        stage1: the same without realizations; None for an opened file.
        title: what it is, for the person who looks.
        source: the earthquake, where the file says.
        band_high_hz: upper end of the usable band, where the file says.
        rupture_m: (x, y, z) of the points of the rupture that made it, where one did.
        place: where on Earth the corner of the domain lies, where that is known.
        remarks: what is worth knowing of it.
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
        """A scene from any single-sample wavefield.

        Raises:
            InputError: not a wavefield, several samples, not finite, or a source that is none.
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

    def of_rupture(self, earthquake: Source | Rupture) -> Scene:
        """The scene with the points of the earthquake that made it, where it is a rupture."""
        return self if isinstance(earthquake, Source) else dataclasses.replace(self, rupture_m=earthquake.position_m)

    @property
    def realization_numbers(self) -> list[int]:
        """The numbers that the realizations go by in files; from 0 where the field does not say."""
        if "realization" not in self.field.coords:
            return list(range(self.field.sizes["realization"]))
        return [int(number) for number in self.field["realization"].values]

    @property
    def stage1_label(self) -> str:
        """What the first stage is called."""
        return "" if self.stage1 is None else f"{self.stage1.attrs.get('stage1', 'stage 1')} alone"

    @property
    def label(self) -> str:
        """What the field itself is called."""
        return self.title if self.stage1 is None else {"generated": "with diffusion"}.get(self.title, self.title)

    @functools.cached_property
    def points_m(self) -> Float[np.ndarray, "point 2"]:
        """East and North of each sensor in m."""
        x, y = self.field["x"].values, self.field["y"].values
        if not has_stations(self.field):
            x, y = np.meshgrid(x, y, indexing="ij")
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(float)

    @property
    def spacing_km(self) -> tuple[float, float]:
        """Size on a map of a sensor along East and North, in km: the distance to its neighbours on a grid."""
        if has_stations(self.field):
            size = float(np.ptp(self.points_m, axis=0).max()) / 1000 / 28
            return size or 1.0, size or 1.0
        return _spacing(self.field["x"].values / 1000), _spacing(self.field["y"].values / 1000)

    @functools.cached_property
    def traces_m_s(self) -> Float[np.ndarray, "realization 3 point time"]:
        """Velocity at every sensor, in m/s."""
        values = self.field.values
        return values.reshape(*values.shape[:2], -1, values.shape[-1])

    def stage1_traces_m_s(self, point: int) -> Float[np.ndarray, "3 time"] | None:
        """Velocity of the first stage at a sensor, in m/s."""
        if self.stage1 is None:
            return None
        values = self.stage1.values
        return values.reshape(values.shape[0], -1, values.shape[-1])[:, point]

    def nearest_point(self, x_m: float, y_m: float) -> int:
        """Index of the sensor nearest to a point."""
        return int(((self.points_m - (x_m, y_m)) ** 2).sum(axis=1).argmin())

    def measure(self, name: str, realization: int) -> Float[np.ndarray, " point"]:
        """One of `MEASURES` at every sensor, RotD50 of the horizontal motion, in its unit."""
        return self._measures(name, realization)

    @functools.cached_property
    def _kept(self) -> dict[tuple[str, int], np.ndarray]:
        return {}

    def _measures(self, name: str, realization: int) -> np.ndarray:
        key = (name, realization)
        if key not in self._kept:
            horizontal = self.traces_m_s[realization, _HORIZONTAL].swapaxes(0, 1)
            self._kept[key] = rotd50(horizontal, self.step_s, name) * _SCALES[MEASURES[name][1]]
        return self._kept[key]

    @functools.cached_property
    def stations(self) -> dict[Any, Any]:
        """What has been measured at single sensors; `Station.of` fills it."""
        return {}

    def strongest_point(self) -> int:
        """Index of the sensor that shakes most."""
        return int(self.measure("PGV", 0).argmax())

    def station_name(self, point: int) -> str | None:
        """The name of a sensor; None on a grid."""
        return str(self.field["station"].values[point]) if has_stations(self.field) else None

    def has_measured(self, name: str, realization: int) -> bool:
        """Whether `measure` knows its answer."""
        return (name, realization) in self._kept

    def frames(self, component: int, realization: int, most_numbers: int = 800_000) -> tuple[np.ndarray, np.ndarray]:
        """The wavefield as pictures one after another.

        Args:
            component: 0 East, 1 North, 2 Up.
            realization: which draw.
            most_numbers: in all pictures together; times are left out evenly until they fit.

        Returns:
            Times in s, and velocities in cm/s, shape (time, point), float32.
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
