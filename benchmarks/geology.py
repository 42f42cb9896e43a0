"""Random geologies against the published database: distances of distributions, covariance of a layer.

    python benchmarks/geology.py [--draws 2000] [--fields 400] [--figures docs/figures]

Prints a table and draws `geology_statistics.png` and `geology_covariance.png`. Published tables come from the folder
SPECTREMOR_SHARED/hemew3d. First arrivals of simulations: `arrivals.py`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import ks_2samp

from spectremor.campaign.random_geology import random_vs_m_s, von_karman_covariance, von_karman_field

SHARED = Path(os.environ.get("SPECTREMOR_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "hemew3d"


def published(name: str) -> np.ndarray:
    return np.genfromtxt(SHARED / name, delimiter=",", skip_header=1)[:, 1:]


def statistics(draws: int, figures: Path) -> None:
    theirs = np.rint(published("metadata_materials.csv"))
    above = (random_vs_m_s(0, i)[:, :, 6:] for i in range(draws))
    ours = np.rint([[a.min(), a.mean(), a.max(), a.std()] for a in above])
    figure, axes = plt.subplots(1, 4, figsize=(14, 3), layout="constrained")
    print(f"Vs above the constant bottom, {draws} draws against {len(theirs)} published")
    print(f"{'':6}{'KS distance':>12}{'median':>9}{'published':>11}")
    for column, (name, axis) in enumerate(zip(("min", "mean", "max", "std"), axes, strict=True)):
        distance = ks_2samp(ours[:, column], theirs[:, column]).statistic
        medians = np.median(ours[:, column]), np.median(theirs[:, column])
        print(f"{name:6}{distance:12.3f}{medians[0]:9.0f}{medians[1]:11.0f}")
        for values, label in ((theirs, "HEMEW-3D"), (ours, "this project")):
            ordered = np.sort(values[:, column])
            axis.plot(ordered, np.linspace(0, 1, len(ordered)), label=label)
        axis.set(xlabel=f"{name} of Vs (m/s)", title=f"KS distance {distance:.3f}")
    axes[0].set_ylabel("cumulative share")
    axes[0].legend()
    figure.savefig(figures / "geology_statistics.png", dpi=110)


def covariance(draws: int, figures: Path) -> None:
    lengths, shape, lags = (1500.0, 3000.0, 6000.0), (32, 32, 26), 16
    rng = np.random.default_rng(0)
    sums = np.zeros((3, lags))
    for _ in range(draws):
        field = von_karman_field(rng, shape, lengths, 300.0, 0.1)
        for axis in range(3):
            for lag in range(lags):
                n = shape[axis]
                sums[axis, lag] += (field.take(range(n - lag), axis) * field.take(range(lag, n), axis)).mean()
    model = von_karman_covariance((lags, lags, lags), lengths, 300.0, 0.1)
    expected = np.stack([model[:, 0, 0], model[0, :, 0], model[0, 0, :]])
    worst = np.abs(sums / draws - expected).max()
    print(f"\ncovariance of a layer, {draws} fields: largest departure from the band-limited model {worst:.4f}")
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for row, (name, length) in enumerate(zip("xyz", lengths, strict=True)):
        distance = np.arange(lags) * 0.3
        (line,) = axis.plot(distance, expected[row], label=f"{name}, {length / 1000:g} km: model")
        axis.plot(distance, sums[row] / draws, "o", color=line.get_color(), label="drawn")
    axis.set(xlabel="lag (km)", ylabel="covariance (full point variance: 1)")
    axis.legend()
    figure.savefig(figures / "geology_covariance.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--fields", type=int, default=400)
    parser.add_argument("--figures", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    options.figures.mkdir(parents=True, exist_ok=True)
    statistics(options.draws, options.figures)
    covariance(options.fields, options.figures)


if __name__ == "__main__":
    main()
