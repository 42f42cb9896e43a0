"""`make demo`: the main job on the example geology and source that ship with the project."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

import spectremor as sp
from spectremor.examples import example_geology, example_source
from spectremor.report.overview import overview_figure, peak_velocity_m_s


def band_level(field: xr.DataArray, low_hz: float, high_hz: float) -> float:
    """Mean Fourier amplitude in a band, over sensors and components, in m."""
    step_s = float(field["time"][1] - field["time"][0])
    frequency_hz = np.fft.rfftfreq(field.sizes["time"], step_s)
    inside = (frequency_hz > low_hz) & (frequency_hz <= high_hz)
    return float(np.abs(np.fft.rfft(field.values, axis=-1))[..., inside].mean() * step_s)


def summary(stage1: xr.DataArray, field: xr.DataArray) -> Table:
    """Peak velocity and band levels of both stages."""
    table = Table(title="example earthquake at 1,024 sensors")
    for name in ("", str(stage1.attrs["stage1"]), "with diffusion"):
        table.add_column(name, justify="left" if not name else "right")
    both = (stage1, field)
    peaks = [peak_velocity_m_s(f).values * 100 for f in both]
    table.add_row("largest PGV, RotD50 (cm/s)", *(f"{p.max():.2f}" for p in peaks))
    table.add_row("median PGV, RotD50 (cm/s)", *(f"{np.median(p):.2f}" for p in peaks))
    for low, high in ((0, 1), (1, 2), (2, 5)):
        table.add_row(
            f"mean amplitude {low}-{high} Hz (m)",
            *(f"{band_level(f.transpose(..., 'time'), low, high):.2e}" for f in both),
        )
    return table


def main() -> None:
    """Generate, write, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo_output"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    console = Console()

    start = time.perf_counter()
    geology, source, model = example_geology(), example_source(), sp.load_model()
    stage1 = model.predict(geology, source)
    after_stage1 = time.perf_counter()
    field = model.restore(stage1, geology=geology, seed=arguments.seed)
    after_both = time.perf_counter()

    sp.write_wavefield(field, arguments.out / "wavefield.nc")
    figure = overview_figure(stage1, field.isel(realization=0), source)
    figure.savefig(arguments.out / "wavefield.png", dpi=130)
    console.print(summary(stage1, field.isel(realization=0)))
    first, second = after_stage1 - start, after_both - after_stage1
    console.print(f"model loaded and stage 1: {first:.1f} s; diffusion: {second:.1f} s")
    console.print(f"wavefield: {arguments.out / 'wavefield.nc'}   figure: {arguments.out / 'wavefield.png'}")


if __name__ == "__main__":
    main()
