"""Overview figure of a generated wavefield: peak-velocity maps, spectra, and seismograms at a few sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.source import Source
from spectremor.core.wavefield import sampling_step_s
from spectremor.report.literal_text import literal
from spectremor.signal.response import rotd_peak

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGE1_COLOUR, FULL_COLOUR = "#23395d", "#e4572e"
_COMPONENTS = {"E": "East", "N": "North", "Z": "Up"}
_STYLE = {"font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False}


def peak_velocity_m_s(field: xr.DataArray) -> xr.DataArray:
    """RotD50 of peak velocity, per sensor, in m/s: the median over all directions of the horizontal motion."""
    horizontal = field.sel(component=["E", "N"]).transpose(..., "component", "time").values
    peaks = rotd_peak(horizontal, (50.0,))[0].astype(field.dtype)
    return field.isel(component=0, time=0, drop=True).copy(data=peaks)


def overview_figure(stage1: xr.DataArray, full: xr.DataArray, source: Source, *, sensors: int = 3) -> Figure:
    """Maps of peak velocity, amplitude spectra and seismograms: stage 1 alone and with diffusion.

    Args:
        stage1: wavefield of stage 1, dims (component, x, y, time); its attribute `stage1` says what that is.
        full: one realization after diffusion, on the same axes.
        source: drawn as a star at its epicentre.
        sensors: how many sensors to draw, spread from near to far of the epicentre.
    """
    # Not pyplot: it would select a window system for the whole process and keep the figure in memory.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    chosen = _spread_sensors(full, source, sensors)
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(14.0, 2.3 + 1.75 * sensors), layout="constrained")
        halves: Any = figure.subfigures(1, 2, width_ratios=[1.0, 1.2], wspace=0.05)
        left, right = halves
        above, below = left.subfigures(2, 1, height_ratios=[1.0, 0.8])
        _draw_maps(above.subplots(1, 2, sharey=True), (stage1, full), source, chosen)
        _draw_spectra(below.subplots(), stage1, full)
        axes = right.subplots(sensors, 3, sharex=True, sharey="row", squeeze=False)
        for number, (row, (i, j)) in enumerate(zip(axes, chosen, strict=True), 1):
            _draw_sensor(row, stage1, full, (i, j), f"sensor {number}, {_distance_km(full, source, i, j):.1f} km away")
        for axis, component in zip(axes[0], COMPONENTS, strict=True):
            axis.set_title(_COMPONENTS[component])
        axes[-1, 1].set_xlabel("time after origin (s)")
        handles, labels = below.axes[0].get_legend_handles_labels()
        right.legend(handles, labels, frameon=False, loc="outside upper right", ncols=2)
        depth_km, count = -source.position_m[2] / 1000, full.sizes["x"] * full.sizes["y"]
        figure.suptitle(f"Mw {source.mw:.1f} earthquake, {depth_km:.1f} km deep, at {count:,} sensors", fontsize=13)
    return literal(figure)


def _spread_sensors(field: xr.DataArray, source: Source, n: int) -> list[tuple[int, int]]:
    """Sensors at n evenly spaced epicentral distances and at different azimuths, as indices (i, j)."""
    dx = field["x"].values[:, None] - source.position_m[0]
    dy = field["y"].values[None, :] - source.position_m[1]
    distance, azimuth = np.hypot(dx, dy), np.arctan2(dy, dx)
    indices = []
    for k, wanted_distance in enumerate(np.linspace(distance.min(), 0.85 * distance.max(), n)):
        azimuth_error = np.abs(np.angle(np.exp(1j * (azimuth - 0.7 - 2.4 * k)))) / np.pi
        cost = np.abs(distance - wanted_distance) / distance.max() + (0.2 * azimuth_error if k else 0.0)
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        indices.append((int(i), int(j)))
    return indices


def _distance_km(field: xr.DataArray, source: Source, i: int, j: int) -> float:
    """Distance of a sensor from the epicentre in km."""
    east, north, _ = source.position_m
    return float(np.hypot(field["x"].values[i] - east, field["y"].values[j] - north)) / 1000


def _draw_maps(
    axes: np.ndarray, fields: tuple[xr.DataArray, xr.DataArray], source: Source, chosen: list[tuple[int, int]]
) -> None:
    """Draw maps of both stages on one colour scale, which ends at the 99.5th percentile."""
    peaks = [peak_velocity_m_s(field).values.T * 100 for field in fields]
    top = float(np.percentile(peaks[1], 99.5)) or None
    x_km, y_km = fields[0]["x"].values / 1000, fields[0]["y"].values / 1000
    for axis, peak, title in zip(axes, peaks, _stage_names(fields[0]), strict=True):
        mesh = axis.pcolormesh(x_km, y_km, peak, cmap="magma", shading="nearest", vmin=0, vmax=top)
        axis.plot(
            source.position_m[0] / 1000, source.position_m[1] / 1000, "*",
            color="#39d0ff", markersize=14, markeredgecolor="black", linestyle="none",
        )  # fmt: skip
        for number, (i, j) in enumerate(chosen, 1):
            axis.plot(x_km[i], y_km[j], "^", color="white", markersize=7, markeredgecolor="black")
            offset = (-14, -4) if x_km[i] > 0.9 * x_km[-1] else (6, -4)
            axis.annotate(
                str(number), (x_km[i], y_km[j]), offset, textcoords="offset points", color="white", weight="bold"
            )
        axis.set(title=title, xlabel="East (km)", aspect="equal")
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel("North (km)")
    axes[0].figure.colorbar(
        mesh, ax=list(axes), label="peak velocity, RotD50 (cm/s)", extend="max", shrink=0.85, pad=0.02
    )


def _stage_names(stage1: xr.DataArray) -> tuple[str, str]:
    """Names of stage 1 and of both stages, for titles and legends."""
    name = str(stage1.attrs.get("stage1", "stage 1"))
    name = name[:1].upper() + name[1:]
    return name, "With diffusion"


def _draw_spectra(axis: Axes, stage1: xr.DataArray, full: xr.DataArray) -> None:
    step_s = sampling_step_s(full)
    frequency_hz = np.fft.rfftfreq(full.sizes["time"], step_s)
    levels = [np.abs(np.fft.rfft(f.values, axis=-1)).mean(axis=(0, 1, 2)) * step_s for f in (full, stage1)]
    for level, label, colour in zip(levels, _stage_names(stage1)[::-1], (FULL_COLOUR, STAGE1_COLOUR), strict=True):
        axis.semilogy(frequency_hz[1:], level[1:], color=colour, lw=2, label=label)
    band_hz = float(full.attrs.get("band_high_hz", frequency_hz[-1]))
    if band_hz < frequency_hz[-1]:
        axis.axvspan(band_hz, frequency_hz[-1], color="0.93", zorder=0)
        axis.annotate("outside the band", (band_hz, 0.95), (5, 0), ("data", "axes fraction"), "offset points", va="top")
    inside = np.concatenate([level[(frequency_hz > 0) & (frequency_hz <= band_hz)] for level in levels])
    axis.set(xlim=(0, min(1.4 * band_hz, frequency_hz[-1])), ylim=(inside.min() / 2, inside.max() * 2))
    axis.set(xlabel="frequency (Hz)", ylabel="amplitude spectrum (m)", title="Mean over all sensors")
    axis.legend(frameon=False, loc="lower left")


def _draw_sensor(row: np.ndarray, stage1: xr.DataArray, full: xr.DataArray, sensor: tuple[int, int], name: str) -> None:
    i, j = sensor
    for k, axis in enumerate(row):
        axis.axhline(0, color="0.85", lw=0.6, zorder=0)
        for field, colour, width in ((full, FULL_COLOUR, 1.0), (stage1, STAGE1_COLOUR, 1.2)):
            axis.plot(field["time"].values, field.values[k, i, j] * 100, color=colour, lw=width)
        axis.margins(x=0.01)
    row[0].set_ylabel("velocity (cm/s)")
    row[0].text(0.98, 0.98, name, transform=row[0].transAxes, ha="right", va="top", fontsize=9)
