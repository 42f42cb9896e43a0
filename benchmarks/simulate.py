"""Time of `simulate` over deepwave's own bare call on the same grid and duration, side by side: at most 1.15.

Usage: python benchmarks/simulate.py [--grid-spacing 150] [--duration 6.4] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import torch

from spectremor.campaign.random_geology import random_geology
from spectremor.core.axes import HEMEW_BAND_HZ, sensor_axis_m
from spectremor.core.errors import InputWarning
from spectremor.core.recording import SensorGrid
from spectremor.core.source import Source
from spectremor.simulation import propagator
from spectremor.simulation.elastic import simulate
from spectremor.simulation.grid import lay_grid
from spectremor.simulation.point_source import forces
from spectremor.simulation.settings import STABLE_SHARE
from spectremor.simulation.surface import surface_receivers
from spectremor.simulation.time_axis import run_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid-spacing", type=float, default=150.0)
    parser.add_argument("--duration", type=float, default=6.4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    geology = random_geology(0, 0)
    source = Source.from_angles(position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88)
    grid, medium = lay_grid(geology, source, options.grid_spacing, 8)
    dt = STABLE_SHARE * grid.critical_time_step_s(propagator.stability_speed_m_s(medium))
    n = run_samples(options.duration - 0.02, dt, HEMEW_BAND_HZ)
    receivers = surface_receivers(SensorGrid(sensor_axis_m(), sensor_axis_m()), grid, medium)
    shot = propagator.ShotSetup(grid, medium, source, forces(source, grid), receivers, dt, n)
    ours, bare = [], []
    propagator.propagate([shot], "cpu")  # the first call loads libraries
    for _ in range(options.rounds):
        start = time.process_time()
        simulate(geology, source, grid_spacing_m=options.grid_spacing, duration_s=options.duration)
        ours.append(time.process_time() - start)
        start = time.process_time()
        propagator.propagate([shot], "cpu")
        bare.append(time.process_time() - start)
    print(f"threads {torch.get_num_threads()}, grid {options.grid_spacing:g} m, {n} steps of {1e3 * dt:.2f} ms")
    print(f"simulate {np.median(ours):.2f} s, bare deepwave call {np.median(bare):.2f} s (processor time)")
    print(f"ratio {np.median(np.array(ours) / np.array(bare)):.3f} (to stay below 1.15)")


if __name__ == "__main__":
    main()
