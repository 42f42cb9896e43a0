"""What the page shows, as plain numbers: no widget, no figure."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import (
    band_of,
    check_grid,
    check_wavefield,
    sampling_step_s,
    source_of,
    with_realizations,
)
from spectremor.signal.intensity import peak_norm


@dataclasses.dataclass(frozen=True)
class Scene:
    """A wavefield to look at, and the stage-1 prediction behind it where there is one.

    Attributes:
        field: dims (realization, component, x, y, time), m/s.
        stage1: dims (component, x, y, time), m/s, on the same axes; None for an opened file.
        title: what it is, for the person who looks.
        source: the earthquake, where the file says.
        band_high_hz: upper end of the usable band, where the file says.
    """

    field: xr.DataArray
    stage1: xr.DataArray | None
    title: str
    source: Source | None
    band_high_hz: float | None

    @classmethod
    def of(cls, field: xr.DataArray, title: str, stage1: xr.DataArray | None = None) -> Scene:
        """A scene from any single-sample wavefield.

        Raises:
            InputError: not a wavefield, several samples, not finite, or a source that is none.
        """
        check_grid(check_wavefield(field), "the page")
        if "sample" in field.dims:
            raise InputError("wavefield", f"{field.sizes['sample']} samples", "one sample")
        if "realization" not in field.dims:
            field = with_realizations(field)
        if not np.isfinite(field.values).all():
            raise InputError("wavefield", "NaN or infinite values", "finite ground velocities")
        band_hz = band_of(field)
        high = None if band_hz is None else band_hz[1]
        return cls(field=field, stage1=stage1, title=title, source=source_of(field), band_high_hz=high)

    @property
    def realization_numbers(self) -> list[int]:
        """The numbers that the realizations go by in files; from 0 where the field does not say."""
        if "realization" not in self.field.coords:
            return list(range(self.field.sizes["realization"]))
        return [int(number) for number in self.field["realization"].values]

    @property
    def labels(self) -> dict[str, str]:
        """What each of the `traces_m_s` is called."""
        if self.stage1 is None:
            return {"full": self.title}
        return {"stage1": f"{self.stage1.attrs.get('stage1', 'stage 1')} alone", "full": "with diffusion"}

    def peak_velocity_m_s(self, realization: int) -> Float[np.ndarray, "x y"]:
        """Largest norm over time of the three-component velocity at every sensor, m/s."""
        velocity = self.field.isel(realization=realization).values
        return peak_norm(np.moveaxis(velocity, 0, -2))

    def nearest_sensor(self, x_m: float, y_m: float) -> tuple[int, int]:
        """Indices of the sensor nearest to a point."""
        return (
            int(np.abs(self.field["x"].values - x_m).argmin()),
            int(np.abs(self.field["y"].values - y_m).argmin()),
        )

    def traces_m_s(self, realization: int, ix: int, iy: int) -> dict[str, Float[np.ndarray, "3 time"]]:
        """Velocity at one sensor in m/s: `full`, and `stage1` where there is one."""
        found = {"full": self.field.isel(realization=realization, x=ix, y=iy).values}
        if self.stage1 is not None:
            found["stage1"] = self.stage1.isel(x=ix, y=iy).values
        return found

    @property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Sample times in s after the origin time."""
        return self.field["time"].values.astype(float)

    @property
    def step_s(self) -> float:
        """The time step in s."""
        return sampling_step_s(self.field)
