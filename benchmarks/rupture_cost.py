"""What subfaults cost: processor time and memory of a run with N of them, over those of a run with a point source.

`python benchmarks/rupture_cost.py` prints one line for each N. All runs have one grid, one length and one time step.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings

import numpy as np

import spectremor as sp
from spectremor.core.moment_rates import RiseTimes
from spectremor.core.rupture import Rupture

EXTENT_M = (14400.0, 9600.0, 9600.0)


def plane(count: int) -> Rupture:
    """About `count` points on a vertical plane of 8 km x 4 km, broken from one end at 2.4 km/s."""
    columns = max(1, round((2 * count) ** 0.5))
    rows = max(1, round(count / columns))
    x, z = np.meshgrid(np.linspace(3200, 11200, columns), np.linspace(-7000, -3000, rows), indexing="ij")
    position_m = np.stack([x.ravel(), np.full(x.size, 4800.0), z.ravel()], axis=1)
    point = sp.Source.from_angles(position_m=(0, 0, -1), strike_deg=90, dip_deg=90, rake_deg=0, mw=5.8)
    return Rupture(
        position_m=position_m,
        tensors=np.tile(np.array(point.moment_tensor_nm) / x.size, (x.size, 1)),
        start_s=(x.ravel() - x.min()) / 2400.0,
        rates=RiseTimes(np.full(x.size, 0.3)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid-spacing", type=float, default=200.0)
    parser.add_argument("--duration", type=float, default=8.0)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000, 4000])
    options = parser.parse_args()
    warnings.simplefilter("ignore", sp.InputWarning)
    ground = sp.make_geology(np.full((8, 8, 8), 3000.0), EXTENT_M)
    run = {"grid_spacing_m": options.grid_spacing, "duration_s": options.duration, "lowpass_hz": 2.0}
    point = sp.Source.from_angles(
        position_m=(7200, 4800, -7000), strike_deg=90, dip_deg=90, rake_deg=0, mw=5.8, rise_time_s=0.3
    )
    sp.simulate(ground, point, **{**run, "duration_s": 0.5})  # loads libraries
    point_s = None
    for count in (1, *options.counts):
        earthquake = point if count == 1 else plane(count)
        start = time.process_time()
        sp.simulate(ground, earthquake, **run)
        taken_s = time.process_time() - start
        point_s = point_s or taken_s
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        number = 1 if count == 1 else len(earthquake)
        ratio = taken_s / point_s
        print(f"{number:6d} subfaults: {taken_s:7.2f} s, {ratio:5.2f} times the point; peak {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
