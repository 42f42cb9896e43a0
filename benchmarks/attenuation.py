"""How SEM3D attenuates: a published sample against the elastic simulator (the tables of docs/laboratory/validation.md).

    python benchmarks/attenuation.py [--sample 0] [--grid-spacing 100] [--component E] [--out FOLDER]

By frequency, over all sensors, the least-squares filter from the elastic motion to SEM3D's: its modulus, its lag in
ms, and the coherence; beside them what a t* of 12.5 ms would give. By window of time (horizontal components), the
mean ratio between 1.3 and 4.6 Hz, the t* that fits its slope there and the factor that this leaves at 0 Hz, and the
t* of the database's own law. With --out, both tables are written: attenuation_by_frequency.csv and
attenuation_by_time.csv. The samples are looked for in the folder hemew3d/ of SPECTREMOR_SHARED (default
../shared). No shift is applied.
"""

from __future__ import annotations

import argparse
import itertools
import os
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.signal.windows import tukey
from sem3d import SOURCE, simulated
from table_files import write_table

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.signal.attenuation import path_loss_s

BANDS_HZ = ((0.2, 0.5), (0.5, 0.8), (0.8, 1.1), (1.1, 1.5), (1.5, 2), (2, 2.5), (2.5, 3), (3, 3.5), (3.5, 4), (4, 5))
WINDOWS_S = ((2.2, 3.0), (3.0, 3.6), (3.6, 4.2), (4.2, 5.0))
FIT_HZ = (1.3, 4.6)
T_STAR_S, REFERENCE_HZ = 0.0125, 5.0


def spectra(field: xr.DataArray, window: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and the spectra (sensor, frequency) of one component or several, zero-padded."""
    traces = field.values.reshape(-1, field.sizes["time"])
    traces = traces * (tukey(traces.shape[1], 0.1) if window is None else window)
    n = 4 * traces.shape[1]
    return np.fft.rfftfreq(n, float(field.time[1] - field.time[0])), np.fft.rfft(traces, n)


def transfer(ours: np.ndarray, theirs: np.ndarray) -> tuple[complex, float]:
    """The factor that takes ours to theirs, and their coherence."""
    cross = np.sum(theirs * ours.conj())
    own, other = np.sum(np.abs(ours) ** 2), np.sum(np.abs(theirs) ** 2)
    return cross / own, float(np.abs(cross) / np.sqrt(own * other))


Table = list[dict[str, float]]


def by_frequency(ours: xr.DataArray, theirs: xr.DataArray) -> Table:
    frequency, a = spectra(ours)
    _, b = spectra(theirs)
    table: Table = []
    print(f"{'Hz':>6s} {'ratio':>6s} {'lag ms':>7s} {'coherence':>10s} {'exp(-pi f t*)':>14s} {'its lag':>8s}")
    for low, high in BANDS_HZ:
        inside = (frequency >= low) & (frequency < high)
        middle = (low + high) / 2
        factor, coherence = transfer(a[:, inside], b[:, inside])
        lag_ms = -1e3 * np.angle(factor) / (2 * np.pi * middle)
        lost, late_ms = np.exp(-np.pi * middle * T_STAR_S), 1e3 * T_STAR_S / np.pi * np.log(REFERENCE_HZ / middle)
        print(f"{middle:6.2f} {abs(factor):6.2f} {lag_ms:7.1f} {coherence:10.3f} {lost:14.2f} {late_ms:8.1f}")
        numbers = (middle, abs(factor), lag_ms, coherence, lost, late_ms)
        names = ("frequency_hz", "ratio", "lag_ms", "coherence", "ratio_of_constant_q", "lag_of_constant_q_ms")
        table.append(dict(zip(names, numbers, strict=True)))
    return table


def by_time(ours: xr.DataArray, theirs: xr.DataArray, loss_s: np.ndarray) -> Table:
    table: Table = []
    time = theirs.time.values
    print(f"{'window s':>10s} {'ratio':>6s} {'t* ms':>6s} {'at 0 Hz':>8s} {'law t* ms':>10s}")
    for start, end in WINDOWS_S:
        inside = (time >= start) & (time < end)
        window = np.zeros(len(time))
        window[inside] = tukey(int(inside.sum()), 0.5)
        frequency, a = spectra(ours, window)
        _, b = spectra(theirs, window)
        edges = np.arange(FIT_HZ[0], FIT_HZ[1] + 0.01, 0.3)
        middles, ratios = [], []
        for low, high in itertools.pairwise(edges):
            band = (frequency >= low) & (frequency < high)
            middles.append((low + high) / 2)
            ratios.append(abs(transfer(a[:, band], b[:, band])[0]))
        slope, level = np.polyfit(middles, np.log(ratios), 1)
        law_s = loss_s[..., inside].mean()
        numbers = (np.mean(ratios), -1e3 * slope / np.pi, np.exp(level), 1e3 * law_s)
        print(f"{start:5.1f}-{end:4.1f}" + " {:6.2f} {:6.0f} {:8.2f} {:10.0f}".format(*numbers))
        names = ("start_s", "end_s", "ratio", "t_star_ms", "factor_at_0_hz", "t_star_of_law_ms", "ratio_of_law_at_3_hz")
        table.append(dict(zip(names, (start, end, *numbers, np.exp(-np.pi * 3 * law_s)), strict=True)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--grid-spacing", type=float, default=100.0)
    parser.add_argument("--component", choices=("E", "N", "Z"), default="E")
    parser.add_argument("--out", type=Path, help="a folder for both tables")
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    path = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d" / f"sample{options.sample}.h5"
    theirs = sp.read_wavefield(path)
    ours = simulated(path, theirs, options.grid_spacing, 8, attenuation=False)
    frequencies = by_frequency(ours.sel(component=options.component), theirs.sel(component=options.component))
    print()
    sensors_m = tuple(np.meshgrid(theirs.x.values, theirs.y.values, indexing="ij"))
    loss_s = path_loss_s(theirs.time.values, sp.read_geology(path), SOURCE, sensors_m)
    horizontal = [field.sel(component=["E", "N"]) for field in (ours, theirs)]
    windows = by_time(*horizontal, loss_s)
    if options.out:
        write_table(frequencies, options.out / "attenuation_by_frequency.csv")
        write_table(windows, options.out / "attenuation_by_time.csv")


if __name__ == "__main__":
    main()
