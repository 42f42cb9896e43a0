"""What a GPU gives: milliseconds for a wavefield through both stages, wavefields per second, simulations per second.

    python benchmarks/gpu.py --model MODEL [--data STORE] [--out docs/tables/gpu.csv] [--device cuda] [--batches 1 4 16]

MODEL has the operator alone as its stage 1. Wavefields are timed from the arrays that the networks are fed to the
restored traces in m/s; what a processor prepares, the direct waves of ray theory and what lies around the sensors, is
timed apart. Simulations, of the same events at 150 m, are timed from geology to traces. The least of five repeats is
taken. Without a GPU, `--device cpu` times it all on a processor.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.data.store import CampaignStore
from spectremor.diffusion.field_stage import FieldStage
from spectremor.diffusion.surroundings import Surroundings, surroundings_of
from spectremor.examples import example_geology, example_source
from spectremor.surrogate.inputs import event_inputs

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, help="campaign whose first events are taken; else the example's")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--spacing", type=float, default=150.0)
    args = parser.parse_args()
    warnings.simplefilter("ignore", InputWarning)
    model = sp.load_model(args.model)
    stage1, stage2 = model.stage1, model.need_diffusion()
    stage1.network.to(args.device)
    stage2.to(args.device)
    events = _events(args.data, max(args.batches))
    device = torch.cuda.get_device_name() if args.device == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    rows: list[dict[str, object]] = []

    def tell(what: str, batch: int, seconds: float) -> None:
        per_second = batch / seconds
        rows.append({"device": device, "what": what, "batch": batch, "ms": round(1e3 * seconds / batch, 2)})
        print(
            f"{what}, {batch} at a time: {1e3 * seconds / batch:.1f} ms each, {per_second:.1f} per second", flush=True
        )

    prepared: list[dict[str, np.ndarray]] = []
    around: list[Surroundings] = []
    start = time.perf_counter()
    for geology, source in events:
        vs = geology.vs_m_s.astype(np.float64)
        prepared.append(event_inputs(vs, source, stage1.config, stage1.normalisation))
    tell("direct waves (processor)", 1, (time.perf_counter() - start) / len(events))
    if isinstance(stage2, FieldStage):
        start = time.perf_counter()
        around = [
            surroundings_of(geology, source, stage1.recording.sensors.points_m()[:, :2]) for geology, source in events
        ]
        tell("surroundings of the sensors (processor)", 1, (time.perf_counter() - start) / len(events))

    def both(batch: int) -> None:
        arrays = {
            name: torch.from_numpy(np.stack([one[name] for one in prepared[:batch]])).to(args.device)
            for name in prepared[0]
        }
        with torch.inference_mode():
            traces = stage1.network(arrays) / arrays["scale"].view(-1, 1, 1, 1, 1)
        for number, field in enumerate(traces.cpu().numpy()):
            if isinstance(stage2, FieldStage):
                by_sensor = field.reshape(3, -1, field.shape[-1]).swapaxes(0, 1)
                stage2.generate(np.ascontiguousarray(by_sensor), around[number])
            else:
                stage2.generate_arrays(field)

    for batch in args.batches:
        tell("both stages", batch, _least(lambda b=batch: both(b)))
    geology, source = events[0]
    tell(
        f"simulation at {args.spacing:g} m",
        1,
        _least(lambda: sp.simulate(geology, source, grid_spacing_m=args.spacing, device=args.device), repeats=2),
    )
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def _events(data: Path | None, count: int) -> list[tuple[sp.Geology, sp.Source]]:
    if data is None:
        return [(example_geology(), example_source())] * count
    store = CampaignStore.open(data)
    ids = store.ids("test")[:count]
    events = [(store.geology(int(i)), store.source(int(i))) for i in ids]
    return (events * count)[:count]


def _least(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the quickest repeat after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


if __name__ == "__main__":
    main()
