"""How much of simulated ground motion the ray-theory first guess explains, by how much its medium is smoothed.

    python benchmarks/first_guess.py --data campaign.zarr [--samples 16] [--split val]
                                     [--out TABLE.csv]

The guess is P, SV and SH of ray theory, each times one factor per event (fitted: the network learns as much). Prints
the part of the motion's energy that it explains (1 - residual / total, mean over samples) below 1 Hz and to 5 Hz.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from table_files import write_table

from spectremor.data.store import CampaignStore
from spectremor.signal.filters import low_pass
from spectremor.surrogate.first_guess import direct_wave_spectra, pulse_spectrum
from spectremor.surrogate.ray_theory import direct_waves
from spectremor.surrogate.time_axis import at_times

SMOOTHINGS_M = (0.0, 250.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0)
PERIOD_S, STEPS, EVERY = 7.2, 360, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--split", default="val", choices=("train", "val", "all"))
    parser.add_argument("--out", type=Path, help="a csv file")
    args = parser.parse_args()
    store = CampaignStore.open(args.data)
    ids = store.ids(args.split)[: args.samples]
    table = np.array([explained(store, int(i)) for i in ids]).mean(axis=0)
    print(f"{len(ids)} samples ({args.split}), every {EVERY}th sensor; energy explained")
    print(f"{'smoothing m':>12s} {'0-1 Hz':>8s} {'0-5 Hz':>8s}")
    for smoothing, (low, full) in zip(SMOOTHINGS_M, table, strict=True):
        print(f"{smoothing:12g} {low:8.3f} {full:8.3f}")
    if args.out:
        names = ("smoothing_m", "explained_0_1_hz", "explained_0_5_hz")
        lines = zip(SMOOTHINGS_M, *table.T.tolist(), strict=True)
        write_table([dict(zip(names, line, strict=True)) for line in lines], args.out)


def explained(store: CampaignStore, i: int) -> list[tuple[float, float]]:
    """(below 1 Hz, all) for each smoothing."""
    step_s = 1.0 / store.sampling_hz
    first = EVERY // 2
    truth = store.velocity(i)[:, first::EVERY, first::EVERY].astype(float)
    waves = direct_waves(
        store.vs(i), store.source(i), store.extent_m, store.x_m[first::EVERY], store.y_m[first::EVERY], SMOOTHINGS_M
    )
    pulse = pulse_spectrum(STEPS, PERIOD_S, store.source(i).rise_time_s, 5.0)
    results = []
    for time, amplitude in zip(
        waves.s_time_s, waves.amplitude.reshape(len(SMOOTHINGS_M), 9, *truth.shape[1:3]), strict=True
    ):
        parts = torch.from_numpy(np.stack([amplitude.real, amplitude.imag])[None]).float()
        times = torch.from_numpy(time[None, None]).float()
        spectra = direct_wave_spectra(parts, times, torch.zeros_like(times[:, 0]), pulse, PERIOD_S)
        guess = at_times(spectra, 0.0, step_s, truth.shape[-1], PERIOD_S)[0].double().numpy()
        guess = guess.reshape(3, *truth.shape)
        low = fit(low_pass(guess, step_s, 1.0), low_pass(truth, step_s, 1.0))
        results.append((low, fit(guess, truth)))
    return results


def fit(waves: np.ndarray, truth: np.ndarray) -> float:
    """Part of the energy of `truth` explained by the best combination of the waves."""
    matrix, wanted = waves.reshape(len(waves), -1).T, truth.ravel()
    factors, *_ = np.linalg.lstsq(matrix, wanted, rcond=None)
    return 1.0 - float(((wanted - matrix @ factors) ** 2).sum() / (wanted**2).sum())


if __name__ == "__main__":
    main()
