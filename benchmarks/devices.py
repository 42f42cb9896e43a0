"""One event of the campaign `hemews` simulated on a processor and on a GPU: seconds of each, and how far they differ.

python benchmarks/devices.py [--sample 0] [--seed 2026] [--grids 300 150] [--repeats 3]

Without a GPU, the processor's seconds alone. The least of the repeats is printed.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import torch

from spectremor.campaign.config import CampaignConfig, load_scenario
from spectremor.campaign.random_geology import random_vs_m_s
from spectremor.core.errors import InputWarning
from spectremor.core.geology import make_geology
from spectremor.simulation.elastic import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--grids", type=float, nargs="+", default=[300.0, 150.0])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    config = CampaignConfig(scenario=load_scenario("hemews"), seed=args.seed)
    scenario = config.scenario
    vs = random_vs_m_s(args.seed, args.sample, scenario.geology)
    geology, source = make_geology(vs, scenario.geology.extent_m), config.source(args.sample)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    print(f"sample {args.sample} of seed {args.seed}; {' and '.join(devices)}, {torch.get_num_threads()} threads")
    for spacing in args.grids:
        fields, seconds = {}, {}
        for device in devices:
            for _ in range(args.repeats):
                start = time.perf_counter()
                fields[device] = simulate(
                    geology, source, grid_spacing_m=spacing, duration_s=scenario.duration_s, device=device
                ).values
                seconds[device] = min(seconds.get(device, np.inf), time.perf_counter() - start)
        line = f"{spacing:g} m: " + ", ".join(f"{device} {seconds[device]:.2f} s" for device in devices)
        if "cuda" in fields:
            apart = np.linalg.norm(fields["cuda"] - fields["cpu"]) / np.linalg.norm(fields["cpu"])
            line += f", relative difference {apart:.1e}"
        print(line)


if __name__ == "__main__":
    main()
