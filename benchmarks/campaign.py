"""Overhead of a campaign over the bare simulations that it makes, and memory of its workers.

    python benchmarks/campaign.py [--n 24] [--grid-spacing 150] [--workers 2]

The overhead is the share of the workers' time, from the first sample handed out to the last one recorded, that was not
spent inside the simulator (drawing, writing, recording, waiting).
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

from spectremor.campaign.cluster import local_client
from spectremor.campaign.config import CampaignConfig, load_scenario
from spectremor.campaign.memory import worker_memory_bytes
from spectremor.campaign.run import Progress, run_campaign
from spectremor.campaign.store import open_campaign
from spectremor.core.errors import InputWarning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=24)
    parser.add_argument("--grid-spacing", type=float, default=150.0)
    parser.add_argument("--also", type=float, nargs="*", default=[300.0])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    config = CampaignConfig(
        scenario=load_scenario("hemews"), seed=1, grid_spacing_m=options.grid_spacing, also_m=tuple(options.also)
    )
    memory = worker_memory_bytes(config)
    # Workers load torch once, at their first sample: one round of samples warms them up.
    with tempfile.TemporaryDirectory() as folder, local_client(options.workers, memory) as client:
        store = Path(folder) / "d.zarr"
        for count in (options.workers, options.n + options.workers):
            open_campaign(store, config, count)
            done: Progress = run_campaign(store, config, count, client)
    available = options.workers * done.seconds
    print(f"{done.made} samples in {done.seconds:.1f} s, {done.per_hour:.0f} per hour, {options.workers} workers")
    print(
        f"simulating {done.simulating_s:.1f} s of {available:.1f} s: overhead {available / done.simulating_s - 1:.1%}"
    )
    print(f"peak memory of a worker {done.peak_memory_bytes / 1e9:.2f} GB, stated {memory / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
