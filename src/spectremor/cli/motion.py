"""What a wavefield's motion amounts to, in the measures that engineers know, for whoever reads the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import typer

from spectremor.core.text import printable

if TYPE_CHECKING:
    import xarray as xr
    from jaxtyping import Float

#: Sensors that are looked at, evenly spread over all: a fraction of a second.
_MOST_SENSORS = 64
_PERIODS_S, _FREQUENCIES_HZ = (0.2, 0.5, 1.0, 2.0), (0.5, 1.0, 2.0, 4.0)
_LEAST_SAMPLES = 8
_Rows = dict[str, tuple[float, float, float]]


def show_motion(fields: Mapping[str, xr.DataArray]) -> None:
    """Print RotD50 and RotD100 (Boore 2010) of PGA, PGV, SA and the Fourier spectrum of acceleration.

    Of each field the first realization, and of its sensors at most 64, evenly spread. Nothing is said of fields with
    missing values or without samples enough.

    Args:
        fields: wavefields by what they are called; an empty name for the only one.
    """
    measured = {name: _rows(field) for name, field in fields.items()}
    defined = {name: rows for name, (rows, _) in measured.items() if rows}
    if not defined:
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    about = next(words for rows, words in measured.values() if rows)
    columns = ("RotD50", "RotD100", "largest RotD50")[: 3 if len(defined) == 1 else 2]
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for name in defined:
        before = f"{escape(printable(name, 30))} " if name else ""
        for column in columns:
            table.add_column(before + column, justify="right", no_wrap=True)
    for measure in next(iter(defined.values())):
        values = [v for rows in defined.values() for v in rows.get(measure, (math.nan,) * 3)[: len(columns)]]
        table.add_row(measure, *(f"{value:.3g}" for value in values))
    typer.echo(f"horizontal motion, medians {about}")
    Console(width=max(140, Console().width)).print(table)


def _rows(field: xr.DataArray) -> tuple[_Rows, str]:
    """The measures in the wavefield's band, by name and unit; and over which sensors."""
    from spectremor.core.wavefield import band_of, sampling_step_s
    from spectremor.hazard.motion import motion_measures
    from spectremor.signal.response import usable_frequencies

    waves, about = _traces(field)
    if waves.shape[-1] < _LEAST_SAMPLES or not np.isfinite(waves).all():
        return {}, about
    step_s = sampling_step_s(field)
    low_hz, high_hz = band_of(field) or (0.0, math.inf)
    band, length_s = (low_hz, min(high_hz, 0.5 / step_s)), step_s * (waves.shape[-1] - 1)

    def usable(frequencies_hz: tuple[float, ...]) -> list[bool]:
        return usable_frequencies(np.array(frequencies_hz), band, length_s).tolist()

    periods_s = tuple(t for t, good in zip(_PERIODS_S, usable(tuple(1 / t for t in _PERIODS_S)), strict=True) if good)
    at_hz = tuple(f for f, good in zip(_FREQUENCIES_HZ, usable(_FREQUENCIES_HZ), strict=True) if good)
    motion = motion_measures(waves, step_s, periods_s=periods_s or (1.0,), frequencies_hz=at_hz or (0.25 / step_s,))
    rows = {f"PGA below {band[1]:g} Hz (m/s2)": _summary(motion.pga), "PGV (m/s)": _summary(motion.pgv)}
    rows |= {f"SA({t:g} s) (m/s2)": _summary(motion.sa[..., k]) for k, t in enumerate(periods_s)}
    rows |= {f"FAS({f:g} Hz) (m/s)": _summary(motion.fas[..., k]) for k, f in enumerate(at_hz)}
    return rows, about


def _summary(values: Float[np.ndarray, "two sensor"]) -> tuple[float, float, float]:
    return float(np.median(values[0])), float(np.median(values[1])), float(values[0].max())


def _traces(field: xr.DataArray) -> tuple[Float[np.ndarray, "sensor component time"], str]:
    realizations = field.sizes.get("realization", 1)
    one = field.isel(realization=0) if "realization" in field.dims else field
    sensors = [dim for dim in one.dims if dim not in ("component", "time")]
    waves = one.transpose(*sensors, "component", "time").values.reshape(-1, one.sizes["component"], one.sizes["time"])
    chosen = np.unique(np.linspace(0, len(waves) - 1, min(len(waves), _MOST_SENSORS)).round().astype(int))
    of = "" if len(chosen) == len(waves) else f" of {len(waves)}, evenly spread"
    draw = "" if realizations == 1 else f", first of {realizations} realizations"
    return waves[chosen], f"at {len(chosen)} sensors{of}{draw}"
