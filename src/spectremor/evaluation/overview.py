"""One figure of one result: where it shakes most, how it shakes at a few sensors, and in which frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectremor.core.axes import COMPONENTS
from spectremor.core.source import Source
from spectremor.core.wavefield import sampling_step_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGE1_COLOUR, FULL_COLOUR = "#7a7a7a", "#c1272d"
_LINES = (("MIFNO", STAGE1_COLOUR, 0.9), ("MIFNO + diffusion", FULL_COLOUR, 0.9))


def peak_velocity_m_s(field: xr.DataArray) -> xr.DataArray:
    """Largest norm over time of the three-component velocity, per sensor, in m/s."""
    return np.sqrt((field**2).sum("component")).max("time")


def overview_figure(stage1: xr.DataArray, full: xr.DataArray, source: Source, *, sensors: int = 3) -> Figure:
    """Map of peak velocity, seismograms and amplitude spectra: stage 1 alone and with diffusion.

    Args:
        stage1: wavefield of the neural operator, dims (component, x, y, time).
        full: one realization after diffusion, on the same axes.
        source: drawn as a star at its epicentre.
        sensors: how many sensors to draw, spread from near to far of the epicentre.
    """
    import matplotlib.pyplot as plt

    chosen = _spread_sensors(full, source, sensors)
    figure = plt.figure(figsize=(13.5, 2.6 + 2.1 * sensors), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.0, 1.9])
    top, bottom = left.subplots(2, 1, height_ratios=[1.15, 1.0])
    _draw_map(top, full, source, chosen)
    _draw_spectra(bottom, stage1, full)
    axes = right.subplots(sensors, 3, sharex=True, sharey="row", squeeze=False)
    for row, (i, j) in zip(axes, chosen, strict=True):
        _draw_sensor(row, stage1, full, i, j)
    for axis, component in zip(axes[0], COMPONENTS, strict=True):
        axis.set_title({"E": "East", "N": "North", "Z": "Up"}[component])
    for axis in axes[-1]:
        axis.set_xlabel("time after origin (s)")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _spread_sensors(field: xr.DataArray, source: Source, n: int) -> list[tuple[int, int]]:
    """Sensors nearest to n distances spread evenly from the nearest to the farthest, turning around the epicentre."""
    dx = field["x"].values[:, None] - source.position_m[0]
    dy = field["y"].values[None, :] - source.position_m[1]
    distance, azimuth = np.hypot(dx, dy), np.arctan2(dy, dx)
    found = []
    for k, wanted in enumerate(np.linspace(distance.min(), 0.85 * distance.max(), n)):
        turn = np.abs(np.angle(np.exp(1j * (azimuth - 0.7 - 2.4 * k)))) / np.pi
        cost = np.abs(distance - wanted) / distance.max() + (0.2 * turn if k else 0.0)
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        found.append((int(i), int(j)))
    return found


def _draw_map(axis: Axes, field: xr.DataArray, source: Source, chosen: list[tuple[int, int]]) -> None:
    x_km, y_km = field["x"].values / 1000, field["y"].values / 1000
    mesh = axis.pcolormesh(x_km, y_km, peak_velocity_m_s(field).values.T * 100, cmap="magma", shading="nearest")
    axis.figure.colorbar(mesh, ax=axis, label="peak velocity (cm/s)", fraction=0.046, pad=0.03)
    epicentre = (source.position_m[0] / 1000, source.position_m[1] / 1000)
    axis.plot(*epicentre, "*", color="#39d0ff", markersize=15, markeredgecolor="black", linestyle="none")
    for number, (i, j) in enumerate(chosen, 1):
        axis.plot(x_km[i], y_km[j], "^", color="white", markersize=7, markeredgecolor="black")
        offset = (-14, -4) if x_km[i] > 0.9 * x_km[-1] else (7, -4)
        axis.annotate(str(number), (x_km[i], y_km[j]), offset, textcoords="offset points", color="white", weight="bold")
    axis.set(xlabel="East (km)", ylabel="North (km)", aspect="equal")
    axis.set_title(f"Mw {source.mw:.1f}, {-source.position_m[2] / 1000:.1f} km deep (star: epicentre)", fontsize=10)


def _draw_spectra(axis: Axes, stage1: xr.DataArray, full: xr.DataArray) -> None:
    step_s = sampling_step_s(full)
    frequency_hz = np.fft.rfftfreq(full.sizes["time"], step_s)
    for field, (label, colour, width) in zip((stage1, full), _LINES, strict=True):
        amplitude = np.abs(np.fft.rfft(field.values, axis=-1)) * step_s
        axis.semilogy(frequency_hz[1:], amplitude.mean(axis=(0, 1, 2))[1:], color=colour, lw=width + 0.6, label=label)
    band = full.attrs.get("band_high_hz")
    if band:
        axis.axvspan(band, frequency_hz[-1], color="0.92", zorder=0)
    axis.set(xlim=(0, 8), xlabel="frequency (Hz)", ylabel="mean amplitude spectrum (m)")
    level = np.abs(np.fft.rfft(full.values, axis=-1)).mean(axis=(0, 1, 2)) * step_s
    axis.set_ylim(level[frequency_hz <= 5].min() / 10, level.max() * 2)
    axis.set_title("all sensors; grey: outside the usable band", fontsize=10)
    axis.legend(frameon=False, fontsize=8)


def _draw_sensor(row: np.ndarray, stage1: xr.DataArray, full: xr.DataArray, i: int, j: int) -> None:
    number = row[0].get_subplotspec().rowspan.start + 1
    for k, axis in enumerate(row):
        for field, (label, colour, width) in zip((stage1, full), _LINES, strict=True):
            axis.plot(field["time"].values, field.values[k, i, j] * 100, color=colour, lw=width, label=label)
        axis.axhline(0, color="0.85", lw=0.6, zorder=0)
        axis.spines[["top", "right"]].set_visible(False)
    x_km, y_km = float(full["x"][i]) / 1000, float(full["y"][j]) / 1000
    row[0].set_ylabel(f"sensor {number} ({x_km:.1f}, {y_km:.1f} km)\nvelocity (cm/s)", fontsize=9)
