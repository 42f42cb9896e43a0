"""What the networks of each model cost for one wavefield, in units of a matrix product timed in turn with them.

    python benchmarks/stages.py [--model mifno hybrid simulation] [--threads 2] [--repeats 7] [--out TABLE.csv]

The unit is the 4096^3 product of float32 matrices on as many threads. For each model: the network of stage 1 (without
the simulation and the ray tracing that feed it), that of the diffusion stage (one draw of all sensors), both, and all
of `generate` for the example earthquake. Times are medians of processor's time per thread, which other work on the
machine disturbs least; the product and the models take their turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from table_files import write_table

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.examples import example_geology
from spectremor.model.pipeline import GroundMotionModel

PRODUCT_SIZE = 4096
SOURCE = Source.from_angles(position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, mw=4.9)

Times = dict[str, list[float]]


@contextmanager
def timed(networks: list[torch.nn.Module], spent: list[float]) -> Iterator[None]:
    """Add the time of every call of the networks to `spent`."""
    started: list[float] = []
    hooks = [n.register_forward_pre_hook(lambda *_: started.append(time.process_time())) for n in networks]
    hooks += [
        n.register_forward_hook(lambda *_: spent.append(time.process_time() - started.pop()), always_call=True)
        for n in networks
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def one_wavefield(model: GroundMotionModel) -> dict[str, float]:
    """Processor's time of each part of one draw."""
    geology = example_geology()
    first: list[float] = []
    second: list[float] = []
    stage1 = getattr(model.stage1, "network", None)
    with timed([] if stage1 is None else [stage1], first), timed(list(model.need_diffusion().children()), second):
        start = time.process_time()
        model.generate(geology, SOURCE)
        whole = time.process_time() - start
    networks = {
        "network of stage 1": sum(first),
        "network of stage 2": sum(second),
        "both networks": sum(first + second),
    }
    return networks | {"generate": whole}


def of(job: Callable[[], object]) -> float:
    """Processor's time of a job."""
    start = time.process_time()
    job()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["mifno", "hybrid", "simulation"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE)
    try:
        models = {name: sp.load_model(name) for name in options.model}
    except InputError as error:
        parser.error(str(error))
    times: dict[str, Times] = {name: defaultdict(list) for name in models}
    products: list[float] = []
    for model in models.values():  # what is loaded at first use
        one_wavefield(model)
    for _ in range(options.repeats):
        for name, model in models.items():
            products.append(of(lambda: a @ b))
            for part, seconds in one_wavefield(model).items():
                times[name][part].append(seconds)
    unit = statistics.median(products)
    print(f"{options.threads} threads, a product: {unit / options.threads:.2f} s a thread")
    rows = []
    for name, parts in times.items():
        for part, seconds in parts.items():
            middle = statistics.median(seconds)
            rows.append({"model": name, "part": part, "seconds_a_thread": middle / options.threads})
            rows[-1]["products"] = middle / unit
            print(f"{name:12} {part:20} {middle / options.threads:7.3f} s a thread, {middle / unit:5.2f} products")
    if options.out:
        write_table(rows, options.out, decimals=3)


if __name__ == "__main__":
    main()
