"""The simulator against the three published SEM3D samples: the table of docs/laboratory/validation.md.

Usage: python benchmarks/sem3d.py [--grid-spacing 150 100] [--samples 0 1 2] [--order 8] [--elastic] [--figure FILE]
                                  [--out TABLE.csv]

The samples are looked for in the folder hemew3d/ of SPECTREMOR_SHARED (default ../shared). No shift is applied.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from table_files import write_table

import spectremor as sp
from spectremor.core.errors import InputWarning

PREDICTED = {"color": "tab:red", "lw": 1.0, "label": "spectremor"}
SOURCE = sp.Source.from_angles(
    position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, moment_nm=2.47e16, convention="hemew"
)
#: Indices along x and y of the sensors that the figure shows.
SHOWN = ((8, 8), (3, 10), (14, 2), (0, 15))


def simulated(path: Path, truth: xr.DataArray, spacing_m: float, order: int, attenuation: bool) -> xr.DataArray:
    field = sp.simulate(
        sp.read_geology(path),
        SOURCE,
        grid_spacing_m=spacing_m,
        duration_s=float(truth.time[-1]) + 0.02,
        sensors_m=(truth.x.values, truth.y.values),
        order=order,
        attenuation=attenuation,
    )
    return field.isel(time=slice(field.sizes["time"] - truth.sizes["time"], None))


def row(prediction: xr.DataArray, truth: xr.DataArray) -> dict[str, float]:
    scores = sp.evaluate(prediction, truth)
    found = {name: float(np.nanmean(scores[name])) for name in ("rMAE_raw", "rRMSE_raw", "EG", "PG")}
    found |= {name: float(np.nanmean(scores[name])) for name in ("bias_low", "bias_mid", "bias_high")}
    return {"correlation": float(np.corrcoef(prediction.values.ravel(), truth.values.ravel())[0, 1])} | found


def draw(prediction: xr.DataArray, truth: xr.DataArray, title: str, path: Path) -> None:
    figure, axes = plt.subplots(len(SHOWN), 3, figsize=(14, 9), sharex=True, constrained_layout=True)
    for (ix, iy), line in zip(SHOWN, axes, strict=True):
        for component, axis in zip("ENZ", line, strict=True):
            for field, style in ((truth, {"color": "0.6", "lw": 2.5, "label": "SEM3D"}), (prediction, PREDICTED)):
                trace = field.sel(component=component).isel(x=ix, y=iy)
                axis.plot(trace.time, trace, **style)
            axis.set_title(f"{component}, x = {truth.x[ix]:.0f} m, y = {truth.y[iy]:.0f} m", fontsize=9)
            axis.grid(alpha=0.3)
        line[0].set_ylabel("velocity, m/s")
    for axis in axes[-1]:
        axis.set_xlabel("time after origin, s")
    axes[0, 0].legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid-spacing", type=float, nargs="+", default=[150.0, 100.0])
    parser.add_argument("--samples", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--order", type=int, default=8)
    parser.add_argument("--elastic", action="store_true", help="without attenuation")
    parser.add_argument("--figure", type=Path, help="seismograms of the first sample on the last grid")
    parser.add_argument("--out", type=Path, help="a csv file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    folder = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d"
    table: list[dict[str, object]] = []
    for spacing in options.grid_spacing:
        rows = []
        for i in options.samples:
            path = folder / f"sample{i}.h5"
            truth = sp.read_wavefield(path)
            start = time.perf_counter()
            field = simulated(path, truth, spacing, options.order, not options.elastic)
            seconds = time.perf_counter() - start
            rows.append(row(field, truth))
            if options.figure and i == options.samples[0]:
                draw(field, truth, f"sample {i}, {spacing:g} m, no shift: {_line(rows[-1])}", options.figure)
            print(f"{spacing:g} m, sample {i}, {seconds:.0f} s: " + _line(rows[-1]), flush=True)
        mean = {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}
        print(f"{spacing:g} m, mean: " + _line(mean))
        named = zip([*options.samples, "mean"], [*rows, mean], strict=True)
        table += [{"grid_spacing_m": spacing, "sample": sample} | values for sample, values in named]
    if options.out:
        write_table(table, options.out)


def _line(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())


if __name__ == "__main__":
    main()
